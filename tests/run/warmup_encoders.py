"""Stage warmup through a whole job with what it trains beside tables: all weights of a small transformer, and a projection behind vectors that a
server gives. The same encoder, arms and export on 1 and 2 ranks, and after kills."""
import hashlib
import pathlib
import random
import time

import harness
from embedding_server import EmbeddingServer
from warmup_corpus import digests, require, require_each_once, write_documents, write_reference

TINY = pathlib.Path(__file__).resolve().parents[1] / "data" / "bert" / "tiny"
LETTERS, FILLER = "b c d f g h j k l m n o p q r s t v w x".split(), "go work token caf naive 1 2 3 y z".split()  # single tokens of its vocabulary
write_documents("letters.jsonl", 600, 1, "first", LETTERS, LETTERS, FILLER, fillers=6)  # as much as 12 dimensions can learn: which words matter
write_documents("names.jsonl", 450, 1, "first")
write_reference("reference.jsonl", LETTERS)
SETTINGS = ["--reference.files", "reference.jsonl", "--extractor", "replay", "--budget.documents", "60%", "--cluster.k", "30", "--warmup.enabled", "--warmup.per_cluster", "10",
            "--warmup.max_documents", "240", "--warmup.budget_share", "0.7", "--warmup.focus", "0", "--warmup.patience", "0", "--warmup.batch", "32", "--warmup.learning_rate", "0.01", "--log.level", "warn"]


def vector_of(text):
    """The sum of a random vector for each word, the same for everybody who asks."""
    values = [0.0] * 32
    for word in "".join(c if c.isalnum() else " " for c in text.lower()).split():
        values = [v + x - 127.5 for v, x in zip(values, hashlib.sha256(word.encode()).digest())]
    return values


def whole_job(kind, trained, kills_in_training, *words):
    expected, seconds = None, 0.0
    for ranks, threads in ((1, 1), (2, 1), (1, 2)):
        workspace, start = harness.fresh(f"{kind}-{ranks}-{threads}"), time.monotonic()
        harness.run(ranks, "run", "--workspace", workspace, "--threads", threads, *SETTINGS, "--encoder.kind", kind, *words)
        if expected is None:
            expected, seconds = digests(workspace), time.monotonic() - start
            facts = harness.facts(workspace, "warmup")
            require(facts["aligned"] and facts["mrr_after"] > facts["mrr_before"], f"{kind}: training did not help: {facts}")
            require((workspace / "gen-1" / "encoder" / trained).exists(), f"{kind}: no {trained}")
            print(f"{kind}: held-out MRR {facts['mrr_before']:.3f} -> {facts['mrr_after']:.3f} with {facts['examples']} documents, {seconds:.1f} s")
        harness.require_equal(expected, digests(workspace), f"{kind}, {ranks} ranks, {threads} threads")
    # Kills at any moment, until it once ends by itself; each start gets further.
    rng, kills, in_training = random.Random(kind), 0, 0
    while kills < 2 or in_training < kills_in_training:
        workspace, share = harness.fresh(f"{kind}-killed"), 0.5
        while harness.run_and_kill(rng.choice((1, 2)), rng.uniform(0.5, 1.5) * share * seconds, "run", "--workspace", workspace, *SETTINGS, "--encoder.kind", kind, *words):
            kills += 1
            in_training += (workspace / "gen-1" / "training.state").exists()
            share *= 1.3  # a slow machine gets on as well
        harness.require_equal(expected, digests(workspace), f"{kind}, after {kills} kills")
        require_each_once(workspace, f"{kind}, after kills")
    print(f"{kind}: the same after {kills} kills, {in_training} of them between epochs")


whole_job("bert", "model.safetensors", 1, "--inputs", "letters.jsonl", "--partition-bytes", "8000", "--encoder.model", TINY, "--encoder.max_tokens", "40", "--warmup.temperature", "0.1",
          "--warmup.epochs", "16")
with EmbeddingServer(vector_of) as server:
    whole_job("http", "projection.safetensors", 0, "--inputs", "names.jsonl", "--partition-bytes", "30000", "--encoder.endpoints", server.url, "--encoder.model", "toy", "--warmup.epochs", "60")
