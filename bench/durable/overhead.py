"""What persistence costs an extraction: the same run with journal, rounds.jsonl and status.json written and synced, and with those writes and syncs
skipped below the C library (tests/support/faults.hpp, SKIP), in turns."""
import os
import statistics
import subprocess
import sys

import corpus
import harness
import stand_in

SKIP = "persist:1:SKIP:/journal/,rounds.jsonl,status.json"


def seconds(settings, skip, faults):
    workspace = harness.fresh("overhead").absolute()
    for stage in ("ingest", "embed", "cluster"):
        harness.run(2, stage, "--workspace", workspace, *settings, "--log.level", "warn")
    words = harness.command(2, "extract", "--workspace", workspace, *settings, "--log.level", "warn")
    at = words.index(str(harness.BINARY))
    # The library is loaded in both: only what it does differs.
    words[at:at] = ["env", f"LD_PRELOAD={faults}", f"EQUAL_FAULT={SKIP if skip else 'rename:999999999:EIO:nowhere'}"]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"exit code {done.returncode}\n{done.stdout}")
    written = sum(p.stat().st_size for p in (workspace / "journal").glob("*.jsonl"))
    if skip != (written == 0):
        sys.exit(f"the journal holds {written} bytes although writing was {'skipped' if skip else 'asked for'}")
    return harness.facts(workspace, "extract")["seconds"]


def compare(settings, rounds, faults):
    """Median over pairs of neighbouring runs of (time with) / (time without) - 1."""
    ratios, with_all, without_all = [], [], []
    for i in range(rounds):
        pair = {}
        for skip in ((False, True) if i % 2 == 0 else (True, False)):
            pair[skip] = seconds(settings, skip, faults)
        with_all.append(pair[False])
        without_all.append(pair[True])
        ratios.append(pair[False] / pair[True] - 1)
    return statistics.median(ratios), statistics.median(with_all), statistics.median(without_all)


def measure(rounds, faults):
    corpus.write_corpus("docs.jsonl", count=4000, marked=True)
    corpus.write_reference("reference.jsonl")
    base = ["--inputs", "docs.jsonl", "--reference.files", "reference.jsonl", "--encoder.dim", "64", "--partition-bytes", "200000"]
    with stand_in.StandIn(delay=1.0, slots=64) as server:
        settings = [w for w in server.settings if w not in ("--extract.order", "fixed")]
        chat = compare(base + settings + ["--budget.documents", "800"], rounds, faults)
    rules = compare(base + ["--extractor", "pattern", "--budget.documents", "100%", "--policy", "random"], rounds, faults)
    return {"overhead": round(chat[0], 4), "overhead_seconds": [round(x, 3) for x in chat[1:]], "overhead_pattern": round(rules[0], 4), "overhead_pattern_seconds": [round(x, 3) for x in rules[1:]]}
