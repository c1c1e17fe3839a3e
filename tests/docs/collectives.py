"""docs/mpi.md names every collective function of the public headers, and none that does not exist. usage: collectives.py SOURCE

Collective is what a header's comment says so of ("Collective", "Logically collective"), before the declaration or behind it."""
import pathlib
import re
import sys

source = pathlib.Path(sys.argv[1])
MARK = re.compile(r"^(Collective|Logically collective)\b")
NAME = re.compile(r"([A-Za-z_]\w*)\s*\(")


def declared(lines, at):
    """The function that is declared from line `at` on."""
    text = " ".join(l.strip() for l in lines[at:at + 6])
    text = re.sub(r"template\s*<[^>]*>|requires\s+[\w:<>]+", " ", text)
    text = re.split(r"///|//", text)[0] if text.strip().startswith("//") else text
    found = NAME.search(re.sub(r"std::function<[^>]*>", "", text))
    return found.group(1) if found else None


def collectives(path):
    lines = path.read_text().splitlines()
    for i, line in enumerate(lines):
        inline = re.match(r"(.*;)\s*///<\s*(.*)", line)
        if inline and MARK.match(inline.group(2)):
            yield NAME.search(inline.group(1)).group(1)
        comment = re.match(r"\s*///?\s+(.*)", line)
        previous = re.match(r"\s*///", lines[i - 1]) if i else None
        if comment and MARK.match(comment.group(1)) and not previous:
            j = i
            while j < len(lines) and re.match(r"\s*//", lines[j]):
                j += 1
            name = declared(lines, j)
            if name:
                yield name


in_headers = {}
for path in sorted((source / "include").rglob("*.hpp")):
    for name in collectives(path):
        in_headers.setdefault(name, path.relative_to(source))
page = (source / "docs" / "mpi.md").read_text()
in_page = set()
for row in re.findall(r"^\| (.*) \| collective(?: as a pair)? \|$", page, re.M):
    for code in re.findall(r"`([^`]+)`", row):
        in_page |= {word.split("::")[-1] for word in code.split()}
problems = [f"docs/mpi.md does not name {name} ({path})" for name, path in in_headers.items() if name not in in_page]
everything = " ".join(p.read_text() for folder in ("include", "src") for p in (source / folder).rglob("*.hpp"))
problems += [f"docs/mpi.md names {name}, which no header declares" for name in sorted(in_page) if not re.search(rf"\b{name}\b", everything)]
print("\n".join(problems))
print(f"{len(in_headers)} collective functions, {len(problems)} problems")
sys.exit(1 if problems or len(in_headers) < 20 else 0)
