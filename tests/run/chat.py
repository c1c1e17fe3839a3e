"""Chat and command through the whole job: budgets, secrets, servers that come late and die, time limit, a changed prompt, dry run, documents under way,
refinement, a batch program. Arguments: names of parts; none = all."""
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

import harness
import llm


def check(condition, text):
    if not condition:
        sys.exit(text)


llm.write_corpus("docs.jsonl", 400)
llm.write_reference("reference.jsonl")


def run(ranks, workspace, url, *more, expect=0, command="run"):
    return harness.run(ranks, command, "--workspace", workspace, *llm.settings(url, *more), expect=expect)


def spent(workspace):
    return llm.extract_facts(workspace)["spent"]


def budgets():
    """Calls, tokens and money end the run, passed by no more than what was in flight; then a larger budget goes on."""
    with llm.FakeLlm("latency=uniform:0.02", "faults=0.1", "log=requests.log") as server:
        common = ["slots=16", "--budget.documents", "100%", "--chat.timeout_seconds", 1, "--max-loss", 1, "--budget.price_prompt", 1000, "--budget.price_completion", 2000]
        workspace = harness.fresh("budgets")
        run(3, workspace, server.url, *common, "--budget.calls", 100)
        calls = spent(workspace)["calls"]
        check(85 <= calls <= 100 + 18, f"budget.calls = 100: {calls} calls")
        run(2, workspace, server.url, *common, "--budget.tokens", 28000)
        used = spent(workspace)["prompt_tokens"] + spent(workspace)["completion_tokens"]
        check(26000 <= used <= 28000 + 18 * 140, f"budget.tokens = 28000: {used} tokens")
        run(1, workspace, server.url, *common, "--budget.money", 50)
        check(45 <= spent(workspace)["money"] <= 50 + 18 * 0.18, f"budget.money = 50: {spent(workspace)['money']}")
        facts = llm.extract_facts(workspace)
        check(facts["asked"] == facts["answered"] + facts["failed"], f"not every document was answered or failed: {facts}")
    check(len(llm.journal(workspace)) == len(set(llm.journal(workspace))), "a document was paid twice over three budgets")


def secrets():
    """The server echoes the key wherever it can: it must not be in any file, nor in what the program prints."""
    key = "sk-test-4b1f0a77d3e95c62"
    os.environ["EQUAL_TEST_KEY"] = key
    pathlib.Path("key").write_text(key + "\n")
    for how, mode, more in (("environment", 0o600, ["--chat.key_env", "EQUAL_TEST_KEY"]), ("file", 0o600, ["--chat.key_file", os.path.abspath("key"), "--chat.key_header", "api-key"])):
        os.chmod("key", mode)
        workspace = harness.fresh(f"secrets-{how}")
        with llm.FakeLlm("echo=1") as server:
            printed = run(3, workspace, server.url, *more, "--budget.documents", 60, "--chat.slots", 8, "--extract.keep_rejects", "--keep.grounded", "false", "--log.level", "debug", expect=3)
        facts = llm.extract_facts(workspace)
        check(facts["failed"] > 0 and facts["answered"] > 0, f"{how}: nothing failed or nothing was answered: {facts}")
        for path in [p for p in workspace.rglob("*") if p.is_file()]:
            check(key.encode() not in path.read_bytes(), f"{how}: the key is in {path}")
        check(key not in printed, f"{how}: the key was printed")
        if how == "environment":  # the server sees it in this header alone, and echoed it
            check(any("[key]" in reason for reason in facts["failures"]), f"the server's echo was to be seen without the key: {facts['failures']}")
            check("[key]" in "".join(p.read_text() for p in (workspace / "journal").glob("*.jsonl")), "no answer held the key")
    del os.environ["EQUAL_TEST_KEY"]
    workspace = harness.fresh("secrets-refused")
    check("EQUAL_TEST_KEY" in run(1, workspace, "http://127.0.0.1:1/v1", "--chat.key_env", "EQUAL_TEST_KEY", expect=1), "a missing key is not named")
    os.chmod("key", 0o644)
    check("chmod 600" in run(1, workspace, "http://127.0.0.1:1/v1", "--chat.key_file", "key", expect=1), "a key file that others can read was taken")
    check("unencrypted" in run(1, workspace, "http://203.0.113.5/v1", expect=1), "plain http beyond loopback was taken")


