"""Look at the shipped pack and measure it, with ONNX Runtime only (what users will get).

  python evaluate.py DATA --pack ../../packs/starter-faces --sentence MODEL.onnx --sheets ../sheets

Prints what encoder, generator, segmenter, identity and perceptual distance do on held-out
renders, and for each prompt what changed on held-out faces: mean RGB inside the hair, class
areas by the segmenter, and the change everywhere else. Writes contact sheets: reconstructions,
masks, samples, one row per edit. `../judges` measures with networks trained apart.
"""
import argparse
import json
import pathlib
import tomllib

import numpy as np
import onnxruntime
import torch

from dataset import ATTRIBUTES, Heads
from direction import style_direction
from generator import CLASSES, W_SLOTS
from sentences import Sentences
from sheets import save_sheet
from train_generator import ious

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

    def run(self, role, *inputs):
        if role not in self.sessions:
            path = str(self.folder / f"{role}.onnx")
            self.sessions[role] = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        session = self.sessions[role]
        names = [port.name for port in session.get_inputs()]
        return session.run(None, {n: x.astype(np.float32) for n, x in zip(names, inputs)})[0]

    def distance(self, a, b):
        return np.concatenate([self.run("perceptual", a[i : i + 64], b[i : i + 64]) for i in range(0, len(a), 64)])

    def classes(self, styles):
        parts = [self.run("segmenter", styles[i : i + 64]) for i in range(0, len(styles), 64)]
        return np.concatenate(parts).argmax(1)

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


def iou_of_classes(truth, guess):
    confusion = np.bincount((truth * len(CLASSES) + guess).ravel(), minlength=len(CLASSES) ** 2)
    return ious(torch.from_numpy(confusion).view(len(CLASSES), len(CLASSES))).numpy()


def cosines(a, b):
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def look_alike(pack, images, made, truth, guess):
    """Masks, identity and perceived difference of reconstructions."""
    each = iou_of_classes(truth, guess)
    print(f"segmenter on codes of the encoder: mean IoU {each.mean():.3f}; "
          + ", ".join(f"{n} {v:.2f}" for n, v in zip(CLASSES, each)))  # fmt: skip
    who, again = pack.run("identity", images), pack.run("identity", made)
    print(f"identity: cosine of a render with its reconstruction {cosines(who, again).mean():.3f}, "
          f"with another render {cosines(who, np.roll(who, 1, 0)).mean():.3f}")
    same, other = (pack.distance(images, x).mean() for x in (made, np.roll(images, 1, 0)))
    print(f"perceptual distance: to the reconstruction {same:.3f}, to another render {other:.3f}")


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
    parser.add_argument("--sheets", required=True)
    parser.add_argument("--strength", type=float)
    parser.add_argument("--disentanglement", type=float)
    parser.add_argument("--neutral")
    parser.add_argument("--held-out", type=int, default=512)
    args = parser.parse_args()
    sheets = pathlib.Path(args.sheets)
    sheets.mkdir(parents=True, exist_ok=True)
    data = Heads(args.data, args.held_out)
    pack = Pack(args.pack, args.sentence)
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
    made = np.clip(made, -1, 1)
    truth, guess = data.masks[data.held_out].numpy().astype(np.int64), pack.classes(styles)
    look_alike(pack, images, made, truth, guess)
    colours = np.array([c["colour"] for c in pack.manifest["classes"]], np.float32) / 127.5 - 1
    painted = [colours[m[:32]].transpose(0, 3, 1, 2) for m in (truth, guess)]
    rows = [x[i : i + 16] for i in range(0, 32, 16) for x in (images, painted[0], painted[1])]
    save_sheet(np.concatenate(rows), sheets / "masks.png", 16)
    rows = [x[i : i + 16] for i in range(0, 64, 16) for x in (images, made)]
    save_sheet(np.concatenate(rows), sheets / "reconstructions.png", 16)
    z = np.random.default_rng(1).standard_normal((48, 256)).astype(np.float32)
    w = pack.run("mapping", z)
    sampled = pack.run("synthesis", pack.run("affine", np.repeat(w[:, None], W_SLOTS, 1)))
    save_sheet(sampled, sheets / "samples.png", 16)

    tiles, table = [], {}
    for prompt, kind in EDITS:
        index = wanted_faces(data, kind, 48) - data.held_out[0]
        index = index.numpy()
        direction = pack.direction(prompt, neutral, beta)
        moved = styles[index] + strength * direction
        after = pack.run("synthesis", moved)
        result = measure_edit(made[index], after, pack.classes(styles[index]), pack.classes(moved))
        result["channels"] = int((direction != 0).sum())
        result["closer_to_text"] = round(pack.agreement(after, prompt) - pack.agreement(made[index], prompt), 3)
        table[prompt] = result
        print(f"{prompt:16s} {json.dumps(result)}")
        if len(tiles) < 3 * SHOWN:
            tiles += [images[index[:8]], made[index[:8]], after[:8]]
    # Three tiles to a face and prompt: held-out render, reconstruction, edit.
    order = [np.stack(t, 1).reshape(-1, *tiles[0].shape[1:]) for t in zip(tiles[::3], tiles[1::3], tiles[2::3])]
    save_sheet(np.concatenate(order), sheets / "edits.png", 24)
    (sheets / "edits.json").write_text(json.dumps(
        {"strength": strength, "disentanglement": beta, "neutral": neutral, "edits": table}, indent=1) + "\n")


if __name__ == "__main__":
    main()
