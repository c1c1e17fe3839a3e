"""Lloyd's iteration in double precision, every row against every centroid: what all contestants of the k-means bench approximate.
usage: lloyd.py VECTORS.npy(float16) ITERATIONS START.npy ROWS [--grid: centroids rounded to 2^-24, as ours are]
float16 values are multiples of 2^-24, so sums over a cluster are exact in double; distances are good to about 1e-15.
Prints one JSON line: the objective after the last update, and how often a cluster was empty (its centroid stays)."""
import json, sys
import numpy as np

BLOCK = 8192


def nearest(x, centroids):
    """Labels, and the sum of squared distances."""
    norms, labels, total = (centroids ** 2).sum(1), np.empty(len(x), int), 0.0
    for i in range(0, len(x), BLOCK):
        block = x[i:i + BLOCK]
        d = block @ centroids.T
        d *= -2
        d += norms
        labels[i:i + BLOCK] = d.argmin(1)  # ties: the lower number
        total += float(((block ** 2).sum(1) + d.min(1)).sum())
    return labels, total


path, iterations, start, rows = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
x = np.load(path, mmap_mode='r')[:rows].astype('f8')
centroids, empty = np.load(start).astype('f8'), 0
for _ in range(iterations):
    labels, _ = nearest(x, centroids)
    order, sizes = np.argsort(labels, kind='stable'), np.bincount(labels, minlength=len(centroids))
    filled = np.flatnonzero(sizes)
    starts = np.concatenate(([0], np.cumsum(sizes[filled])[:-1]))
    sums, counts = np.add.reduceat(x[order], starts), sizes[filled, None]
    if '--grid' in sys.argv:
        units = np.abs(sums * 2.0 ** 24).astype('i8')
        centroids[filled] = np.sign(sums) * ((units + counts // 2) // counts) * 2.0 ** -24
    else:
        centroids[filled] = sums / counts
    empty += len(centroids) - len(filled)
print(json.dumps({'objective': nearest(x, centroids)[1], 'empty': int(empty)}))
