"""A run is killed at seeded random moments of the wall clock, in every stage, and started again with another number of ranks until it is done."""
import collections
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import corpus
import harness
import stand_in

STAGES = ["ingest", "embed", "cluster", "extract", "export"]
# What a stage logs when it is done or was done before.
DONE = {"ingest": (" partitions, ", "ingest: complete"), "embed": ("embed: complete", None), "cluster": ("cluster: complete", "clusters after"),
        "extract": ("extract: complete", "documents asked"), "export": ("export: ", None)}


def finished_stages(text):
    done = 0
    for stage in STAGES:
        lines = [line for line in text.splitlines() if f"{stage}: " in line]
        if not any(any(mark and mark in line for mark in DONE[stage]) or (stage == "embed" and " in " in line and "documents with" not in line) for line in lines):
            break
        done += 1
    return done


class Killer:
    def __init__(self, settings, server, faults):
        self.settings, self.server, self.faults = settings, server, faults
        self.rng = random.Random(20250512)
        self.by_stage = collections.Counter()
        self.renames = self.paid_twice = self.lost_in_flight = self.single = 0
        self.durable, self.seen_requests = set(), 0

    def start(self, workspace, ranks, fault=None):
        words = harness.command(ranks, "run", "--workspace", workspace, *self.settings)
        if fault:
            at = words.index(str(harness.BINARY))
            words[at:at] = ["env", f"LD_PRELOAD={self.faults}", f"EQUAL_FAULT={fault}"]
        self.log = pathlib.Path("killed.log")
        with self.log.open("w") as log:
            return subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)

    def text(self):
        return self.log.read_text(errors="replace")

    def kill(self, process):
        """All processes at once, or one rank alone: then the others must end by themselves."""
        victims = harness.descendants(process.pid)
        ranks = [pid for pid in victims if self.is_rank(pid)]
        if ranks and self.rng.random() < 0.5:
            self.single += 1
            self.send(self.rng.choice(ranks))
            try:
                process.wait(timeout=30)
                return
            except subprocess.TimeoutExpired:
                sys.exit(f"a rank was killed and the others went on for 30 s:\n{self.text()}")
        for pid in victims + [process.pid]:
            self.send(pid)
        process.wait()

    @staticmethod
    def is_rank(pid):
        try:
            return os.readlink(f"/proc/{pid}/exe") == str(harness.BINARY.resolve())
        except OSError:
            return False

    @staticmethod
    def send(pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def take_stock(self, workspace):
        """Requests of the last start for documents that were durable before it; then what is durable now."""
        time.sleep(0.1)  # the server writes down what had reached it
        requests = self.server.requests()
        fresh = [document for _, document in requests[self.seen_requests:]]
        self.paid_twice += sum(document in self.durable for document in fresh)
        self.seen_requests = len(requests)
        for path in sorted((workspace / "journal").glob("rank-*.jsonl")):
            for line in path.read_text(errors="replace").splitlines(keepends=True):
                try:
                    self.durable.add(int(json.loads(line[9:])["id"].rsplit("-", 1)[1]))
                except (ValueError, KeyError):
                    if line.endswith("\n"):
                        raise

    def killed_in(self, workspace, process):
        """Books a kill that has happened; False when the run had ended by itself."""
        if process.returncode == 0:
            return False
        done = finished_stages(self.text())
        self.by_stage[STAGES[min(done, len(STAGES) - 1)]] += 1
        self.take_stock(workspace)
        return True

    def kill_in_stage(self, workspace, stage, seconds):
        """Waits until the stage begins, then for a random part of its usual time."""
        process = self.start(workspace, self.rng.choice([1, 2, 3, 4]))
        index = STAGES.index(stage)
        lock = workspace / "lock"
        while process.poll() is None and (finished_stages(self.text()) < index or (index == 0 and not lock.exists())):
            time.sleep(0.002)
        time.sleep(self.rng.uniform(0.0, seconds))
        if process.poll() is None:
            self.kill(process)
        return self.killed_in(workspace, process)

    def kill_at_rename(self, workspace):
        ranks = self.rng.choice([1, 2, 3])
        process = self.start(workspace, ranks, f"rename:{self.rng.randint(1, 25)}:KILL:{workspace}")
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            sys.exit(f"a rank was killed at a rename and the others went on for 60 s:\n{self.text()}")
        if self.killed_in(workspace, process):
            self.renames += 1
            return True
        return False


def measure(kills, faults):
    corpus.write_corpus("docs.jsonl", count=3000, marked=True)
    corpus.write_reference("reference.jsonl")
    with stand_in.StandIn(delay=0.02, slots=8) as server:
        settings = ["--inputs", "docs.jsonl", "--reference.files", "reference.jsonl", "--partition-bytes", "150000", "--budget.documents", "10%", "--encoder.dim", "64",
                    "--cluster.k", "40", "--cluster.restarts", "3", "--round-documents", "12", "--embed.block", "64", "--heartbeat-seconds", "10", *server.settings]
        undisturbed = harness.fresh("undisturbed")
        harness.run(3, "run", "--workspace", undisturbed, *settings)
        expected = harness.digests(undisturbed)  # vectors, clusters and the data set
        usual = {stage: max(0.02, harness.facts(undisturbed, stage)["seconds"]) for stage in STAGES}
        killer = Killer(settings, server, faults)
        mismatches = runs = 0
        while sum(killer.by_stage.values()) < kills or min(killer.by_stage[s] for s in STAGES) < 3:
            workspace = harness.fresh(f"killed-{runs}").absolute()
            runs += 1
            killer.durable, killer.seen_requests = set(), len(server.requests())
            for stage in STAGES:
                killer.kill_in_stage(workspace, stage, usual[stage])
                if stage != "export":
                    killer.kill_at_rename(workspace)
            harness.run(killer.rng.choice([1, 2, 3, 4]), "run", "--workspace", workspace, *settings)
            killer.take_stock(workspace)
            mismatches += harness.digests(workspace) != expected
            damaged = subprocess.run([str(harness.BINARY), "verify", str(workspace)], stdout=subprocess.PIPE, text=True)
            if damaged.returncode != 0:
                sys.exit(f"after the kills of run {runs} verify finds damage:\n{damaged.stdout}")
    return {"kills": sum(killer.by_stage.values()), "kills_by_stage": dict(killer.by_stage), "kills_at_renames": killer.renames, "kills_of_one_rank": killer.single, "runs": runs,
            "mismatches": mismatches, "paid_twice": killer.paid_twice}


if __name__ == "__main__":  # a test: kills.py [KILLS]
    library = next(pathlib.Path(os.environ["EQUAL_BINARY_DIR"]).rglob("libequal_fault_preload.so"))
    found = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 25, library)
    print(json.dumps(found))
    if found["mismatches"] or found["paid_twice"] or found["kills_at_renames"] < 3:
        sys.exit("a kill was not survived, or none fell at a rename")
