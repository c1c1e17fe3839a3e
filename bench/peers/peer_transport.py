"""Transport solvers against their peers: POT's exact network simplex and log-domain Sinkhorn, and IPOT as published (arXiv
1802.04307), each on the very cost matrix that our program gets.
usage: peer_transport.py BENCH_TRANSPORT [--data DIR] [--quick] [--wall]      needs: numpy pot
Both sides run on one thread (bench/transport/run sees to it) in turns, and what counts is CPU time: other work on the machine
does not decide. The batch rows are elapsed time a problem: NumPy's loop with its default threads beside ours over the arms of a
round, a problem a thread on every core; ipot_ratio is theirs, ipot_alone_ratio of one thread each. --wall: elapsed time, and the peers' BLAS as many threads as it takes by default (ours one). Ratios are of medians. The last line is JSON: least ratio and largest relative difference of each solver."""
import argparse, collections, gzip, hashlib, json, os, re, statistics, subprocess, sys, tempfile, time, warnings
import numpy as np, ot

warnings.filterwarnings('ignore', message='.*did not converge.*')
SINKHORN_TOLERANCE, SINKHORN_ITERATIONS, EPSILONS = 1e-6, 1000, (.1, .05, .02)


WALL = '--wall' in sys.argv
clock = time.perf_counter if WALL else time.process_time


class Ours:
    """The program bench_transport, kept running."""

    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.folder = tempfile.TemporaryDirectory()

    def load(self, cost, a=None, b=None):
        path = os.path.join(self.folder.name, 'problem')
        with open(path, 'wb') as f:
            for x in (cost, a, b):
                if x is not None: f.write(np.ascontiguousarray(x, dtype='<f8').tobytes())
        self.send(f'problem {path} {cost.shape[0]} {cost.shape[1]} {int(a is not None)}')

    def send(self, line): self.process.stdin.write(line + '\n'); self.process.stdin.flush()

    def __call__(self, command):
        self.send(command)
        answer = self.process.stdout.readline()
        if not answer: sys.exit(f'bench_transport ended at: {command}')
        return json.loads(answer)


def ipot(cost, a, b, beta=1.0, outer=500, inner=10):
    n, m = cost.shape
    P = np.full((n, m), 1 / (n * m)); K = np.exp(-cost / beta); v = np.ones(m)
    for _ in range(outer):
        Q = K * P
        for _ in range(inner): u = a / (Q @ v + 1e-8); v = b / (Q.T @ u + 1e-8)
        P = u[:, None] * Q * v[None]
    return float((P * cost).sum())


def ipot_with_default_threads(cost, a, b):
    """Seconds and value of ipot() in a process of its own, its BLAS with as many threads as it takes by itself."""
    with tempfile.NamedTemporaryFile(suffix='.npz') as f:
        np.savez(f, cost=cost, a=a, b=b); f.flush()
        env = {k: v for k, v in os.environ.items() if k not in ('OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS')}
        return json.loads(subprocess.run([sys.executable, __file__, 'ipot', f.name], env=env, check=True, capture_output=True, text=True).stdout)


def ipot_child(path):
    x = np.load(path); ipot(x['cost'][:8, :8], np.full(8, 1 / 8), np.full(8, 1 / 8), outer=2)  # warm
    start = time.perf_counter(); value = ipot(x['cost'], x['a'], x['b'])
    print(json.dumps({'seconds': time.perf_counter() - start, 'value': value}))


def ipot_batch(runs, cost, a, b, ours):
    """Elapsed seconds a problem: NumPy's loop, and ours on the arms of a round, spread over all cores."""
    count = 4 * os.cpu_count() if cost.size >= 10**5 else 64 * os.cpu_count()
    theirs, mine = [], []
    for _ in range(runs):
        peer = ipot_with_default_threads(cost, a, b); theirs.append(peer['seconds'])
        answer = ours(f'ipot {count}'); mine.append(answer['elapsed'] / count)
    return statistics.median(theirs), peer['value'], statistics.median(mine), answer


