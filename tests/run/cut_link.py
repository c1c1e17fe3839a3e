"""Two hosts (network namespaces with a veth pair) under mpirun; the link is cut in the middle. Both sides end within the heartbeat limit with a message,
mpirun and its daemon are ended too, though they would wait for each other; and once the link is back the same command line goes on to the same result."""
import os
import pathlib
import signal
import subprocess
import sys
import time

import corpus
import harness
import stand_in

HEARTBEAT = 4
NETNS = str(pathlib.Path(__file__).parent / "netns.sh")
NAME = f"eq{os.getpid() % 100000}"


def netns(*words, check=True):
    subprocess.run([NETNS, words[0], NAME, *words[1:]], check=check)


def command(*words):
    network = "10.77.0.0/24"
    launch = ["mpirun", "--mca", "plm_rsh_agent", f"{NETNS} agent {NAME}", "--mca", "oob_tcp_if_include", network, "--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", network,
              "-H", "10.77.0.1:2,10.77.0.2:2", "-n", "4"]
    return [NETNS, "on", NAME, "a", *launch, str(harness.BINARY), *map(str, words)]


def ours():
    """Processes of the program that run now."""
    out = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "exe") == str(harness.BINARY.resolve()) and str(workspace).encode() in (entry / "cmdline").read_bytes():
                out.append(int(entry.name))
        except OSError:
            pass
    return out


def launchers():
    """mpirun and orted of this test that run now."""
    out = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.path.basename(os.readlink(entry / "exe")) in ("orterun", "mpirun", "orted") and b"10.77.0." in (entry / "cmdline").read_bytes():
                out.append(int(entry.name))
        except OSError:
            pass
    return out


def end_all(process):
    for pid in harness.descendants(process.pid) + [process.pid]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()


corpus.write_corpus("docs.jsonl", count=600, marked=True)
corpus.write_reference("reference.jsonl")
base = ["--inputs", "docs.jsonl", "--reference.files", "reference.jsonl", "--partition-bytes", "40000", "--budget.documents", "60%", "--encoder.dim", "32", "--round-documents", "24",
        "--heartbeat-seconds", str(HEARTBEAT)]
undisturbed = harness.fresh("undisturbed").absolute()
with stand_in.StandIn() as server:
    harness.run(3, "run", "--workspace", undisturbed, *base, *server.settings, "--log.level", "warn")
workspace = harness.fresh("cut").absolute()
netns("down", check=False)
netns("up")
try:
    server = stand_in.StandIn(delay=0.2, host="10.77.0.1", launcher=[NETNS, "on", NAME, "a"])
    settings = base + server.settings
    log = pathlib.Path("cut.log")
    with log.open("w") as out:
        process = subprocess.Popen(command("run", "--workspace", workspace, *settings), stdout=out, stderr=subprocess.STDOUT)
    rounds, end = workspace / "rounds.jsonl", time.monotonic() + 90
    while not (rounds.exists() and rounds.read_bytes().count(b"observed") >= 2):
        if time.monotonic() > end or process.poll() is not None:
            end_all(process)
            sys.exit(f"the extraction did not begin:\n{log.read_text()}")
        time.sleep(0.02)
    ranks = len(ours())
    if len(launchers()) != 2:
        sys.exit(f"mpirun and one daemon should run: {launchers()}")
    if ranks != 4:
        sys.exit(f"{ranks} ranks run, expected 4")
    begin = time.monotonic()
    netns("cut")
    while ours() and time.monotonic() - begin < 4 * HEARTBEAT:
        time.sleep(0.05)
    seconds = time.monotonic() - begin
    left = ours()
    # Half the limit later what started the ranks is ended: by TERM, two seconds later by KILL.
    while launchers() and time.monotonic() - begin < 4 * HEARTBEAT:
        time.sleep(0.05)
    launcher_seconds, waiting = time.monotonic() - begin, launchers()
    if waiting:
        end_all(process)
    code = process.wait()
    text = log.read_text(errors="replace")
    if waiting:
        sys.exit(f"mpirun or its daemon still waits {launcher_seconds:.0f} s after the cut:\n{text}")
    if code == 0:
        sys.exit(f"mpirun says that all went well:\n{text}")
    if left:
        sys.exit(f"{len(left)} ranks were left {seconds:.0f} s after the cut:\n{text}")
    if f"on host host-b, stage extract, has given no sign of life for {HEARTBEAT} s" not in text:
        sys.exit(f"no message names the lost host:\n{text}")
    netns("mend")
    done = subprocess.run(command("run", "--workspace", workspace, *settings, "--log.level", "warn"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=180)
    if done.returncode != 0:
        sys.exit(f"after the link was back: exit code {done.returncode}\n{done.stdout}")
    harness.require_equal(harness.digests(undisturbed), harness.digests(workspace), "after a cut link")
finally:
    server.close()
    netns("down", check=False)
print(f"the link was cut: all ranks of both hosts ended after {seconds:.1f} s, mpirun (exit code {code}) and its daemon after {launcher_seconds:.1f} s; resumed to the same result")
