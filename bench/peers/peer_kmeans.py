"""Times one peer of the k-means on one matrix.
usage: peer_kmeans.py faiss|sklearn|sklearnex VECTORS.npy(float16) K ITERATIONS START.npy|- ROWS
With START: the loop from that start, loading excluded. With -: everything a user waits for, reading and random seeding too.
Prints one JSON line: seconds, and the objective (sum of squared distances to the nearest final centroid, in double).
needs: numpy, and the peer's package (faiss-cpu, scikit-learn, scikit-learn-intelex)"""
import json, sys, time
import numpy as np

peer, path, k, iterations, start_path, rows = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5], int(sys.argv[6])
if peer == 'faiss':
    import faiss
else:
    if peer == 'sklearnex':
        from sklearnex import patch_sklearn
        patch_sklearn(verbose=False)
    from sklearn.cluster import KMeans


def objective(x, c):
    total, norms = 0.0, (c.astype('f8') ** 2).sum(1)
    for i in range(0, len(x), 16384):
        block = x[i:i + 16384].astype('f8')
        d = block @ c.T.astype('f8')
        d *= -2
        d += norms
        total += float(((block ** 2).sum(1) + d.min(1)).sum())
    return total


begin = time.perf_counter()
x = np.load(path, mmap_mode='r')[:rows].astype('f4')
start = None if start_path == '-' else np.load(start_path)
if start is not None: begin = time.perf_counter()
if peer == 'faiss':
    clustering = faiss.Clustering(x.shape[1], k)
    clustering.niter, clustering.max_points_per_centroid, clustering.min_points_per_centroid = iterations, 10 ** 9, 1
    if start is not None: faiss.copy_array_to_vector(start.ravel(), clustering.centroids)
    clustering.train(x, faiss.IndexFlatL2(x.shape[1]))
    seconds = time.perf_counter() - begin
    centroids = faiss.vector_to_array(clustering.centroids).reshape(k, -1)
else:
    model = KMeans(k, init='random' if start is None else start, n_init=1, max_iter=iterations, tol=0, algorithm='lloyd', random_state=1).fit(x)
    seconds = time.perf_counter() - begin
    centroids = model.cluster_centers_
print(json.dumps({'peer': peer, 'seconds': seconds, 'objective': objective(x, np.asarray(centroids, 'f4'))}))
