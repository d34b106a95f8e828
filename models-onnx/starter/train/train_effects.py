"""Learn what each value of an attribute does to styles, through the generator.

  python train_effects.py DATA --checkpoint heads128.pt --reader reader.pt --out RUN --minutes 25

`directions.attribute_effects` says where heads with a hat lie, on average, from heads without. To go there puts half a hat on a
head: its pattern is a mean of patterns, other attributes go along that lie beside it, and an age takes several times that way.
Here each effect starts at that and is moved until the edit, as the consumer makes it, does what it is asked for: styles shifted by
`STRENGTH` times the effect scaled to a largest entry of one, entries below the disentanglement dropped, and the portrait around it
as the plug-in's composite leaves it. Learning one direction for all heads from what single edits did is what StyleMC (Kocasari et
al., 2022) and Multi2One (Kim et al., 2023) do with CLIP; here a reader of attributes stands for it, since truth is known.
"""
import argparse
import json
import math
import pathlib
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

import captions
import checkpoint
from dataset import ALONG, ATTRIBUTES, NAMES, Heads
from directions import BASELINES, attribute_design, attribute_effects
from generator import W_SLOTS
from networks import Reader
from prior import code_prior
from run import device
from train_generator import HELD_OUT
from train_reader import readable

STRENGTH, DISENTANGLEMENT = 3.0, 0.05  # `export.py` writes them into the pack
SURE = -math.log(0.9)  # an edit that the reader is so sure of needs no more
OTHERS, BACKGROUND, FAR = 0.5, 1.0, 0.006
# As in the plug-in's composite: the share of the strongest change about which weaker ones fade out, and how sure the segmenter
# has to be that a pixel shows something else, for it to be made anew in part and as a whole.
FOCUS, NEW = 0.3, (0.1, 0.5)
VALUES, FACES = 4, 4  # of a batch
# Closed eyes show no colour.
LET = ALONG | {"expression": ("eyes",)}


def meanings():
    """[(attribute, value)] of all that phrases name."""
    return [(trait, value) for trait, values in captions.PHRASES.items() for value in values]


def editable(data, shows, trait, value):
    """Faces of which a value can be asked: they have another, and it would show."""
    label = data.label
    fit = (label(trait) != ATTRIBUTES[trait].index(value)) & shows[trait]
    if trait in ("hair", "hair_colour"):
        fit &= label("hat") == 0
    if trait == "hair_colour":
        fit &= label("hair") > 1
    if trait == "lipstick":
        fit &= label("gender") == 1
    return fit


class Effects(nn.Module):
    """One for each meaning, by the principal axes of codes in every slot of w+: what no head differs in, no effect moves.
    Any change of styles does more with less, but by colours that no head has.
    """

    def __init__(self, along, axes):
        """`along` [meanings, axes], and what an axis does to styles, `axes` [axes, styles], in deviations of both."""
        super().__init__()
        self.register_buffer("axes", axes)
        self.along = nn.Embedding.from_pretrained(along / longest(along @ axes), freeze=False, sparse=True)

    def forward(self, which):
        """[n, styles] as they are used, and how far each edit leads, in squared deviations of codes [n]."""
        along = self.along(which)
        along = along / longest(along @ self.axes)
        scaled = along @ self.axes
        far = (STRENGTH * along).square().sum(1) / W_SLOTS
        # Those that the threshold drops learn as if it did not, so that they can come back.
        return scaled - torch.where(scaled.abs() < DISENTANGLEMENT, scaled, 0).detach(), far

    def scaled(self):
        rows = self.along.weight.detach() @ self.axes
        return rows / longest(rows)


def longest(rows):
    return rows.abs().amax(1, keepdim=True)


