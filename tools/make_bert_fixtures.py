#!/usr/bin/env python3
"""Writes tests/data/bert: a tiny random BERT as Hugging Face publishes it, with what the original code computes from it.
usage: make_bert_fixtures.py tests/data/bert        needs: numpy torch transformers tokenizers safetensors
Ids and Unicode behaviour come from `tokenizers`, hidden states from `transformers`. Deterministic for fixed versions."""
import hashlib, json, os, random, sys
import numpy as np, torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from transformers import BertConfig, BertModel

out = sys.argv[1]
os.makedirs(out + '/tiny/1_Pooling', exist_ok=True)
def dump(name, value):
    with open(f'{out}/{name}', 'w') as f: json.dump(value, f, indent=None if isinstance(value, list) else 1, ensure_ascii=True); f.write('\n')

vocabulary = '[PAD] [UNK] [CLS] [SEP] [MASK] the a of and to is un ##aff ##able ##ing ##s ##ed go work ##er ##ers token ##iz ##e on ! " # ##\u0645 \u4e2d \u56fd \u1112 ##\u1161 ##\u11ab - , . ? : ; ( ) = ` \u2019 \u3002 caf naive \u0431\u043e\u0440 ##\u0449 \u03c3 ##\u03c3 ss \u00df i ##i x ##x y 1 ##1 2 ##2 3 \U0001f600 \u0e01 ##\u0e33 \u05d0 [ ] mask cls se ##p \u302f ##\u302e a\u302e'.split(' ')
for c in 'abcdefghijklmnopqrstuvwxyz':
    for t in (c, '##' + c):
        if t not in vocabulary: vocabulary.append(t)
with open(out + '/tiny/vocab.txt', 'w', encoding='utf-8') as f: f.write('\n'.join(vocabulary) + '\n')
special = vocabulary[:5]
dump('tiny/tokenizer.json', {
    'version': '1.0', 'truncation': None, 'padding': None,
    'added_tokens': [dict(id=i, content=t, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True) for i, t in enumerate(special)],
    'normalizer': dict(type='BertNormalizer', clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True),
    'pre_tokenizer': dict(type='BertPreTokenizer'),
    'post_processor': dict(type='TemplateProcessing', single=[{'SpecialToken': {'id': '[CLS]', 'type_id': 0}}, {'Sequence': {'id': 'A', 'type_id': 0}}, {'SpecialToken': {'id': '[SEP]', 'type_id': 0}}],
                           pair=[{'Sequence': {'id': 'A', 'type_id': 0}}, {'Sequence': {'id': 'B', 'type_id': 1}}],
                           special_tokens={t: dict(id=t, ids=[vocabulary.index(t)], tokens=[t]) for t in ('[CLS]', '[SEP]')}),
    'decoder': None,
    'model': dict(type='WordPiece', unk_token='[UNK]', continuing_subword_prefix='##', max_input_chars_per_word=100, vocab={t: i for i, t in enumerate(vocabulary)})})

config = dict(vocab_size=len(vocabulary), hidden_size=12, num_hidden_layers=2, num_attention_heads=2, intermediate_size=20, max_position_embeddings=40, type_vocab_size=2,
              hidden_act='gelu', layer_norm_eps=1e-12, position_embedding_type='absolute', model_type='bert', architectures=['BertModel'])
dump('tiny/config.json', config)
dump('tiny/modules.json', [dict(idx=i, name=str(i), path=p, type='sentence_transformers.models.' + t) for i, (p, t) in enumerate([('', 'Transformer'), ('1_Pooling', 'Pooling'), ('2_Normalize', 'Normalize')])])
dump('tiny/1_Pooling/config.json', dict(word_embedding_dimension=12, pooling_mode_cls_token=False, pooling_mode_mean_tokens=True, pooling_mode_max_tokens=False, pooling_mode_mean_sqrt_len_tokens=False))
dump('tiny/sentence_bert_config.json', dict(max_seq_length=32, do_lower_case=False))

torch.manual_seed(7)
model = BertModel(BertConfig(**{k: v for k, v in config.items() if k not in ('model_type', 'architectures')}, attn_implementation='eager'), add_pooling_layer=False).eval()
state = {}
for name, p in model.state_dict().items():
    if not p.is_floating_point(): continue
    p = torch.randn_like(p) * (0.4 if p.dim() == 2 else 0.3) + (1.0 if name.endswith('LayerNorm.weight') else 0.0)
    state[name] = p.to(torch.bfloat16 if 'word_embeddings' in name else torch.float16 if 'dense' in name else torch.float32).contiguous()
