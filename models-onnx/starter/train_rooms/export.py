"""One checkpoint in BlobGAN's layout from the trained networks; the pack is made of it by `pentimento convert`.

    python export.py --run RUN --held-out HELD --keep ../checkpoint/rooms64.ckpt --pentimento PROGRAM \
        --pack ../../packs/starter-rooms --golden ../../tests/golden

Checks the pack against PyTorch and writes the goldens of the tests.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess

import numpy as np
import onnxruntime
import torch

from common import record
from dataset import AREA, Rooms
from model import CONFIG, Generator, inverter, layout

FIELDS = ["xs", "ys", "sizes", "covs", "features", "styles"]
DESCRIPTION = "Ray-traced rooms at 64 x 64 pixels: a small BlobGAN, made to try layouts without a download"
TERMS = ("Weights: CC0-1.0. Trained on our own renders of rooms; nothing of the published BlobGAN (code, weights, "
         "pictures) is in them.")
ORIGIN = "Trained by models-onnx/starter/train_rooms on renders of its own renderer; no photographs"


def networks(generator, mapping, inversion):
    return {"generator_ema.": generator.decoder, "describe.": generator.describe, "layout_net_ema.": mapping,
            "inverter.": inversion}  # fmt: skip


def load(path, parts):
    """Fills networks, given by prefix, from a checkpoint; returns its `hyper_parameters`."""
    saved = torch.load(path, map_location="cpu", weights_only=True)
    for prefix, net in parts.items():
        net.load_state_dict({k.removeprefix(prefix): v.float() for k, v in saved["state_dict"].items()
                             if k.startswith(prefix)})  # fmt: skip
    return saved["hyper_parameters"]


def trained(folder, start=None):
    """The averaged networks of a run, those that it did not train from the checkpoint `start`, and what it took."""
    parts = dict(decoder=Generator(), layout=layout(), inverter=inverter())
    took = load(start, networks(*parts.values()))["took"] if start else {}
    for name, net in parts.items():
        path = folder / f"{name}.resume.pt"
        if path.exists() or not start:
            saved = torch.load(path, map_location="cpu", weights_only=True)
            net.load_state_dict({k: v.float() for k, v in saved["average"].items()})
            took[name] = {"pictures": took.get(name, {}).get("pictures", 0) + saved["seen"]}
        net.requires_grad_(False).eval()
    return networks(*parts.values()), took


def save(path, parts, took):
    """In half precision: what the pack holds, and enough to go on from."""
    state = {prefix + k: v.half() for prefix, net in parts.items() for k, v in net.state_dict().items()}
    told = dict(ab_norm=AREA, n_features=CONFIG["blobs"], took=took, **CONFIG)
    torch.save({"state_dict": state, "hyper_parameters": told}, path)


def convert(program, checkpoint, pack):
    """Makes the pack anew, but for its model card."""
    card = pack / "README.md"
    text = card.read_text() if card.is_file() else None
    subprocess.run([program, "convert", str(checkpoint), "-o", str(pack.resolve()), "--half", "--replace", "--yes",
                    "--name", "Starter rooms", "--domain", "rendered rooms"], check=True)  # fmt: skip
    if text:
        card.write_text(text)


def describe(pack, fidelity):
    """Puts our own terms in the place of those of the published files, and what was measured."""
    path = pack / "pack.toml"
    text = path.read_text()
    text = re.sub(r'^description = .*$', f'description = "{DESCRIPTION}"', text, flags=re.M)
    terms = f'[licence]\nspdx = "CC0-1.0"\ntext = "{TERMS}"\norigin = "{ORIGIN}"\n\n'
    text = re.sub(r"^\[licence\]\n.*?\n\n", terms, text, flags=re.M | re.S)
    typical, poor = fidelity
    text = re.sub(r"^typical = .*$", f"typical = {typical:.2f}", text, flags=re.M)
    text = re.sub(r"^poor = .*$", f"poor = {poor:.2f}", text, flags=re.M)
    path.write_text(text)
    (pack / "LICENCE.txt").write_text(f"Starter rooms\n\nLicence: CC0-1.0\nOrigin: {ORIGIN}\n\n{TERMS}\n")


class Pack:
    """The graphs of a pack in onnxruntime."""

    def __init__(self, folder):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.sessions = {role: onnxruntime.InferenceSession(folder / f"{role}.onnx", options)
                         for role in ("mapping", "layout", "synthesis", "encoder")}  # fmt: skip

    def fields(self, role, **inputs):
        return dict(zip(FIELDS, self.sessions[role].run(FIELDS, inputs)))

    def encode(self, pictures):
        return self.fields("encoder", image=pictures)

    def layout(self, z):
        return self.fields("layout", w=self.sessions["mapping"].run(["w"], {"z": z})[0])

    def draw(self, blobs):
        return self.sessions["synthesis"].run(["image"], {k: np.ascontiguousarray(blobs[k]) for k in FIELDS})[0]


def per_picture(made, right):
    return -10 * np.log10((((np.clip(made, -1, 1) - right) / 2) ** 2).mean((1, 2, 3)))


@torch.no_grad()
def check(pack, checkpoint, pictures):
    """The pack against PyTorch with the checkpoint's weights; they differ by rounding only."""
    parts = networks(Generator(), layout(), inverter())
    load(checkpoint, parts)
    flat = parts["inverter."](torch.from_numpy(pictures))
    split = parts["layout_net_ema."].split
    blobs = split(flat)
    right = parts["generator_ema."](dict(blobs, sizes=blobs["sizes"][:, 1:])).numpy()
    off = np.abs(pack.draw(pack.encode(pictures)) - right)
    print(f"pack and PyTorch differ by {off.mean():.1e}, by at most {off.max():.1e}")
    # Weights are rounded to half precision once more when their scale is folded in, and blobs have steep edges.
    assert off.mean() < 1e-3 and off.max() < 0.05


