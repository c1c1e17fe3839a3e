"""Learning curves of a result of bench_selection as one SVG: useful pairs over the budget, a panel for each encoder and target.
usage: curves.py RESULT.json CURVES.svg     RESULT.json: the last line of bench_selection, run with several budgets"""
import collections, json, math, sys
from xml.sax.saxutils import escape

COLOURS = {'random': '#9aa0a6', 'released': '#b06000', 'paper': '#e8a33d', 'static': '#3c8039', 'nearest': '#1a73e8', 'thompson': '#8e44ad', 'pooled': '#c5221f'}
NAMES = {'good': 'MiniLM', 'lsa': 'lsa', 'misled': 'misleading similarity', 'scarce': '20 useful documents'}
W, H, LEFT, TOP, RIGHT, BOTTOM = 300, 210, 44, 30, 12, 34

cells = json.load(open(sys.argv[1]))['cells']
views = list(dict.fromkeys(c['view'] for c in cells))
targets = list(dict.fromkeys(c['target'] for c in cells))
policies = [p for p in COLOURS if p in cells[0]]
out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {W * len(targets)} {H * len(views) + 30}" font-family="sans-serif" font-size="11">',
       '<rect width="100%" height="100%" fill="white"/>']
for row, view in enumerate(views):
    for column, target in enumerate(targets):
        panel = sorted((c for c in cells if (c['view'], c['target']) == (view, target)), key=lambda c: c['budget_percent'])
        x0, y0, w, h = column * W + LEFT, row * H + TOP, W - LEFT - RIGHT, H - TOP - BOTTOM
        low, high = math.log(panel[0]['budget_percent']), math.log(panel[-1]['budget_percent'])
        top = max(c['ceiling'] for c in panel)
        x = lambda c: x0 + w * ((math.log(c['budget_percent']) - low) / (high - low) if high > low else 0.5)
        y = lambda v: y0 + h * (1 - v / top)
        out.append(f'<text x="{x0}" y="{y0 - 10}" font-weight="bold">{escape(target)}, {escape(NAMES.get(view, view))}</text>')
        out.append(f'<path d="M{x0} {y0}V{y0 + h}H{x0 + w}" fill="none" stroke="#444"/>')
        for share in (0, 0.5, 1):
            out.append(f'<text x="{x0 - 5}" y="{y(share * top) + 4:.1f}" text-anchor="end" fill="#444">{share * top:.0f}</text>')
        for c in panel:
            out.append(f'<text x="{x(c):.1f}" y="{y0 + h + 15}" text-anchor="middle" fill="#444">{c["budget_percent"]:g} %</text>')
        line = lambda value: ' '.join(f'{x(c):.1f},{y(value(c)):.1f}' for c in panel)
        out.append(f'<polyline points="{line(lambda c: c["ceiling"])}" fill="none" stroke="#444" stroke-dasharray="3 3"/>')
        for p in policies:
            band = [f'{x(c):.1f},{y(c[p]["useful_high"]):.1f}' for c in panel] + [f'{x(c):.1f},{y(c[p]["useful_low"]):.1f}' for c in reversed(panel)]
            out.append(f'<polygon points="{" ".join(band)}" fill="{COLOURS[p]}" opacity="0.15"/>')
            out.append(f'<polyline points="{line(lambda c: c[p]["useful"])}" fill="none" stroke="{COLOURS[p]}" stroke-width="2"/>')
for i, p in enumerate(policies + ['ceiling']):
    at, y = 20 + i * 100, H * len(views) + 14
    out.append(f'<path d="M{at} {y}h18" stroke="{COLOURS.get(p, "#444")}" stroke-width="2"{"" if p in COLOURS else " stroke-dasharray=" + chr(34) + "3 3" + chr(34)}/>'
               f'<text x="{at + 24}" y="{y + 4}">{p}</text>')
open(sys.argv[2], 'w').write('\n'.join(out + ['</svg>', '']))
