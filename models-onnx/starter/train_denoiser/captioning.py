"""Captions drawn as tokens, thousands at a time, on the device that trains.

A caption names one to seven traits of a face by phrases of `captions.py`. As no token reaches over a space, the tokens of
a caption are those of its phrases in a row, and no text has to be put together or read.
"""
import itertools

import torch

from common import ATTRIBUTES, NAMES, captions
from networks import CONTEXT
from vocabulary import END, START

TRAITS = list(captions.PHRASES)
MOST = 7  # traits in a caption
# Two traits that are said in one breath, and the words of each there: "long blue hair", "an old man".
TOGETHER = {
    ("hair", "hair_colour"): (
        captions.HAIR_ADJECTIVES | {"buzz": ["very short", "cropped"]},
        {colour: [f"{word} hair" for word in words] for colour, words in captions.COLOUR.items()},
    ),
    ("age", "gender"): (
        {"young": ["a young", "a youthful"], "old": ["an old", "an elderly", "an aged"]},
        {"man": ["man", "guy", "gentleman"], "woman": ["woman", "lady"]},
    ),
}
BEGINNINGS = ["", "", *(template.removesuffix("{}").strip() for template in captions.TEMPLATES)]
BETWEEN = [",", ",", ",", ",", "and", "with"]
NEUTRAL = 0.03  # of the captions name no trait


def texts():
    """Every phrase, to learn a vocabulary from."""
    together = [p for parts in TOGETHER.values() for part in parts for phrases in part.values() for p in phrases]
    apart = [p for values in captions.PHRASES.values() for phrases in values.values() for p in phrases]
    return apart + together + captions.NEUTRAL + BEGINNINGS + BETWEEN


# What decides whether a trait is worth saying of a face (`captions.traits`).
DECIDING = ("gender", "hair", "glasses", "hat", "lipstick", "freckles")


def speakable():
    """Whether each trait is worth saying, [values of the first of `DECIDING`, …, traits] of bool."""
    sizes = [len(ATTRIBUTES[name]) for name in DECIDING]
    faces = itertools.product(*(ATTRIBUTES[name] for name in DECIDING))
    rows = [[trait in captions.traits(dict(zip(DECIDING, face))) for trait in TRAITS] for face in faces]
    return torch.tensor(rows).view(*sizes, len(TRAITS))


class Captions:
    def __init__(self, vocabulary, at):
        # Phrase 0 says nothing.
        phrases, most = [[]], max(len(values) for values in ATTRIBUTES.values())
        # Where the phrases of a value begin and how many they are, alone and together with another trait.
        first, number = (torch.zeros(2, len(TRAITS), most, dtype=torch.long) for _ in range(2))

        def add(texts):
            phrases.extend(vocabulary.spelt(text) for text in texts)
            return len(phrases) - len(texts), len(texts)

        def put(kind, trait, values):
            for value, texts in values.items():
                place = kind, TRAITS.index(trait), ATTRIBUTES[trait].index(value)
                first[place], number[place] = add(texts)

        for trait, values in captions.PHRASES.items():
            put(0, trait, values)
        for pair, parts in TOGETHER.items():
            for trait, values in zip(pair, parts):
                put(1, trait, values)
        self.neutral, self.beginnings, self.between = map(add, (captions.NEUTRAL, BEGINNINGS, BETWEEN))
        longest = max(map(len, phrases))
        self.phrases = torch.tensor([p + [-1] * (longest - len(p)) for p in phrases], device=at)
        self.first, self.number = first.to(at), number.to(at)
        self.columns = torch.tensor([NAMES.index(trait) for trait in TRAITS], device=at)
        self.speakable = speakable().to(at)
        self.weights = torch.tensor([float(captions.WEIGHTS.get(trait, 1)) for trait in TRAITS], device=at)
        self.start, self.end = vocabulary.number[START], vocabulary.number[END]
        self.at = at
        self.empty = vocabulary.encode([""]).to(at)

    def held_out(self, data):
        """What `draw` gives of the faces that are not trained on, the same every time."""
        return self.draw(data.labels[data.held_out], torch.Generator(self.at).manual_seed(1))

    def draw(self, labels, dice=None):
        """Tokens [n, CONTEXT], and what was said of each attribute [n, attributes]; −1 where nothing was.

        `labels` are rows of `Heads.labels`.
        """
        n = len(labels)
        rand = lambda *shape: torch.rand(n, *shape, device=self.at, generator=dice)
        one_of = lambda place, *shape: place[0] + (rand(*shape) * place[1]).long()
        values = labels[:, self.columns].long()
        usable = self.speakable[tuple(labels[:, NAMES.index(name)].long() for name in DECIDING)]
        # The largest of weights' logarithms with Gumbel noise are a draw by weights without putting back.
        keys = self.weights.log() - (-(rand(len(TRAITS)).clamp(1e-7, 1 - 1e-7)).log()).log()
        keys = keys.masked_fill(~usable, -torch.inf)
        count = 1 + (rand(1) * MOST).long()
        chosen = usable & (keys.argsort(1, descending=True).argsort(1) < count)
        together = torch.zeros_like(chosen)
        follows = torch.zeros_like(chosen)
        for pair in TOGETHER:
            a, b = map(TRAITS.index, pair)
            both = chosen[:, a] & chosen[:, b] & (self.number[1, a][values[:, a]] > 0) & (rand() < 0.5)
            together[:, a], together[:, b], follows[:, b] = both, both, both
            keys[:, b] = torch.where(both, keys[:, a] - 1e-4, keys[:, b])
        order = keys.masked_fill(~chosen, -torch.inf).argsort(1, descending=True)[:, :MOST]
        silent = rand(1) < NEUTRAL
        spoken = chosen.gather(1, order) & ~silent
        place = together.gather(1, order).long(), order, values.gather(1, order)
        phrase = self.first[place] + (rand(MOST) * self.number[place]).long()
        phrase = torch.where(spoken, phrase, 0)
        phrase[:, :1] = torch.where(silent, one_of(self.neutral, 1), phrase[:, :1])
        before = torch.where(spoken & ~follows.gather(1, order), one_of(self.between, MOST), 0)
        before[:, :1] = torch.where(silent, 0, one_of(self.beginnings, 1))
        pieces = self.phrases[torch.stack([before, phrase], 2).flatten(1)].flatten(1)
        said = torch.full((n, len(NAMES)), -1, device=self.at)
        said[:, self.columns] = torch.where(chosen & ~silent, values, -1)
        return self.packed(pieces), said

    def packed(self, pieces):
        """Tokens without the gaps (−1) between them, after the start and filled up with the end."""
        there = pieces >= 0
        place = torch.where(there, there.cumsum(1), CONTEXT).clamp(max=CONTEXT)
        # One place more, for gaps and for what is too long.
        tokens = torch.full((len(pieces), CONTEXT + 1), self.end, device=self.at).scatter(1, place, pieces)
        tokens[:, 0], tokens[:, CONTEXT - 1] = self.start, self.end
        return tokens[:, :CONTEXT]
