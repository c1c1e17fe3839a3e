"""Stage warmup: the same encoder and arms on any number of ranks, its documents count in the budget and are never asked twice, kills and stops
at every step resume to the same result, and what does not help is dropped."""
import collections
import json
import random
import shutil
import signal
import subprocess
import time

import harness
from warmup_corpus import digests, require, require_each_once, sample, write_documents, write_reference

write_documents("docs.jsonl", 1500, 1, "first")
write_reference("reference.jsonl")
SETTINGS = ["--inputs", "docs.jsonl", "--reference.files", "reference.jsonl", "--extractor", "replay", "--partition-bytes", "100000", "--budget.documents", "60%",
            "--encoder.dim", "48", "--cluster.k", "60", "--warmup.enabled", "--warmup.per_cluster", "3", "--warmup.max_documents", "170", "--warmup.budget_share", "0.2", "--warmup.learning_rate", "0.01", "--log.level", "warn"]
STOCK = [w for w in SETTINGS if w != "--warmup.enabled"]


def events(workspace):
    return [json.loads(line) for line in (workspace / "rounds.jsonl").read_text().splitlines()]


# The same on any number of ranks and threads.
expected, start = None, time.monotonic()
for ranks, threads in ((3, 1), (1, 2), (2, 1), (4, 1)):
    workspace = harness.fresh(f"w-{ranks}-{threads}")
    harness.run(ranks, "run", "--workspace", workspace, "--threads", threads, *SETTINGS)
    if expected is None:
        expected, seconds, undisturbed = digests(workspace), time.monotonic() - start, workspace
    harness.require_equal(expected, digests(workspace), f"{ranks} ranks, {threads} threads")

# What it did: better on held-out documents, the link, the sample as the first round, the budget.
facts = harness.facts(undisturbed, "warmup")
require(facts["aligned"] and facts["mrr_after"] > facts["mrr_before"], f"training did not help: {facts}")
require((undisturbed / "current").readlink().name == "gen-1", "current does not name gen-1")
drawn = sample(undisturbed)
require(0 < len(drawn) <= 170, f"{len(drawn)} documents in the sample")
log = events(undisturbed)
require(log[0]["event"] == "warmup" and log[0]["facts"]["curve"] == facts["curve"], "rounds.jsonl does not begin with the curve")
require(log[1]["event"] == "asked" and sorted(log[1]["documents"]) == drawn, "the sample is not the first round")
asked = [d for e in log if e["event"] == "asked" for d in e["documents"]]
extract = harness.facts(undisturbed, "extract")
documents = harness.facts(undisturbed, "ingest")["documents"]
require(len(asked) == len(set(asked)) == extract["asked"] == round(documents * 0.6), f"{len(asked)} asked of a budget of {round(documents * 0.6)}")
require(set(harness.journal_answers(undisturbed)) == set(asked), "the journal holds other documents than were asked")
require_each_once(undisturbed, "undisturbed")
exported = {json.loads(line)["provenance"]["document"] for line in (undisturbed / "out" / "train.jsonl").read_text().splitlines()}
ids = {}
for path in (undisturbed / "journal").glob("rank-*.jsonl"):
    for line in path.read_text().splitlines():
        record = json.loads(line[9:])
        ids[record["document"]] = record["id"], len(record["pairs"])
require(any(ids[d][0] in exported for d in drawn if ids[d][1]), "no pair of the sample was exported")
require("warmup" in harness.run(0, "status", undisturbed), "status does not show the stage")
require("held-out MRR" in harness.run(0, "inspect", undisturbed), "inspect does not say what came of it")
harness.run(0, "verify", undisturbed)
curve = json.loads((undisturbed / "report.json").read_text())["warmup"]["curve"]
require(len(curve) == len(facts["curve"]), "the report lacks the curve")

# A fifth of the budget at most, and nothing asked twice when the sample is asked in a run of its own.
small = harness.fresh("small")
words = ["40%" if w == "60%" else w for w in STOCK]
for stage in ("ingest", "embed", "cluster", "warmup", "extract", "export"):
    harness.run(2, stage, "--workspace", small, *words)
require(len(sample(small)) <= documents * 0.4 * 0.2, f"{len(sample(small))} documents are more than a fifth of a budget of 40 % of {documents}")
require_each_once(small, "stage by stage")

# Documents that come later need no other encoder; the stock encoder can be gone back to.
shutil.rmtree("added", ignore_errors=True)
added = undisturbed.rename("added")
write_documents("more.jsonl", 300, 2, "more")
table = harness.sha256(added / "gen-1" / "encoder" / "table.bin")
harness.run(2, "run", "--workspace", added, *SETTINGS, "--inputs", "more.jsonl", "--append")
require(table == harness.sha256(added / "gen-1" / "encoder" / "table.bin"), "more documents trained the encoder again")
require(harness.facts(added, "cluster.gen-1")["clusters"] == 60 and harness.facts(added, "extract")["asked"] > extract["asked"], "the new documents were not taken in")
require_each_once(added, "after --append")
harness.run(2, "run", "--workspace", added, *STOCK, "--inputs", "more.jsonl", "--append")
require((added / "current").readlink().name == "gen-0", "without the warm-up current still names gen-1")
require_each_once(added, "back to gen-0")

# Too few documents: said, and the stock encoder stays.
few = harness.fresh("few")
harness.run(2, "run", "--workspace", few, *SETTINGS, "--warmup.min_documents", "1000")
facts = harness.facts(few, "warmup")
require(not facts["aligned"] and "1000" in facts["reason"] and (few / "current").readlink().name == "gen-0", f"{facts}")
require(events(few)[1]["documents"] == sample(few), "the answers of a warm-up without training were not taken up")
require_each_once(few, "without training")

# Kills and stops at any moment of the stage.
rng = random.Random(3)
slow = [*SETTINGS, "--warmup.patience", "0", "--warmup.epochs", "150"]
undisturbed = harness.fresh("slow")
start = time.monotonic()
harness.run(2, "run", "--workspace", undisturbed, *slow)
seconds, expected = time.monotonic() - start, digests(undisturbed)
killed, stopped, seen = 0, 0, collections.Counter()
while killed < 4 or stopped < 2 or seen["training"] < 1:
    workspace = harness.fresh("killed")
    while True:
        ranks = rng.choice([1, 2, 3])
        if rng.random() < 0.6:
            if not harness.run_and_kill(ranks, rng.uniform(0.1, 0.9) * seconds, "run", "--workspace", workspace, *slow):
                break
            killed += 1
        else:
            process = subprocess.Popen(harness.command(ranks, "run", "--workspace", workspace, *slow), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            time.sleep(rng.uniform(0.2, 0.8) * seconds)
            process.send_signal(signal.SIGUSR1)
            output, _ = process.communicate(timeout=120)
            if process.returncode == 0:
                break
            require(process.returncode in (75, -signal.SIGUSR1, 128 + signal.SIGUSR1), f"exit code {process.returncode} after USR1:\n{output}")
            stopped += process.returncode == 75
        if (workspace / "gen-1" / "training.state").exists():
            seen["training"] += 1
    harness.require_equal(expected, digests(workspace), f"after {killed} kills and {stopped} stops")
    require_each_once(workspace, "after kills")
print(f"{killed} kills, {stopped} stops, {seen['training']} of them between epochs; MRR {log[0]['facts']['mrr_before']:.3f} -> {log[0]['facts']['mrr_after']:.3f}")
