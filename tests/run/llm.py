"""The faulty server of tests/support, and a corpus that it knows."""
import json
import os
import pathlib
import subprocess

import harness


class FakeLlm:
    """equal_fake_llm with `options` such as "faults=0.2"."""

    def __init__(self, *options):
        self.process = subprocess.Popen([str(pathlib.Path(os.environ["EQUAL_BINARY_DIR"]) / "bin" / "equal_fake_llm"), *options],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def say(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def facts(self):
        return json.loads(self.say("busy"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


KINDS = "lighthouse harbour mountain airport glacier desert island forest river valley".split()


def write_corpus(path, count):
    """Documents that the server knows by their mark, in some topics, so that there are arms."""
    with open(path, "w") as out:
        for i in range(count):
            kind = KINDS[i % len(KINDS)]
            text = (f"Record of weather station {i}. [[doc {i}]] The station stands near the {kind}; the {kind} shelters it. What is the altitude? "
                    f"Its altitude is {i * 3 + 7} metres. What is the rainfall? Its rainfall is {i * 5 + 11} millimetres.")
            out.write(json.dumps({"id": str(i), "text": text}) + "\n")


def write_reference(path):
    with open(path, "w") as out:
        for i in range(60):
            out.write(json.dumps({"question": f"What is the altitude of station {9000 + i}?", "answer": f"Its altitude is {40 + i} metres."}) + "\n")


def requests(log):
    """The server's log: (document, attempt, was its reply usable) of every request, in order."""
    return [tuple(map(int, line.split())) for line in pathlib.Path(log).read_text().splitlines()]


def journal(workspace):
    """Ids of the documents with a durable record, in order."""
    out = []
    for path in sorted((workspace / "journal").glob("rank-*.jsonl")):
        for line in path.read_bytes().splitlines(keepends=True):
            try:
                out.append(int(json.loads(line[9:])["id"]))
            except (ValueError, KeyError):
                if line.endswith(b"\n"):
                    raise
    return out


def settings(url, *more):
    return ["--inputs", "docs.jsonl", "--reference.files", "reference.jsonl", "--extractor", "chat", "--encoder.dim", "32", "--cluster.k", "20",
            "--partition-bytes", "300000", "--chat.endpoints", url, *more]


def asked(workspace):
    """What rounds.jsonl has observed: documents with and without an answer."""
    answered, failed = set(), set()
    for line in (workspace / "rounds.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "observed":
            for document in event["documents"]:
                (answered if document["answered"] else failed).add(document["number"])
    return answered, failed


def extract_facts(workspace):
    return harness.facts(workspace, "extract")
