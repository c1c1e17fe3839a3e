"""USR1 at seeded random moments: exit code 75 (or the end, if that came first), everything saved, the same result in the end."""
import random
import signal
import subprocess
import sys
import time

import corpus
import harness

corpus.write_corpus("docs.jsonl", count=4000)
corpus.write_reference("reference.jsonl")
SETTINGS = ["--inputs", "docs.jsonl", "--reference.files", "reference.jsonl", "--extractor", "replay", "--partition-bytes", "200000", "--budget.documents", "30%",
            "--encoder.dim", "64", "--cluster.k", "40", "--round-documents", "12", "--embed.block", "64", "--log.level", "warn"]

undisturbed = harness.fresh("undisturbed")
start = time.monotonic()
harness.run(3, "run", "--workspace", undisturbed, *SETTINGS)
seconds = time.monotonic() - start

WANTED = 3
expected = harness.digests(undisturbed)
rng, scale, stops, attempts = random.Random(11), 1.0, 0, 0
workspace = harness.fresh("stopped")
while stops < WANTED:
    attempts += 1
    if attempts > 60:
        sys.exit(f"{stops} of {attempts} runs were stopped by USR1")
    process = subprocess.Popen(harness.command(rng.choice([1, 2, 3]), "run", "--workspace", workspace, *SETTINGS), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(rng.uniform(0.2, 0.9) * scale * seconds)
    if process.poll() is None:
        process.send_signal(signal.SIGUSR1)
    output, _ = process.communicate(timeout=120)
    if process.returncode == 75:
        stops += 1
    elif process.returncode == 0:  # ended before the signal: a new one, and less patience
        harness.require_equal(expected, harness.digests(workspace), f"after {stops} stops")
        workspace, scale = harness.fresh("stopped"), scale * 0.8
    elif process.returncode in (-signal.SIGUSR1, 128 + signal.SIGUSR1):  # before the handlers were in place
        scale *= 1.1
    else:
        sys.exit(f"exit code {process.returncode} after USR1:\n{output}")
harness.run(2, "run", "--workspace", workspace, *SETTINGS)
harness.require_equal(expected, harness.digests(workspace), f"after {stops} stops")
print(f"{stops} stops with exit code 75 in {attempts} runs, the same result")
