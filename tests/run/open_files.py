"""A hundred partitions with sixty-four open files at most: the run gives what it gives without the limit."""
import pathlib
import resource
import subprocess

import harness

GENERATOR = harness.BINARY.parent / "generate_corpus"
subprocess.run([GENERATOR, "corpus", "--documents", "4000", "--shards", "1"], check=True, stdout=subprocess.DEVNULL)
SETTINGS = ["--inputs", "corpus/part-*.jsonl.zst", "--reference.files", "corpus/reference.jsonl", "--extractor", "replay", "--partition-bytes", 20000,
            "--cluster.k", 16, "--budget.documents", 300, "--threads", 2, "--encoder.feature_bits", 12, "--warmup.enabled", "--warmup.min_documents", 4, "--warmup.budget_share", 0.2]


def few_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def run(workspace, limit):
    done = subprocess.run(harness.command(0, "run", "--workspace", workspace, *SETTINGS), preexec_fn=limit, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return (pathlib.Path(workspace) / "out" / "train.jsonl").read_bytes()


assert run("few", few_files) == run("many", None)
partitions = harness.facts(pathlib.Path("few"), "ingest")["partitions"]
assert partitions > 90, partitions
print(f"open files: {partitions} partitions with 64")
