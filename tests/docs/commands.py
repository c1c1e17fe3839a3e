"""Runs every command of the documents, in the words of the page. usage: commands.py SOURCE BUILD [PAGE ...]   (in an empty folder)

A fence is  ```sh  and says what the test does with it:
  sh            run, the blocks of a page one after another in one folder that prelude.sh has filled
  sh fails N    the same, the last command ending with exit code N
  sh cluster    needs a cluster, a model or a key of yours: the shell parses it, `equal validate` accepts each command line of equal
                in it, and each file of this repository that it names exists
  sh elsewhere TEST    too long to run here: as cluster, and the CTest case TEST, which runs it, exists
Outside fences, each `equal COMMAND ...` in the text is given to `equal validate`. Where a block names http://127.0.0.1:8000, a stand-in for a model server is started and its port put there."""
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

SOURCE, BUILD = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
HERE = pathlib.Path(__file__).resolve().parent
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```\s*$", re.M | re.S)
SERVER = "127.0.0.1:8000"


def pages():
    names = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "jobs/README.md"]
    return [SOURCE / n for n in names] + sorted(p for p in (SOURCE / "docs").rglob("*.md") if "changelog" not in p.parts)


def shell(text, folder, server):
    """One shell for a block; returns exit code and output."""
    text = text.replace(SERVER, server or SERVER)
    return subprocess.run(["bash", "-euc", text], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          env={**os.environ, "PATH": f"{BUILD / 'bin'}:{os.environ['PATH']}", "OMPI_MCA_rmaps_base_oversubscribe": "1"}, timeout=240)


def start_server(folder):
    port_file = folder / "port"
    process = subprocess.Popen([sys.executable, str(SOURCE / "tests/support/stand_in_llm.py"), "serve", "my-model", "--port-file", str(port_file)])
    for _ in range(200):
        if port_file.exists() and port_file.read_text().strip():
            return process, f"127.0.0.1:{port_file.read_text().strip()}"
        try:
            process.wait(timeout=0.05)
            break
        except subprocess.TimeoutExpired:
            pass
    sys.exit("the stand-in server did not start")


def command_lines(text):
    """Words of each simple command: continuation lines joined, comments and redirections dropped."""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        for part in re.split(r"\s(?:&&|\|\||\||;|&)(?:\s|$)", line):
            words = shlex.split(part, comments=True)
            if words:
                yield words


def check_only(text, where, problems):
    parsed = subprocess.run(["bash", "-n", "-c", text], stderr=subprocess.PIPE, text=True)
    if parsed.returncode != 0:
        problems.append(f"{where}: the shell does not parse it: {parsed.stderr}")
        return
    for words in command_lines(text):
        for word in words:
            if re.match(r"(tools|jobs|configs|tests|bench|\.ci)/[\w./-]+$", word) and not (SOURCE / word).exists():
                problems.append(f"{where}: there is no {word}")
        at = next((i for i, w in enumerate(words) if w == "equal" or w.endswith("/bin/equal")), None)
        if at is not None and at + 1 < len(words) and not words[at + 1].startswith("-"):
            rest = [w for w in words[at + 1:] if not w.startswith((">", "<", "2>"))]
            done = subprocess.run([str(BUILD / "bin/equal"), "validate", *rest], cwd=SOURCE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode != 0:
                problems.append(f"{where}: {done.stdout.strip()}")


def check_spans(page, text, problems):
    """Commands inside a line of text; words like ... and [rounds | arms] stand for something."""
    plain = FENCE.sub(lambda m: "\n" * m.group(0).count("\n"), text)
    count = 0
    known = re.findall(r"^  ([a-z][a-z-]*) +\S", subprocess.run([str(BUILD / "bin/equal"), "--help"], stdout=subprocess.PIPE, text=True).stdout, re.M)
    for span in re.finditer(r"`([^`\n]*?\bequal ([a-z][a-z-]*)( [^`\n]*)?)`", plain):
        if not re.match(r"(mpirun|srun|equal)\b", span.group(1)) or span.group(2) not in known:
            continue
        count += 1
        rest = re.split(r"[|<>&\[]", span.group(3) or "")[0].replace("...", " ")
        words = [span.group(2)] + shlex.split(rest)
        done = subprocess.run([str(BUILD / "bin/equal"), "validate", *words], cwd=SOURCE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0 and "usage: equal validate" not in done.stdout:
            line = plain.count("\n", 0, span.start()) + 1
            problems.append(f"{page.relative_to(SOURCE)}:{line}: `{span.group(1)}`: {done.stdout.strip()}")
    return count


def run_page(page, blocks, tests, problems):
    name = str(page.relative_to(SOURCE))
    folder = pathlib.Path(name.replace("/", "_")).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    server = process = None
    counts = {"run": 0, "checked": 0}
    try:
        for number, (kind, text, line) in enumerate(blocks):
            where = f"{name}:{line}"
            if kind and kind[0] in ("cluster", "elsewhere"):
                counts["checked"] += 1
                if kind[0] == "elsewhere" and kind[1] not in tests:
                    problems.append(f"{where}: there is no test {kind[1]}")
                check_only(text, where, problems)
                continue
            if kind and kind[0] != "fails":
                problems.append(f"{where}: unknown mark '{' '.join(kind)}'")
                continue
            if counts["run"] == 0:
                done = shell(f". '{HERE}/prelude.sh' '{SOURCE}' '{BUILD}'", folder, None)
                if done.returncode != 0:
                    sys.exit(f"prelude.sh: {done.stdout}")
            if SERVER in text and process is None:
                process, server = start_server(folder)
            counts["run"] += 1
            done = shell(text, folder, server)
            expected = int(kind[1]) if kind else 0
            if done.returncode != expected:
                problems.append(f"{where}: exit code {done.returncode}, expected {expected}:\n{text}\n{done.stdout[-3000:]}")
                break
    finally:
        if process is not None:
            process.kill()
            process.wait()
    return counts


def main():
    listed = subprocess.run(["ctest", "-N"], cwd=BUILD, stdout=subprocess.PIPE, text=True).stdout
    tests = set(re.findall(r"Test +#\d+: (\S+)", listed))
    wanted = [SOURCE / p for p in sys.argv[3:]] or pages()
    problems, totals = [], {"run": 0, "checked": 0}
    for page in wanted:
        text = page.read_text()
        blocks = []
        for match in FENCE.finditer(text):
            words = match.group(1).split()
            if words[:1] == ["sh"]:
                blocks.append((words[1:], match.group(2), text.count("\n", 0, match.start()) + 1))
            elif words[:1] in (["bash"], ["console"], ["shell"]) or (not words and re.search(r"^(\$ |sudo |mpirun |equal |cmake |git )", match.group(2), re.M)):
                problems.append(f"{page.relative_to(SOURCE)}: commands in a fence that is not marked sh:\n{match.group(2)}")
        counts = run_page(page, blocks, tests, problems) if blocks else {}
        totals["checked"] += check_spans(page, text, problems)
        for key, value in counts.items():
            totals[key] += value
    print("\n".join(problems))
    print(f"{totals['run']} blocks run, {totals['checked']} blocks and lines checked, {len(problems)} problems")
    sys.exit(1 if problems or (len(sys.argv) == 3 and totals["run"] < 10) else 0)


if __name__ == "__main__":
    main()
