"""A chat server over TLS that offers HTTP/2 (python3-h2) and HTTP/1.1: tls_server.py CERTIFICATE KEY. Prints its port, then, when
standard input ends, what it saw as JSON."""
import asyncio
import json
import re
import ssl
import sys

import h2.config
import h2.connection
import h2.events

SEEN = {"connections": 0, "http2": 0, "http1": 0, "requests": 0, "most_streams_at_once": 0}


def answer(path, body):
    if path.endswith("/models"):
        return b'{"data":[{"id":"m"}]}'
    SEEN["requests"] += 1
    number = int(re.findall(rb"\[\[doc (\d+)", body)[-1])
    content = f"<pair><question>What is the altitude of station {number}?</question><answer>Its altitude is {number * 3 + 7} metres.</answer></pair>"
    return json.dumps({"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": content}}],
                       "usage": {"prompt_tokens": 10, "completion_tokens": 5}}).encode()


async def speak_http2(reader, writer):
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
    connection.initiate_connection()
    writer.write(connection.data_to_send())
    requests = {}

    async def respond(stream):
        await asyncio.sleep(0.05)
        path, body = requests.pop(stream)
        connection.send_headers(stream, [(":status", "200"), ("content-type", "application/json")])
        connection.send_data(stream, answer(path, body), end_stream=True)
        writer.write(connection.data_to_send())

    while data := await reader.read(65536):
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                requests[event.stream_id] = (dict(event.headers)[":path"], b"")
                SEEN["most_streams_at_once"] = max(SEEN["most_streams_at_once"], len(requests))
            elif isinstance(event, h2.events.DataReceived):
                path, body = requests[event.stream_id]
                requests[event.stream_id] = (path, body + event.data)
                connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                asyncio.ensure_future(respond(event.stream_id))
        writer.write(connection.data_to_send())


async def speak_http1(reader, writer):
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"(?i)content-length: (\d+)", head)
        body = answer(head.split()[1], await reader.readexactly(int(length[1]) if length else 0))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


async def serve(reader, writer):
    SEEN["connections"] += 1
    http2 = writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
    SEEN["http2" if http2 else "http1"] += 1
    try:
        await (speak_http2 if http2 else speak_http1)(reader, writer)
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        pass
    writer.close()


async def main():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    context.set_alpn_protocols(["h2", "http/1.1"])
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(json.dumps(SEEN), flush=True)


asyncio.run(main())
