"""Look at the shipped pack and measure it, with ONNX Runtime only (what users will get).

  python evaluate.py DATA --pack ../../packs/starter-faces --sentence MODEL.onnx \
      --checkpoint heads64.pt --sheets ../sheets

Prints the held-out PSNR of encoder + generator, and for each prompt what changed on held-out
faces: mean RGB inside the hair, class areas by the training's segmentation head, and the
change everywhere else. Writes contact sheets: reconstructions, samples, one row per edit.
"""
import argparse
import json
import pathlib
import tomllib

import numpy as np
import onnxruntime
import torch

import captions
import checkpoint
from dataset import ATTRIBUTES, Heads
from direction import style_direction
from generator import CLASSES, Generator, make_segmenter
from sentences import Sentences
from sheets import save_sheet

SHOWN = 11  # of these, the first on the contact sheet
# (prompt, faces on which the edit means something)
EDITS = [
    ("blue hair", "any"), ("blond hair", "any"), ("pink hair", "any"), ("black hair", "any"),
    ("long hair", "short"), ("bald", "any"), ("glasses", "bare"), ("sunglasses", "bare"),
    ("a beard", "shaven"), ("clean shaven", "bearded"), ("smiling", "neutral"),
    ("short hair", "long"), ("an afro", "any"), ("no glasses", "glasses"), ("a moustache", "shaven"),
    ("an old person", "young"), ("a hat", "bare"),
    # From here on: words that no caption holds.
    ("sapphire hair", "any"), ("straw-coloured hair", "any"), ("hair flowing over the shoulders", "short"),
    ("specs", "bare"), ("tinted sunglasses", "bare"), ("a bushy bearded guy", "shaven"),
    ("a cleanly shaved chin", "bearded"),
]  # fmt: skip


class Pack:
    def __init__(self, folder, sentence):
        self.folder = pathlib.Path(folder)
        self.manifest = tomllib.loads((self.folder / "pack.toml").read_text())
        self.arrays = {n: np.load(self.folder / f"{n}.npy") for n in ("style_std", "relevance")}
        self.sentences = Sentences(sentence, self.folder / "tokenizer.json")
        self.sessions = {}

    def run(self, role, x):
        if role not in self.sessions:
            path = str(self.folder / f"{role}.onnx")
            self.sessions[role] = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        session = self.sessions[role]
        return session.run(None, {session.get_inputs()[0].name: x.astype(np.float32)})[0]

    def text(self, prompt):
        rows = self.sentences.embed([t.format(prompt) for t in self.manifest["text"]["templates"]])
        unit = self.run("text-projection", rows)
        mean = (unit / np.linalg.norm(unit, axis=1, keepdims=True)).mean(0)
        return mean / np.linalg.norm(mean)

    def agreement(self, images, prompt):
        """Mean cosine between pictures and a prompt: does the image side see what the text says?"""
        rows = self.run("image-encoder", images)
        return float((rows / np.linalg.norm(rows, axis=1, keepdims=True) @ self.text(prompt)).mean())

    def direction(self, target, neutral, disentanglement):
        delta = self.text(target) - self.text(neutral)
        delta /= np.linalg.norm(delta)
        return style_direction(self.arrays["relevance"], self.arrays["style_std"], delta, disentanglement)

    def styles(self, images):
        return self.run("affine", self.run("encoder", images))


def wanted_faces(data, kind, count):
    """Held-out faces on which an edit can show: no hat, eyes to the front."""
    keep = data.label("hat")[data.held_out] == 0
    value = {n: data.label(n)[data.held_out] for n in ATTRIBUTES}
    man, bare = value["gender"] == 0, value["glasses"] == 0
    keep &= {
        "any": (value["hair"] > 1) & bare,
        "short": (value["hair"] == 2),
        "long": (value["hair"] == 5),
        "bare": bare,
        "glasses": value["glasses"] == 1,
        "shaven": man & (value["beard"] == 0),
        "bearded": value["beard"] == 3,
        "neutral": (value["expression"] == 0),
        "young": (value["age"] == 0),
    }[kind]
    return data.held_out[keep][:count]


