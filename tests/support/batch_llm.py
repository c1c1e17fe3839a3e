#!/usr/bin/env python3
"""Answers a batch file in the OpenAI format with a GGUF model, without a server: what `vllm run-batch` does on a GPU, on CPU cores.

    batch_llm.py MODEL.gguf INPUT.jsonl OUTPUT.jsonl [--context TOKENS] [--threads N]

Needs the package llama-cpp-python. Each answer is written as soon as it is there.
"""
import argparse
import inspect
import json

import llama_cpp

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("input")
parser.add_argument("output")
parser.add_argument("--context", type=int, default=2048)
parser.add_argument("--threads", type=int, default=1)
options = parser.parse_args()
model = llama_cpp.Llama(options.model, n_ctx=options.context, n_threads=options.threads, n_threads_batch=options.threads, verbose=False)
known = inspect.signature(model.create_chat_completion).parameters.keys() - {"model", "stream"}  # of the request's fields
with open(options.input) as requests, open(options.output, "w") as answers:
    for line in requests:
        request = json.loads(line)
        body = {name: value for name, value in request["body"].items() if name in known}
        try:
            response, error = {"status_code": 200, "body": model.create_chat_completion(**body)}, None
        except ValueError as problem:  # longer than the context
            response, error = None, {"message": str(problem)}
        answers.write(json.dumps({"custom_id": request["custom_id"], "response": response, "error": error}) + "\n")
        answers.flush()
