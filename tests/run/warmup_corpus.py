"""A corpus on which a warm-up has something to learn, and what its tests ask of a workspace."""
import collections
import hashlib
import json
import random
import sys

import harness

WORDS = ["".join(random.Random(i).choices("bcdfghklmnprstvz", k=2)) + "aeiou"[i % 5] + "".join(random.Random(i + 999).choices("dklmnrst", k=3)) for i in range(160)]
THINGS, NAMES, FILLER = WORDS[:60], WORDS[60:120], WORDS[120:]  # NAMES[i] is what pairs call THINGS[i]


def write_documents(path, count, seed, prefix, things=THINGS, names=NAMES, filler=FILLER, fillers=20):
    """Documents speak of things, their pairs name them by other words, which documents have only by chance: that is to be learned."""
    rng = random.Random(seed)
    with open(path, "w") as out:
        for i in range(count):
            named_here = rng.sample(range(len(things)), 4)
            words = [things[t] for t in named_here for _ in range(3)] + rng.sample(names, 4) + rng.choices(filler, k=fillers)
            rng.shuffle(words)
            pairs = []
            for _ in range(rng.choice([0, 1, 2])):
                named = [names[t] for t in rng.sample(named_here, 3)]
                pairs.append({"question": f"What is said of {named[0]} and {named[1]}?", "answer": f"That {named[2]} goes with {rng.choice(named)} {rng.choice(filler)}."})
            out.write(json.dumps({"id": f"{prefix}-{i}", "text": " ".join(words), "qas": pairs}) + "\n")


def write_reference(path, names=NAMES):
    with open(path, "w") as out:
        for i in range(40):
            out.write(json.dumps({"question": f"What is said of {names[i % 10]} and {names[(i + 3) % 10]}?", "answer": f"That {names[(i + 5) % 10]} is near."}) + "\n")


def digests(workspace):
    """What must be equal beside gen-0 and the export: vectors and arms of gen-1, the trained encoder, the curve."""
    import h5py
    out = harness.digests(workspace)
    for path in sorted((workspace / "gen-1").rglob("*.h5")):
        with h5py.File(path, "r") as file:
            names = []
            file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
            for name in names:
                out[f"{path.relative_to(workspace)}/{name}"] = hashlib.sha256(file[name][...].tobytes()).hexdigest()
    for path in sorted((workspace / "gen-1" / "encoder").rglob("*")):
        if path.is_file():
            out[path.name] = harness.sha256(path)
    out["curve"] = json.dumps(harness.facts(workspace, "warmup")["curve"])
    return out


def sample(workspace):
    return json.loads((workspace / "gen-1" / "sample.json").read_text())["documents"]


def require(condition, what):
    if not condition:
        sys.exit(what)


def require_each_once(workspace, what):
    answers = harness.journal_answers(workspace)
    twice = [d for d, n in collections.Counter(answers).items() if n > 1]
    require(not twice, f"{what}: documents answered twice: {twice[:10]}")
