"""Style statistics, and the matrix that turns a text direction into a style direction.

  python directions.py DATA --checkpoint heads128.pt --effects effects.npz --pair pair.pt \
      --sentence MODEL.onnx --tokenizer tokenizer.json --out directions.npz

The consumer computes StyleCLIP's global direction: r = relevance @ dt, entries below the
disentanglement threshold dropped, r / max|r| * style_std * strength. StyleCLIP *measures*
relevance by pushing each channel and looking at the pictures. Here the truth is known: every
render has exact attributes, so relevance is *regressed*. (1) Standardised styles are
explained by all attributes at once (ordinary least squares, so that e.g. "beard" does not
carry "man" along), and `train_effects.py` goes on from there through the generator; each value's
effect, scaled to a largest entry of one, is what the matrix should return for it. (2) The matrix is the ridge solution that maps the text
directions of many phrasings (`captions.PHRASES` against many neutral prompts) to them.

The same regression over w instead of styles gives the directions of single attributes (the normals of InterFaceGAN's
planes are found by classifiers; here labels are exact).

StyleCLIP never moves the channels of the RGB layers. This generator keeps hue there (with
them held, "blue hair" only changes brightness), so this pack lets them move.
"""
import argparse

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper

import captions
import checkpoint
from dataset import ATTRIBUTES, Heads
from networks import EMBEDDING, TextProjection
from sentences import Sentences
from train_generator import HELD_OUT

RIDGE = 0.02
PAIRS, PAIR_WEIGHT = 200, 10.0
# Values that add something are told from its absence, not from the average of all values:
# otherwise "glasses" would carry "less sunglasses" along, which is white lenses.
BASELINES = {"glasses": "none", "beard": "none", "expression": "neutral"}


# Sliders: (attribute, value at one end, value at the other). At a strength of two the one becomes the other.
SLIDERS = {
    "age": ("age", "young", "old"), "beard": ("beard", "none", "beard"), "gender": ("gender", "man", "woman"),
    "glasses": ("glasses", "none", "glasses"), "hair length": ("hair", "short", "long"), "hat": ("hat", "no", "yes"),
    "open mouth": ("expression", "neutral", "laughing"), "smile": ("expression", "neutral", "smiling"),
}  # fmt: skip


@torch.no_grad()
def all_styles(faces, params):
    return torch.cat([torch.cat(faces.g.affine(faces.code(p)), 1) for p in params.split(512)])


def attribute_design(data, index):
    """One column per attribute value, zero where the attribute cannot be seen."""
    bald = data.label("hair")[index] == 0
    hat = data.label("hat")[index] > 0
    woman = data.label("gender")[index] == 1
    hidden = {"hair_colour": bald | hat, "beard": woman, "hat_colour": ~hat, "fringe": bald}
    columns, meaning = [], []
    for name, values in ATTRIBUTES.items():
        label = data.label(name)[index]
        one_hot = F.one_hot(label, len(values)).float()
        seen = ~hidden[name] if name in hidden else torch.ones(len(index), dtype=torch.bool)
        # Centred over the faces where it shows: an effect is "this value against the average".
        one_hot = (one_hot - one_hot[seen].mean(0)) * seen[:, None]
        columns.append(one_hot)
        meaning += [(name, v) for v in values]
    return torch.cat(columns, 1), meaning


def attribute_effects(styles, design):
    """Least squares; the columns of one attribute sum to zero, so a tiny ridge picks the
    solution in which the effects do as well."""
    gram = design.double().t() @ design.double()
    gram += 1e-3 * len(design) * torch.eye(len(gram), dtype=torch.float64)
    return torch.linalg.solve(gram, design.double().t() @ styles.double()).float()


def text_projection(path):
    """Of a training, or of a shipped graph, whose initialisers are its layers in their order."""
    network = TextProjection()
    if str(path).endswith(".onnx"):
        stored = [numpy_helper.to_array(t).astype(np.float32) for t in onnx.load(path).graph.initializer]
        saved = {name: torch.from_numpy(t).view_as(p) for (name, p), t in zip(network.named_parameters(), stored, strict=True)}
    else:
        pair = torch.load(path, weights_only=True)["pair"]
        saved = {k.removeprefix("projection."): v.float() for k, v in pair.items() if k.startswith("projection.")}
    network.load_state_dict(saved)
    return network


