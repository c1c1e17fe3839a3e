"""A rank that is frozen, killed or crashes, or that cannot write, ends the whole job soon, with a message that names rank, host, stage and cause; the
same command line then goes on to the same result."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import corpus
import harness
import stand_in

HEARTBEAT = 3
FAULTS = pathlib.Path(os.environ["EQUAL_BINARY_DIR"]) / "tests" / "support" / "libequal_fault_preload.so"
corpus.write_corpus("docs.jsonl", count=1200, marked=True)
corpus.write_reference("reference.jsonl")
BASE = ["--inputs", "docs.jsonl", "--reference.files", "reference.jsonl", "--partition-bytes", "40000", "--budget.documents", "60%", "--encoder.dim", "32",
        "--heartbeat-seconds", str(HEARTBEAT), "--round-documents", "24"]


def rank_processes(process):
    """Rank -> process id, of a job that mpirun has started."""
    out = {}
    for pid in harness.descendants(process.pid):
        try:
            text = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        found = re.search(rb"(?:OMPI_COMM_WORLD_RANK|PMI_RANK)=(\d+)", text)
        if found:
            out[int(found.group(1))] = pid
    return out


def disturbed(workspace, settings, disturb, within, expect, environment=None):
    start_log = pathlib.Path("disturbed.log")
    rounds = workspace / "rounds.jsonl"
    before = rounds.read_bytes().count(b"observed") if rounds.exists() else 0
    with start_log.open("w") as log:
        process = subprocess.Popen(harness.command(3, "run", "--workspace", workspace, *settings), stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})})
    end = time.monotonic() + 60
    while disturb and not (rounds.exists() and rounds.read_bytes().count(b"observed") >= before + 2):
        if time.monotonic() > end or process.poll() is not None:
            process.kill()
            sys.exit(f"the extraction did not begin:\n{start_log.read_text()}")
        time.sleep(0.01)
    if disturb:
        time.sleep(0.25)  # the others are told of a new stage within 0.2 s
    begin = time.monotonic()
    if disturb:
        disturb(rank_processes(process))
    try:
        code = process.wait(timeout=within)
    except subprocess.TimeoutExpired:
        for pid in harness.descendants(process.pid) + [process.pid]:
            os.kill(pid, signal.SIGKILL)
        sys.exit(f"the job had not ended after {within} s:\n{start_log.read_text()}")
    text = start_log.read_text(errors="replace")
    if code == 0:
        sys.exit(f"the job ended as if nothing had happened:\n{text}")
    for part in expect:
        if part not in text:
            sys.exit(f"'{part}' is missing in:\n{text}")
    return time.monotonic() - begin


def sending(number, rank):
    return lambda ranks: os.kill(ranks[rank], number)


host = socket.gethostname()
with stand_in.StandIn(delay=0.15) as server:
    settings = BASE + server.settings
    undisturbed = harness.fresh("undisturbed")
    harness.run(3, "run", "--workspace", undisturbed, *settings, "--log.level", "warn")
    workspace = harness.fresh("disturbed")
    times = {}
    # Limit, and the turn of the thread that looks, and the launcher's own time to end what is left.
    soon, limit = 12, HEARTBEAT + 12
    silent = f"has given no sign of life for {HEARTBEAT} s"
    times["frozen worker"] = disturbed(workspace, settings, sending(signal.SIGSTOP, 2), limit, [f"rank 2 on host {host}, stage extract, {silent}"])
    times["frozen coordinator"] = disturbed(workspace, settings, sending(signal.SIGSTOP, 0), limit, [f"rank 0 on host {host}, stage extract, {silent}"])
    times["killed worker"] = disturbed(workspace, settings, sending(signal.SIGKILL, 1), soon, [f"rank 1 on host {host}, stage extract, ended without a word: it was killed"])
    times["crashed worker"] = disturbed(workspace, settings, sending(signal.SIGSEGV, 2), soon, [f"rank 2 on host {host}, stage extract: segmentation fault"])
    times["unwritable journal"] = disturbed(workspace, settings, None, 60, ["journal/rank-0000", "Input/output error", f"on host {host}, stage extract"],
                                            {"LD_PRELOAD": str(FAULTS), "EQUAL_FAULT": "write:3:EIO:journal/"})
    harness.run(2, "run", "--workspace", workspace, *settings, "--log.level", "warn")
    harness.require_equal(harness.digests(undisturbed), harness.digests(workspace), "after lost ranks")
print("ended after", ", ".join(f"{what} {seconds:.1f} s" for what, seconds in times.items()))
