"""Every file of a run's workspace stands in the table of docs/formats.md, and every row of the table but the passing ones in the workspace.
usage: workspace_files.py SOURCE BUILD     (in an empty folder)"""
import fnmatch
import json
import pathlib
import re
import shutil
import subprocess
import sys
import zlib

source, build = map(pathlib.Path, sys.argv[1:3])
shutil.rmtree("w", ignore_errors=True)
with open("docs.jsonl", "w") as file:
    for i in range(60):
        file.write(json.dumps({"id": f"d{i}", "text": f"Stone {i} lies on hill {i}.", "qas": [{"question": f"Where is stone {i}?", "answer": f"On hill {i}."}]}) + "\n")
pathlib.Path("reference.jsonl").write_text('{"question": "Where is stone 3?", "answer": "On hill 3."}\n')
done = subprocess.run([build / "bin" / "equal", "run", "--workspace", "w", "--inputs", "docs.jsonl", "--reference.files", "reference.jsonl",
                       "--extractor", "replay", "--budget.documents", "40", "--warmup.enabled", "true"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
if done.returncode != 0:
    sys.exit(done.stdout)

rows = re.findall(r"^\| (`.*?) \| ", (source / "docs" / "formats.md").read_text().split("## Array files")[0], re.M)
patterns = [re.sub(r"\d{4,5}", lambda m: "[0-9]" * len(m.group()), code) for row in rows for code in re.findall(r"`([^`]+)`", row)]
files = [str(p.relative_to("w")) for p in pathlib.Path("w").rglob("*") if p.is_file()]
problems = [f"w/{f}: no row of docs/formats.md" for f in files if not any(fnmatch.fnmatch(f, p) for p in patterns)]
passing = {"gen-*/kmeans.state", "gen-1/training.state", "staging/*.json", "lock"}  # gone when a stage, or the run, has ended
passing |= {"current", "gen-1/encoder/"}  # there when a warm-up has helped: run.warmup looks at them
problems += [f"docs/formats.md: no file is {p}" for p in patterns if p not in passing and not any(fnmatch.fnmatch(f, p) for f in files)]

for number, line in enumerate(pathlib.Path("w/rounds.jsonl").read_bytes().splitlines(), 1):
    body, _, crc = line.rpartition(b',"crc"')
    event = json.loads(line)
    if event["crc"] != f"{zlib.crc32(body):08x}" or event["event"] not in ("asked", "observed", "warmup") or (event["event"] != "warmup" and "documents" not in event):
        problems.append(f"w/rounds.jsonl:{number} is not as docs/formats.md says")
for path in pathlib.Path("w/journal").iterdir():
    for line in path.read_text().splitlines():
        if not {"document", "id", "digest", "extractor", "pairs", "rejected", "usage"} <= json.loads(line[9:]).keys():
            problems.append(f"{path}: a record lacks members that docs/formats.md names")
print("\n".join(problems))
print(f"{len(files)} files, {len(patterns)} patterns, {len(problems)} problems")
sys.exit(1 if problems else 0)
