"""Learn what each value of an attribute does to styles, through the generator.

  python train_effects.py DATA --checkpoint heads128.pt --reader reader.pt --out RUN --minutes 50

`directions.attribute_effects` says where heads with a hat lie, on average, from heads without. To go there puts half a hat on a
head: its pattern is a mean of patterns, other attributes go along that lie beside it, and an age takes several times that way.
Here each effect starts at that and is moved until the edit, as the consumer makes it, does what it is asked for: styles shifted by
`strength` times the effect scaled to a largest entry of one, entries below the disentanglement dropped, the difference added to
the portrait, in all places or where it is strongest. Learning one direction for all heads from what single edits did is what
StyleMC (Kocasari et al., 2022, section 3) and Multi2One (Kim et al., 2023) do with CLIP; here a reader of attributes stands for
it, since truth is known.
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
from dataset import ATTRIBUTES, NAMES, Heads
from directions import BASELINES, all_styles, attribute_design, attribute_effects
from networks import Reader
from run import arguments, device
from train_generator import HELD_OUT
from train_reader import shown

STRENGTH, DISENTANGLEMENT = 3.0, 0.05  # as `export.py` writes them into the pack
SURE = -math.log(0.9)  # an edit that the reader is so sure of needs no more
OTHERS, BACKGROUND, FAR = 0.5, 1.0, 0.1
# Share of the strongest change below which the plug-in lets nothing through; half and one and a half of it bound the ramp.
FOCUS = 0.3
VALUES, FACES = 4, 4  # of a batch
# What may change along: what hides or appears with it, and that age greys hair.
ALONG = {
    "hair": ("hair_colour", "fringe"), "hat": ("hair", "hair_colour", "fringe", "hat_colour"), "glasses": ("eyes",),
    "age": ("hair_colour",), "expression": ("eyes",),
}  # fmt: skip


def meanings():
    """[(attribute, value)] of all that phrases name."""
    return [(trait, value) for trait, values in captions.PHRASES.items() for value in values]


def editable(data, trait, value):
    """Faces of which a value can be asked: they have another, and it would show."""
    label = data.label
    fit = (label(trait) != ATTRIBUTES[trait].index(value)) & shown(data)[trait]
    if trait in ("hair", "hair_colour"):
        fit &= label("hat") == 0
    if trait == "hair_colour":
        fit &= label("hair") > 1
    if trait == "lipstick":
        fit &= label("gender") == 1
    return fit


class Effects(nn.Module):
    """[values, styles], in deviations of the styles; scaled as they are used."""

    def __init__(self, start):
        super().__init__()
        self.rows = nn.Parameter(start / start.abs().amax(1, keepdim=True))
        self.register_buffer("length", self.rows.detach().norm(dim=1))

    def forward(self, which):
        scaled = self.rows[which] / self.rows[which].abs().amax(1, keepdim=True)
        # Those that the threshold drops learn as if it did not, so that they can come back.
        return scaled - torch.where(scaled.abs() < DISENTANGLEMENT, scaled, 0).detach()

    def far(self, which):
        """How long an effect is, as a multiple of how long it was."""
        rows = self.rows[which] / self.rows[which].abs().amax(1, keepdim=True)
        return (rows.norm(dim=1) / self.length[which]).square()


class Descent:
    """Momentum, and steps of one length for a whole row: Adam would move every channel alike, whether it matters or not."""

    def __init__(self, rows):
        self.rows, self.mean = rows, torch.zeros_like(rows)
        self.square = rows.new_zeros(len(rows), 1)
        self.visits = rows.new_zeros(len(rows), 1)

    @torch.no_grad()
    def step(self, which, rate):
        which = which.unique()
        gradient = self.rows.grad[which]
        self.visits[which] += 1
        self.mean[which] = 0.9 * self.mean[which] + 0.1 * gradient
        self.square[which] = 0.99 * self.square[which] + 0.01 * gradient.square().sum(1, keepdim=True)
        mean = self.mean[which] / (1 - 0.9 ** self.visits[which])
        length = (self.square[which] / (1 - 0.99 ** self.visits[which])).sqrt()
        self.rows[which] -= rate * self.rows[which].norm(dim=1, keepdim=True) * mean / length.clamp_min(1e-8)
        self.rows.grad = None


def focus(change):
    """Weights [n, 1, h, w] of a change of pictures: none where it is weak, beside where it is strong."""
    size = F.avg_pool2d(F.pad(change.abs().mean(1, keepdim=True), (3, 3, 3, 3), mode="replicate"), 7, 1)
    strongest = size.flatten(1).quantile(0.98, dim=1)[:, None, None, None]
    t = ((size / strongest.clamp_min(1e-6) - FOCUS * 0.5) / FOCUS).clamp(0, 1)
    return t * t * (3 - 2 * t)


class Lesson:
    """What an edit of some faces did, as the reader sees it."""

    def __init__(self, data, faces, reader, deviation):
        self.data, self.faces, self.reader, self.deviation = data, faces, reader, deviation
        self.sizes = [layer.conv.modulation.weight.shape[0] for _, layer, _, _ in faces.g.layers()]
        self.shows = shown(data)
        self.values = meanings()
        self.able = [editable(data, *meaning) for meaning in self.values]

    def draw(self, styles):
        with torch.autocast(styles.device.type, torch.bfloat16):
            return self.faces.g.synthesise(list(styles.split(self.sizes, 1)))[0]

    def read(self, pictures):
        return self.reader(F.avg_pool2d(pictures.clamp(-1, 1), pictures.shape[2] // Reader.SIDE))

    def __call__(self, which, index, effects):
        """Edits faces `index` [n] to the values `which` [n]: how the reader errs about what was asked [n], about
        everything else [n], and how much backgrounds changed [n]; and which were reached."""
        data, n = self.data, len(index)
        with torch.no_grad():
            styles = torch.cat(self.faces.g.affine(self.faces.code(data.params[index])), 1)
            before = self.draw(styles)
            undrawn = (data.batch(index) - before) * torch.rand(n, 1, 1, 1, device=data.device)
            was = self.read(before + undrawn)
        change = self.draw(styles + STRENGTH * effects * self.deviation) - before
        narrow = torch.rand(n, 1, 1, 1, device=data.device) < 0.5
        shown_change = change * torch.where(narrow, focus(change.detach()), 1)
        now = self.read(before + undrawn + shown_change)
        asked, others = change.new_zeros(n), change.new_zeros(n)
        reached = torch.zeros(n, dtype=torch.bool, device=data.device)
        traits = [self.values[w][0] for w in which.tolist()]
        for name in NAMES:
            own = torch.tensor([trait == name for trait in traits], device=data.device)
            let = torch.tensor([name in ALONG.get(trait, ()) for trait in traits], device=data.device)
            old, new = was[name].log_softmax(1), now[name].log_softmax(1)
            moved = (old.exp() * (old - new)).sum(1)
            others = others + moved * (~own & ~let & self.shows[name][index])
            if own.any():
                wanted = torch.tensor(
                    [ATTRIBUTES[name].index(self.values[w][1]) if mine else 0 for w, mine in zip(which.tolist(), own)],
                    device=data.device)  # fmt: skip
                asked = asked + F.nll_loss(new, wanted, reduction="none") * own
                reached |= own & (new.argmax(1) == wanted)
        # Hair and hats may cover what is behind them.
        still = torch.tensor([trait not in ("hair", "hat") for trait in traits], device=data.device)
        wall = (data.masks[index] == 0)[:, None] & still[:, None, None, None]
        background = (change.abs() * wall).mean((1, 2, 3))
        return asked, others, background, reached


@torch.no_grad()
def look(lesson, effects, each=16):
    """{meaning: (share reached, divergence of the others)} on held-out faces."""
    torch.manual_seed(1)
    found = {}
    for w, meaning in enumerate(lesson.values):
        held = lesson.data.held_out
        index = held[lesson.able[w][held]][:each]
        which = torch.full((len(index),), w, device=index.device)
        _, others, _, reached = lesson(which, index, effects(which))
        found["/".join(meaning)] = reached.float().mean().item(), others.mean().item()
    return found


def teach(lesson, effects, args):
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    log = open(out / "effects.jsonl", "a", buffering=1)
    descent = Descent(effects.rows)
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
            reached, others = np.mean(list(found.values()), 0).tolist()
            far = effects.far(torch.arange(len(lesson.values))).mean().item()
            row = dict(minutes=round(elapsed / 60, 1), step=step, reached=round(reached, 4), others=round(others, 4), far=round(far, 3))
            print(row, flush=True)
            log.write(json.dumps(row | {name: [round(v, 3) for v in both] for name, both in found.items()}) + "\n")
            rows = effects.rows.detach()
            np.savez(out / "effects.npz", effects=(rows / rows.abs().amax(1, keepdim=True)).cpu().numpy(),
                     meaning=["/".join(m) for m in lesson.values])  # fmt: skip
        if fraction >= 1:
            return
        which = torch.randperm(len(lesson.values))[:VALUES].repeat_interleave(FACES)
        index = torch.stack([able[w][torch.randint(len(able[w]), ())] for w in which.tolist()])
        asked, others, background, _ = lesson(which, index, effects(which))
        loss = (asked - SURE).clamp_min(0) + OTHERS * others + BACKGROUND * background + FAR * effects.far(which)
        loss.mean().backward()
        descent.step(which, args.rate * max(0.05, 0.5 + 0.5 * math.cos(math.pi * fraction)))
        step += 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--reader", required=True)
    args = arguments(parser, minutes=50, rate=0.03)
    data = Heads(args.data, HELD_OUT, device())
    faces, _ = checkpoint.load(args.checkpoint)
    reader = Reader()
    reader.load_state_dict(torch.load(args.reader, map_location="cpu", weights_only=True)["reader"])
    for network in (faces, reader):
        network.to(data.device).eval().requires_grad_(False)
    styles = all_styles(faces, data.params[data.train])
    deviation = styles.std(0)
    design, columns = attribute_design(data, data.train)
    regressed = attribute_effects((styles - styles.mean(0)) / deviation.clamp_min(1e-6), design)
    lesson = Lesson(data, faces, reader, deviation)
    start = regressed[[columns.index(meaning) for meaning in lesson.values]]
    for i, (trait, value) in enumerate(lesson.values):
        if BASELINES.get(trait, value) != value:
            start[i] -= regressed[columns.index((trait, BASELINES[trait]))]
    teach(lesson, Effects(start).to(data.device), args)


if __name__ == "__main__":
    main()
