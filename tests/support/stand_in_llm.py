#!/usr/bin/python3
"""A stand-in for `vllm serve MODEL --host H --port P`: chat completions that read question-answer pairs out of the document by a
rule, so that the same document has the same answer; a log of requests; a wait as of a model.

    stand_in_llm.py serve MODEL [--host 127.0.0.1] [--port 0] [--delay SECONDS] [--log FILE] [--port-file FILE]

delay: mean of an exponential wait, which belongs to the document: the same document waits as long each time; none after SIGUSR1, as before
after SIGUSR2. log: one line "seconds document" a request, written before anything else is done with it;
document is N of the mark [[doc N]] in its text, or -1.
"""
import argparse
import asyncio
import json
import random
import re
import signal
import sys
import time

PAIR = re.compile(r"([A-Z][^.?!\n]*\?) ([A-Z][^.?!\n]*\.)")
MARK = re.compile(r"\[\[doc (\d+)\]\]")


def completion(text):
    document = text.rsplit("<document>", 1)[-1].split("</document>")[0]
    pairs = PAIR.findall(document)
    content = "".join(f"<pair>\n<question>{q}</question>\n<answer>{a}</answer>\n</pair>\n" for q, a in pairs[:8])
    return {"id": "x", "object": "chat.completion", "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}],
            "usage": {"prompt_tokens": len(text) // 4, "completion_tokens": len(content) // 4, "total_tokens": (len(text) + len(content)) // 4}}


class Server:
    def __init__(self, arguments):
        self.arguments = arguments
        self.delay = arguments.delay
        self.log = open(arguments.log, "a", buffering=1) if arguments.log else None

    async def answer(self, method, path, body):
        if method == "GET":
            return {"object": "list", "data": [{"id": self.arguments.model, "object": "model"}]}
        text = "\n".join(m["content"] for m in json.loads(body)["messages"])
        mark = MARK.findall(text)
        if self.log:
            self.log.write(f"{time.time():.6f} {mark[-1] if mark else -1}\n")
        if self.delay > 0:
            await asyncio.sleep(min(random.Random(text).expovariate(1 / self.delay), 5 * self.delay))
        return completion(text)

    async def connection(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                method, path, _ = head.split("\r\n", 1)[0].split(" ")
                length = re.search(r"(?i)content-length: *(\d+)", head)
                if re.search(r"(?i)expect: *100-continue", head):
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                body = await reader.readexactly(int(length.group(1))) if length else b""
                out = json.dumps(await self.answer(method, path, body)).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(out) + out)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass
        finally:
            writer.close()

    def wait(self, delay):
        self.delay = delay

    async def run(self):
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self.wait, 0.0)
        loop.add_signal_handler(signal.SIGUSR2, self.wait, self.arguments.delay)
        server = await asyncio.start_server(self.connection, self.arguments.host, self.arguments.port, limit=1 << 24, backlog=512)
        port = server.sockets[0].getsockname()[1]
        if self.arguments.port_file:
            with open(self.arguments.port_file, "w") as file:
                file.write(f"{port}\n")
        async with server:
            await server.serve_forever()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("model")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--log")
    arguments, rest = parser.parse_known_args()
    if rest:
        print("ignored:", *rest, file=sys.stderr)
    try:
        asyncio.run(Server(arguments).run())
    except KeyboardInterrupt:
        pass


main()
