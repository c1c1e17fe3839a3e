"""The n-gram judge beside NLTK's KneserNeyInterpolated on texts of the corpus. usage: check_ngram.py CHECK_NGRAM CACHE
Prints the number of probabilities compared and the largest relative difference; fails above 1e-9. needs: numpy nltk"""
import subprocess, sys
import numpy as np
from nltk.lm import KneserNeyInterpolated
from nltk.util import everygrams, ngrams

ORDER = 4
flat, first = np.load(sys.argv[2] + '/ngram-pairs.npy'), np.load(sys.argv[2] + '/ngram-pairs-first.npy')
texts = [[str(w) for w in flat[first[i]:first[i + 1]]] for i in range(0, 24000, 200)]
train, held_out = texts[:100], texts[90:]
pad = lambda text: ['1'] * (ORDER - 1) + text + ['2']
model = KneserNeyInterpolated(ORDER, discount=0.75)
model.fit([everygrams(pad(t), max_len=ORDER) for t in train], sorted({w for t in train for w in pad(t)}))
known = {w for t in train for w in pad(t)}
asked = [g for t in held_out for g in ngrams(pad(t), ORDER) if g[-1] in known and all(w in known for w in g)]
lines = [' '.join(['train'] + t) for t in train] + [' '.join(('ask',) + g) for g in asked]
ours = [float(x) for x in subprocess.run([sys.argv[1]], input='\n'.join(lines), capture_output=True, text=True, check=True).stdout.split()]
worst = max(abs(a / model.score(g[-1], g[:-1]) - 1) for a, g in zip(ours, asked, strict=True))
print(f'n-gram judge beside NLTK: {len(asked)} probabilities, largest relative difference {worst:.1e}')
if worst > 1e-9 or len(asked) < 500: sys.exit('the n-gram judge differs from NLTK')
