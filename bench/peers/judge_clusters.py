"""Judges embeddings by clusters: adjusted Rand index of k-means, k = number of domains, against the domains, and purity with k = 90.
usage: judge_clusters.py CORPUS.jsonl.gz DOCS.npy [documents, default 8000]
DOCS row i: unit vector of line i. A random subset is clustered from 8 random starts: mean, min, max; one JSON line.   needs: numpy, scikit-learn"""
import gzip
import json
import sys

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

names = np.array([json.loads(line)["domain"] for line in gzip.open(sys.argv[1], "rt")])
vectors = np.load(sys.argv[2])
count = min(len(names), int(sys.argv[3]) if len(sys.argv) > 3 else 8000)
chosen = np.random.default_rng(0).choice(len(names), count, replace=False)
names, vectors = names[chosen], vectors[chosen]


def clusters(k, seed, iterations):
    return KMeans(k, n_init=1, random_state=seed, max_iter=iterations).fit_predict(vectors)


k = len(np.unique(names))
scores = [adjusted_rand_score(names, clusters(k, seed, 25)) for seed in range(8)]
labels = clusters(90, 0, 10)
pure = sum(np.unique(names[labels == c], return_counts=True)[1].max() for c in np.unique(labels)) / count
print(json.dumps({"adjusted_rand": [round(float(f(scores)), 4) for f in (np.mean, min, max)], "purity_90": round(float(pure), 4)}))