class Segmenter:
    """The training's segmentation head, for measuring only."""

    def __init__(self, path):
        models = {"g": Generator(), "seg": make_segmenter()}
        checkpoint.load_into(path, models)
        self.g, self.seg = models["g"].eval(), models["seg"].eval()
        self.sizes = [layer.conv.modulation.weight.shape[0] for _, layer, _, _ in self.g.layers()]

    @torch.no_grad()
    def __call__(self, styles):
        parts = list(torch.from_numpy(styles).split(self.sizes, 1))
        return self.g.synthesise(parts, self.seg)[1].argmax(1).numpy()


def measure_edit(before, after, old, new):
    hair = (old == CLASSES.index("hair"))[:, None]
    change = (after - before) * 127.5
    inside = [round(float(change[:, c : c + 1][hair].mean()), 1) for c in range(3)] if hair.any() else []

    def share(mask, name):
        return round(float((mask == CLASSES.index(name)).mean()) * 100, 1)

    area = {n: [share(old, n), share(new, n)] for n in ("hair", "glasses", "beard", "hat")}
    rest = np.abs(change).mean(1)[~(hair[:, 0] | (new == CLASSES.index("hair")))].mean()
    return {"hair_rgb": inside, "area_percent": area, "other_change": round(float(rest), 2)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="+")
    parser.add_argument("--pack", required=True)
    parser.add_argument("--sentence", required=True)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--sheets", required=True)
    parser.add_argument("--strength", type=float)
    parser.add_argument("--disentanglement", type=float)
    parser.add_argument("--neutral")
    parser.add_argument("--held-out", type=int, default=512)
    args = parser.parse_args()
    sheets = pathlib.Path(args.sheets)
    sheets.mkdir(parents=True, exist_ok=True)
    data = Heads(args.data, args.held_out)
    pack, segment = Pack(args.pack, args.sentence), Segmenter(args.checkpoint)
    strength = args.strength or pack.manifest["direction"]["strength"]
    beta = args.disentanglement
    beta = pack.manifest["direction"]["disentanglement"] if beta is None else beta
    neutral = args.neutral or pack.manifest["text"]["neutral"]

    images = data.batch(data.held_out).numpy()
    styles = np.concatenate([pack.styles(images[i : i + 64]) for i in range(0, len(images), 64)])
    made = np.concatenate([pack.run("synthesis", styles[i : i + 64]) for i in range(0, len(images), 64)])
    error = np.square((np.clip(made, -1, 1) - images) / 2).mean((1, 2, 3))
    decibel = -10 * np.log10(error)
    print(f"encoder + generator on {len(images)} held-out renders: {-10 * np.log10(error.mean()):.2f} dB "
          f"of the mean error, median {np.median(decibel):.2f}, 2nd percentile {np.percentile(decibel, 2):.2f}")
    rows = [x[i : i + 16] for i in range(0, 64, 16) for x in (images, made)]
    save_sheet(np.concatenate(rows), sheets / "reconstructions.png", 16)
    z = np.random.default_rng(1).standard_normal((48, 256)).astype(np.float32)
    w = pack.run("mapping", z)
    sampled = pack.run("synthesis", pack.run("affine", np.repeat(w[:, None], 10, 1)))
    save_sheet(sampled, sheets / "samples.png", 16)

    tiles, table = [], {}
    for prompt, kind in EDITS:
        index = wanted_faces(data, kind, 48) - data.held_out[0]
        index = index.numpy()
        direction = pack.direction(prompt, neutral, beta)
        moved = styles[index] + strength * direction
        after = pack.run("synthesis", moved)
        result = measure_edit(made[index], after, segment(styles[index]), segment(moved.astype(np.float32)))
        result["channels"] = int((direction != 0).sum())
        result["closer_to_text"] = round(pack.agreement(after, prompt) - pack.agreement(made[index], prompt), 3)
        table[prompt] = result
        print(f"{prompt:16s} {json.dumps(result)}")
        if len(tiles) < 3 * SHOWN:
            tiles += [images[index[:8]], made[index[:8]], after[:8]]
    # Three tiles to a face and prompt: held-out render, reconstruction, edit.
    order = [np.stack(t, 1).reshape(-1, 3, 64, 64) for t in zip(tiles[::3], tiles[1::3], tiles[2::3])]
    save_sheet(np.concatenate(order), sheets / "edits.png", 24)
    (sheets / "edits.json").write_text(json.dumps(
        {"strength": strength, "disentanglement": beta, "neutral": neutral, "edits": table}, indent=1) + "\n")


if __name__ == "__main__":
    main()
