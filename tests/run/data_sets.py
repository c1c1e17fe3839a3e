"""The exported data set: forms, kinds of file, splits, shards, cleaning, export beside a running job; read by those who train on it."""
import collections
import gzip
import json
import os
import pathlib
import subprocess
import sys

import corpus
import environments
import harness

corpus.write_corpus("docs.jsonl", count=300)
corpus.write_reference("reference.jsonl")
# Planted: a pair that repeats another but for its spelling and a word, and one that holds a benchmark's question.
LONG = "Pour the seeds into a shallow tray of moist compost and leave them near a window until the first leaves appear"
ITEM = "A gardener plants four rows of tulips with seven bulbs in each row and then removes nine bulbs; how many bulbs remain in the bed?"
with open("docs.jsonl", "a") as out:
    for name, question, answer in (("plant-a", "How do I start seeds indoors?", LONG + "."), ("plant-b", "How do I start seeds, indoors", "Well: " + LONG.upper()),
                                   ("plant-c", "Solve: " + ITEM, "Nineteen."), ("plant-d", "Where is <b>bold</b> | \"quoted\"?", "Line one\nline two \u2028 \u00e9\u4e2d")):
        out.write(json.dumps({"id": name, "text": f"{question} {answer} {corpus.__doc__ or 'text'} {name}", "qas": [{"question": question, "answer": answer}]}) + "\n")
pathlib.Path("benchmark.jsonl").write_text(json.dumps({"question": ITEM}) + "\n")
RUN = ["--reference.files", "reference.jsonl", "--extractor", "replay", "--encoder.dim", "32", "--log.level", "warn", "--inputs", "docs.jsonl", "--budget.documents", "100%", "--policy", "full"]


def check(condition, text):
    if not condition:
        sys.exit(text)


def rows_of(path):
    opened = gzip.open(path, "rt") if path.suffix == ".gz" else subprocess.run(["zstdcat", path], check=True, capture_output=True, text=True).stdout.split("\n") if path.suffix == ".zst" else open(path)
    return [json.loads(line) for line in opened if line]


workspace = harness.fresh("run")
harness.run(3, "run", "--workspace", workspace, *RUN, "--export.decontaminate", "benchmark.jsonl")
rejects = rows_of(workspace / "out" / "rejects.jsonl")
facts = harness.facts(workspace, "export")
check(facts["rejects"]["contaminated"] == 1 and facts["contamination"] == {"benchmark.jsonl": 1}, f"the benchmark's item was not found: {facts}")
check([(r["document"], r["rule"], r["benchmark"]["item"]) for r in rejects if r["reason"] == "contaminated"] == [("plant-c", "run", 0)], str(rejects))
check(("plant-b", "plant-a") in [(r["document"], r["of"]["document"]) for r in rejects if r["reason"] == "near_duplicate"], f"the planted copy was not found: {rejects}")
everything = rows_of(workspace / "out" / "train.jsonl")
exported = {row["provenance"]["document"] for row in everything}
check({"plant-a", "plant-d"} <= exported and not {"plant-b", "plant-c"} & exported, "what was exported does not fit the rejects")
check(facts["pairs"] == len(everything) == facts["splits"]["train"], "the record counts other pairs than there are")


def export(folder, *words, ranks=2):
    harness.fresh(folder)
    harness.run(ranks, "export", "--workspace", workspace, "--log.level", "warn", "--export.folder", folder, "--export.decontaminate", "benchmark.jsonl", *words)
    return pathlib.Path(folder)


# An export with a folder of its own changes nothing in the workspace and works while it is in use.
before = harness.sha256(workspace / "stages" / "export.json")
(workspace / "lock").write_text(json.dumps({"host": os.uname().nodename, "pid": os.getpid(), "slurm_job": ""}) + "\n")
folders = {}
for form in ("messages", "alpaca", "sharegpt", "pairs"):
    for files in ("jsonl", "jsonl.gz", "jsonl.zst", "parquet"):
        folders[form, files] = export(f"{form}-{files}", "--export.format", form, "--export.files", files, ranks=1 + len(folders) % 3)
(workspace / "lock").unlink()
check(harness.sha256(workspace / "stages" / "export.json") == before, "an export to another folder changed the workspace")
for form in ("messages", "alpaca", "sharegpt", "pairs"):
    plain = rows_of(folders[form, "jsonl"] / "train.jsonl")
    check(len(plain) == len(everything), f"{form}: {len(plain)} pairs")
    check(plain == rows_of(folders[form, "jsonl.gz"] / "train.jsonl.gz") == rows_of(folders[form, "jsonl.zst"] / "train.jsonl.zst"), f"{form}: compression changed rows")
check(rows_of(folders["messages", "jsonl"] / "train.jsonl") == everything, "the export depends on the number of ranks")

# Splits hold whole documents; shards follow one another; the best pairs.
folder = export("splits", "--export.validation", "0.2", "--export.shard_bytes", "20000")
parts = {split: sorted(folder.glob(f"{split}-*-of-*.jsonl")) for split in ("train", "validation")}
check(len(parts["train"]) > 2 and parts["train"][-1].name.endswith(f"{len(parts['train']) - 1:05}-of-{len(parts['train']):05}.jsonl"), f"shards: {parts}")
split = {name: [row for part in files for row in rows_of(part)] for name, files in parts.items()}
documents = {name: {row["provenance"]["parent"] or row["provenance"]["document"] for row in rows} for name, rows in split.items()}
check(not documents["train"] & documents["validation"], "a document is in both splits")
check(sum(map(len, split.values())) == len(everything) and 0.05 < len(split["validation"]) / len(everything) < 0.4, "the split lost pairs, or is far from its share")
check([row for row in everything if row["provenance"]["document"] in documents["train"] | {r["provenance"]["document"] for r in split["train"]}][:5] == split["train"][:5], "the split changed the order")
best = rows_of(export("top", "--export.top", "10") / "train.jsonl")
credits = sorted((row["provenance"]["credit"] for row in everything), reverse=True)
check(len(best) == 10 and min(row["provenance"]["credit"] for row in best) >= credits[9], "not the ten best")
check(all(row["provenance"]["credit"] >= 0.5 for row in rows_of(export("credit", "--export.min_credit", "0.5") / "train.jsonl")), "pairs below the least credit")
everything_kept = rows_of(export("all", "--export.near_duplicates", "0") / "train.jsonl")
check("plant-b" in {row["provenance"]["document"] for row in everything_kept}, "near-duplicates were left out though off")

# A second export of the workspace itself leaves no file of the first.
harness.run(2, "export", "--workspace", workspace, "--log.level", "warn", "--export.files", "jsonl.gz", "--export.validation", "0.1")
check(sorted(p.name for p in (workspace / "out").iterdir()) == ["README.md", "rejects.jsonl", "train.jsonl.gz", "validation.jsonl.gz"], "files of an earlier export stayed")
print(f"{len(everything)} pairs in {len(folders)} forms and kinds, splits, shards, cleaning")

# The loaders that people use, in an environment of their own.
python = environments.python_with("results", "datasets", "pandas", "pyarrow", "zstandard")
done = subprocess.run([python, pathlib.Path(__file__).with_name("load_data_sets.py"), json.dumps([[*key, str(path)] for key, path in folders.items()]), "splits"], text=True,
                      env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(harness.fresh("hf").absolute()), "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"})
sys.exit(done.returncode)
