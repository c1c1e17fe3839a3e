"""5,000 documents through the whole job at a server that fails a fifth of all requests in every way it can, the job killed
(SIGKILL, every process at once) three times, each time on another number of ranks. Judged by the server's own log: nothing is
asked again once its record is durable, every document is answered or has its reason, exit code 3 says that more than
job.max_loss failed."""
import collections
import json
import os
import signal
import subprocess
import sys
import time

import harness
import llm

DOCUMENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
SLOTS = 128
RANKS = (3, 1, 4, 3)


def check(condition, text):
    if not condition:
        sys.exit(text)


llm.write_corpus("docs.jsonl", DOCUMENTS)
llm.write_reference("reference.jsonl")
workspace = harness.fresh("w")
if os.path.exists("requests.log"):
    os.remove("requests.log")
lost = []
with llm.FakeLlm("faults=0.2", "latency=uniform:0.05", "log=requests.log") as server:
    words = ["run", "--workspace", workspace,
             *llm.settings(server.url, "--chat.slots", SLOTS, "--budget.documents", "100%", "--chat.timeout_seconds", "2", "--chat.retries", "11", "--policy", "random",
                           "--log.level", "warn")]
    durable, seen = set(), 0  # documents with a record when the present life began; lines of the log before it
    paid_twice = 0

    def end_life():
        """Counts what the life that has ended paid twice and lost."""
        global durable, seen, paid_twice
        log = llm.requests("requests.log")
        paid_twice += sum(document in durable for document, _, _ in log[seen:])
        last = {document: usable for document, _, usable in log[seen:]}
        durable_now = set(llm.journal(workspace))
        lost.append(sum(usable and document not in durable_now for document, usable in last.items()))
        durable, seen = durable_now, len(log)

    for life, ranks in enumerate(RANKS):
        if life == len(RANKS) - 1:
            harness.run(ranks, *words, expect=3)
            end_life()
            break
        target = DOCUMENTS * (life + 1) // 4
        with open("killed.log", "w") as output:
            process = subprocess.Popen(harness.command(ranks, *words), stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        while server.facts()["completions"] < target * 1.2:
            check(process.poll() is None, f"ended before the kill with code {process.returncode}:\n{open('killed.log').read()}")
            time.sleep(0.02)
        for pid in harness.descendants(process.pid) + [process.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        process.wait()
        end_life()

records = collections.Counter(llm.journal(workspace))
facts = llm.extract_facts(workspace)
answered, failed = llm.asked(workspace)
check(paid_twice == 0, f"{paid_twice} requests were made for documents whose record was durable")
check(max(records.values()) == 1, "a document has two records")
check(facts["asked"] == DOCUMENTS and facts["answered"] + facts["failed"] == DOCUMENTS, f"asked {facts['asked']}, answered {facts['answered']}, failed {facts['failed']}")
check(len(answered) == facts["answered"] == len(records) and len(answered | failed) == DOCUMENTS, "journal, rounds.jsonl and the summary count differently")
check(sum(facts["failures"].values()) == facts["failed"] and all(facts["failures"]), f"failures without a reason: {facts['failures']}")
check(lost[-1] == 0 and all(n <= SLOTS for n in lost), f"lost in flight: {lost}")
check(sum(lost) <= facts["lost_in_flight"] <= (SLOTS * 9 // 8 + 4) * 3, f"{facts['lost_in_flight']} were reported as lost in flight, {lost} were")
print(json.dumps({"documents": DOCUMENTS, "requests": seen, "answered": facts["answered"], "failed": facts["failed"], "kills": len(RANKS) - 1, "slots": SLOTS,
                  "lost": DOCUMENTS - facts["answered"] - facts["failed"], "lost_in_flight": sum(lost), "most_lost_in_a_kill": max(lost),
                  "lost_in_flight_reported": facts["lost_in_flight"], "paid_twice": paid_twice, "exit_status": 3}))
