"""Runs the real program under the real mpirun. Used by the tests of this folder; needs EQUAL_BINARY_DIR."""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

BINARY = pathlib.Path(os.environ["EQUAL_BINARY_DIR"]) / "bin" / "equal"
LAUNCHER = os.environ.get("EQUAL_MPIEXEC", "mpirun")  # of the MPI that the program was built with
os.environ.setdefault("OMPI_MCA_rmaps_base_oversubscribe", "1")


def command(ranks, *words):
    start = [LAUNCHER, "-n", str(ranks)] if ranks > 0 else []
    return start + [str(BINARY), *map(str, words)]


def run(ranks, *words, expect=0, timeout=300):
    """Runs to the end; fails with the program's output unless the exit code is `expect`."""
    done = subprocess.run(command(ranks, *words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=timeout)
    if done.returncode != expect:
        sys.exit(f"exit code {done.returncode}, expected {expect}: {' '.join(command(ranks, *words))}\n{done.stdout}")
    return done.stdout


def run_and_kill(ranks, seconds, *words, signal_number=signal.SIGKILL):
    """Starts, waits, and kills every process of the job at once. Returns False when it ended well before that."""
    with open("killed.log", "w") as log:
        process = subprocess.Popen(command(ranks, *words), stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        if process.wait(timeout=seconds) != 0:
            sys.exit(f"exit code {process.returncode} without being killed: {' '.join(command(ranks, *words))}\n{pathlib.Path('killed.log').read_text(errors='replace')}")
        return False
    except subprocess.TimeoutExpired:
        # The ranks have their own process groups below mpirun: kill each of them, as a node that dies would.
        victims = descendants(process.pid)
        for pid in victims + [process.pid]:
            try:
                os.kill(pid, signal_number)
            except ProcessLookupError:
                pass
        process.wait()
        return True


def descendants(pid):
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    out, queue = [], [pid]
    while queue:
        for child in parents.get(queue.pop(), []):
            out.append(child)
            queue.append(child)
    return out


def fresh(path):
    path = pathlib.Path(path)
    shutil.rmtree(path, ignore_errors=True)
    return path


def facts(workspace, stage):
    return json.loads((workspace / "stages" / f"{stage}.json").read_text())["facts"]


def write_sealed(path, record):
    """A record as the program seals it (docs/formats.md, "Sealed JSON"). Numbers that are not whole may be written otherwise than the program does."""
    record = {name: value for name, value in record.items() if name != "checksum"}
    record["checksum"] = hashlib.sha256(json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()
    path.write_text(json.dumps(record) + "\n")


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def digests(workspace):
    """What must not depend on the number of ranks: centroids, assignment, embeddings, exported pairs."""
    import h5py
    out = {}
    for path in sorted((workspace / "gen-0").rglob("*.h5")):
        with h5py.File(path, "r") as file:
            names = []
            file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
            for name in sorted(names):
                out[f"{path.relative_to(workspace)}/{name}"] = hashlib.sha256(file[name][...].tobytes()).hexdigest()
    out["train.jsonl"] = sha256(workspace / "out" / "train.jsonl")
    return out


def require_equal(expected, found, what):
    different = sorted(k for k in expected.keys() | found.keys() if expected.get(k) != found.get(k))
    if different:
        sys.exit(f"{what}: differs in {', '.join(different[:10])}")


def journal_answers(workspace):
    """Document numbers of all records in the journal, in order; torn last lines are left out."""
    out = []
    for path in sorted((workspace / "journal").glob("rank-*.jsonl")):
        for line in path.read_text(errors="replace").splitlines(keepends=True):
            try:
                out.append(json.loads(line[9:])["document"])
            except (ValueError, KeyError):
                if line.endswith("\n"):
                    raise
    return out
