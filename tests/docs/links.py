"""Every relative link of the documents leads to a file, every #anchor to a heading. usage: links.py SOURCE"""
import pathlib
import re
import sys

source = pathlib.Path(sys.argv[1])
pages = [p for p in source.glob("*.md")] + sorted((source / "docs").rglob("*.md")) + [source / "jobs" / "README.md"]


def anchors(path):
    out = set()
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            title = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", line.lstrip("#").strip().lower()))
            out.add(title.replace(" ", "-"))
    return out


links, problems = 0, []
for page in pages:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+://|mailto:", target):
            continue
        links += 1
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        if not file.exists():
            problems.append(f"{page.relative_to(source)}: {target} does not exist")
        elif anchor and file.suffix == ".md" and anchor not in anchors(file):
            problems.append(f"{page.relative_to(source)}: {target}: no such heading")
index = (source / "docs" / "README.md").read_text()
for page in sorted((source / "docs").rglob("*.md")):
    name = str(page.relative_to(source / "docs"))
    if name != "README.md" and not name.startswith("changelog/") and f"]({name})" not in index:
        problems.append(f"docs/README.md does not list {name}")
print("\n".join(problems))
print(f"{links} links, {len(problems)} problems")
sys.exit(1 if problems or links < 20 else 0)