def alternate(runs, peer, mine):
    """Medians of seconds and the last answers of both, run in turns."""
    theirs, ours = [], []
    for _ in range(runs):
        start = clock(); value = peer(); theirs.append(clock() - start)
        answer = mine(); ours.append(answer['elapsed' if WALL else 'seconds'])
    return statistics.median(theirs), value, statistics.median(ours), answer


def unit(x): return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-30)


def distances(x, y): return np.sqrt(np.maximum(0, (x * x).sum(1)[:, None] + (y * y).sum(1)[None] - 2 * x @ y.T))


def words_vectors(texts, dim=256):
    """Hashed bags of words, (1 + ln tf) weights, random signs, unit length: cheap vectors of real text."""
    out = np.zeros((len(texts), dim))
    for i, text in enumerate(texts):
        for word, count in collections.Counter(re.findall(r'[a-z]{2,}', text.lower())).items():
            h = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), 'little')
            out[i, h % dim] += (1 + np.log(count)) * (1 if h >> 40 & 1 else -1)
        out[i, 0] += 1e-3  # never the zero vector
    return unit(out)


def pair_text(pair): return f"<|user|>\n{pair['question']}\n\n<|assistant|>\n{pair['answer']}"


def real_pairs(folder, count):
    """`count` pairs of the corpus in file order, and the items of a reference set."""
    with gzip.open(os.path.join(folder, 'ref-gsm8k-train.jsonl.gz'), 'rt') as f: guide = [pair_text(json.loads(line)) for line in f]
    pairs = []
    with gzip.open(os.path.join(folder, 'mixed-train.jsonl.gz'), 'rt') as f:
        for line in f:
            pairs += [pair_text(p) for p in json.loads(line).get('qas', [])]
            if len(pairs) >= count: break
    return words_vectors(pairs[:count]), words_vectors(guide)


