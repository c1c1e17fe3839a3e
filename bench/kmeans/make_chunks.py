"""Chunks of about 40 words of a corpus, one a line, for the k-means bench.
usage: make_chunks.py CORPUS.jsonl.gz CHUNKS.txt LIMIT     needs: numpy"""
import gzip, json, os, sys
import numpy as np

WORDS = 40
corpus, path, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
with gzip.open(corpus, 'rt') as lines, open(path + '.tmp', 'w') as out:
    for line in lines:
        words = json.loads(line)['text'].split()
        bounds = np.linspace(0, len(words), max(1, round(len(words) / WORDS)) + 1).astype(int)
        for first, last in zip(bounds[:-1], bounds[1:]):
            if limit > 0: print(' '.join(words[first:last]), file=out)
            limit -= 1
os.rename(path + '.tmp', path)
