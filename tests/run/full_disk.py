"""The disk runs full: at the start of a stage (what is missing is named before anything is written), and in the middle of an extraction (what is durable stays; once
there is room again the same command line goes on to the same result). On a small tmpfs; needs root."""
import os
import pathlib
import re
import subprocess
import sys
import time

import corpus
import harness
import stand_in

corpus.write_corpus("docs.jsonl", count=600, marked=True)
corpus.write_reference("reference.jsonl")
disk = pathlib.Path("disk").absolute()
disk.mkdir(exist_ok=True)
subprocess.run(["umount", disk], stderr=subprocess.DEVNULL)
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], check=True)
try:
    with stand_in.StandIn(delay=0.1) as server:
        base = ["--inputs", "docs.jsonl", "--reference.files", "reference.jsonl", "--partition-bytes", "40000", "--budget.documents", "60%", "--round-documents", "24", *server.settings]
        settings = [*base, "--encoder.dim", "32", "--encoder.feature_bits", "12"]
        workspace = disk / "w"
        refused = harness.run(1, "run", "--workspace", workspace, *base, "--encoder.table", "hash", "--encoder.dim", "2048", "--cluster.k", "8", expect=69)
        if not re.search(r"stage (embed|cluster) writes about .*B, .* are free, .* are missing", refused):
            sys.exit(f"a disk too small for a stage: no message says what is missing\n{refused}")
        harness.fresh(workspace)
        undisturbed = harness.fresh("undisturbed")
        harness.run(3, "run", "--workspace", undisturbed, *settings, "--log.level", "warn")
        log = pathlib.Path("full.log")
        with log.open("w") as out:
            process = subprocess.Popen(harness.command(3, "run", "--workspace", workspace, *settings), stdout=out, stderr=subprocess.STDOUT)
        rounds, end = workspace / "rounds.jsonl", time.monotonic() + 60
        while not (rounds.exists() and rounds.read_bytes().count(b"observed") >= 2):
            if time.monotonic() > end or process.poll() is not None:
                process.kill()
                sys.exit(f"the extraction did not begin:\n{log.read_text()}")
            time.sleep(0.01)
        hog = disk / "hog"
        with hog.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1 << 12))
            except OSError:
                pass
        code = process.wait(timeout=60)
        text = log.read_text(errors="replace")
        if code == 0 or "No space left on device" not in text or "free some space and run the same command again" not in text:
            sys.exit(f"a disk that ran full: exit code {code}\n{text}")
        answered = len(harness.journal_answers(workspace))
        hog.unlink()
        harness.run(2, "run", "--workspace", workspace, *settings, "--log.level", "warn")
        harness.require_equal(harness.digests(undisturbed), harness.digests(workspace), "after a full disk")
finally:
    subprocess.run(["umount", "--lazy", disk])
print(f"refused before a stage without room; ended in the middle with {answered} answers kept, resumed to the same result")