def late_servers():
    """No server at the start; one comes up, a second one, the first dies: all is answered, and the job's slots grow with the servers."""
    workspace = harness.fresh("late")
    listed = pathlib.Path("endpoints.txt")
    listed.write_text("# servers write themselves here\n")

    def wait_for(server, completions):
        for _ in range(2000):
            if server.facts()["completions"] >= completions:
                return
            time.sleep(0.05)

    with llm.FakeLlm("latency=uniform:1") as first, llm.FakeLlm("latency=uniform:0.5", "slots=1000") as second:
        def come_up():
            time.sleep(2)
            listed.write_text(first.url + " slots=4\n")
            wait_for(first, 8)
            listed.write_text(first.url + " slots=4\n" + second.url + " slots=64\n")
            wait_for(second, 60)
            first.say("die")

        thread = threading.Thread(target=come_up)
        thread.start()
        words = llm.settings("", "--chat.slots", 4, "--budget.documents", "100%", "--chat.endpoints_file", listed)
        harness.run(3, "run", "--workspace", workspace, *[w for w in words if w not in ("--chat.endpoints", "")])
        thread.join()
        facts = llm.extract_facts(workspace)
        check(facts["answered"] == 400 and facts["failed"] == 0, f"answered {facts['answered']}, failed {facts['failed']}")
        seen = second.facts()
        check(seen["completions"] >= 250, f"the second server got {seen['completions']} requests")
        # With the slots of the start, 4 and what is held beyond them, there would never be more than 6.
        check(12 < seen["most_at_once"] <= 64, f"the second server, of 64 slots, saw {seen['most_at_once']} requests at once")


def time_limit():
    """--max-hours ends with 75 and everything saved; the same command line goes on, and pays nothing twice."""
    workspace = harness.fresh("limit")
    pathlib.Path("limit.log").unlink(missing_ok=True)
    with llm.FakeLlm("latency=uniform:0.6", "log=limit.log") as server:
        for stage in ("ingest", "embed", "cluster"):
            run(1, workspace, server.url, command=stage)
        run(3, workspace, server.url, "--chat.slots", 8, "--budget.documents", "100%", "--max-hours", 5 / 3600, expect=75)
        before = set(llm.journal(workspace))
        check(0 < len(before) < 400, f"{len(before)} documents were answered before the limit")
        at = len(llm.requests("limit.log"))
        check(at == len(before), f"{at} requests were sent, {len(before)} answered: the drain lost some")
        run(2, workspace, server.url, "--chat.slots", 64, "--budget.documents", "100%")
        again = [d for d, _, _ in llm.requests("limit.log")[at:] if d in before]
        check(not again, f"{len(again)} documents were paid twice")
        facts = llm.extract_facts(workspace)
        check(facts["answered"] == 400 and facts["lost_in_flight"] == 0, f"{facts['answered']} answered, {facts['lost_in_flight']} lost in flight")


def changed_prompt():
    """Answers that are paid are not thrown away unasked."""
    workspace = harness.fresh("prompt")
    source = pathlib.Path(os.environ["EQUAL_SOURCE_DIR"]) / "configs" / "prompts" / "extract.txt"
    prompt = pathlib.Path("prompt.txt")
    prompt.write_text(source.read_text())
    with llm.FakeLlm() as server:
        words = ["--budget.documents", 30, "--chat.prompt", prompt]
        run(1, workspace, server.url, *words)
        prompt.write_text(source.read_text().replace("You write", "You really write"))
        check("30 documents were answered, and paid for" in run(3, workspace, server.url, *words, expect=1), "a changed prompt was taken in silence")
        check(server.facts()["completions"] == 30, "something was asked again")
        run(1, workspace, server.url, *words, "--redo", "extract")
        check(server.facts()["completions"] == 60, "--redo extract did not ask again")