def main():
    parser = argparse.ArgumentParser()
    for name in ("run", "held-out", "keep", "pack"):
        parser.add_argument(f"--{name}", required=True, type=pathlib.Path)
    parser.add_argument("--start", type=pathlib.Path, help="a checkpoint for networks that RUN does not have")
    parser.add_argument("--golden", type=pathlib.Path, help="folder for the goldens of the tests")
    parser.add_argument("--pentimento", required=True, help="the program `pentimento`")
    parser.add_argument("--logs", nargs="+", type=pathlib.Path, help="logs of the trainings, for the pack")
    args = parser.parse_args()
    parts, took = trained(args.run, args.start)
    save(args.keep, parts, took)
    convert(args.pentimento, args.keep, args.pack)

    held = Rooms([args.held_out], "shard-*.npz")
    pictures = held.pictures(torch.arange(min(512, len(held)))).contiguous().numpy()
    pack = Pack(args.pack)
    check(pack, args.keep, pictures[:8])
    found = per_picture(pack.draw(pack.encode(pictures)), pictures)
    fidelity = float(np.median(found)), float(np.quantile(found, 0.02))
    describe(args.pack, fidelity)
    if args.logs:
        record(args.logs, args.pack)
    print(json.dumps(dict(took=took, typical=fidelity[0], poor=fidelity[1])))
    if args.golden:
        goldens(pack, held, pictures, args.golden)
    size = sum(f.stat().st_size for f in args.pack.iterdir())
    print(f"{args.pack}: {size / 1e6:.2f} MB; {args.keep}: {os.path.getsize(args.keep) / 1e6:.2f} MB")


def goldens(pack, held, pictures, folder):
    keep = lambda name, value: np.save(folder / f"rooms_{name}.npy", value)
    keep("image", held.images[0].numpy())
    blobs = pack.encode(pictures[:1])
    for name, value in blobs.items():
        keep(name, value)
    keep("reconstruction", pack.draw(blobs))
    keep("z", held.z[:1].numpy())
    keep("sample", pack.draw(pack.layout(held.z[:1].numpy())))


if __name__ == "__main__":
    main()
