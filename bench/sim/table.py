"""Prints what three simulations of bench_sim gave, then one JSON line. usage: table.py FOLDER with fixed.json, arrival.json, small.json"""
import json
import pathlib
import sys

ROWS = [("ranks", "ranks", 1, "{:,.0f}"), ("rounds", "rounds", 1, "{:,.0f}"), ("documents asked", "asked", 1, "{:,.0f}"),
        ("coordinator: processor time a round, ms", "coordinator_round_ms", 1, "{:.1f}"), ("  policy decides", "decide_ms", 1, "{:.1f}"),
        ("  questions out, answers in", "exchange_ms", 1, "{:.1f}"), ("  policy learns", "observe_ms", 1, "{:.1f}"), ("  reward", "reward_ms", 1, "{:.1f}"),
        ("  tasks, answers, rounds.jsonl", "rest_ms", 1, "{:.1f}"), ("a decision from question to tasks, ms (virtual)", "deciding_ms", 1, "{:.1f}"),
        ("rounds/s (virtual, extractor included)", "rounds_per_s", 1, "{:.3f}"), ("slots busy", "utilisation", 1, "{:.3f}"),
        ("messages of rank 0 a round", "messages_per_round", 1, "{:,.0f}"), ("MB through rank 0 a round", "bytes_per_round", 1e-6, "{:.2f}"),
        ("heap of rank 0 at most, MiB", "coordinator_mib", 1, "{:.1f}"), ("messages waiting for rank 0 at most, MiB", "peak_waiting_mib", 1, "{:.1f}"),
        ("resident, all ranks in one process, MiB", "rss_mib", 1, "{:.0f}")]

folder = pathlib.Path(sys.argv[1])
runs = {name: json.loads((folder / f"{name}.json").read_text()) for name in ("fixed", "arrival", "small")}
print(f"{'order':48}{'fixed':>12}{'arrival':>12}{'fixed':>12}")
for label, key, factor, form in ROWS:
    print(f"{label:48}" + "".join(f"{form.format(factor * run[key]):>12}" for run in runs.values()))
keys = ("coordinator_round_ms", "deciding_ms", "rounds_per_s", "rss_mib", "coordinator_mib", "bytes_per_round", "messages_per_round", "utilisation")
out = {key: runs["fixed"][key] for key in keys}
out["coordinator_rounds_per_s"] = 1e3 / runs["fixed"]["coordinator_round_ms"]
for name in ("arrival", "small"):
    out[name] = {key: runs[name][key] for key in keys}
print(json.dumps({**out, "ranks": runs["fixed"]["ranks"], "arms": runs["fixed"]["arms"], "documents": runs["fixed"]["documents"]}))
