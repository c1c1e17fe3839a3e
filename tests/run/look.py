"""Commands that look at a run: status (terminal, log, JSON, Prometheus, live), inspect down to one pair, compare."""
import fcntl
import json
import os
import pathlib
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios

import corpus
import harness

corpus.write_corpus("docs.jsonl", count=300)
corpus.write_reference("reference.jsonl")
lines = pathlib.Path("docs.jsonl").read_text().splitlines()
first = json.loads(next(line for line in lines if "qas" in line))
copy = {"id": "copy", "text": "Another text about " + first["text"], "qas": [{"question": first["qas"][0]["question"], "answer": first["qas"][0]["answer"]}]}
pathlib.Path("docs.jsonl").write_text("\n".join([*lines, json.dumps(copy)]) + "\n")
WORDS = ["--reference.files", "reference.jsonl", "--extractor", "replay", "--encoder.dim", "32", "--log.level", "warn", "--inputs", "docs.jsonl", "--budget.documents", "90"]


def check(condition, text):
    if not condition:
        sys.exit(text)


def equal(*words, expect=0):
    return harness.run(0, *words, expect=expect)


chosen, random = harness.fresh("chosen"), harness.fresh("random")
harness.run(3, "run", "--workspace", chosen, *WORDS)
harness.run(2, "run", "--workspace", random, *WORDS, "--policy", "random")

status = json.loads(equal("status", chosen, "--json"))
check(status["extraction"]["asked"] == 90 and not status["running"], f"status --json: {status}")
metrics = equal("status", chosen, "--prometheus")
check('equal_documents_asked_total{workspace="chosen"} 90' in metrics and 'equal_stage_complete{workspace="chosen",stage="export"} 1' in metrics, metrics)
check(all(re.fullmatch(r'# (HELP|TYPE) equal_\w+ .+|equal_\w+\{(\w+="[^"]*",?)+\} [-+0-9.e]+', line) for line in metrics.splitlines()), "not Prometheus' format:\n" + metrics)
whole = (chosen / "status.json").read_text()
(chosen / "status.json").write_text(whole.replace('"total"', '"totaL"', 1))
check("status.json: damaged or altered" in equal("status", chosen), "equal status believes an altered status.json")
check("status.json: damaged or altered" in equal("verify", chosen, expect=2), "equal verify passes over status.json")
(chosen / "status.json").write_text(whole)
(chosen / "lock").write_text("")  # of a job that was killed
os.utime(chosen / "lock", (1e9, 1e9))
check("its job was killed or is frozen" in equal("status", chosen), "a job that gives no sign of life is said to run")
(chosen / "lock").unlink()
resolved = (chosen / "settings.resolved.ini").read_text()
(chosen / "settings.resolved.ini").write_text(resolved.replace("near_duplicates = 0.8", "near_duplicates = 0.1"))
check("settings.resolved.ini: damaged or altered" in equal("export", chosen, expect=2), "equal export believes an altered settings.resolved.ini")
(chosen / "settings.resolved.ini").write_text(resolved)
plain = equal("status", chosen, "--watch")  # nobody works there: it ends
check("\x1b" not in plain and "asked 90 of 90 documents" in plain, plain)


def on_terminal(columns, *words, **environment):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([harness.BINARY, *map(str, words)], stdout=slave, stderr=subprocess.DEVNULL, env={k: v for k, v in os.environ.items() if k != "NO_COLOR"} | environment)
    os.close(slave)
    text = b""
    try:
        while part := os.read(master, 4096):
            text += part
    except OSError:  # the other end is closed
        pass
    os.close(master)
    check(process.wait() == 0, "status on a terminal failed")
    return text.decode()


narrow = on_terminal(30, "status", chosen)
check("\x1b[32m" in narrow, "no colours on a terminal: " + repr(narrow))
check(max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in narrow.splitlines()) <= 30, "wider than the terminal:\n" + narrow)
check("\x1b" not in on_terminal(80, "status", chosen, NO_COLOR="1"), "NO_COLOR is not heeded")

rows = [json.loads(line)["provenance"] for line in (chosen / "out" / "train.jsonl").read_text().split("\n") if line]
row = rows[-1]
why = equal("inspect", chosen, "document", row["number"])
check(f"asked by policy pooled as one of arm {row['arm']}, observed in round {row['round']}" in why and "known then" in why and "the policy's state" in why, why)
pair = equal("inspect", chosen, "pair", row["number"], row["pair"])
check(f"credit: {row['credit']:.4f}" in pair and "not among the rejects" in pair, pair)
for line in (chosen / "out" / "rejects.jsonl").read_text().splitlines():
    reject = json.loads(line)
    check(f"left out of the export: {reject['reason']}" in equal("inspect", chosen, "pair", reject["number"], reject["pair"]), f"the reject is not explained: {reject}")
asked = {d["number"] for line in (chosen / "rounds.jsonl").read_text().splitlines() for d in [json.loads(line)] if d["event"] == "observed" for d in d["documents"]}
never = next(n for n in range(300) if n not in asked)
check("not asked so far" in equal("inspect", chosen, "document", never), "a document that was not asked")
check("largest arms" in equal("inspect", chosen, "partition", 0), "inspect partition")
check("there are 1" in equal("inspect", chosen, "partition", 7, expect=1), "a partition that is not there")
check("pairs, numbered from 0" in equal("inspect", chosen, "pair", row["number"], 99, expect=1), "a pair that is not there")

