"""Applies docs/extending.md to a copy of the sources: each how-to one file and one line. Compiles what that touches, links it with
the libraries of this build, and runs a job with the new encoder, policy, reward and extractor, on one and on three ranks.

usage: extending.py SOURCE BUILD     (in an empty folder)"""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

SOURCE, BUILD = map(pathlib.Path, sys.argv[1:3])
KINDS = {"policy": "greedy", "reward": "cosine", "encoder": "letters", "extractor": "headings"}
# What a new name makes the build compile besides the new file.
TOUCHED = ["bandit/policy.cpp", "job/encoders.cpp", "job/rewards.cpp", "job/extractors.cpp", "settings/table.cpp"]
BLOCK = re.compile(r"^```(cpp|cmake) (\S+)\n(.*?)^```$", re.M | re.S)


def run(*words, **options):
    done = subprocess.run([str(w) for w in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"exit code {done.returncode}: {' '.join(map(str, words))}\n{done.stdout[-4000:]}")
    return done.stdout


def apply(page, tree):
    """Writes the new files and adds the lines; returns the new files."""
    new, lines = [], []
    for kind, path, text in BLOCK.findall(page.read_text()):
        if kind == "cpp":
            if (tree / path).exists():
                sys.exit(f"{page}: {path} exists already")
            (tree / path).write_text(text)
            new.append(path)
        else:
            if text.count("\n") != 1:
                sys.exit(f"{page}: more than one line of registration:\n{text}")
            with open(tree / path, "a") as file:
                file.write(text)
            lines.append(text.split()[0] + " " + text.split()[1])
    wanted = sorted(f"equal_register({kind} {name}" for kind, name in KINDS.items())
    if len(new) != len(KINDS) or sorted(lines) != wanted:
        sys.exit(f"{page}: {len(new)} files and {lines}; expected one each of {wanted}")
    return new


def cache_value(name):
    found = re.search(rf"^{name}:\w+=(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.M)
    return found.group(1) if found else ""


def compile_and_link(tree, new):
    objects = []
    same = [f"-D{name}={cache_value(name)}" for name in
            ("CMAKE_CXX_COMPILER", "CMAKE_C_COMPILER", "CMAKE_BUILD_TYPE", "CMAKE_CXX_FLAGS", "CMAKE_CXX_COMPILER_LAUNCHER", "EQUAL_WERROR",
             "EQUAL_SANITIZE", "EQUAL_ONEDNN", "EQUAL_ZSTD", "EQUAL_PARQUET")]
    build = tree / "build"
    run("cmake", "-G", "Ninja", "-S", tree, "-B", build, "-DEQUAL_TESTS=OFF", "-DEQUAL_BENCH=OFF", *same)
    for path in TOUCHED + [str(pathlib.Path(p).relative_to("src")) for p in new]:
        area, file = path.split("/")
        objects.append(f"src/{area}/CMakeFiles/equal_{area}.dir/{file}.o")
    run("ninja", "-C", build, *objects)
    link = run("ninja", "-C", BUILD, "-t", "commands", "bin/equal").splitlines()[-1]
    program = pathlib.Path("equal").resolve()
    ours = " ".join(str((build / o).resolve()) for o in objects)
    changed = re.sub(r"(\S*main\.cpp\.o)", rf"\1 {ours}", link, count=1).replace("-o bin/equal ", f"-o {program} ")
    if changed == link:
        sys.exit(f"no link command of the program: {link}")
    run("sh", "-c", changed, cwd=BUILD)
    return program


def documents():
    subjects = ["copper", "granite", "maple", "harbour", "thunder", "violin", "lentils", "glacier"]
    for i in range(160):
        s = subjects[i % len(subjects)]
        yield {"id": f"d{i}", "text": f"# {s} {i}\nThe {s} of place {i} has been described by traveller number {i} in some detail.\n"}


def main():
    for leftover in ("tree", "w1", "w3"):
        shutil.rmtree(leftover, ignore_errors=True)
    tree = pathlib.Path("tree")
    for name in ("src", "include", "cmake", "configs", "docs", "jobs", "tools"):
        shutil.copytree(SOURCE / name, tree / name)
    for name in ("CMakeLists.txt", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff"):
        shutil.copy(SOURCE / name, tree / name)
    program = compile_and_link(tree.resolve(), apply(SOURCE / "docs" / "extending.md", tree))

    page = run(program, "validate", "--print-configuration-page")
    for name in KINDS.values():
        if f", {name}" not in page:
            sys.exit(f"the configuration page does not know {name}")
    refused = subprocess.run([str(program), "run", "--workspace", "w", "--policy", "greed"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if refused.returncode != 1 or "pooled, greedy" not in refused.stdout:
        sys.exit(f"policy 'greed' was not refused with the names: {refused.stdout}")

    pathlib.Path("docs.jsonl").write_text("".join(json.dumps(d) + "\n" for d in documents()))
    pathlib.Path("reference.jsonl").write_text('{"question": "What is there to know about copper?", "answer": "Copper conducts."}\n')
    settings = ["--inputs", "docs.jsonl", "--reference.files", "reference.jsonl", "--budget.documents", "40", "--cluster.k", "8",
                "--encoder.kind", "letters", "--policy", "greedy", "--reward", "cosine", "--extractor", "headings", "--ingest.partition_bytes", "8000"]
    outputs = []
    for ranks in (1, 3):
        workspace = pathlib.Path(f"w{ranks}")
        run(os.environ.get("EQUAL_MPIEXEC", "mpirun"), "-n", ranks, program, "run", "--workspace", workspace, *settings)
        outputs.append((workspace / "out" / "train.jsonl").read_bytes())
    rows = [json.loads(line) for line in outputs[0].splitlines()]
    if len(rows) < 20 or "What is there to know about" not in rows[0]["messages"][0]["content"] or not any(r["provenance"]["credit"] > 0.5 for r in rows):
        sys.exit(f"{len(rows)} rows, the first: {rows[:1]}")
    if outputs[0] != outputs[1]:
        sys.exit("one and three ranks differ: " + " ".join(hashlib.sha256(o).hexdigest()[:16] for o in outputs))
    print(f"{len(rows)} pairs with {', '.join(KINDS.values())}, alike on one and three ranks")


if __name__ == "__main__":
    main()
