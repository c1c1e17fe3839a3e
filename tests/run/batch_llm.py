"""extractor=command with a real program and model: SmolLM2-135M answers batch files offline (tests/support/batch_llm.py). The job is killed in the middle of a
batch; what had been answered by then is not asked again, and the program that was left running is ended."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import harness

SOURCE = pathlib.Path(os.environ["EQUAL_SOURCE_DIR"])
DOCUMENTS = 4


def check(condition, text):
    if not condition:
        sys.exit(text)


def answers(folder):
    return sum(line.count("\n") for line in (p.read_text() for p in folder.rglob("*.output.jsonl")))


def processes(word):
    out = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and word.encode() in (entry / "cmdline").read_bytes():
                out.append(int(entry.name))
        except OSError:
            pass
    return out


sys.path.insert(0, str(SOURCE / "bench/chat"))
import environment  # noqa: E402

python, model = environment.model()
labels = map(json.loads, (SOURCE / "tests/data/extract/grounding_labels.jsonl").read_text().splitlines())
texts = list(dict.fromkeys(label["text"] for label in labels if "text" in label))[:DOCUMENTS]
pathlib.Path("asked").unlink(missing_ok=True)
pathlib.Path("docs.jsonl").write_text("".join(json.dumps({"id": str(i), "text": text}) + "\n" for i, text in enumerate(texts)))
pathlib.Path("reference.jsonl").write_text("".join(json.dumps({"question": f"What is field {i}?", "answer": f"Field {i} shows a date."}) + "\n" for i in range(20)))
workspace = harness.fresh("w")
words = ["run", "--workspace", workspace, "--inputs", "docs.jsonl", "--reference.files", "reference.jsonl", "--ingest.max_words", 100, "--policy", "full", "--budget.documents", "100%",
         "--encoder.dim", 32, "--extractor", "command", "--command.batch", 100, "--chat.prompt", "small", "--chat.max_pairs", 2, "--chat.max_tokens", 160, "--chat.context_tokens", 2048,
         "--max-loss", 0.5, "--command.line", f"wc -l <{{input}} >>asked; exec {python} {SOURCE}/tests/support/batch_llm.py {model} {{input}} {{output}} --threads 1"]
process = subprocess.Popen(harness.command(2, *words), stdout=open("killed.log", "w"), stderr=subprocess.STDOUT)
batches, end = workspace / "batches", time.monotonic() + 1200
while not (batches.exists() and answers(batches) >= 3):
    check(process.poll() is None and time.monotonic() < end, "no batch was begun:\n" + open("killed.log").read())
    time.sleep(0.05)
for pid in [p for p in harness.descendants(process.pid) if os.readlink(f"/proc/{p}/exe") == str(harness.BINARY.resolve())] + [process.pid]:
    os.kill(pid, signal.SIGKILL)
process.wait()
at_kill, orphans = answers(batches), processes(str(batches.absolute()))
check(orphans, "the batch program ended with the job; nothing was left to end")
output = harness.run(1, *words, timeout=900)
check("ended the command of an earlier run" in output, output)
check(not [p for p in orphans if pathlib.Path(f"/proc/{p}").exists()], "the program of the killed job still runs")
facts = harness.facts(workspace, "extract")
check(facts["answered"] + facts["failed"] == facts["asked"] and facts["answered"] >= facts["asked"] // 2, f"facts: {facts}")
first, second = map(int, pathlib.Path("asked").read_text().split())
check(first == facts["asked"] and second <= first - at_kill, f"{first} were asked, {at_kill} answered when the job was killed, {second} asked again")
check(facts["spent"]["completion_tokens"] > 0, f"no tokens: {facts['spent']}")
written = [record["written"][0]["text"] for path in (workspace / "journal").glob("*.jsonl") for record in (json.loads(line[9:]) for line in path.read_text().splitlines())]
check(len(written) == facts["answered"] and any(written), f"{len(written)} texts for {facts['answered']} answers")
print(f"{facts['asked']} pieces, {facts['answered']} answered, {facts['pairs']} pairs kept, dropped {facts['rejected']}; killed after {at_kill} answers, then {second} were asked")