# The tables against rounds.jsonl.
observed = [event for line in (chosen / "rounds.jsonl").read_text().splitlines() for event in [json.loads(line)] if event["event"] == "observed"]
documents = [d for event in observed for d in event["documents"]]
table = [line.split() for line in equal("inspect", chosen, "rounds").splitlines()[1:]]
for line, event in zip(table, observed, strict=True):
    found = event["documents"]
    check([int(x) for x in line[:4]] == [event["round"], len(found), len({d["arm"] for d in found}), sum(d["pairs"] for d in found)]
          and abs(float(line[4]) - sum(d["reward"] for d in found)) < 0.00051, f"inspect rounds: {line} is not {event}")
    best = max({d["arm"] for d in found}, key=lambda arm: (sum(d["reward"] for d in found if d["arm"] == arm), -arm))
    check(int(line[5]) == best, f"inspect rounds: {line}, the best arm is {best}")
    shown = equal("inspect", chosen, "round", event["round"]).splitlines()
    check(shown[0] == f"round {event['round']}: {len(found)} documents" and [int(line.split()[1]) for line in shown[-len(found):]] == [d["number"] for d in found], "\n".join(shown))
arms = [line.split() for line in equal("inspect", chosen, "arms").splitlines()[1:]]
check(sorted((float(a[4]) for a in arms), reverse=True) == [float(a[4]) for a in arms], "inspect arms: not by reward")
for arm, size, count, pairs, reward, _ in arms:
    found = [d for d in documents if d["arm"] == int(arm)]
    check((int(count), int(pairs)) == (len(found), sum(d["pairs"] for d in found)) and abs(float(reward) - sum(d["reward"] for d in found)) < 0.00051, f"inspect arms: arm {arm}")
best = int(arms[0][0])
shown = equal("inspect", chosen, "arm", best)
check(shown.startswith(f"arm {best}: {arms[0][1]} documents") and [int(n) for n in re.findall(r"round \d+: document (\d+),", shown)] == [d["number"] for d in documents if d["arm"] == best], shown)
check(len(shown.split("first documents in draw order:\n")[1].splitlines()) == min(5, int(arms[0][1])), shown)
check("numbered from 0" in equal("inspect", chosen, "arm", len(arms), expect=1) and "is no number" in equal("inspect", chosen, "arm", "x", expect=1), "an arm that is not there")

# The clusters' sizes, radius and silhouette, worked out again: the sample holds all of these few documents.
import h5py
import numpy as np
vectors, cluster = (np.concatenate([h5py.File(p)[name][...] for p in sorted((chosen / "gen-0" / folder).glob("part-*.h5"))]) for folder, name in (("embeddings", "vectors"), ("assignment", "cluster")))
centroids = h5py.File(chosen / "gen-0" / "clusters.h5")["centroids"][...]
distance = np.linalg.norm(vectors.astype("f8")[:, None] - centroids, axis=2)
near = np.sort(distance, axis=1)
sizes, radius = np.bincount(cluster, minlength=len(centroids)), [distance[cluster == c, c].max(initial=0) for c in range(len(centroids))]
shape = (f"{min(sizes)} to {max(sizes)} documents each, median {np.sort(sizes)[len(sizes) // 2]}; radius median {np.sort(radius)[len(radius) // 2]:.3f}, at most {max(radius):.3f}; "
         f"silhouette {np.mean(1 - near[:, 0] / near[:, 1]):.3f} ({len(vectors)} documents)")
check(shape in equal("inspect", chosen), f"inspect does not say: {shape}\n" + equal("inspect", chosen))
report = json.loads((chosen / "report.json").read_text())
check([int(a[1]) for a in sorted(arms, key=lambda a: int(a[0]))] == list(sizes), "inspect arms: sizes")
check(shape in report["map"]["note"] and all(abs(a["radius"] - radius[a["arm"]]) < 1e-6 for a in report["map"]["arms"]), f"the report does not say: {shape}")

table = equal("compare", chosen, random)
distances = re.search(r"transport distance to the holdout +([0-9.]+) +([0-9.]+)", table)
check(distances and float(distances[1]) < float(distances[2]), "chosen pairs are not nearer to the holdout than random ones:\n" + table)
check(re.search(r"documents asked +90 +90", table) and "pairs in both" in table, table)
itself = equal("compare", chosen, chosen)
found = re.search(r"pairs kept +(\d+)", itself)[1]
check(f"pairs in both {found}" in itself, "a run against itself:\n" + itself)
check("name two workspaces" in equal("compare", chosen, expect=1), "compare with one workspace")

# As a job leaves it that is still asking: half of the rounds, no end.
half = harness.fresh("half")
shutil.copytree(chosen, half)
events = (chosen / "rounds.jsonl").read_text().splitlines(keepends=True)
(half / "rounds.jsonl").write_text("".join(events[: len(events) // 2]))
record = json.loads((half / "stages" / "extract.json").read_text())
record["facts"] = {"complete": False, "budget": record["facts"]["budget"]}
harness.write_sealed(half / "stages" / "extract.json", record)
(half / "stages" / "export.json").unlink()
equal("report", half, "--log.level", "warn")
report = json.loads((half / "report.json").read_text())
figures = {f["name"]: int(f["value"].replace(",", "")) for f in report["figures"]}
check(not report["complete"] and 0 < figures["documents asked"] < 90 and 0 < figures["pairs kept"] < int(found), f"the report of half a run: {figures}")
equal("export", half, "--export.folder", harness.fresh("half-out"), "--log.level", "warn")
card = pathlib.Path("half-out/README.md").read_text()
check("was not complete" in card and f"| documents asked | {figures['documents asked']} |" in card, card)
exported = len(pathlib.Path("half-out/train.jsonl").read_text().splitlines())
check(0 < exported <= figures["pairs kept"], f"{exported} pairs exported of half a run")
print("status, inspect, compare, report and export of half a run")
