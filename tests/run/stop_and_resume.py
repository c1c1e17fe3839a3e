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

rng = random.Random(11)
workspace, stops = harness.fresh("stopped"), 0
for attempt in range(40):
    process = subprocess.Popen(harness.command(rng.choice([1, 2, 3]), "run", "--workspace", workspace, *SETTINGS), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(rng.uniform(0.3, 0.9) * seconds if attempt < 8 else 0)
    if attempt < 8:
        process.send_signal(signal.SIGUSR1)
    output, _ = process.communicate(timeout=120)
    if process.returncode == 0:
        break
    if process.returncode not in (75, -signal.SIGUSR1, 128 + signal.SIGUSR1):
        sys.exit(f"exit code {process.returncode} after USR1:\n{output}")
    stops += process.returncode == 75
harness.require_equal(harness.digests(undisturbed), harness.digests(workspace), f"after {stops} stops")
if stops == 0:
    sys.exit("no run was stopped")
print(f"{stops} stops with exit code 75, the same result")
