"""The generator gives the same bytes for the same seed; `equal bench` measures a profile; `equal plan` counts what a real run then has; it refuses what
cannot fit, with settings that mend it; its Slurm script is clean and has its figures; usage.json says where the time went."""
import hashlib
import json
import pathlib
import re
import subprocess
import sys

import harness

GENERATOR = harness.BINARY.parent / "generate_corpus"
DOCUMENTS = 20000


def generate(folder, *words):
    out = subprocess.run([GENERATOR, folder, "--documents", str(DOCUMENTS), "--shards", "4", *words], check=True, stdout=subprocess.PIPE)
    files = sorted(pathlib.Path(folder).iterdir())
    return json.loads(out.stdout), {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def close(what, planned, real, share):
    if abs(planned - real) > share * real:
        sys.exit(f"{what}: planned {planned:.0f}, measured {real}; more than {100 * share:g} % apart")


def below(path):
    return sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) if path.is_dir() else path.stat().st_size


# The generator.
counts, digests = generate("corpus")
assert generate("again")[1] == digests, "equal arguments gave other bytes"
assert generate("other", "--seed", "2")[1]["part-00000.jsonl.zst"] != digests["part-00000.jsonl.zst"], "the seed changes nothing"
assert len(digests) == 5, digests
for name, share in (("exact_copies", 0.03), ("near_copies", 0.04), ("repeated_ids", 0.001)):
    assert 0.5 * share < counts[name] / DOCUMENTS < 1.5 * share, (name, counts)
assert 360 < counts["text_bytes"] / DOCUMENTS < 450, counts

SETTINGS = ["--inputs", "corpus/part-*.jsonl.zst", "--reference.files", "corpus/reference.jsonl", "--extractor", "replay", "--partition-bytes", 1000000,
            "--cluster.k", 64, "--budget.documents", 400, "--threads", 1, "--encoder.feature_bits", 12]
harness.run(3, "bench", "--write-machine-profile", "profile.json", "--plan.sample", DOCUMENTS, *SETTINGS)
profile = json.loads(pathlib.Path("profile.json").read_text())
for name in ("ingest.read_byte", "embed.fit_document", "embed.encode_byte", "cluster.fit_row", "extract.set_up_document", "extract.round_row", "export.pair",
             "cluster.levels", "warmup.document",
             "disk.write", "disk.read", "disk.sync", "network.reduce", "memory.base"):
    assert profile["constants"][name]["value"] > 0 and profile["constants"][name]["origin"], (name, profile)
assert not pathlib.Path("equal-bench").exists(), "the measurement left its folder"

# The plan of a run, and the run.
PLAN = ["plan", "--profile", "profile.json", "--plan.rows", DOCUMENTS, "--plan.bytes", counts["input_bytes"], "--plan.files", 4, "--plan.ranks_per_node", 3, *SETTINGS]
plan = json.loads(harness.run(0, *PLAN, "--json"))
workspace = harness.fresh("w")
harness.run(3, "run", "--workspace", workspace, *SETTINGS)
facts = {s: json.loads((workspace / "stages" / f"{s}.json").read_text())["facts"] for s in ("ingest", "embed", "cluster", "extract", "export")}
close("documents", plan["documents"], facts["ingest"]["documents"], 0.001)  # which of equal ones is kept follows from the order, which the sample changes
close("partitions", plan["partitions"], facts["ingest"]["partitions"], 0)
close("bytes of text", plan["text_bytes"], facts["ingest"]["text_bytes"], 0.001)
close("clusters", plan["clusters"], facts["cluster"]["clusters"], 0)
close("documents asked", plan["asked"], facts["extract"]["asked"], 0)
close("rounds", plan["rounds"], facts["extract"]["rounds"], 0)
for what, path in (("corpus/part-*.h5", "corpus"), ("gen-0/embeddings/part-*.h5", "gen-0/embeddings"), ("gen-0/assignment/part-*.h5", "gen-0/assignment"),
                   ("gen-0/by_cluster/part-*.h5", "gen-0/by_cluster"), ("gen-0/clusters.h5", "gen-0/clusters.h5"), ("gen-0/encoder/", "gen-0/encoder")):
    planned = plan["files"][what]
    files = list((workspace / path).glob("part-*")) if path != "gen-0/clusters.h5" and path != "gen-0/encoder" else []
    if files:
        close(f"number of {what}", planned["files"], len(files), 0)
    close(f"bytes of {what}", planned["bytes"], below(workspace / path), 0.05)

