"""Files of a workspace are damaged at random places, in every state that a kill leaves behind, and the same command line is run again. Good ends: it
refuses and names the file, or it goes on to the same data set; and whatever is still damaged then, `equal verify` names."""
import collections
import concurrent.futures
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys

import corpus
import harness

# state -> the fault that ends a run there
STATES = {
    "ingest": "rename:1:KILL:catalog.json",
    "embed": "write:9:KILL:.blocks",
    "cluster": "rename:1:KILL:kmeans.state",
    "extract": "write:22:KILL:rounds.jsonl",
    "complete": None,
}


def kind_of(path):
    """Files that are made the same way are one kind."""
    name = path.name
    if name.startswith("part-"):
        return f"{path.parent.name}/part{''.join(path.suffixes)}"
    if name.startswith("input-"):
        return "staging/tally" if name.endswith(".json") else "staging/chunk"
    if name.startswith("rank-"):
        return "journal"
    return f"{path.parent.name}/{name}" if path.parent.name in ("stages", "encoder", "out", "corpus") else name


def damage(path, rng):
    """Returns what was done."""
    before = path.read_bytes()
    while True:
        data = bytearray(before)
        how = rng.choice(["bit", "bytes", "zeros", "cut", "more"])
        if not data:
            how = "more"
        at = rng.randrange(len(data)) if data else 0
        if how == "bit":
            data[at] ^= 1 << rng.randrange(8)
        elif how == "bytes":
            data[at:at + rng.randint(1, 64)] = rng.randbytes(rng.randint(1, 64))
        elif how == "zeros":
            n = min(rng.randint(1, 512), len(data) - at)
            data[at:at + n] = bytes(n)
        elif how == "cut":
            del data[at:]
        else:
            data += rng.randbytes(rng.randint(1, 64))
        if bytes(data) != before:
            path.write_bytes(bytes(data))
            return f"{how} at {at}"


def prepare(settings, faults):
    """A folder for each state, and the files in it."""
    out = {}
    for state, fault in STATES.items():
        folder = harness.fresh(f"state-{state}")
        environment = {**os.environ, "LD_PRELOAD": str(faults), "EQUAL_FAULT": fault} if fault else os.environ
        done = subprocess.run(harness.command(0, "run", "--workspace", "w", *settings), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != (-signal.SIGKILL if fault else 0):
            sys.exit(f"state {state}: exit code {done.returncode}\n{done.stdout}")
        shutil.move("w", folder)
        out[state] = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    return out


class Trial:
    def __init__(self, settings, expected, complete):
        self.settings, self.expected, self.complete = settings, expected, complete

    def run(self, number, state, file, seed):
        """(outcome, text for people)."""
        home = pathlib.Path(f"trial-{number}").absolute()
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        workspace = home / "w"
        shutil.copytree(pathlib.Path(f"state-{state}"), workspace, symlinks=True)
        rng = random.Random(seed)
        how = damage(workspace / file, rng)
        broken = (workspace / file).read_bytes()
        words = [str(harness.BINARY), "run", "--workspace", "w", *self.settings]
        try:
            done = subprocess.run(words, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=600)
            outcome = self.judge(home, workspace, file, broken, done)
        except subprocess.TimeoutExpired:
            outcome, done = "crashed", None
        text = f"state {state}, {file}, {how} (seed {seed}): {outcome}\n{done.stdout[-2000:] if done else 'hung'}"
        shutil.rmtree(home)
        return outcome, text

    def judge(self, home, workspace, file, broken, done):
        if done.returncode < 0 or done.returncode == 70:
            return "crashed"
        if done.returncode != 0:
            return "refused" if file.name in done.stdout else "refused without its name"
        if harness.sha256(workspace / "out" / "train.jsonl") != self.expected:
            return "accepted"
        path = workspace / file
        if not path.exists() or path.read_bytes() != broken:
            return "mended"
        check = subprocess.run([str(harness.BINARY), "verify", "w"], cwd=home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        if check.returncode < 0 or check.returncode == 70:
            return "crashed"
        return "not read; verify names it" if file.name in check.stdout else "accepted"


def measure(tried, faults, first=0):
    """Trials first .. tried - 1 of a seeded series."""
    corpus.write_corpus("small.jsonl", count=160, marked=True)
    corpus.write_reference("reference.jsonl")
    settings = ["--inputs", str(pathlib.Path("small.jsonl").absolute()), "--reference.files", str(pathlib.Path("reference.jsonl").absolute()), "--extractor", "replay", "--partition-bytes", "30000",
                "--budget.documents", "50%", "--encoder.dim", "16", "--encoder.feature_bits", "10", "--cluster.k", "8", "--cluster.tolerance", "0", "--round-documents", "6", "--embed.block", "16", "--log.level", "warn"]
    files = prepare(settings, faults)
    expected = harness.sha256(pathlib.Path("state-complete/out/train.jsonl"))
    rng = random.Random(20250513)
    kinds = {}
    for state, list_of_files in files.items():
        for file in list_of_files:
            kinds.setdefault((state, kind_of(file)), []).append(file)
    order = sorted(kinds)
    trial = Trial(settings, expected, pathlib.Path("state-complete"))
    jobs = []
    for i in range(tried):
        if i == len(order):  # a lock that names nobody is watched for a minute: once a state is enough
            order = [entry for entry in order if entry[1] != "lock"]
        state, kind = order[i % len(order)]
        jobs.append((i, state, rng.choice(kinds[state, kind]), rng.randrange(1 << 40)))
    jobs = jobs[first:]
    outcomes, by_kind = collections.Counter(), collections.defaultdict(collections.Counter)
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for (number, state, file, _), (outcome, text) in zip(jobs, pool.map(lambda job: trial.run(*job), jobs)):
            outcomes[outcome] += 1
            by_kind[kind_of(file)][outcome] += 1
            if outcome in ("accepted", "crashed", "refused without its name"):
                print(text, file=sys.stderr)
    return {"damaged_tried": len(jobs), "damaged_accepted": outcomes["accepted"], "damaged_crashed": outcomes["crashed"], "damaged_unnamed": outcomes["refused without its name"],
            "damaged_outcomes": dict(outcomes), "damaged_kinds": {kind: dict(c) for kind, c in sorted(by_kind.items())}}
