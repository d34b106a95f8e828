"""What packs are worth: a table for each, by judges trained apart on renders that no pack was trained on.

  python evaluate.py PACK... --held HELD --judges judges.pt --shared SHARED --out TABLES

PACK is the folder of a pack, whose ONNX files are run as they are shipped. HELD holds shards of held-out renders. Other
options: --changed FOLDER, shards of the same faces with one attribute replaced, in folders called NAME=VALUE, which
show what judges make of a perfect edit; --invert PROGRAM, the example `invert` of pentimento-models, for codes that are
optimised with our own gradients through the shipped graphs.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import tomllib

import numpy as np
import torch
import torch.nn.functional as F

import denoiser
import texts
from common import ATTRIBUTES, IDENTITY, Heads, frechet, kernel_distance, save_sheet, shown, standard
from edits import edits, judged, read
from judges import load
from measures import batched, cosine, intersection_over_union, psnr, seen as as_judged
from pack import Pack, reduced
from report import markdown

OPTIMISED = 16  # held-out renders whose codes are optimised


class Held:
    """Held-out renders, what judges say of them, and pictures of them in the resolution of a pack."""

    def __init__(self, folder, judges):
        self.data = Heads(folder)
        self.count = len(self.data.images)
        self.data.train = torch.arange(self.count)
        self.pictures = self.data.batch(self.data.train).numpy()
        self.truth = reduced(self.data.masks.numpy().astype(int))
        self.shares, self.identity = read(judges["reader"], self.pictures)
        vectors = batched(judges["features"].vector, self.pictures).astype(np.float64)
        self.standard = standard(vectors)
        self.vectors = self.standard(vectors)
        self.accuracy = self.accuracies()
        self.classes = batched(lambda x: judges["segmenter"](x).argmax(1), self.pictures)

    def accuracies(self):
        """{attribute: {accuracy, chance}} of the reader, where it shows."""
        shows, result = shown(self.data), {}
        for name in ATTRIBUTES:
            own = shows[name].numpy() & ((self.data.label("gender").numpy() == 0) if name == "beard" else True)
            truth = self.data.label(name).numpy()[own]
            result[name] = {
                "accuracy": float((self.shares[name].argmax(1)[own] == truth).mean()),
                "chance": float(np.bincount(truth).max() / len(truth)),
            }
        return result

    def sized(self, side):
        """The renders in the resolution of a pack."""
        own = self.pictures.shape[-1]
        if own % side:
            raise SystemExit(f"held-out renders of {own} pixels cannot be reduced to {side}: render with --side {side}")
        return F.avg_pool2d(torch.from_numpy(self.pictures), own // side).numpy()

    def features(self, judges, pictures):
        """Along the principal axes of the held-out renders, in units of their deviations."""
        return self.standard(batched(judges["features"].vector, pictures))


def judge_the_judges(judges, held, made_of, changed):
    """What the judges themselves are worth on held-out renders."""
    identity = held.data.params[:, IDENTITY].numpy()
    identity = (identity - made_of["mean"].numpy()) / made_of["deviation"].numpy()
    unit = lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)
    likeness = unit(held.identity[:500]) @ unit(identity[:500]).T
    strangers = cosine(held.identity[:-1], held.identity[1:])
    half = held.count // 2
    first, second = held.vectors[:half], held.vectors[half:]
    soft = F.avg_pool2d(F.pad(as_judged(held.pictures[:half]), (1, 1, 1, 1), mode="replicate"), 3, 1)
    blurred = held.features(judges, soft.numpy())
    result = {
        "reader": held.accuracy,
        "identity": {
            "own head found among 500": float((likeness.argmax(1) == np.arange(len(likeness))).mean()),
            "likeness of strangers": float(strangers.mean()),
        },
        "segmenter": intersection_over_union(held.classes, held.truth),
        "features": {
            "one half of the renders and the other": distances(first, second),
            "one half blurred (means of 3 x 3) and the other": distances(blurred, second),
        },
    }
    result["changed"] = {}
    for folder in sorted(pathlib.Path(changed).iterdir()) if changed else []:
        name, value = folder.name.split("=")
        after = Heads(folder)
        count = len(after.images)
        had = held.data.label(name)[:count] == ATTRIBUTES[name].index(value)
        had |= (name == "beard") & (held.data.label("gender")[:count] == 1)
        index = (~had & (after.label(name) == ATTRIBUTES[name].index(value))).nonzero()[:, 0]
        before, pictures = held.pictures[index.numpy()], after.batch(index).numpy()
        result["changed"][folder.name] = judged(judges, held, index, before, pictures, name, [value])
    return result


def distances(a, b):
    return {"FID": frechet(a, b), "KID": kernel_distance(a, b)}


def fidelity(judges, held, pictures, made):
    """How near reconstructions are to the renders they are of."""
    some = slice(0, len(made))
    shares, identity = read(judges["reader"], made)
    agree = [shares[n].argmax(1) == held.shares[n][some].argmax(1) for n in ATTRIBUTES if n != "hat_colour"]
    return {
        "PSNR": float(psnr(pictures, made).mean()),
        "PSNR of the mean error": float(-10 * np.log10(np.square((pictures - made) / 2).mean())),
        "perceived difference": float(batched(judges["features"].distance, pictures, made).mean()),
        "identity": float(cosine(held.identity[some], identity).mean()),
        "attributes kept": float(np.mean(agree)),
    }


def optimised(program, pack, pictures, steps):
    """Codes after so many steps of Adam on the mean square of differences, from the encoder's."""
    with tempfile.TemporaryDirectory() as folder:
        given, out = pathlib.Path(folder, "pictures.npy"), pathlib.Path(folder, "codes.npy")
        np.save(given, np.ascontiguousarray(pack.ranged(pictures), dtype=np.float32))
        subprocess.run([program, pack.folder, given, out, str(steps)], check=True, stdout=sys.stderr)
        return np.load(out)