usage = json.loads((workspace / "usage.json").read_text())
for stage in ("ingest", "embed", "cluster", "extract", "export"):
    assert len(usage[stage]) == 3, usage[stage]
    for rank in usage[stage]:
        parts = rank["compute_seconds"] + rank["queue_seconds"] + rank["wait_seconds"] + rank["other_seconds"]
        assert parts >= 0.999 * rank["seconds"] > 0, (stage, rank)
        assert rank["peak_rss_bytes"] > 1 << 20, (stage, rank)
        assert sum(p["seconds"] for p in rank["parts"].values()) <= rank["seconds"], (stage, rank)
harness.run(3, "run", "--workspace", "w", *SETTINGS)
after = json.loads((workspace / "usage.json").read_text())
assert after["ingest"] == usage["ingest"] and after["cluster"] == usage["cluster"], "stages that were complete wrote their usage anew"

# The warm-up, and clusters in two levels.
MORE = ["--warmup.enabled", "--warmup.max_documents", 40, "--warmup.min_documents", 4, "--warmup.budget_share", 0.5, "--cluster.top", 8]
aligned = json.loads(harness.run(0, *PLAN, *MORE, "--json"))
harness.run(3, "run", "--workspace", "aligned", *SETTINGS, *MORE)
assert aligned["warmup_asked"] == harness.facts(pathlib.Path("aligned"), "warmup")["asked"] == 40, aligned
close("rounds after the warm-up", aligned["rounds"], harness.facts(pathlib.Path("aligned"), "extract")["rounds"], 0)
if harness.facts(pathlib.Path("aligned"), "warmup")["aligned"]:
    close("bytes of gen-1", aligned["files"]["gen-1/ (as gen-0, after the warm-up)"]["bytes"], below(pathlib.Path("aligned/gen-1")), 0.05)
assert aligned["stages"]["warmup"]["seconds"] > 0 and "warmup" not in plan["stages"], aligned["stages"]
assert "no such file; `mpirun -n 3 equal bench --write-machine-profile none.json" in harness.run(0, "plan", "--profile", "none.json", "--plan.rows", 5, expect=1)

# What cannot fit: the ways out are told, and mend it.
for words, message in ((["--plan.memory", 200000000], "cannot fit: memory"), (["--plan.disk", 1000000], "cannot fit: disk"),
                       (["--plan.hours", 0.0001], "cannot fit: time")):
    text = harness.run(0, *PLAN, *words, expect=1)
    assert message in text, text
    ways = re.findall(r"fits with --(\S+) (\S+) \(now", text.split(message)[1])
    assert ways, text
    name, value = ways[-1]
    mended = [w for w in words if f"--{name}" != words[0]] + [f"--{name}", value]
    assert message not in harness.run(0, *PLAN, *mended), f"--{name} {value} does not mend it"
assert "--plan.profile is missing" in harness.run(0, "plan", "--plan.rows", 5, expect=1)
assert "--plan.rows" in harness.run(0, "plan", "--profile", "profile.json", expect=1)

# Slurm.
script = harness.run(0, *PLAN, "--plan.nodes", 4, "--export.name", "it's \"mine\" $HOME", "--slurm")
pathlib.Path("job.sbatch").write_text(script)
subprocess.run(["shellcheck", "job.sbatch"], check=True)
assert "#SBATCH --nodes=4\n" in script and "#SBATCH --ntasks-per-node=3\n" in script and "#SBATCH --cpus-per-task=1\n" in script, script
memory = int(re.search(r"--mem=(\d+)M", script).group(1)) * 2**20
four = json.loads(harness.run(0, *PLAN, "--plan.nodes", 4, "--json"))
assert four["node_memory"] <= memory, (four["node_memory"], memory)
# The script starts the run that was planned: with a stand-in for program and launcher it shows its words.
words = subprocess.run(["bash", "-c", script.replace("$launch \"${EQUAL:-equal}\" run", "printf '%s\\n' run").replace("scontrol", "true"), "job", "somewhere"],
                       stdout=subprocess.PIPE, text=True).stdout.splitlines()
assert words[:3] == ["run", "--workspace", "somewhere"], words
assert words[words.index("--export.name") + 1] == "it's \"mine\" $HOME", words
assert words[words.index("--cluster.k") + 1] == "64" and "--plan.profile" not in words, words
print("plan: corpus, profile, figures, refusals and job script as they should be")
