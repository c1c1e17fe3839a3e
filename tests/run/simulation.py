"""The simulated communicator runs the whole job: with 4 ranks it gives the same rounds and files as a real run under mpirun."""
import json
import os
import pathlib
import subprocess
import sys

import corpus
import harness

BENCH = pathlib.Path(os.environ["EQUAL_BINARY_DIR"]) / "bin" / "bench_sim"
SETTINGS = ["--inputs", "docs.jsonl", "--reference.files", "reference.jsonl", "--extractor", "replay", "--partition-bytes", "40000", "--budget.documents", "25%",
            "--encoder.dim", "64", "--threads", "1", "--heartbeat-seconds", "0", "--log.level", "warn"]


def simulate(ranks, *words):
    done = subprocess.run([str(BENCH), "job", str(ranks), *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=200)
    if done.returncode != 0:
        sys.exit(f"exit code {done.returncode} of a simulation of {ranks} ranks:\n{done.stdout}")
    return json.loads(done.stdout.splitlines()[-1])


def answers(workspace):
    """Which rank's journal holds which document."""
    return {path.name[:10]: sorted(json.loads(line[9:])["document"] for line in path.read_text().splitlines()) for path in (workspace / "journal").glob("rank-*.jsonl")}


corpus.write_corpus("docs.jsonl")
corpus.write_reference("reference.jsonl")
for policy in ("pooled", "released"):
    real, simulated = harness.fresh(f"real-{policy}"), harness.fresh(f"simulated-{policy}")
    harness.run(4, "run", "--workspace", real, "--policy", policy, *SETTINGS)
    figures = simulate(4, "run", "--workspace", simulated, "--policy", policy, *SETTINGS)
    harness.require_equal(harness.digests(real), harness.digests(simulated), f"{policy}: 4 simulated ranks")
    rounds = (real / "rounds.jsonl").read_bytes()
    if rounds != (simulated / "rounds.jsonl").read_bytes():
        sys.exit(f"{policy}: rounds.jsonl of 4 simulated ranks differs from that of 4 real ones")
    if rounds.count(b'"event":"observed"') < 5:
        sys.exit(f"{policy}: too few rounds to show anything: {rounds.count(b'observed')}")
    working = [rank for rank, documents in answers(simulated).items() if documents]
    if len(working) != 3 or len(figures["bytes_sent"]) != 4 or min(figures["bytes_sent"]) == 0:
        sys.exit(f"{policy}: the simulation did not spread over 4 ranks: {working}, {figures}")
    if answers(real).keys() != answers(simulated).keys():
        sys.exit(f"{policy}: journals of other ranks: {sorted(answers(real))}, {sorted(answers(simulated))}")

# The comparison must notice another seed.
other = harness.fresh("other")
simulate(4, "run", "--workspace", other, "--policy", "pooled", "--seed", "2", *SETTINGS)
if (other / "rounds.jsonl").read_bytes() == (pathlib.Path("real-pooled") / "rounds.jsonl").read_bytes():
    sys.exit("another seed gave the same rounds: the comparison cannot fail")

# Same parameters, same simulation of a thousand ranks, to the last byte; measured time changes nothing that is decided.
SMALL = ["ranks=1024", "arms=512", "documents=16384", "dim=32", "rounds=6", "latency=lognormal:2,0.8"]
found = []
for name, compute in (("a", "free"), ("b", "free"), ("c", "measured")):
    done = subprocess.run([str(BENCH), "rounds", *SMALL, f"compute={compute}", f"folder={name}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=200)
    if done.returncode != 0:
        sys.exit(done.stdout)
    found.append(json.loads(done.stdout.splitlines()[-1]))
for key in ("rounds_sha256", "virtual_seconds", "messages_per_round", "bytes_per_round", "spent"):
    if found[0][key] != found[1][key]:
        sys.exit(f"two simulations with the same parameters differ in {key}: {found[0][key]}, {found[1][key]}")
if found[0]["rounds_sha256"] != found[2]["rounds_sha256"]:
    sys.exit("order=fixed: measured time changed what was decided")
if found[0]["rounds"] != 6 or found[0]["spent"]["money"] <= 0 or found[0]["coordinator_mib"] <= 0 or found[0]["utilisation"] <= 0:
    sys.exit(f"figures that cannot be: {found[0]}")
print("4 simulated ranks decide as 4 real ones")
