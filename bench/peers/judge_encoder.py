"""Judges embeddings of a labelled corpus such as mixed-train: nearest-neighbour domain agreement, and document -> own pair retrieval.
usage: judge_encoder.py CORPUS.jsonl.gz DOCS.npy PAIRS.npy [HELDOUT_IDS.txt]
DOCS row i: unit vector of line i; PAIRS: unit vectors of all pairs in file order ('<question>\n<answer>' under the encoder's own template). With HELDOUT_IDS
(document ids, one a line) only those documents are asked. Protocol: numpy default_rng(0); 2,000 documents ask for their nearest other document; 1,000
documents with pairs and one random pair of each: rank of the own pair among the 1,000, MRR@10, repeated for seeds 0..4 (mean, min, max).   needs: numpy"""
import sys, json, gzip, numpy as np
docs = [json.loads(l) for l in gzip.open(sys.argv[1], 'rt')]; D, Q = np.load(sys.argv[2]).astype('f4'), np.load(sys.argv[3]).astype('f4')
dom = np.array([d['domain'] for d in docs]); owner = np.array([i for i, d in enumerate(docs) for _ in d.get('qas') or []]); assert len(D) == len(docs) and len(Q) == len(owner)
keep = set(open(sys.argv[4]).read().split()) if len(sys.argv) > 4 else None; ok = np.array([keep is None or d['id'] in keep for d in docs]); acc, mrr = [], []
for seed in range(5):
    r = np.random.default_rng(seed); ix = r.choice(len(D), 2000, replace=False); s = D[ix] @ D.T; s[np.arange(len(ix)), ix] = -9; acc.append(float((dom[s.argmax(1)] == dom[ix]).mean()))
    c = np.unique(owner[ok[owner]]); c = r.choice(c, min(1000, len(c)), replace=False); p = np.array([r.choice(np.where(owner == i)[0]) for i in c]); s = D[c] @ Q[p].T
    k = (s >= s[np.arange(len(c)), np.arange(len(c))][:, None]).sum(1); mrr.append(float(np.where(k <= 10, 1 / k, 0).mean()))
say = lambda v: [round(float(np.mean(v)), 4), round(min(v), 4), round(max(v), 4)]
print(json.dumps({'domain_agreement': say(acc), 'mrr10': say(mrr), 'candidates': len(c)}))
