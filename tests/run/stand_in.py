"""The stand-in LLM server for tests that need an extractor which takes its time: the same answers for the same documents."""
import os
import pathlib
import signal
import subprocess
import sys
import time

PROMPT = pathlib.Path(__file__).parents[2] / "configs" / "prompts" / "extract.txt"
PROGRAM = pathlib.Path(__file__).parent.parent / "support" / "stand_in_llm.py"


class StandIn:
    """with StandIn(delay=0.1) as llm: ... llm.settings: what to tell equal; llm.requests(): (time, document) of each request."""

    def __init__(self, delay=0.0, slots=8, host="127.0.0.1", launcher=()):
        self.log = pathlib.Path("requests.log").absolute()
        self.log.write_text("")
        port_file = pathlib.Path("port.txt")
        port_file.unlink(missing_ok=True)
        self.process = subprocess.Popen([*launcher, sys.executable, str(PROGRAM), "serve", "stand-in", "--host", host, "--delay", str(delay), "--log", str(self.log), "--port-file", str(port_file)])
        while not port_file.exists() or not port_file.read_text().endswith("\n"):
            if self.process.poll() is not None:
                sys.exit("the stand-in for an LLM server did not start")
            time.sleep(0.02)
        self.url = f"http://{host}:{port_file.read_text().strip()}/v1"
        # order=fixed: rounds are decided from whole earlier rounds, so that the run is the same whoever answers first.
        self.settings = ["--extractor", "chat", "--chat.endpoints", self.url, "--chat.model", "stand-in", "--chat.format", "tagged", "--chat.prompt", str(PROMPT), "--chat.slots", str(slots), "--chat.allow_plain_http", "true", "--extract.order", "fixed"]

    def requests(self):
        out = []
        for line in self.log.read_text().splitlines():
            at, document = line.split()
            if int(document) >= 0:
                out.append((float(at), int(document)))
        return out

    def hurry(self):
        """Answers come without delay from now on, until as_before()."""
        self.process.send_signal(signal.SIGUSR1)

    def as_before(self):
        self.process.send_signal(signal.SIGUSR2)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.process.terminate()
        self.process.wait()