def evaluate(pack, judges, held, args):
    data, result = held.data, {"pack": pack.name, "resolution": pack.resolution, "manifest": pack.hash[:12]}
    renders = held.sized(pack.resolution)
    started = time.time()
    codes = pack.codes(renders)
    styles = pack.styles(codes)
    made = pack.pictures(styles)
    result["seconds for a reconstruction"] = (time.time() - started) / len(made)
    sampled = pack.samples(held.count, seed=1)
    result["pictures"] = {
        "samples": distances(held.features(judges, sampled), held.vectors),
        "reconstructions": distances(held.features(judges, made), held.vectors),
    }
    result["encoder"] = fidelity(judges, held, renders, made)
    sheets = {"samples": as_judged(sampled[:96]).numpy(), "reconstructions": rows(as_judged(held.pictures).numpy(), as_judged(made).numpy())}
    if args.invert:
        better = pack.pictures(pack.styles(optimised(args.invert, pack, renders[:OPTIMISED], args.steps)))
        result[f"the first {OPTIMISED}, encoder"] = fidelity(judges, held, renders[:OPTIMISED], made[:OPTIMISED])
        result[f"the first {OPTIMISED}, {args.steps} steps"] = fidelity(judges, held, renders[:OPTIMISED], better)
        sheets["optimised"] = rows(as_judged(held.pictures).numpy(), as_judged(better).numpy(), count=OPTIMISED)
    judge = batched(lambda x: judges["segmenter"](x).argmax(1), made)
    result["segmentation"] = {"reconstructions by the judge, against truth": intersection_over_union(judge, held.truth)}
    if pack.has("segmenter"):
        own = pack.segments(styles)
        result["segmentation"]["pack's segmenter, against truth"] = intersection_over_union(own, held.truth)
        result["segmentation"]["pack's segmenter, against the judge"] = intersection_over_union(own, judge)
    embedded = pack.embedded(renders)
    result["retrieval"] = texts.retrieval(pack, data.labels, embedded)
    result["words"], result["words left out"] = texts.attributes(pack, data, embedded)
    result["edits"], sheets["edits"] = edits(judges, pack, held, styles)
    return result, sheets


def rows(*sets, columns=16, count=48):
    """Rows of pictures, each over what became of it."""
    return np.concatenate([x[at : at + columns] for at in range(0, count, columns) for x in sets])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("packs", nargs="*", help="none to judge the judges only")
    parser.add_argument("--held", required=True)
    parser.add_argument("--judges", default=str(pathlib.Path(__file__).parent / "judges.pt"))
    parser.add_argument("--shared", required=True, help="folder of the shared files, with the sentence encoder")
    parser.add_argument("--out", required=True, help="folder for NAME.md, NAME.json and sheets")
    parser.add_argument("--changed")
    parser.add_argument("--invert")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    judges, about, made_of = load(args.judges)
    held = Held(args.held, judges)
    faces = about.pop("faces")
    own = {"trained": about, "faces to train on": faces, "held out": held.count} | judge_the_judges(judges, held, made_of, args.changed)
    keep(out, "judges", own)
    for folder in map(pathlib.Path, args.packs):
        if tomllib.loads((folder / "pack.toml").read_text())["family"] == "diffusion":
            compare = lambda pictures: distances(held.features(judges, pictures), held.vectors)
            result, sheets = denoiser.evaluate(denoiser.Denoiser(folder, args.threads), judges, held, compare)
        else:
            result, sheets = evaluate(Pack(folder, args.shared, args.threads), judges, held, args)
        keep(out, result["pack"], result)
        for name, pictures in sheets.items():
            save_sheet(pictures, out / f"{result['pack']}-{name}.png", 12 if name in ("edits", "asked") else 16)


def keep(out, name, result):
    text = markdown(name, result)
    print(text, flush=True)
    (out / f"{name}.md").write_text(text)
    (out / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