def ramp(value, low, high):
    t = ((value - low) / (high - low).clamp_min(1e-6)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def mean(x, side):
    return F.avg_pool2d(F.pad(x, (side // 2,) * 4, mode="replicate"), side, 1)


@torch.no_grad()
def weights(change, before, after):
    """Weights [n, 1, h, w] of a change of pictures, and where the photo's detail goes with what it belonged to, by the
    logits of classes before and after."""
    apart = (before.softmax(1) - after.softmax(1)).abs().sum(1, keepdim=True) / 2
    anew = ramp(mean(F.max_pool2d(apart, 3, 1, 1), 3), *map(apart.new_tensor, NEW))
    size = mean(change.abs().mean(1, keepdim=True), 7)
    strongest = size.flatten(1).quantile(0.98, dim=1)[:, None, None, None]
    return torch.maximum(ramp(size, FOCUS * 0.5 * strongest, FOCUS * 1.5 * strongest), anew), anew


class Lesson:
    """What an edit of some faces did, as the reader sees it."""

    def __init__(self, data, faces, reader, deviation):
        self.data, self.faces, self.reader, self.deviation = data, faces, reader, deviation
        self.sizes = [layer.conv.modulation.weight.shape[0] for _, layer, _, _ in faces.g.layers()]
        self.shows = readable(data)
        self.values = meanings()
        self.able = [editable(data, self.shows, *meaning) for meaning in self.values]

    def draw(self, styles):
        """Pictures and logits of classes."""
        with torch.autocast(styles.device.type, torch.bfloat16):
            return self.faces.g.synthesise(list(styles.split(self.sizes, 1)), self.faces.seg)

    def read(self, pictures):
        return self.reader(F.avg_pool2d(pictures.clamp(-1, 1), pictures.shape[2] // Reader.SIDE))

    def __call__(self, which, index, effects):
        """Edits faces `index` [n] to the values `which` [n]: how the reader errs about what was asked [n], about
        everything else [n], and how much backgrounds changed [n]; and which were reached."""
        data, n = self.data, len(index)
        with torch.no_grad():
            styles = torch.cat(self.faces.g.affine(self.faces.code(data.params[index])), 1)
            before, classes = self.draw(styles)
            photo = data.batch(index)
            # Some are judged as they are drawn: whoever wants the generator's picture gets it.
            drawn = torch.rand(n, 1, 1, 1, device=data.device) < 0.25
            was = self.read(torch.where(drawn, before, photo))
        after, classes_after = self.draw(styles + STRENGTH * effects * self.deviation)
        change = after - before
        weight, anew = weights(change, classes, classes_after)
        layer = before + weight * change + (photo - before) * (1 - anew)
        now = self.read(torch.where(drawn, after, layer))
        asked, others, reached = self.told(which, index, was, now)
        # Hair and hats may cover what is behind them.
        still = torch.tensor([self.values[w][0] not in ("hair", "hat") for w in which.tolist()], device=data.device)
        wall = (data.masks[index] == 0)[:, None] & still[:, None, None, None]
        background = (change.abs() * wall).mean((1, 2, 3))
        return asked, others, background, reached

    def told(self, which, index, was, now):
        """What was asked of readings [n], their divergence in everything else [n], and whether the value was reached [n]."""
        asked, others, reached = [], [], []
        for row, w in enumerate(which.tolist()):
            trait, value = self.values[w]
            old, new = ({name: read[name][row].log_softmax(0) for name in NAMES} for read in (was, now))
            wanted = ATTRIBUTES[trait].index(value)
            asked.append(-new[trait][wanted])
            reached.append(new[trait].argmax() == wanted)
            kept = [n for n in NAMES if n != trait and n not in LET.get(trait, ()) and self.shows[n][index[row]]]
            others.append(sum((old[n].exp() * (old[n] - new[n])).sum() for n in kept))
        return torch.stack(asked), torch.stack(others), torch.stack(reached)


@torch.no_grad()
def look(lesson, effects, each=16):
    """{meaning: (share reached, divergence of the others, squared deviations)} on held-out faces."""
    torch.manual_seed(1)
    found = {}
    for w, meaning in enumerate(lesson.values):
        held = lesson.data.held_out
        index = held[lesson.able[w][held]][:each]
        which = torch.full((len(index),), w, device=index.device)
        rows, far = effects(which)
        _, others, _, reached = lesson(which, index, rows)
        found["/".join(meaning)] = reached.float().mean().item(), others.mean().item(), far[0].item()
    return found


def teach(lesson, effects, args):
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    log = open(out / "effects.jsonl", "a", buffering=1)
    adam = torch.optim.SparseAdam(list(effects.along.parameters()), betas=(0.9, 0.99))
    able = [lesson.data.train[own[lesson.data.train]] for own in lesson.able]
    started, next_look, step, fraction = time.time(), 0.0, 0, 0.0
    while True:
        elapsed = time.time() - started
        fraction = elapsed / (args.minutes * 60)
        if elapsed >= next_look or fraction >= 1:
            next_look = elapsed + 300
            state = torch.get_rng_state()
            found = look(lesson, effects)
            torch.set_rng_state(state)
            means = dict(zip(("reached", "others", "far"), np.mean(list(found.values()), 0).round(4).tolist()))
            row = dict(minutes=round(elapsed / 60, 1), step=step, **means)
            print(row, flush=True)
            log.write(json.dumps(row | {name: [round(v, 3) for v in told] for name, told in found.items()}) + "\n")
            np.savez(out / "effects.npz", effects=effects.scaled().cpu().numpy(),
                     meaning=["/".join(m) for m in lesson.values])  # fmt: skip
        if fraction >= 1:
            return
        which = torch.randperm(len(lesson.values), device=lesson.data.device)[:VALUES].repeat_interleave(FACES)
        index = torch.stack([able[w][torch.randint(len(able[w]), ())] for w in which.tolist()])
        rows, far = effects(which)
        asked, others, background, _ = lesson(which, index, rows)
        loss = (asked - SURE).clamp_min(0) + OTHERS * others + BACKGROUND * background + FAR * far
        adam.param_groups[0]["lr"] = args.rate * max(0.05, 0.5 + 0.5 * math.cos(math.pi * fraction))
        adam.zero_grad()
        loss.mean().backward()
        adam.step()
        step += 1


def regressed(faces, data, values):
    """Where effects start [values, axes of all slots], what those axes do to styles, and the styles' deviations."""
    middle, axes = code_prior(faces, data.params[data.train])
    w = faces.codes(data.params[data.train])
    deviation = torch.cat(faces.g.affine(w), 1).std(0)
    at_zero, at_one = (torch.cat(faces.g.affine(x), 1) for x in (torch.zeros_like(axes[:1]), axes))
    moved = (at_one - at_zero) / deviation.clamp_min(1e-6)
    slots = [torch.full((layer.conv.modulation.weight.shape[0],), slot) for _, layer, slot, _ in faces.g.layers()]
    slots = torch.cat(slots).to(moved.device)
    design, columns = attribute_design(data, data.train)
    effects = attribute_effects((w - middle) @ axes.t() / axes.square().sum(1), design)
    start = effects[[columns.index(meaning) for meaning in values]]
    for i, (trait, value) in enumerate(values):
        if BASELINES.get(trait, value) != value:
            start[i] -= effects[columns.index((trait, BASELINES[trait]))]
    return start.repeat(1, W_SLOTS), torch.cat([moved * (slots == slot) for slot in range(W_SLOTS)]), deviation


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="+", help="folders of shards")
    for name in ("checkpoint", "reader", "out"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--rate", type=float, default=0.02)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    data = Heads(args.data, HELD_OUT, device())
    faces, _ = checkpoint.load(args.checkpoint)
    reader = Reader()
    reader.load_state_dict(torch.load(args.reader, map_location="cpu", weights_only=True)["reader"])
    for network in (faces, reader):
        network.to(data.device).eval().requires_grad_(False)
    start, axes, deviation = regressed(faces, data, meanings())
    teach(Lesson(data, faces, reader, deviation), Effects(start, axes).to(data.device), args)


if __name__ == "__main__":
    main()
