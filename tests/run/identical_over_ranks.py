"""Bit-equal results on 1, 2, 3 and 4 ranks and 1 and 2 threads, with several partitions, and a comparison that would notice."""
import pathlib
import shutil
import sys

import corpus
import harness

corpus.write_corpus("docs.jsonl")
corpus.write_reference("reference.jsonl")
SETTINGS = ["--inputs", "docs.jsonl", "--reference.files", "reference.jsonl", "--extractor", "replay", "--partition-bytes", "60000", "--budget.documents", "15%",
            "--encoder.dim", "64", "--log.level", "warn"]


def the_same(name, worlds, *words):
    """Runs on each of (ranks, threads); the last workspace and its digests."""
    expected = None
    for ranks, threads in worlds:
        workspace = harness.fresh(f"w-{name}-{ranks}-{threads}")
        harness.run(ranks, "run", "--workspace", workspace, "--threads", threads, *SETTINGS, *words)
        found = harness.digests(workspace)
        expected = expected or found
        harness.require_equal(expected, found, f"{name} on {ranks} ranks with {threads} threads")
    return workspace, expected


# Two levels of clusters, and the best of three fits.
FEW = ((1, 1), (2, 2), (3, 1))
flat, flat_digests = the_same("flat", FEW[:1], "--cluster.k", 30)
levels, level_digests = the_same("levels", FEW, "--cluster.k", 30, "--cluster.top", 6)
best, best_digests = the_same("restarts", FEW, "--cluster.k", 30, "--cluster.restarts", 3)
if harness.facts(levels, "cluster")["clusters"] != 30 or level_digests == flat_digests:
    sys.exit("cluster.top changed nothing, or not all clusters are there")
if not harness.facts(best, "cluster")["objective"] < harness.facts(flat, "cluster")["objective"]:  # this corpus has a better second or third start
    sys.exit("the best of three fits is not better than the first")

for policy in sys.argv[1:]:
    # 8: more ranks than partitions
    workspace, _ = the_same(policy, ((1, 1), (1, 2), (2, 1), (3, 2), (4, 1), (8, 1)), "--policy", policy)
    partitions = harness.facts(workspace, "ingest")["partitions"]
    if partitions < 4:
        sys.exit(f"{partitions} partitions are too few to show anything")

# The comparison must notice a single altered assignment.
import h5py
altered = harness.fresh("altered")
shutil.copytree(workspace, altered)
path = sorted((altered / "gen-0" / "assignment").glob("*.h5"))[0]
with h5py.File(path, "r+") as file:
    name = next(n for n in file if n.endswith("cluster"))
    file[name][0] = (int(file[name][0]) + 1) % 3
if harness.digests(altered) == harness.digests(workspace):
    sys.exit("one document's cluster was altered and the comparison did not notice")
done = harness.run(1, "extract", "--workspace", altered, *SETTINGS, "--policy", policy, "--redo", "extract", expect=2)
if path.name not in done:
    sys.exit(f"the program took an altered assignment, or did not name its file:\n{done}")
print("identical over ranks and threads:", ", ".join(sys.argv[1:]))
