"""TLS as the job meets it: a good certificate and HTTP/2 on few connections; an unknown one and one for another name end the run
with the reason before a document is sent."""
import json
import pathlib
import subprocess
import sys

import harness
import llm


def check(condition, text):
    if not condition:
        sys.exit(text)


llm.write_corpus("docs.jsonl", 120)
llm.write_reference("reference.jsonl")
subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost"], check=True, stderr=subprocess.DEVNULL)
server = subprocess.Popen([sys.executable, str(pathlib.Path(__file__).with_name("tls_server.py")), "cert.pem", "key.pem"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
port = int(server.stdout.readline())
words = ["--chat.slots", 32, "--budget.documents", "100%"]
harness.run(3, "run", "--workspace", harness.fresh("good"), *llm.settings(f"https://localhost:{port}/v1", "--chat.ca_file", "cert.pem", *words))
facts = llm.extract_facts(pathlib.Path("good"))
check(facts["answered"] == 120 and facts["pairs"] == 120, f"answered {facts['answered']}, pairs {facts['pairs']}")

# Both ends of trust at once, since each takes its half minute.
bad = {"unknown": [f"https://localhost:{port}/v1"], "name": [f"https://127.0.0.1:{port}/v1", "--chat.ca_file", "cert.pem"]}
runs = {name: subprocess.Popen(harness.command(0, "run", "--workspace", harness.fresh(name), *llm.settings(*more, *words)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for name, more in bad.items()}
for name, process in runs.items():
    output, _ = process.communicate(timeout=150)
    check(process.returncode == 1 and "refuses" in output, f"{name}: exit code {process.returncode}\n{output}")
    check("certificate" in output.lower(), f"{name}: the reason is not said:\n{output}")
server.stdin.close()
seen = json.loads(server.stdout.readline())
server.wait()
check(seen["requests"] == 120, f"{seen['requests']} requests for 120 documents: something was sent to a server that is not trusted, or twice")
check(seen["http2"] >= 2 and seen["http1"] == 0 and seen["most_streams_at_once"] >= 8, f"HTTP/2 was not used well: {seen}")
check(seen["connections"] <= 2 + 40, f"{seen['connections']} connections")
print(f"TLS: {seen}")
