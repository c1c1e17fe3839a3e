"""Corners of a run: one document, none, more clusters than documents, empty partitions, delay 1, a larger budget, added inputs, weighted references."""
import collections
import json
import pathlib
import sys

import corpus
import harness

corpus.write_corpus("docs.jsonl", count=300)
corpus.write_reference("reference.jsonl")
BASE = ["--reference.files", "reference.jsonl", "--extractor", "replay", "--encoder.dim", "32", "--log.level", "warn"]


def check(condition, text):
    if not condition:
        sys.exit(text)


def run(ranks, workspace, *words, expect=0):
    return harness.run(ranks, "run", "--workspace", workspace, *BASE, *words, expect=expect)


lines = pathlib.Path("docs.jsonl").read_text().splitlines(keepends=True)
with_pairs = next(line for line in lines if "qas" in line)
pathlib.Path("one.jsonl").write_text(with_pairs)
for ranks in (1, 3):
    workspace = harness.fresh(f"one-{ranks}")
    run(ranks, workspace, "--inputs", "one.jsonl", "--budget.documents", "100%")
    check(harness.facts(workspace, "export")["pairs"] == len({json.dumps(q) for q in json.loads(with_pairs)["qas"]}), "one document: not all of its pairs came out")

pathlib.Path("none.jsonl").write_text("\n\n")
check("hold no document" in run(3, harness.fresh("none"), "--inputs", "none.jsonl", expect=2), "no document: wrong message")

# A partition whose documents are all duplicates stays empty.
pathlib.Path("again.jsonl").write_text("".join(lines[:40]))
expected = None
for ranks in (1, 2, 4):
    workspace = harness.fresh(f"many-{ranks}")
    run(ranks, workspace, "--inputs", "docs.jsonl", "again.jsonl", "--cluster.k", "5000", "--budget.documents", "20", "--partition-bytes", "20000", "--extract.delay", "1", "--policy", "pooled")
    counts = [p["documents"] for p in json.loads((workspace / "corpus" / "catalog.json").read_text())["partitions"]]
    check(0 in counts, f"no partition is empty: {counts}")
    check(harness.facts(workspace, "extract")["asked"] == 20, "the budget was not spent")
    found = harness.digests(workspace)
    expected = expected or found
    harness.require_equal(expected, found, f"more clusters than documents, delay 1, {ranks} ranks")

# More budget goes on; what was answered stays and is not asked again.
workspace = harness.fresh("budget")
run(3, workspace, "--inputs", "docs.jsonl", "--budget.documents", "20")
first = harness.journal_answers(workspace)
run(2, workspace, "--inputs", "docs.jsonl", "--budget.documents", "50")
both = harness.journal_answers(workspace)
check(len(first) == 20 and len(both) == 50 and set(first) <= set(both), f"budget 20, then 50: {len(first)} and {len(both)} answers")
check(max(collections.Counter(both).values()) == 1, "a document was asked twice")

# Added inputs: old documents keep their numbers, old answers count, new documents can be asked.
corpus.write_corpus("more.jsonl", count=500, seed=8)
old = json.loads((workspace / "corpus" / "catalog.json").read_text())
run(3, workspace, "--inputs", "docs.jsonl", "more.jsonl", "--append", "--budget.documents", "90")
new = json.loads((workspace / "corpus" / "catalog.json").read_text())
check(new["partitions"][: len(old["partitions"])] == old["partitions"], "adding inputs changed old partitions")
check(new["documents"] > old["documents"], "nothing was added")
answers = harness.journal_answers(workspace)
check(len(answers) == 90 and max(collections.Counter(answers).values()) == 1, f"after adding inputs: {len(answers)} answers, expected 90 different ones")
exported = [json.loads(line)["provenance"]["number"] for line in (workspace / "out" / "train.jsonl").read_text().splitlines()]
kept = {n for n in both if n in exported}
check(kept and any(n >= old["documents"] for n in answers), "old answers were lost, or no new document was asked")
# A file that only a late stage reads is missed before anything is done.
for name, *words in (("reference", "--reference.files", "nowhere.jsonl"), ("benchmark", "--export.decontaminate", "nowhere.jsonl")):
    workspace = harness.fresh(f"without-{name}")
    said = run(2, workspace, "--inputs", "docs.jsonl", "--budget.documents", "5", *words, expect=1)
    check("nowhere.jsonl: no such file" in said and not workspace.exists(), f"a {name} file that is not there was missed late: {said}")