def problems(data, quick):
    """name, cost, weights a and b or None."""
    rng = np.random.default_rng(20250512)
    vectors = lambda n, d: unit(rng.standard_normal((n, d)))
    weights = lambda n: (lambda w: w / w.sum())(rng.random(n))
    for n, m in ((100, 30), (1000, 500)) if quick else ((100, 30), (1000, 500), (1000, 1000), (2000, 2000)):
        for d in (32, 384):
            cost = distances(vectors(n, d), vectors(m, d))
            yield f'random d={d} uniform', cost, None, None
            yield f'random d={d} weights', cost, weights(n), weights(m)
    n, m = (200, 100) if quick else (1000, 500)
    few = vectors(n // 10, 64)
    yield 'duplicates', distances(few[rng.integers(0, len(few), n)], few[rng.integers(0, len(few), m)]), None, None
    if data:
        pairs, guide = real_pairs(data, 1000)
        for n, m in ((100, 200), (1000, 200)) if quick else ((100, 200), (1000, 200), (1000, 1000)):
            yield 'real text', distances(pairs[:n], guide[:m]), None, None


def cpu_name():
    with open('/proc/cpuinfo') as f: names = [line.split(':')[1].strip() for line in f if line.startswith('model name')]
    return names[0] if names else 'unknown CPU'


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument('program'); arguments.add_argument('--data', default=''); arguments.add_argument('--quick', action='store_true'); arguments.add_argument('--wall', action='store_true')
    options = arguments.parse_args()
    ours = Ours(options.program)
    terms = 'default threads of peers, one of ours, elapsed time' if WALL else 'one thread each, CPU time'
    print(f'peers: POT {ot.__version__}, NumPy {np.__version__}; {terms}; {cpu_name()}, {os.cpu_count()} CPUs', flush=True)
    print(f"{'problem':24} {'size':>11} {'solver':>13} {'peer ms':>9} {'ours ms':>9} {'ratio':>7} {'rel. difference':>15}  notes")
    ratios, differences = collections.defaultdict(list), collections.defaultdict(list)

    def show(name, cost, solver, key, peer_seconds, peer_value, our_seconds, answer, reference=None, note=''):
        scale = max(abs(reference if reference is not None else peer_value), 1e-3)
        difference = abs(answer['value'] - (reference if reference is not None else peer_value)) / scale
        ratios[key].append(peer_seconds / our_seconds); differences[key].append(difference)
        print(f'{name:24} {cost.shape[0]:5}x{cost.shape[1]:<5} {solver:>13} {peer_seconds * 1e3:9.2f} {our_seconds * 1e3:9.2f} '
              f'{peer_seconds / our_seconds:7.1f} {difference:15.1e}  {note}', flush=True)

    for name, cost, a, b in problems(options.data, options.quick):
        n, m = cost.shape
        wa, wb = (np.full(n, 1 / n), np.full(m, 1 / m)) if a is None else (a, b)
        ours.load(cost, a, b)
        runs = 15 if n * m < 10**5 else 5 if n * m <= 10**6 else 3
        result = alternate(runs, lambda: float(ot.emd2(wa, wb, cost, numItermax=10**8)), lambda: ours('emd'))
        gap = result[3]['value'] - result[3]['lower_bound']
        show(name, cost, 'emd', 'emd', *result, note=f"{result[3]['pivots']} pivots, gap {gap:.1e}{'' if result[3]['optimal'] else ', NOT OPTIMAL'}")
        if a is not None or n * m > 10**6: continue
        median = np.sort(cost, axis=None)[(n * m - 1) // 2]
        for eps in EPSILONS:
            solve = lambda iterations, tolerance: ot.bregman.sinkhorn_log(wa, wb, cost, eps * median, numItermax=iterations, stopThr=tolerance, log=True)
            result = alternate(3, lambda: solve(SINKHORN_ITERATIONS, SINKHORN_TOLERANCE)[0],
                               lambda: ours(f'sinkhorn {eps} {SINKHORN_TOLERANCE} {SINKHORN_ITERATIONS}'))
            plan, log = solve(SINKHORN_ITERATIONS, SINKHORN_TOLERANCE)
            note = f"{result[3]['iterations']} iterations, error {result[3]['marginal_error']:.1e}; POT {log['niter']}, error {log['err'][-1]:.1e}"
            show(name, cost, f'sinkhorn {eps}', 'sinkhorn', *result, reference=float((plan * cost).sum()), note=note)
        runs = 1 if n * m >= 10**6 else 3
        show(name, cost, 'ipot alone', 'ipot_alone', *alternate(runs, lambda: ipot(cost, wa, wb), lambda: ours('ipot')))
        show(name, cost, 'ipot batch', 'ipot', *ipot_batch(runs, cost, wa, wb, ours))

    summary = {}
    for key in ('emd', 'sinkhorn', 'ipot_alone', 'ipot'):
        print(f'{key}: ratio least {min(ratios[key]):.1f}, median {statistics.median(ratios[key]):.1f}; largest difference {max(differences[key]):.1e}')
        summary[f'{key}_ratio'] = round(min(ratios[key]), 3)
    for key in ('emd', 'ipot', 'sinkhorn'): summary[f'{key}_rel_diff'] = max(differences[key])
    for key in ('emd', 'sinkhorn', 'ipot_alone', 'ipot'): summary[f'{key}_ratio_median'] = round(statistics.median(ratios[key]), 3)
    summary |= {'peers': f'POT {ot.__version__}, NumPy {np.__version__}', 'cpu': cpu_name(), 'cores': os.cpu_count(), 'clock': 'wall' if WALL else 'cpu'}
    print(json.dumps(summary))


if __name__ == '__main__': ipot_child(sys.argv[2]) if sys.argv[1] == 'ipot' else main()
