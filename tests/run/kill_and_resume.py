"""SIGKILL of the whole job at seeded random moments, restarts with other numbers of ranks: the same export, nothing asked twice."""
import collections
import random
import sys
import time

import corpus
import harness

KILLS = int(sys.argv[1])
corpus.write_corpus("docs.jsonl", count=4000)
corpus.write_reference("reference.jsonl")
SETTINGS = ["--inputs", "docs.jsonl", "--reference.files", "reference.jsonl", "--extractor", "replay", "--partition-bytes", "200000", "--budget.documents", "30%",
            "--encoder.dim", "64", "--cluster.k", "40", "--round-documents", "12", "--log.level", "warn"]

undisturbed = harness.fresh("undisturbed")
start = time.monotonic()
harness.run(3, "run", "--workspace", undisturbed, *SETTINGS)
seconds = time.monotonic() - start
expected = harness.digests(undisturbed)

rng = random.Random(20250512)
killed, by_stage = 0, collections.Counter()
workspace, trial = None, 0
while killed < KILLS:
    workspace = harness.fresh(f"killed-{trial}")
    trial += 1
    while True:
        ranks = rng.choice([1, 2, 3, 4])
        if not harness.run_and_kill(ranks, rng.uniform(0.05, 1.1) * seconds, "run", "--workspace", workspace, *SETTINGS):
            break
        killed += 1
        stages = ["ingest", "embed", "cluster", "extract", "export"]
        done = [s for s in stages if (workspace / "stages" / f"{s}.json").exists()]
        extracting = "extract" in done and not harness.facts(workspace, "extract").get("complete")
        by_stage["extract" if extracting else (stages + ["end"])[len(done)]] += 1
    harness.require_equal(expected, harness.digests(workspace), f"after {killed} kills")
    answers = harness.journal_answers(workspace)
    twice = [d for d, n in collections.Counter(answers).items() if n > 1]
    if twice:
        sys.exit(f"documents answered twice: {twice[:10]}")
print(f"{killed} kills ({dict(by_stage)}), {trial} runs, same export each time, no document answered twice")
