"""The peer of bench/run chat: Python's openai AsyncOpenAI against the same server, with the same prompt.

usage: openai_client.py URL DOCUMENTS SLOTS PROMPT_FILE; prints one JSON line.
"""
import asyncio
import json
import re
import resource
import sys
import time

import httpx
from openai import AsyncOpenAI


def document_text(d):
    return (
        f"Record of weather station {d}. [[doc {d}]] The station stands on a hill. What is the altitude? Its altitude is {3 * d + 7} "
        f"metres. What is the rainfall? Its rainfall is {5 * d + 11} millimetres."
    )


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def main():
    url, count, slots, prompt = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), open(sys.argv[4]).read()
    roles = re.split(r"<<(\w+)>>\n", prompt)[1:]
    template = list(zip(roles[::2], roles[1::2]))
    client = AsyncOpenAI(
        base_url=url,
        api_key="none",
        max_retries=2,
        http_client=httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_connections=slots, max_keepalive_connections=slots)),
    )
    documents = iter(range(count))
    pairs = 0

    async def worker():
        nonlocal pairs
        for d in documents:
            messages = [
                {"role": role, "content": text.replace("{{document}}", document_text(d)).replace("{{max_pairs}}", "5")} for role, text in template
            ]
            answer = await client.chat.completions.create(model="fake", messages=messages, max_tokens=1024, temperature=0)
            pairs += len(re.findall(r"<question>(.*?)</question>\s*<answer>(.*?)</answer>", answer.choices[0].message.content, re.S))

    started, used = time.perf_counter(), cpu()
    await asyncio.gather(*[worker() for _ in range(slots)])
    seconds = time.perf_counter() - started
    assert pairs == 2 * count
    print(json.dumps({"requests_per_second": count / seconds, "cpu_us_per_request": 1e6 * (cpu() - used) / count, "pairs": pairs}))


asyncio.run(main())
