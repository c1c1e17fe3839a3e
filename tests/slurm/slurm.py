"""The scripts of jobs/ under a real Slurm of two nodes on this machine: finished, preempted and requeued, ended by the time limit and requeued, a node lost
and requeued; srun without PMIx is caught. Every result equals that of a local run. Starts Slurm and ends it."""
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

SOURCE = pathlib.Path(os.environ["EQUAL_SOURCE_DIR"])
sys.path.insert(0, str(SOURCE / "tests" / "run"))
import corpus
import harness
import stand_in

CLUSTER = SOURCE / "tests" / "slurm" / "cluster.sh"
JOBS = SOURCE / "jobs"
HERE = pathlib.Path.cwd()
SLURM = HERE / "slurm"
OVERSUBSCRIBE = "OMPI_MCA_rmaps_base_oversubscribe"
os.environ["SLURM_CONF"] = str(SLURM / "slurm.conf")
os.environ["EQUAL"] = str(harness.BINARY)


def slurm(*words, check=True):
    done = subprocess.run([str(w) for w in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    if check and done.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout


def submit(script, *words, options=()):
    """Returns job id and the path of its log."""
    out = slurm("sbatch", "--parsable", "--output=job-%j.log", "--mem=1500", *options, script, *words)
    job = out.strip().splitlines()[-1].split(";")[0]
    return job, HERE / f"job-{job}.log"


def field(job, name):
    found = re.search(rf"\b{name}=(\S+)", slurm("scontrol", "show", "job", job))
    return found.group(1) if found else ""


def log_of(log):
    return log.read_text(errors="replace") if log.exists() else "(no log)"


def wait_until(condition, seconds, what, log):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"{what}: not within {seconds} s\n{slurm('squeue', check=False)}\n{slurm('sinfo', check=False)}\n{log_of(log)}")
        time.sleep(0.3)


def finish(job, log, seconds=150):
    """Waits for the end of a job that must succeed."""
    wait_until(lambda: field(job, "JobState") in ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "PREEMPTED"), seconds, f"job {job} ends", log)
    state = field(job, "JobState")
    if state != "COMPLETED":
        sys.exit(f"job {job} ended as {state}:\n{log_of(log)}")


def finish_again(job, log, server, seconds=240):
    """Waits until Slurm has started the job once more, and then for its end; what is left to ask is answered at once."""
    wait_until(lambda: int(field(job, "Restarts") or 0) >= 1 and field(job, "JobState") == "RUNNING", seconds, f"job {job} is started again", log)
    server.hurry()
    finish(job, log, seconds)
    server.as_before()


def extracting(workspace):
    rounds = workspace / "rounds.jsonl"
    return rounds.exists() and rounds.read_bytes().count(b"observed") >= 2


def require(condition, text):
    if not condition:
        sys.exit(text)


def exported(workspace):
    return harness.sha256(workspace / "out" / "train.jsonl")


def edited(name, **changes):
    """A copy of a script with other #SBATCH lines, as a user would edit it."""
    text = (JOBS / name).read_text()
    for before, after in changes.items():
        option = "--" + before.replace("_", "-")
        text = re.sub(rf"(#SBATCH.*{option})=\S+", rf"\1={after}", text)
    path = HERE / name
    path.write_text(text)
    return path


def scripts_finish(base, server, expected_replay, expected_chat):
    replay = ["--extractor", "replay"]
    workspace = harness.fresh("single")
    job, log = submit(JOBS / "single-node.sbatch", "config.ini", workspace, *base, *replay, options=["--ntasks=3", "--cpus-per-task=1"])
    finish(job, log)
    require(exported(workspace) == expected_replay, f"single-node.sbatch: another result than a local run\n{log_of(log)}")
    workspace = harness.fresh("multi")
    job, log = submit(JOBS / "multi-node.sbatch", "config.ini", workspace, *base, *replay, options=["--nodes=2", "--cpus-per-task=1"])
    finish(job, log)
    require("2 hosts" in log_of(log) or "4 ranks" in log_of(log), f"multi-node.sbatch did not run four ranks:\n{log_of(log)}")
    require(exported(workspace) == expected_replay, f"multi-node.sbatch: another result than a local run\n{log_of(log)}")
    workspace = harness.fresh("two-parts")
    job, log = submit(JOBS / "ingest-embed.sbatch", "config.ini", workspace, *base, options=["--nodes=2", "--ntasks-per-node=2", "--cpus-per-task=1"])
    finish(job, log)
    require((workspace / "stages" / "cluster.json").exists(), "ingest-embed.sbatch left clusters unmade")
    os.environ["VLLM"] = f"{sys.executable} {SOURCE / 'tests' / 'support' / 'stand_in_llm.py'}"
    os.environ["VLLM_PORT"], os.environ["VLLM_WAIT"] = str(free_port()), "60"
    with_vllm = edited("with-vllm.sbatch", nodes=1, cpus_per_task=1, mem="1000")
    job, log = submit(with_vllm, "config.ini", workspace, "stand-in", *base, *chat_settings(server))
    finish(job, log)
    require("ingest: complete" in log_of(log) and exported(workspace) == expected_chat, f"with-vllm.sbatch: another result than a local run\n{log_of(log)}")
    require(not list(workspace.glob("endpoints.*")), "with-vllm.sbatch left its endpoints file")


