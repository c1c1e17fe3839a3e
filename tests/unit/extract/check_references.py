#!/usr/bin/env python3
"""Proofreads configs/references/programming-*.jsonl: runs the code of every answer, and where a line ends in `# text`, looks for the
text in what the code printed. Exit status 1 and the question's id for each that fails."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

folder = Path(os.environ["EQUAL_SOURCE_DIR"]) / "configs" / "references"
failures, ran, questions = [], 0, {}
for path in sorted(folder.glob("programming-*.jsonl")):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        pair = json.loads(line)
        if pair["question"] in questions:
            failures.append(f"{path.name}:{number}: asked before, by {questions[pair['question']]}")
        questions[pair["question"]] = pair["id"]
        code = "\n".join(text[4:] if text.startswith("    ") else "" for text in pair["answer"].split("\n"))
        if not code.strip():
            continue
        with tempfile.TemporaryDirectory() as scratch:
            Path(scratch, "names.txt").write_text("Ada\nBob\n", encoding="utf-8")
            script = Path(scratch, "code")
            python = pair["id"].startswith("python")
            script.write_text(code if python else "use strict; use warnings;\n" + code, encoding="utf-8")
            done = subprocess.run([sys.executable if python else "perl", script], cwd=scratch, capture_output=True, text=True, timeout=60, check=False)
        ran += 1
        if done.returncode or done.stderr:
            failures.append(f"{pair['id']}: {done.stderr.strip()[-300:]}")
        for said in re.findall(r"(?:print|show)\b.*?#\s(.*)$", code, re.MULTILINE):
            if said.strip() not in done.stdout:
                failures.append(f"{pair['id']}: should print {said.strip()!r}, printed {done.stdout!r}")
if len(questions) < 80:
    failures.append(f"{len(questions)} pairs in {folder}; at least 80 wanted")
print(f"{len(questions)} pairs, {ran} with code that was run")
print("\n".join(failures))
sys.exit(1 if failures else 0)
