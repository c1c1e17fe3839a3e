"""Every message of docs/troubleshooting.md is in the sources, in the words of the page. usage: troubleshooting.py SOURCE"""
import pathlib
import re
import sys

source = pathlib.Path(sys.argv[1])
texts = []
for path in sorted((source / "src").rglob("*.cpp")):
    joined = re.sub(r'"\s*\n\s*"', "", path.read_text())  # literals that the compiler joins
    texts.append(joined.replace(r"\"", '"').replace("{{", "{").replace("}}", "}"))

rows = failures = 0
for line in (source / "docs" / "troubleshooting.md").read_text().splitlines():
    cells = re.match(r"\| `([^`]+)`(.*?) \| ", line)
    if not cells or "Open MPI's" in cells.group(2):
        continue
    rows += 1
    parts = [p.strip() for p in cells.group(1).split("…") if len(p.strip()) >= 3]
    if not any(all(part in text for part in parts) for text in texts):
        failures += 1
        missing = [p for p in parts if not any(p in text for text in texts)]
        print(f"no file of src/ has all of {parts}" + (f"; nowhere: {missing}" if missing else ""))
print(f"{rows} messages, {failures} not found")
sys.exit(1 if failures or rows < 40 else 0)
