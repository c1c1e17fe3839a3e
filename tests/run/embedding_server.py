"""An embeddings server of the tests, OpenAI's way: vectors are a function of the text alone."""
import base64
import http.server
import json
import struct
import threading


class EmbeddingServer:
    """with EmbeddingServer(vector) as server: ... server.url, server.seen (requests). vector: text -> numbers. Of every `fail_every`
    requests the last is refused."""

    def __init__(self, vector, fail_every=0):
        self.vector, self.fail_every = vector, fail_every
        self.seen, self.lock = 0, threading.Lock()
        self.http = _Quiet(("127.0.0.1", 0), type("Handler", (_Handler,), {"owner": self}))
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"

    def refuses(self):
        with self.lock:
            self.seen += 1
            return self.fail_every > 0 and self.seen % self.fail_every == 0

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *unused):
        self.http.shutdown()


class _Quiet(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # a client that was killed


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200, {"object": "list", "data": []})

    def do_POST(self):
        texts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["input"]
        if self.owner.refuses():
            return self.answer(503, {"error": "busy"})
        vectors = [self.owner.vector(text) for text in texts]
        self.answer(200, {"data": [{"index": i, "embedding": base64.b64encode(struct.pack(f"<{len(v)}f", *v)).decode()} for i, v in enumerate(vectors)]})

    def answer(self, status, body):
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *words):
        pass
