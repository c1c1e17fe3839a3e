"""What bench/run contrast measures on vectors. needs: numpy, scikit-learn"""
import numpy as np


def reciprocal_ranks(documents, pairs, cut=10):
    """Rank of pair i for document i among all pairs, ties against it; 0 beyond `cut`. As bench/peers/judge_encoder.py counts."""
    scores = documents @ pairs.T
    rank = (scores >= np.diag(scores)[:, None]).sum(1)
    return np.where(rank <= cut, 1 / rank, 0.0)


def interval(values, seed=0, resamples=2000):
    """[mean, low, high]: percentile bootstrap over the queries, 95 %."""
    rng, values = np.random.default_rng(seed), np.asarray(values)
    means = np.array([values[rng.integers(0, len(values), len(values))].mean() for _ in range(resamples)])
    return [round(float(values.mean()), 4), *(round(float(x), 4) for x in np.percentile(means, [2.5, 97.5]))]


def retrieval(documents, pairs, groups):
    """Reciprocal ranks of all queries; each group of documents competes by itself."""
    return np.concatenate([reciprocal_ranks(documents[g], pairs[g]) for g in groups])


def clustering(vectors, domains, seed=0):
    """Against the natural labels: adjusted Rand index of as many clusters as there are labels, purity of sqrt(n) clusters."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score
    names, labels = np.unique(domains, return_inverse=True)
    fit = lambda k: KMeans(k, n_init=3, random_state=seed).fit(vectors).labels_
    found = fit(round(len(vectors) ** 0.5))
    pure = sum(np.bincount(labels[found == c]).max() for c in np.unique(found)) / len(vectors)
    return {"ari": round(float(adjusted_rand_score(labels, fit(len(names)))), 4), "purity": round(float(pure), 4)}
