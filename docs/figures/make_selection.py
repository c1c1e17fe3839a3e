#!/usr/bin/env python3
"""The figure of README.md out of measured numbers: useful pairs found, as a share of what the best documents would give, over the
share of the corpus that was asked; mean over the targets. One panel for each encoder.

usage: make_selection.py selection.csv > selection.svg       selection.csv: the table of docs/selection.md, by `bench/run selection`
"""
import collections
import csv
import math
import sys

POLICIES = {"pooled": ("equal", "#c5221f"), "nearest": ("nearest documents, no feedback", "#1a73e8"),
            "released": ("published rule", "#b06000"), "random": ("random", "#80868b")}
PANELS = {"MiniLM": "good encoder (MiniLM)", "lsa": "lsa vectors", "misled": "encoder whose similarity misleads"}
W, H, LEFT, TOP, RIGHT, BOTTOM, KEY = 310, 230, 44, 30, 14, 38, 26

shares = collections.defaultdict(lambda: collections.defaultdict(list))  # (encoder, policy) -> budget -> shares of the ceiling, one a target
with open(sys.argv[1], newline="") as file:
    for row in csv.DictReader(file):
        for policy in POLICIES:
            shares[row["encoder"], policy][float(row["budget_percent"])].append(float(row[policy]) / float(row["ceiling"]))
encoders = [e for e in PANELS if (e, "pooled") in shares]
most = max(b for curve in shares.values() for b in curve)


def x_of(column, budget):
    # A square root: budgets are a few per cent, and the small ones are the interesting ones.
    return column * W + LEFT + (W - LEFT - RIGHT) * math.sqrt(budget / most)


def y_of(share):
    return TOP + (H - TOP - BOTTOM) * (1 - share)


out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {W * len(encoders)} {H + KEY}" font-family="sans-serif" font-size="11">',
       f'<title>Useful pairs found over the share of the corpus that was asked</title><rect width="100%" height="100%" fill="white"/>']
for column, encoder in enumerate(encoders):
    left, right = x_of(column, 0), x_of(column, most)
    out.append(f'<text x="{left}" y="{TOP - 12}" font-weight="bold">{PANELS[encoder]}</text>')
    for share in (0, 0.25, 0.5, 0.75, 1):
        out.append(f'<path d="M{left} {y_of(share):.1f}H{right:.1f}" stroke="{"#444" if share == 0 else "#ddd"}"/>'
                   f'<text x="{left - 5}" y="{y_of(share) + 4:.1f}" text-anchor="end" fill="#444">{share * 100:.0f} %</text>')
    for budget in sorted(shares[encoder, "pooled"]):
        out.append(f'<text x="{x_of(column, budget):.1f}" y="{H - BOTTOM + 15}" text-anchor="middle" fill="#444">{budget:g} %</text>')
    out.append(f'<text x="{(left + right) / 2:.1f}" y="{H - BOTTOM + 30}" text-anchor="middle" fill="#444">of the corpus asked</text>')
    for policy, (_, colour) in reversed(POLICIES.items()):
        curve = [(0.0, 0.0)] + [(b, sum(s) / len(s)) for b, s in sorted(shares[encoder, policy].items())]
        points = " ".join(f"{x_of(column, b):.1f},{y_of(s):.1f}" for b, s in curve)
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{3 if policy == "pooled" else 2}"/>')
        out += [f'<circle cx="{x_of(column, b):.1f}" cy="{y_of(s):.1f}" r="3" fill="{colour}"/>' for b, s in curve[1:]]
at = LEFT
for name, colour in POLICIES.values():
    out.append(f'<path d="M{at} {H + 8}h18" stroke="{colour}" stroke-width="3"/><text x="{at + 24}" y="{H + 12}">{name}</text>')
    at += 44 + 7 * len(name)
print("\n".join(out + ["</svg>"]))
