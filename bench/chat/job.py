"""The whole job at a fake server, for bench/run chat: the slots that it keeps busy, and what faults and kills cost."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GIVEN = os.environ.get("EQUAL_BINARY_DIR")  # CTest's: built already
BUILD = Path(GIVEN or ROOT / "build/release")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "equal"
ENVIRONMENT = {**os.environ, "EQUAL_BINARY_DIR": str(BUILD), "EQUAL_SOURCE_DIR": str(ROOT), "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
os.environ.update(ENVIRONMENT)
sys.path.insert(0, str(ROOT / "tests/run"))
import harness  # noqa: E402
import llm  # noqa: E402


def build():
    if GIVEN:
        return
    if not (BUILD / "build.ninja").exists():
        subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True, stdout=sys.stderr)
    subprocess.run(["cmake", "--build", "--preset", "release", "--target", "equal", "bench_chat", "equal_fake_llm"], cwd=ROOT, check=True, stdout=sys.stderr)


class Folder:
    """A scratch folder that is the current one."""

    def __enter__(self):
        self.before, self.path = os.getcwd(), tempfile.mkdtemp(prefix="equal-bench-chat-")
        os.chdir(self.path)
        return Path(self.path)

    def __exit__(self, *_):
        os.chdir(self.before)
        shutil.rmtree(self.path, ignore_errors=True)


SLOTS, RANKS = 256, 3


def busy_share(documents, *more):
    """Share of the server's slots that were busy between the first and the last request of a run."""
    llm.write_corpus("docs.jsonl", documents)
    llm.write_reference("reference.jsonl")
    with llm.FakeLlm(f"slots={SLOTS}", "latency=lognormal:0.2:1") as server:
        harness.run(RANKS, "run", "--workspace", harness.fresh("w"), *llm.settings(server.url, "--chat.slots", SLOTS, "--budget.documents", documents, "--log.level", "warn", *more))
        facts = server.facts()
    if facts["completions"] != documents:
        sys.exit(f"{facts['completions']} requests for {documents} documents")
    return facts["slot_seconds"] / facts["seconds"] / SLOTS


def utilisation():
    with Folder():
        rounds = ["--policy", "random", "--extract.order", "fixed", "--extract.round_documents", 500]
        return {
            "utilisation": busy_share(6000),  # the default policy
            "utilisation_random": busy_share(6000, "--policy", "random"),
            "utilisation_delay1": busy_share(4000, *rounds, "--extract.delay", 1),
            "utilisation_barrier": busy_share(3000, *rounds),
        }


def kills():
    with Folder():
        out = subprocess.run([sys.executable, ROOT / "tests/run/chat_kills.py"], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(out.stdout.strip().splitlines()[-1])
