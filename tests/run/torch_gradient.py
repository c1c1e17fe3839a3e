"""The gradient of one training step of all-MiniLM-L6-v2 beside PyTorch's (Debian's python3-torch): the loss within 1e-5, each tensor within 1e-4,
relative. The forward pass is written here once more, from the weights; texts are whole words of the vocabulary, so that ids need no tokenizer."""
import json
import math
import pathlib
import random
import subprocess
import sys

import harness
import weights

try:
    import torch
except ImportError:
    tools = pathlib.Path(__file__).resolve().parents[2] / "tools"
    subprocess.run([tools / "install_packages", "/dev/stdin"], input="python3-torch\n", text=True, check=True)
    import torch

MODEL = weights.minilm()
MAX_TOKENS, TEMPERATURE = 48, 0.02
torch.set_num_threads(1)


def read_safetensors(path):
    data = pathlib.Path(path).read_bytes()
    size = int.from_bytes(data[:8], "little")
    out = {}
    for name, t in json.loads(data[8:8 + size]).items():
        if name != "__metadata__" and t["dtype"] == "F32":
            first, last = t["data_offsets"]
            out[name] = torch.frombuffer(bytearray(data[8 + size + first:8 + size + last]), dtype=torch.float32).reshape(t["shape"])
    return out


config = json.loads((MODEL / "config.json").read_text())
vocabulary = json.loads((MODEL / "tokenizer.json").read_text())["model"]["vocab"]
parameters = {name: t.clone().requires_grad_() for name, t in read_safetensors(MODEL / "model.safetensors").items() if not name.startswith("pooler")}


def linear(x, name):
    return x @ parameters[name + ".weight"].T + parameters[name + ".bias"]


def norm(x, name):
    return torch.nn.functional.layer_norm(x, x.shape[-1:], parameters[name + ".weight"], parameters[name + ".bias"], config["layer_norm_eps"])


def encode(text):
    """The unit mean of the last layer over one text, alone: nothing is padded."""
    ids = [vocabulary["[CLS]"], *[vocabulary[w] for w in text.split()][:MAX_TOKENS - 2], vocabulary["[SEP]"]]
    x = parameters["embeddings.word_embeddings.weight"][ids] + parameters["embeddings.position_embeddings.weight"][:len(ids)] + parameters["embeddings.token_type_embeddings.weight"][0]
    x = norm(x, "embeddings.LayerNorm")
    heads = config["num_attention_heads"]
    split = lambda y: y.reshape(len(ids), heads, -1).transpose(0, 1)
    for l in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{l}."
        q, k, v = (split(linear(x, f"{layer}attention.self.{part}")) for part in ("query", "key", "value"))
        context = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(q.shape[-1]), -1) @ v
        x = norm(x + linear(context.transpose(0, 1).reshape(len(ids), -1), layer + "attention.output.dense"), layer + "attention.output.LayerNorm")
        x = norm(x + linear(torch.nn.functional.gelu(linear(x, layer + "intermediate.dense")), layer + "output.dense"), layer + "output.LayerNorm")
    return torch.nn.functional.normalize(x.mean(0), dim=0)


rng = random.Random(7)
words = sorted(w for w in vocabulary if w.isascii() and w.isalpha() and len(w) > 3)
text = lambda least, most: " ".join(rng.choices(words, k=rng.randint(least, most)))
examples = [{"id": str(i), "document": text(20, 70), "pairs": [text(5, 40)], "held_out": i >= 6} for i in range(24)]  # longer ones are cut
for i in range(6):
    examples[i]["negatives"] = [[6 + 3 * i + j, 0] for j in range(3)]
examples[1]["pairs"][0] = examples[0]["pairs"][0]  # the same text: no negative of each other
with open("examples.jsonl", "w") as out:
    out.writelines(json.dumps(e) + "\n" for e in examples)

said = json.loads(subprocess.run([harness.BINARY.parent / "bench_contrast", "step", MODEL, "examples.jsonl", "ours", "steps=0", f"max_tokens={MAX_TOKENS}", f"temperature={TEMPERATURE}", "threads=1"],
                                 check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])
ours = read_safetensors("ours/gradient.safetensors")

names = [(i, 0) for i in range(6)] + [tuple(n) for i in range(6) for n in examples[i]["negatives"]]
pair = lambda name: examples[name[0]]["pairs"][name[1]]
documents, pairs = torch.stack([encode(e["document"]) for e in examples[:6]]), torch.stack([encode(pair(n)) for n in names])
allowed = torch.tensor([[j == c or pair(names[c]) != pair(names[j]) for c in range(len(names))] for j in range(6)])
loss = torch.nn.functional.cross_entropy((documents @ pairs.T / TEMPERATURE).masked_fill(~allowed, float("-inf")), torch.arange(6))
loss.backward()

if abs(said["losses"][0] - loss.item()) > 1e-5 * loss.item():
    sys.exit(f"loss {said['losses'][0]}, PyTorch {loss.item()}")
worst = {}
for name, gradient in ours.items():
    parts = [name.replace("qkv", p) for p in ("query", "key", "value")] if "qkv" in name else [name]
    theirs = torch.cat([parameters[p].grad for p in parts])
    worst[name] = float((gradient.reshape(theirs.shape) - theirs).norm() / theirs.norm())
if len(ours) < 70 or sum(len(ours[n].flatten()) for n in ours) != sum(p.numel() for p in parameters.values()):
    sys.exit(f"{len(ours)} tensors are not all of the model")
name = max(worst, key=worst.get)
print(f"PyTorch {torch.__version__}: loss {loss.item():.6f}, the gradients of {len(ours)} tensors within {worst[name]:.1e} ({name})")
if not worst[name] < 1e-4:
    sys.exit(f"the gradient of {name} is off by {worst[name]:.1e}, relative")