def free_port():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def chat_settings(server):
    """Without the endpoint, which the script names."""
    words, out = list(server.settings), []
    while words:
        name, value = words.pop(0), words.pop(0)
        if name not in ("--extractor", "--chat.endpoints", "--chat.model", "--chat.allow_plain_http"):
            out += [name, value]
    return out


def preempted(settings, server, expected):
    workspace = harness.fresh("preempted")
    job, log = submit(JOBS / "multi-node.sbatch", "config.ini", workspace, *settings, options=["--nodes=2", "--cpus-per-task=1"])
    wait_until(lambda: extracting(workspace), 60, "extraction", log)
    slurm("sbatch", "--output=/dev/null", "--partition=urgent", "--nodes=2", "--exclusive", "--wrap", "srun sleep 2")
    finish_again(job, log, server)
    require(exported(workspace) == expected, f"after preemption: another result than a local run\n{log_of(log)}")


def time_limit(settings, server, expected):
    workspace = harness.fresh("time-limit")
    # The shortest limit that Slurm knows; it may send the signal up to 60 s early.
    job, log = submit(JOBS / "single-node.sbatch", "config.ini", workspace, *settings, options=["--ntasks=3", "--cpus-per-task=1", "--time=1", "--signal=B:USR1@30"])
    wait_until(lambda: int(field(job, "Restarts") or 0) >= 1, 150, "the job queues itself again", log)
    require("stopped on request" in log_of(log), f"the job did not stop by itself:\n{log_of(log)}")
    slurm("scontrol", "update", f"jobid={job}", "timelimit=30", check=False)
    finish_again(job, log, server)
    require(exported(workspace) == expected, f"after the time limit: another result than a local run\n{log_of(log)}")


def node_lost(settings, server, expected):
    workspace = harness.fresh("node-lost")
    job, log = submit(JOBS / "multi-node.sbatch", "config.ini", workspace, *settings, options=["--nodes=2", "--cpus-per-task=1"])
    wait_until(lambda: extracting(workspace), 60, "extraction", log)
    slurm("scontrol", "update", "nodename=n2", "state=down", "reason=test")
    wait_until(lambda: field(job, "JobState") != "RUNNING", 60, "the job of a lost node ends", log)
    slurm("scontrol", "update", "nodename=n2", "state=resume", check=False)  # unless it has come back by itself
    finish_again(job, log, server)
    require(exported(workspace) == expected, f"after a lost node: another result than a local run\n{log_of(log)}")


def without_pmix(base):
    out = subprocess.run(["srun", "--mpi=none", "-n3", "--mem=500", str(harness.BINARY), "run", "--workspace", "singletons", *base, "--extractor", "replay"],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    require(out.returncode != 0 and "3 ranks were expected" in out.stdout and "srun --mpi=pmix" in out.stdout, f"srun without PMIx was not caught:\n{out.stdout}")
    require(not pathlib.Path("singletons").exists(), "srun without PMIx: a rank that was alone has begun to work")


def main():
    corpus.write_corpus("docs.jsonl", count=800, marked=True)
    corpus.write_reference("reference.jsonl")
    pathlib.Path("config.ini").write_text("[encoder]\ndim = 32\n[ingest]\npartition_bytes = 60000\n[budget]\ndocuments = 60%\n[extract]\nround_documents = 24\n")
    base = ["--inputs", "docs.jsonl", "--reference.files", "reference.jsonl"]
    local = ["--config", "config.ini", *base, "--log.level", "warn"]
    with stand_in.StandIn(delay=0.0) as server:
        os.environ[OVERSUBSCRIBE] = "1"
        harness.run(3, "run", "--workspace", harness.fresh("local-replay"), *local, "--extractor", "replay")
        harness.run(3, "run", "--workspace", harness.fresh("local-chat"), *local, *server.settings)
        del os.environ[OVERSUBSCRIBE]  # jobs have the slots that Slurm gives them
        replay, chat = exported(HERE / "local-replay"), exported(HERE / "local-chat")
        require(replay != chat, "the two local runs cannot be told apart")
        begin = time.monotonic()

        def step(what):
            print(f"{time.monotonic() - begin:6.1f} s  {what}", flush=True)

        without_pmix(base)
        step("srun without PMIx is caught")
        scripts_finish(base, server, replay, chat)
        step("single-node, multi-node, ingest-embed, with-vllm: same results as local runs")
    with stand_in.StandIn(delay=0.5) as slow:
        settings = base + slow.settings
        preempted(settings, slow, chat)
        step("preempted by a higher partition, requeued, same result")
        node_lost(settings, slow, chat)
        step("node down in the middle, requeued, same result")
    with stand_in.StandIn(delay=2.0) as slower:
        time_limit(base + slower.settings, slower, chat)
        step("USR1 before the time limit, exit 75, requeued, same result")


os.environ.pop(OVERSUBSCRIBE, None)
signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by TERM"))  # the daemons must not outlive the test
if (SLURM / "slurm.conf").exists():
    subprocess.run([CLUSTER, "stop", SLURM], check=False)
subprocess.run(["rm", "-rf", SLURM], check=True)
SLURM.mkdir()
try:
    subprocess.run([CLUSTER, "start", SLURM], check=True, timeout=90)
    main()
finally:
    subprocess.run([CLUSTER, "stop", SLURM], check=False)