model.load_state_dict({k: v.float() for k, v in state.items()}, strict=False)
save_file(state, out + '/tiny/model.safetensors', metadata={'format': 'pt'})

tokenizer = Tokenizer.from_file(out + '/tiny/tokenizer.json')
texts = ['', ' ', 'unaffable workers', 'The token is UNAFFABLE.', 'going to work!', 'tokenizes tokenized zzz', 'Caf\u00e9 NA\u00cfVE \u03a3\u03c3\u03c2 \u0130\u0131 \u1e9e\u00df', '\u4e2d\u56fd\u4e2d x\u4e2dy \uf900\u2f800',
    '\ud55c\uae00 \ud55c', 'a\u0301b \u0301 a\u302e\u302f\u302e a\u302f\u302e', '\u0411\u043e\u0440\u0449 \u0431\u043e\u0301\u0440\u0449', 'a\x00b\x07c\td\ne\x0bf\x85g\u00a0h\u2028i\u200bj\ufeffk\u00adl\ufffdm', '[CLS] the [MASK][SEP] [mask] [ PAD ] [UNK]x', 'x' * 99 + ' ' + 'x' * 100 + ' ' + 'x' * 101 + ' ' + '\u0431' * 100 + ' ' + '\u0431' * 101,
    '\u2260 \u037e \u1fef \u226e a\u0338=', '\u2019\u3002\uff0c\u00bf\u00ab ## #x ##x', '\U0001f600\U0001f601 \U00011938 \u0e01\u0e33', '\u05d0\u05b0 \u0645\u064b x\u0645', 'x1y2 3.14 1,122', '\ue000\U000f0000 \u0378\u0890 \u1734\u166d a', 'Hello \ud7a3 \u1112\u1161\u11ab', 'MiXeD-CaSe_under (a=b); "q" `t`', '\U0002b820 \U0002b920 \u3400', '\u1c89\ua7cb\U00010d50 \u0800\u17b4']
r = random.Random(3)
pool = list('aeioxyz the of ') + [chr(c) for c in (0x301, 0x302e, 0x302f, 0x1d165, 0x1d16d, 0x4e2d, 0xe9, 0xd55c, 0x200d, 0xad, 0x2028, 0x1b44, 0x10f46, 0x64b, 0x37e, 0x2260, 0, 9, 0x85, 0xfffd, 0x130, 0x1e9e)] + ['[MASK]', '[SEP', 'CLS]']
texts += [''.join(r.choice(pool) for _ in range(30)) for _ in range(30)]
dump('token_ids.json', [{'text': t, 'ids': tokenizer.encode(t, add_special_tokens=False).ids} for t in texts])

# What every code point becomes, under four settings of the normaliser, as one digest each; then its kind.
variants = dict(uncased=(True, True, True, True), cased=(True, True, False, False), accents_only=(False, False, True, False), lower_only=(False, True, False, True))
digests = {}
points = [c for c in range(0x110000) if not 0xd800 <= c < 0xe000]
for name, (clean, chinese, strip, lower) in variants.items():
    n = BertNormalizer(clean_text=clean, handle_chinese_chars=chinese, strip_accents=strip, lowercase=lower); sha = hashlib.sha256()
    for c in points: sha.update(n.normalize_str(chr(c)).encode() + b'\n')
    digests[name] = sha.hexdigest()
pre = BertPreTokenizer(); kinds = bytearray()
for c in points:
    pieces = [p for p, _ in pre.pre_tokenize_str('a' + chr(c) + 'b')]
    kinds += b' ' if pieces == ['a', 'b'] else b'.' if len(pieces) == 3 else b'a'
digests['kinds'] = hashlib.sha256(bytes(kinds)).hexdigest()
dump('unicode.json', digests)

samples = []
for text in ('The workers go on: unaffable!', 'a', 'x ' * 29):
    ids = [vocabulary.index('[CLS]')] + tokenizer.encode(text, add_special_tokens=False).ids[:30] + [vocabulary.index('[SEP]')]
    with torch.no_grad(): states = model(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states
    mean = states[-1][0].double().mean(0); mean = mean / mean.norm(); cls = states[-1][0, 0].double(); cls = cls / cls.norm()
    keep = len(samples) == 0
    samples.append(dict(text=text, ids=ids, mean=[round(float(v), 7) for v in mean], cls=[round(float(v), 7) for v in cls],
                        states=[[[round(float(v), 5) for v in row] for row in s[0]] for s in states] if keep else []))
dump('hidden_states.json', samples)
