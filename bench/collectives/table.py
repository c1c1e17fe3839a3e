"""Prints what bench_collectives measured as a table, then as one JSON line. usage: table.py MBIT DELAY_MS < line"""
import json
import sys

mbit, delay = map(float, sys.argv[1:])
figures = json.load(sys.stdin)
print(f"update of k centroids of 256 components over {figures['ranks']} ranks on {figures['hosts']} hosts, {mbit:g} Mbit/s and {delay:g} ms between them; milliseconds, median")
print("tree: one sum of int64 over all ranks; ranks: shared out over ranks; hosts: added up on each host first, as the job does")
print(f"{'k':>6}{'table MB':>10}{'tree':>8}{'ranks':>8}{'hosts':>8}{'tree/hosts':>12}{'ranks/hosts':>13}")
for t in figures["tables"]:
    tree, ranks, hosts = (1e3 * t[key] for key in ("tree_s", "ranks_s", "hosts_s"))
    print(f"{t['k']:6}{t['bytes'] / 1e6:10.1f}{tree:8.0f}{ranks:8.0f}{hosts:8.0f}{tree / hosts:12.2f}{ranks / hosts:13.2f}")
print(json.dumps({**figures, "mbit": mbit, "delay_ms": delay}))
