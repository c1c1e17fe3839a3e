"""One training step of a BERT in PyTorch, the loss of bench/contrast: for comparison.
usage: torch_step.py MODEL_DIR EXAMPLES.jsonl OURS [key=value ...]    OURS: the folder that `bench_contrast step` wrote; needs torch transformers safetensors
Documents and pairs are padded each to their longest, as Sentence Transformers does; dropout is off on both sides. Prints one JSON line:
seconds a step, losses, and the largest relative difference of a tensor's first gradient from ours (Frobenius)."""
import json
import sys
import time

import torch
from safetensors.torch import load_file
from transformers import BertModel
from tokenizers import Tokenizer

folder, path, ours = sys.argv[1:4]
options = {"max_tokens": 256, "steps": 5, "temperature": 0.02, "learning_rate": 5e-5, "weight_decay": 0.01, "threads": 0}
options.update((k, float(v)) for k, v in (w.split("=") for w in sys.argv[4:]))
if options["threads"]: torch.set_num_threads(int(options["threads"]))
examples = [json.loads(line) for line in open(path)]
batch = [i for i, e in enumerate(examples) if not e.get("held_out")]
names = [(i, 0) for i in batch]  # candidates: the own pairs, then hard negatives, none twice
for i in batch:
    for pair in map(tuple, examples[i].get("negatives", [])):
        if pair not in names: names.append(pair)
tokenizer = Tokenizer.from_file(folder + "/tokenizer.json")
tokenizer.enable_truncation(int(options["max_tokens"]))
tokenizer.no_padding()


def tensors(texts):
    ids = [tokenizer.encode(t).ids for t in texts]
    width = max(map(len, ids))
    return (torch.tensor([x + [0] * (width - len(x)) for x in ids]), torch.tensor([[1] * len(x) + [0] * (width - len(x)) for x in ids]))


documents = tensors([examples[i]["document"] for i in batch])
pairs = tensors([examples[i]["pairs"][p] for i, p in names])
texts = [examples[i]["pairs"][p] for i, p in names]
allowed = torch.tensor([[j == c or (names[c][0] != batch[j] and texts[c] != texts[j]) for c in range(len(names))] for j in range(len(batch))])
model = BertModel.from_pretrained(folder, add_pooling_layer=False, attn_implementation="sdpa").float().eval()
decays = [p for n, p in model.named_parameters() if not n.endswith("bias") and "LayerNorm" not in n]
others = [p for n, p in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
optimiser = torch.optim.AdamW([{"params": decays, "weight_decay": options["weight_decay"]}, {"params": others, "weight_decay": 0.0}], lr=options["learning_rate"])


def encode(ids, mask):
    hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
    weight = mask.unsqueeze(-1).float()
    return torch.nn.functional.normalize((hidden * weight).sum(1) / weight.sum(1), dim=1)


def fused(name):
    """The tensor of ours that holds a parameter: query, key and value lie behind each other."""
    for key in ("query", "key", "value"): name = name.replace(f"self.{key}.", "self.qkv.")
    return name


seconds, losses, differences = [], [], {}
for step in range(int(options["steps"]) + 1):
    start = time.perf_counter()
    optimiser.zero_grad()
    scores = (encode(*documents) @ encode(*pairs).T / options["temperature"]).masked_fill(~allowed, float("-inf"))
    loss = torch.nn.functional.cross_entropy(scores, torch.arange(len(batch)))
    loss.backward()
    if step == 0:
        mine, stacked = load_file(ours + "/gradient.safetensors"), {}
        for name, p in model.named_parameters():
            target = fused(name)
            gradient = p.grad.reshape(-1, p.grad.shape[-1])
            stacked.setdefault(target, []).append(gradient)
        for name, parts in stacked.items():
            theirs = torch.cat(parts, 1 if parts[0].shape[0] == 1 and len(parts) > 1 else 0)
            differences[name] = float((mine[name] - theirs).norm() / theirs.norm())
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    if step: seconds.append(time.perf_counter() - start)
    losses.append(float(loss.detach()))
worst = max(differences, key=differences.get)
print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads(), "seconds": seconds, "losses": losses,
                  "tokens": int(documents[1].sum() + pairs[1].sum()), "padded_tokens": documents[1].numel() + pairs[1].numel(), "gradient_difference": differences[worst], "gradient_worst": worst, "tensors": len(differences)}))