def judged_again():
    """Other keep rules are applied to the answers that are paid: nobody is asked, and the data set is that of a run under those rules, also when
    the first start is killed before its first round is written."""
    def pairs(folder):
        return sorted(json.dumps(json.loads(line)["messages"]) for line in (folder / "out" / "train.jsonl").read_text().splitlines())

    strict = ["--keep.max_answer", 31]
    common = ["--budget.documents", "100%", "--chat.slots", 32, "--log.level", "info"]
    with llm.FakeLlm() as server:
        loose_rules, strict_rules, workspace = harness.fresh("loose"), harness.fresh("strict"), harness.fresh("judged")
        run(2, loose_rules, server.url, *common)
        run(2, strict_rules, server.url, *common, *strict)
        run(3, workspace, server.url, *common, *strict)
        expected = {"loose": pairs(loose_rules), "strict": pairs(strict_rules)}
        check(len(expected["loose"]) > len(expected["strict"]) + 100 and pairs(workspace) == expected["strict"], "the two rules cannot be told apart")
        asked = server.facts()["completions"]
        faults = next(pathlib.Path(os.environ["EQUAL_BINARY_DIR"]).rglob("libequal_fault_preload.so"))
        killed = subprocess.run(harness.command(0, "run", "--workspace", workspace, *llm.settings(server.url, *common)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env={**os.environ, "LD_PRELOAD": str(faults), "EQUAL_FAULT": "write:1:KILL:rounds.jsonl"})
        check(killed.returncode == -9, f"the run was not killed: {killed.returncode}\n{killed.stdout}")
        said = run(2, workspace, server.url, *common)
        check("400 of them are judged again" in said, said)
        check(pairs(workspace) == expected["loose"], "answers judged again are not those of a run under these rules")
        run(3, workspace, server.url, *common, *strict)
        check(pairs(workspace) == expected["strict"], "judged by the first rules again: another data set")
        check(server.facts()["completions"] == asked, f"{server.facts()['completions'] - asked} documents were asked again")
        facts = llm.extract_facts(workspace)
        check(facts["answered"] == facts["replayed"] == 400 and facts["spent"]["calls"] == 400, f"not all answers were taken up: {facts}")
        damaged = subprocess.run([str(harness.BINARY), "verify", str(workspace)], stdout=subprocess.PIPE, text=True)
        check(damaged.returncode == 0, damaged.stdout)


def dry_run():
    workspace = harness.fresh("dry")
    with llm.FakeLlm() as server:
        words = ["--budget.documents", 100, "--chat.examples", 2, "--budget.price_prompt", 2, "--budget.price_completion", 8]
        for stage in ("ingest", "embed", "cluster"):
            run(2, workspace, server.url, *words, command=stage)
        one = run(1, workspace, server.url, *words, "--dry-run", command="extract")
        many = run(3, workspace, server.url, *words, "--dry-run", command="extract")
        check(server.facts()["completions"] == 0, "a dry run sent something")
    for text in ("Record of weather station", "[system]", "What is the altitude of station 90", "would ask 100 documents", "answers: at most 102,400", "money: "):
        check(text in one, f"the dry run does not show '{text}':\n{one}")
    prompts = [text[text.index("--- document") : text.index("policy pooled")] for text in (one, many)]
    check(prompts[0] == prompts[1], "a dry run on three ranks shows other documents than one on one rank")
    check(not (workspace / "journal").exists() and not (workspace / "rounds.jsonl").exists(), "a dry run left something behind")


def refinement():
    workspace = harness.fresh("refine")
    with llm.FakeLlm() as server:
        run(3, workspace, server.url, "--budget.documents", 40, "--chat.refine_prompt", "refine", "--extract.keep_rejects", "--keep.max_answer", 31)
        check(spent(workspace)["calls"] == 80 and server.facts()["completions"] == 80, f"{spent(workspace)['calls']} calls for 40 documents with refinement")
    dropped = [json.loads(line) for line in (workspace / "out" / "dropped.jsonl").read_text().splitlines()]
    check(dropped and all(r["reason"] == "long" and r["question"] and r["document"] for r in dropped), f"dropped: {dropped[:3]}")
    check(len(dropped) == llm.extract_facts(workspace)["rejected"]["long"], "dropped.jsonl and the summary count differently")


PROGRAM = r'''
import json, re, sys
assert sys.argv[1] == "-i" and sys.argv[3] == "-o"
with open(sys.argv[2]) as requests, open(sys.argv[4], "w") as answers:
    for line in requests:
        request = json.loads(line)
        text = request["body"]["messages"][-1]["content"]
        station, altitude = re.search(r"weather station (\d+).*?altitude is (\d+) metres", text).groups()
        if int(station) % 50 == 7:  # a server has trouble with a few
            answers.write(json.dumps({"custom_id": request["custom_id"], "response": {"status_code": 500, "body": {}}, "error": None}) + "\n")
            continue
        content = f"<pair><question>What is the altitude of station {station}?</question><answer>Its altitude is {altitude} metres.</answer></pair>"
        body = {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}], "usage": {"prompt_tokens": 100, "completion_tokens": 20}}
        answers.write(json.dumps({"custom_id": request["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}) + "\n")
        open("asked.log", "a").write(station + "\n")
'''


def batch_program():
    """extractor=command with a program that reads and writes the OpenAI batch format, stopped once and resumed."""
    workspace = harness.fresh("batches")
    pathlib.Path("program.py").write_text(PROGRAM)
    pathlib.Path("asked.log").unlink(missing_ok=True)
    words = llm.settings("", "--budget.documents", "100%", "--command.batch", 40, "--command.line", f"{sys.executable} {os.path.abspath('program.py')} -i {{input}} -o {{output}}")
    words = [w if w != "chat" else "command" for w in words if w not in ("--chat.endpoints", "")]
    harness.run(3, "run", "--workspace", workspace, *words, expect=3)
    facts = llm.extract_facts(workspace)
    check(facts["answered"] == 392 and facts["failed"] == 8 and facts["pairs"] == 392, f"answered {facts['answered']}, failed {facts['failed']}, pairs {facts['pairs']}")
    check(facts["failures"] == {"status 500": 8}, f"failures: {facts['failures']}")
    check(facts["spent"]["prompt_tokens"] == 39200, f"tokens: {facts['spent']}")
    asked = pathlib.Path("asked.log").read_text().split()
    check(len(asked) == len(set(asked)) == 392, "a document was asked twice")
    check("complete" in harness.run(1, "extract", "--workspace", workspace, *words, expect=3), "a finished run was not seen as finished")
    check(len(pathlib.Path("asked.log").read_text().split()) == 392, "a finished run asked again")


def under_way():
    """As answers arrive: 32 documents at first, then no more than have been answered, until the limit is reached."""
    with llm.FakeLlm("latency=uniform:0.02", "log=requests.log") as server:
        workspace = harness.fresh("under-way")
        run(3, workspace, server.url, "slots=64", "--extract.order", "arrival", "--extract.inflight", 100, "--budget.documents", "100%")
    out, answered, most = 0, 0, 0
    for event in map(json.loads, (workspace / "rounds.jsonl").read_text().splitlines()):
        if event["event"] == "asked":
            out += len(event["documents"])
            most = max(most, out)
            check(out <= min(100, max(32, answered)), f"{out} documents were under way when {answered} had been answered")
        elif event["event"] == "observed":
            out -= len(event["documents"])
            answered += len(event["documents"])
    check(most > 64, f"the limit of 100 was never near: {most}")


PARTS = [budgets, under_way, secrets, late_servers, time_limit, changed_prompt, judged_again, dry_run, refinement, batch_program]
names = sys.argv[1:] or [part.__name__ for part in PARTS]
for part in PARTS:
    if part.__name__ in names:
        start = time.monotonic()
        part()
        print(f"{part.__name__}: good, {time.monotonic() - start:.1f} s", flush=True)
