"""Byte pairs learnt from the captions (Sennrich et al., 2016), in the form of CLIP's tokenizer.

Tokens are numbered as CLIP's: 256 bytes, the same at the end of a word, one for each merge, start and end. Texts are cut
after, and filled up with the end to, `CONTEXT` tokens.
"""
import collections
import json
import re

import torch

from networks import CONTEXT

START, END = "<|startoftext|>", "<|endoftext|>"
WORD = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|[^\s\w]+|_+")
MERGES = 900


def bytes_in_words():
    """The character that stands for each byte: those that can be seen for themselves, and these come first."""
    seen = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [b for b in range(256) if b not in seen]
    return dict(zip(seen + others, [chr(b) for b in seen] + [chr(256 + i) for i in range(len(others))]))


BYTES = bytes_in_words()


def words(text):
    return WORD.findall(" ".join(text.lower().split()))


def symbols(word):
    spelt = [BYTES[b] for b in word.encode()]
    return spelt[:-1] + [spelt[-1] + "</w>"]


def joined(parts, pair):
    """`parts` with every occurrence of a pair as one symbol."""
    result = []
    for part in parts:
        if result and (result[-1], part) == pair:
            result[-1] += part
        else:
            result.append(part)
    return result


def learnt(texts, most=MERGES):
    """The merges that shorten these texts most, the most frequent first."""
    counts = collections.Counter(w for text in texts for w in words(text))
    spelt = {word: symbols(word) for word in counts}
    merges = []
    while len(merges) < most:
        pairs = collections.Counter()
        for word, parts in spelt.items():
            for pair in zip(parts, parts[1:]):
                pairs[pair] += counts[word]
        if not pairs:
            break
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        spelt = {word: joined(parts, best) for word, parts in spelt.items()}
    return merges


class Vocabulary:
    def __init__(self, merges):
        self.merges = [tuple(pair) for pair in merges]
        single = list(BYTES.values())
        tokens = single + [s + "</w>" for s in single] + ["".join(pair) for pair in self.merges] + [START, END]
        self.number = {token: at for at, token in enumerate(tokens)}
        self.rank = {pair: at for at, pair in enumerate(self.merges)}
        self.known = {}

    def __len__(self):
        return len(self.number)

    def word(self, word):
        """Its tokens, by the merges in the order in which they were learnt."""
        if word not in self.known:
            parts = symbols(word)
            while len(parts) > 1:
                best = min(zip(parts, parts[1:]), key=lambda pair: self.rank.get(pair, len(self.rank)))
                if best not in self.rank:
                    break
                parts = joined(parts, best)
            self.known[word] = [self.number[part] for part in parts]
        return self.known[word]

    def spelt(self, text):
        """Tokens of a text without start and end."""
        return [token for word in words(text) for token in self.word(word)]

    def encode(self, texts):
        """[n, CONTEXT] of int64."""
        start, end = self.number[START], self.number[END]
        rows = []
        for text in texts:
            row = [start, *self.spelt(text)][: CONTEXT - 1]
            rows.append(row + [end] * (CONTEXT - len(row)))
        return torch.tensor(rows)

    def write(self, folder):
        """The files of a tokenizer of transformers."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "vocab.json").write_text(json.dumps(self.number, ensure_ascii=False))
        lines = "".join(f"{a} {b}\n" for a, b in self.merges)
        (folder / "merges.txt").write_text("#version: 0.2\n" + lines)
        told = dict(tokenizer_class="CLIPTokenizer", model_max_length=CONTEXT, bos_token=START, eos_token=END,
                    unk_token=END, pad_token=END)  # fmt: skip
        (folder / "tokenizer_config.json").write_text(json.dumps(told, indent=2) + "\n")