class Prompts:
    """Prompt -> unit embedding, averaged over the pack's templates as the consumer does."""

    def __init__(self, sentences, projection):
        self.sentences, self.projection = sentences, projection

    @torch.no_grad()
    def __call__(self, prompt):
        rows = self.sentences.embed([t.format(prompt) for t in captions.TEMPLATES])
        unit = F.normalize(self.projection(torch.from_numpy(rows)), dim=1)
        return F.normalize(unit.mean(0), dim=0)


def text_directions(prompts):
    """[(unit text direction, {(attribute, value): amount}, weight)] over phrasings and neutrals."""
    generic = [prompts(n) for n in captions.NEUTRAL]
    rows = []
    for trait, values in captions.PHRASES.items():
        specific = [prompts(n) for n in captions.NEUTRAL_TRAIT.get(trait, [])]
        for value, phrases in values.items():
            for phrase in phrases:
                target = prompts(phrase)
                for neutral in generic + specific:
                    weight = 1.0 / (len(phrases) * len(generic + specific))
                    rows.append((F.normalize(target - neutral, dim=0), {(trait, value): 1}, weight))
            # From one value straight to another, as in "blue hair" against "brown hair".
            for other, others in values.items():
                if other != value:
                    target, source = prompts(phrases[0]), prompts(others[0])
                    said = {(trait, value): 1, (trait, other): -1}
                    if BASELINES.get(trait) == other:
                        said.pop((trait, other))  # its effect is part of the value's already
                    elif BASELINES.get(trait) == value:
                        said.pop((trait, value))
                    rows.append((F.normalize(target - source, dim=0), said, 0.5 / len(values)))
    for phrase, said in captions.combinations(PAIRS):
        target = prompts(phrase)
        for neutral in generic[:3]:
            effects = {meaning: 1 for meaning in said.items()}
            rows.append((F.normalize(target - neutral, dim=0), effects, PAIR_WEIGHT / PAIRS / 3))
    return rows


def regress(rows, effects):
    """Ridge regression of scaled effects {(attribute, value): [styles]} on text directions -> [styles, EMBEDDING]."""
    wanted = []
    for _, said, _ in rows:
        effect = sum(amount * effects[m] for m, amount in said.items())
        wanted.append(effect / effect.abs().max())
    text = torch.stack([r[0] for r in rows])
    weight = torch.tensor([r[2] for r in rows])[:, None]
    wanted = torch.stack(wanted)
    gram = text.t() @ (text * weight)
    gram += RIDGE * gram.trace() / EMBEDDING * torch.eye(EMBEDDING)
    relevance = torch.linalg.solve(gram, text.t() @ (wanted * weight)).t()
    fit = ((text @ relevance.t() - wanted).square() * weight).sum() / (wanted.square() * weight).sum()
    return relevance, 1 - fit.item()


def sliders(codes, design, meaning):
    """Directions in w, {name: [256]}."""
    effects = attribute_effects(codes - codes.mean(0), design)
    place = {m: i for i, m in enumerate(meaning)}
    return {name: ((effects[place[trait, to]] - effects[place[trait, at]]) / 2).numpy()
            for name, (trait, at, to) in SLIDERS.items()}  # fmt: skip


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="+")
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--effects", required=True)
    parser.add_argument("--pair", required=True, help="of `train_pair.py`, or text-projection.onnx of a pack")
    parser.add_argument("--sentence", required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()

    data = Heads(args.data, HELD_OUT)
    faces, _ = checkpoint.load(args.checkpoint)
    styles = all_styles(faces, data.params[data.train])
    style_mean, style_std = styles.mean(0), styles.std(0)
    design, meaning = attribute_design(data, data.train)
    learnt = np.load(args.effects)
    effects = {tuple(m.split("/")): torch.from_numpy(row) for m, row in zip(learnt["meaning"], learnt["effects"])}
    rows = text_directions(Prompts(Sentences(args.sentence, args.tokenizer), text_projection(args.pair)))
    relevance, fit = regress(rows, effects)
    print(f"text directions explain {fit:.3f} of the attribute effects")
    moved = sliders(faces.codes(data.params[data.train]), design, meaning)
    np.savez(args.out, style_mean=style_mean.numpy(), style_std=style_std.numpy(),
             relevance=relevance.numpy(), fit=fit, **{f"slider {k}": v for k, v in moved.items()})  # fmt: skip


if __name__ == "__main__":
    main()
