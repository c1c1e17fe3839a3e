"""Embeddings in the job: bert with real weights, distil, and http against a server: equal over ranks, threads and a kill."""
import hashlib
import random
import sys

import h5py

import corpus
import harness
import weights
from embedding_server import EmbeddingServer

corpus.write_corpus("docs.jsonl", count=240)
MODEL = weights.minilm()
COMMON = ["--inputs", "docs.jsonl", "--partition-bytes", "40000", "--log.level", "warn"]


def embed(kind, name, ranks, threads, *words):
    """The digest of all vectors of an `equal ingest` and `equal embed`."""
    workspace = harness.fresh(f"e-{name}-{ranks}-{threads}")
    settings = ["--workspace", workspace, "--threads", threads, *COMMON, "--encoder.kind", kind, *words]
    harness.run(ranks, "ingest", *settings)
    harness.run(ranks, "embed", *settings)
    return digest(workspace)


def digest(workspace):
    out, vectors = hashlib.sha256(), 0
    files = sorted((workspace / "gen-0" / "embeddings").glob("*.h5"))
    for path in files:
        with h5py.File(path) as file:
            values = file["vectors"][...]
            vectors += len(values)
            out.update(values.tobytes())
    if len(files) < 3 or vectors < 200:
        sys.exit(f"{workspace}: {vectors} vectors in {len(files)} files are too few to show anything")
    return out.hexdigest()


def over_ranks(kind, name, *words, shapes=((1, 1), (1, 2), (3, 1))):
    found = {shape: embed(kind, name, *shape, *words) for shape in shapes}
    if len(set(found.values())) != 1:
        sys.exit(f"{name}: the vectors depend on ranks and threads: {found}")
    print(f"{name}: {len(found)} runs with the same vectors")
    return found[1, 1]


def after_kills(kind, name, expected, *words):
    """Kills `equal embed` until it once ends by itself; each time fewer documents are left."""
    workspace = harness.fresh(f"e-{name}-killed")
    settings = ["--workspace", workspace, *COMMON, "--encoder.kind", kind, *words, "--embed.block", "16"]
    harness.run(2, "ingest", *settings)
    rng, kills, seconds = random.Random(5), 0, 1.0
    while harness.run_and_kill(rng.choice((1, 2, 3)), rng.uniform(0.5, 1.0) * seconds, "embed", *settings):
        kills += 1
        seconds *= 1.25  # a slow machine gets on as well
    if kills < 2:
        sys.exit(f"{name}: {kills} kills; the stage is too short for this test")
    if digest(workspace) != expected:
        sys.exit(f"{name}: other vectors after {kills} kills")
    print(f"{name}: the same vectors after {kills} kills")


def vector_of(text):
    seed = hashlib.sha256(text.encode()).digest()
    return [x - 127.5 for x in seed + hashlib.sha256(seed).digest()]


bert = ("--encoder.model", MODEL)
expected = over_ranks("bert", "bert", *bert, "--embed.block", "16")
after_kills("bert", "bert", expected, *bert)
over_ranks("bert", "bert-int8", *bert, "--encoder.precision", "int8", shapes=((1, 1), (3, 2)))
over_ranks("static", "distil", *bert, "--encoder.table", "distil", "--encoder.dim", "128", shapes=((1, 1), (3, 2)))
with EmbeddingServer(vector_of, fail_every=7) as server:
    over_ranks("http", "http", "--encoder.endpoints", server.url, "--encoder.model", "toy", "--encoder.batch", "8", shapes=((1, 1), (3, 2)))
    if server.seen < 60:
        sys.exit(f"the server has seen {server.seen} requests only")
