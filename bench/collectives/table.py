"""Prints what bench_collectives measured as a table, then as one JSON line. usage: table.py MBIT DELAY_MS < line"""
import json
import sys

mbit, delay = map(float, sys.argv[1:])
figures = json.load(sys.stdin)
print(f"{figures['ranks']} ranks on {figures['hosts']} hosts, {mbit:g} Mbit/s and {delay:g} ms between them; milliseconds, median")
print("wire: the table once over the link; tree: Communicator::sum; hosts: HostGroups::sum; flat: Communicator::all_gather")
print(f"{'k':>6}{'sum MB':>8}{'wire':>7}{'tree':>7}{'hosts':>7}{'gain':>6}  {'gather MB':>9}{'flat':>7}{'hosts':>7}{'gain':>6}")
for t in figures["tables"]:
    tree, hosts, flat, grouped = (1e3 * t[key] for key in ("sum_tree_s", "sum_hosts_s", "gather_flat_s", "gather_hosts_s"))
    print(f"{t['k']:6}{t['bytes'] / 1e6:8.1f}{t['bytes'] * 8e-3 / mbit:7.0f}{tree:7.0f}{hosts:7.0f}{tree / hosts:6.2f}"
          f"  {t['gather_bytes'] / 1e6:9.1f}{flat:7.0f}{grouped:7.0f}{flat / grouped:6.2f}")
print(json.dumps({**figures, "mbit": mbit, "delay_ms": delay}))