# Several references with weights: a file's items take no more pairs than its weight allows, and a weight is a result.
corpus.write_reference("cooking.jsonl", topic="cooking")
served = {}
for first, second in ((0.9, 0.1), (0.1, 0.9)):
    workspace = harness.fresh(f"weights-{first}")
    again = [*BASE[2:], "--reference.files", f"reference.jsonl:{first}", f"cooking.jsonl:{second}", "--inputs", "docs.jsonl", "--budget.documents", "100%", "--extract.reward_cap", "0.1"]
    harness.run(2, "run", "--workspace", workspace, *again)
    facts = harness.facts(workspace, "extract")
    half = len(facts["served"]) // 2  # as many items of each file
    for weight, items in ((first, facts["served"][:half]), (second, facts["served"][half:])):
        most = 0.1 * facts["asked"] * weight / half
        check(max(items) <= most + 1, f"an item served {max(items)} times; its weight allows {most}")
        served[first, weight] = sum(items)
for weights, heavy, light in ((0.9, served[0.9, 0.9], served[0.9, 0.1]), (0.1, served[0.1, 0.9], served[0.1, 0.1])):
    check(heavy > light > 0, f"weights {weights}: the heavier reference was served {heavy} times, the other {light}")
check("weight above 0" in harness.run(1, "run", "--workspace", harness.fresh("weight"), *BASE[2:], "--reference.files", "reference.jsonl:-1", "--inputs", "docs.jsonl", expect=1), "a negative weight: wrong message")

# Rounds that an extraction which had ended wrote and that are gone would be pairs that are gone: no stage goes on without them.
rounds = workspace / "rounds.jsonl"
lines = rounds.read_bytes().splitlines(keepends=True)
rounds.write_bytes(b"".join(lines[:-1]))
for command in (["run", "--workspace", workspace, *again], ["export", workspace, "--export.folder", "shorter"]):
    check("rounds.jsonl: " in (said := harness.run(1, *command, expect=2)) and "--redo extract" in said, f"cut rounds: {said}")
rounds.write_bytes(b"".join(lines))
harness.run(1, "run", "--workspace", workspace, *again)

# The published rewards, hashed words, and pairs near their documents: alike on any number of ranks, and each a run of its own.
with open("asked.jsonl", "w") as out:
    for d in map(json.loads, pathlib.Path("docs.jsonl").read_text().splitlines()):
        if "qas" in d:
            out.write(json.dumps({"id": d["id"], "text": d["text"][:300] + "".join(f"\n\nQ: {p['question']}\nA: {p['answer']}" for p in d["qas"])}) + "\n")
replay, pattern = ("--extractor", "replay", "--inputs", "docs.jsonl"), ("--extractor", "pattern", "--inputs", "asked.jsonl")
rewards = {}
for name, *words in (("pairs", *replay, "--reward", "pairs"), ("batch", *replay, "--reward", "batch"), ("union", *replay, "--reward", "union"),
                     ("hash", *replay, "--encoder.table", "hash"), ("near", *pattern, "--keep.min_cosine", "0.7")):
    expected = None
    for ranks in (1, 3):
        workspace = harness.fresh(f"{name}-{ranks}")
        harness.run(ranks, "run", "--workspace", workspace, "--reference.files", "reference.jsonl", "--encoder.dim", "32", "--log.level", "warn",
                    "--budget.documents", "60", "--partition-bytes", "20000", *words)
        found = harness.digests(workspace)
        expected = expected or found
        harness.require_equal(expected, found, f"{name}, {ranks} ranks")
    events = [json.loads(line) for line in (workspace / "rounds.jsonl").read_text().splitlines()]
    observed = [d for e in events if e["event"] == "observed" for d in e["documents"]]
    check(len(observed) == 60, f"{name}: {len(observed)} documents observed")
    rewards[name] = sorted((d["number"], d["reward"]) for d in observed)
    if name == "pairs":
        check(all(d["reward"] == sum(c >= 0 for c in d["credits"]) for d in observed), "reward pairs does not count new pairs")
    if name == "near":
        facts = harness.facts(workspace, "extract")
        check(facts["rejected"]["far"] > 10 and facts["pairs"] > 10, f"keep.min_cosine: {facts}")
check(all(a == b or rewards[a] != rewards[b] for a in rewards for b in rewards), "two rewards gave the same run")
print("one document, none, k above n, empty partitions, delay 1, larger budget, added inputs, weighted references, cut rounds, rewards")
