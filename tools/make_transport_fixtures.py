#!/usr/bin/env python3
"""Writes tests/data/transport/fixtures.json: small transport problems and what POT (and, for ipot, the published loop of arXiv
1802.04307) makes of them.
usage: tools/make_transport_fixtures.py [FILE]      needs: numpy, pot (the file names the versions it was made with)"""
import json, pathlib, sys
import numpy as np, ot

rng = np.random.default_rng(1802)


def unit(n, d):
    x = rng.standard_normal((n, d)).astype('f4')
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype('f4')


def weights(n):
    w = rng.random(n) + .01
    return w / w.sum()


def ipot(cost, a, b, beta, outer=500, inner=10):
    n, m = cost.shape
    P = np.full((n, m), 1 / (n * m)); K = np.exp(-cost / beta); v = np.ones(m)
    for _ in range(outer):
        Q = K * P
        for _ in range(inner): u = a / (Q @ v + 1e-8); v = b / (Q.T @ u + 1e-8)
        P = u[:, None] * Q * v[None]
    return float((P * cost).sum())


def short(x):
    """float32 in the fewest digits that give it back."""
    return [[float(str(v)) for v in row] for row in x]


def entropic(cost, a, b, eps):
    """<P,C> and the objective relative to a b^T, converged."""
    P, log = ot.bregman.sinkhorn_log(a, b, cost, eps, numItermax=20000, stopThr=1e-9, log=True)
    return float((P * cost).sum()), float((P * cost).sum() + eps * (P * np.log(np.maximum(P, 1e-300) / (a[:, None] * b))).sum())


def problem(name, x, y, weighted):
    n, m = len(x), len(y)
    cost = ot.dist(x.astype('f8'), y.astype('f8'), 'euclidean')
    a, b = (weights(n), weights(m)) if weighted else (np.full(n, 1 / n), np.full(m, 1 / m))
    out = {'name': name, 'x': short(x), 'y': short(y), 'a': a.tolist() if weighted else [], 'b': b.tolist() if weighted else []}
    out['cost'] = cost.tolist()
    out['emd'] = float(ot.emd2(a, b, cost))
    median = float(np.sort(cost, axis=None)[(n * m - 1) // 2])
    out['sinkhorn'] = []
    for eps in (.5, .2):
        value, objective = entropic(cost, a, b, eps * median)
        cxx, cyy = (ot.dist(z.astype('f8'), z.astype('f8'), 'euclidean') for z in (x, y))
        divergence = objective - (entropic(cxx, a, a, eps * median)[1] + entropic(cyy, b, b, eps * median)[1]) / 2
        out['sinkhorn'].append({'epsilon': eps, 'value': value, 'objective': objective, 'divergence': divergence})
    out['ipot'] = [{'beta': beta, 'value': ipot(cost, a, b, beta)} for beta in (1.0, 0.1)]
    return out


def main():
    few = unit(4, 6)
    problems = [problem('uniform 9 x 7', unit(9, 6), unit(7, 6), False), problem('weighted 8 x 11', unit(8, 6), unit(11, 6), True),
                problem('duplicates 12 x 8', few[rng.integers(0, 4, 12)], few[rng.integers(0, 4, 8)], False),
                problem('one row', unit(1, 6), unit(5, 6), True), problem('one column', unit(5, 6), unit(1, 6), False)]
    fixtures = {'made_by': f'tools/make_transport_fixtures.py with POT {ot.__version__}, NumPy {np.__version__}', 'problems': problems}
    default = pathlib.Path(__file__).parent.parent / 'tests/data/transport/fixtures.json'
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(fixtures, separators=(',', ':')) + '\n')
    print(f'{path}: {path.stat().st_size} bytes')


if __name__ == '__main__': main()
