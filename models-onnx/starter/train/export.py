"""Write the pack: ONNX graphs, statistics, pack.toml, and golden fixtures.

  python export.py --checkpoint heads128.pt --encoder encoder128.pt --pair pair.pt \
      --identity identity.pt --perceptual perceptual.pt \
      --directions directions.npz --prior prior.npz --preview preview.pt --data DATA --sentence MODEL.onnx --tokenizer tokenizer.json \
      --pack ../../packs/starter-faces --golden ../../tests/golden --keep ../checkpoint/heads128.pt

With `--only ROLE...` the other graphs stay as they lie in the pack, with the framing and fidelity
of its manifest, and the goldens show the same face; what belongs to the other graphs need not be
given then. Arrays come from --directions and --prior, where those are given.
"""
import argparse
import copy
import hashlib
import pathlib
import shutil
import tomllib

import numpy as np
import onnxruntime
import torch

import captions
import checkpoint
import onnx_graphs
from dataset import Heads, unit_range
from generator import CLASSES, SIZE, W_SLOTS
from networks import Identity, ImageEncoder, Inverter, Perceptual, TextProjection
from run import record
from sentences import Sentences
from train_effects import DISENTANGLEMENT, STRENGTH

ROLES = ("mapping affine synthesis preview encoder image-encoder text-projection segmenter segmenter-at identity perceptual").split()
# These have the generator's trunk in common, and its weights lie in a file beside them.
SHARING, TRUNK = ("synthesis", "preview", "segmenter", "segmenter-at"), "generator.data"
STATISTICS, PRIOR = ("style_mean", "style_std", "relevance"), ("code_mean", "code_axes")
# How a mask shows the classes: skin-like colours for skin, telling ones for what is edited.
COLOURS = [
    (64, 64, 72), (236, 188, 160), (120, 72, 40), (60, 40, 30), (64, 144, 224), (208, 64, 88), (250, 250, 250),
    (224, 150, 120), (200, 128, 150), (176, 136, 104), (72, 160, 96), (16, 16, 16), (144, 80, 184), (152, 112, 72),
]  # fmt: skip
SENTENCE_FILE = "all-MiniLM-L6-v2-int8.onnx"


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def run(path, **feeds):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    whole = {k: np.asarray(v) for k, v in feeds.items()}
    return session.run(None, {k: v if v.dtype == np.int64 else v.astype(np.float32) for k, v in whole.items()})[0]


def load_models(args):
    """All networks; those whose file is not given stay as torch made them, and are not exported."""
    faces, info = checkpoint.load(args.checkpoint)
    models = {"faces": faces, "inverter": Inverter(), "image_encoder": ImageEncoder(), "projection": TextProjection(),
              "identity": Identity(), "perceptual": Perceptual()}  # fmt: skip

    def fill(module, path, key, part=""):
        if path:
            saved = torch.load(path, weights_only=True)[key]
            module.load_state_dict({k.removeprefix(part): v.float() for k, v in saved.items() if k.startswith(part)})

    fill(models["inverter"], args.encoder, "inverter")
    fill(models["image_encoder"], args.pair, "pair", "image_encoder.")
    fill(models["projection"], args.pair, "pair", "projection.")
    fill(models["identity"], args.identity, "identity")
    fill(models["perceptual"].features, args.perceptual, "features")
    models["small"] = copy.deepcopy(faces.g)
    if args.preview:
        saved, layer = torch.load(args.preview, weights_only=True), models["small"].to_rgbs[-2]
        layer.conv.weight.data, layer.bias.data = saved["weight"].float(), saved["bias"].float()
    for m in models.values():
        m.eval().requires_grad_(False)
    return models, info


def write_graphs(models, pack, roles):
    """Export in fp16 storage and check every graph against torch; returns the differences."""
    g, seg = models["faces"].g, models["faces"].seg
    torch.manual_seed(0)
    z = torch.randn(8, 256)
    w = g.style(z)
    w_plus = w[:, None].repeat(1, W_SLOTS, 1)
    styles = torch.cat(g.affine(w_plus), 1)
    image = g(w)[0]
    sentence = torch.nn.functional.normalize(torch.randn(8, 384), dim=1)
    sizes = [layer.conv.modulation.weight.shape[0] for _, layer, _, _ in g.layers()]
    parts = list(styles.split(sizes, 1))
    made, logits = g.synthesise(parts, seg)
    other, pixels = image.flip(0), torch.arange(7, SIZE * SIZE, 241)
    cases = {
        "mapping": (onnx_graphs.mapping, g, {"z": z}, w),
        "affine": (onnx_graphs.affine, g, {"w_plus": w_plus}, styles),
        "synthesis": (onnx_graphs.synthesis, g, {"styles": styles}, made),
        "preview": (onnx_graphs.preview, models["small"], {"styles": styles},
                    models["small"].synthesise(parts, side=SIZE // 2)[0]),
        "segmenter": (onnx_graphs.segmenter, (g, seg), {"styles": styles}, logits),
        "segmenter-at": (onnx_graphs.segmenter_at, (g, seg), {"styles": styles, "pixels": pixels},
                         logits.flatten(2)[:, :, pixels]),
        "identity": (onnx_graphs.identity, models["identity"], {"image": image}, models["identity"](image)),
        "perceptual": (onnx_graphs.perceptual, models["perceptual"], {"a": image, "b": other},
                       models["perceptual"](image, other)),
        "encoder": (onnx_graphs.encoder, models["inverter"], {"image": image},
                    models["inverter"](image)[:, None].repeat(1, W_SLOTS, 1)),
        "image-encoder": (onnx_graphs.image_encoder, models["image_encoder"], {"image": image},
                          models["image_encoder"](image)),
        "text-projection": (onnx_graphs.text_projection, models["projection"],
                            {"sentence": sentence}, models["projection"](sentence)),
    }  # fmt: skip
    report, shared = {}, onnx_graphs.Shared(pack / TRUNK)
    for name, (build, module, feeds, wanted) in cases.items():
        if name not in roles:
            continue
        path = pack / f"{name}.onnx"
        build(module, path, half=False)
        exact = np.abs(run(path, **feeds) - wanted.numpy()).max()
        scale = max(1.0, float(wanted.abs().max()))
        if exact > 1e-4 * scale:
            raise SystemExit(f"{name}: the graph differs from torch by {exact}")
        build(module, path, half=True, **({"shared": shared} if name in SHARING else {}))
        report[name] = (float(exact), float(np.abs(run(path, **feeds) - wanted.numpy()).max()))
        print(f"{name}: f32 {exact:.2e}, fp16 storage {report[name][1]:.2e}, {path.stat().st_size} bytes")
    return report


def eye_positions(data):
    """Average relative (x, y) of the image-left and image-right eye over faces that show both."""
    found = []
    for mask in data.masks[data.held_out].numpy():
        y, x = np.nonzero(mask == 4)
        left, right = x < x.mean() if len(x) else x, x >= x.mean() if len(x) else x
        if len(x) >= 8 and left.sum() >= 3 and right.sum() >= 3:
            found.append([(x[s].mean() + 0.5, y[s].mean() + 0.5) for s in (left, right)])
    return (np.mean(found, 0) / data.masks.shape[1]).round(3).tolist()


def fidelity(data, pack):
    """PSNR in dB of encoder and generator over the held-out renders, from the files as shipped."""
    images = data.batch(data.held_out).numpy()
    rows = []
    for i in range(0, len(images), 64):
        w_plus = run(pack / "encoder.onnx", image=images[i : i + 64])
        styles = run(pack / "affine.onnx", w_plus=w_plus)
        made = np.clip(run(pack / "synthesis.onnx", styles=styles), -1, 1)
        error = np.square((made - images[i : i + 64]) / 2).mean((1, 2, 3))
        rows.append(-10 * np.log10(error))
    values = np.concatenate(rows)
    return float(np.median(values)), float(np.percentile(values, 2))


def toml_dims(dims):
    return "[" + ", ".join(f'"{d}"' if isinstance(d, str) else str(d) for d in dims) + "]"


def toml_ports(ports):
    short = {"batch": "n", "sequence": "t"}
    rows = []
    for port in ports:
        kind = {"tensor(float)": "f32", "tensor(int64)": "i64"}[port.type]
        dims = [short.get(d, d) for d in port.shape]
        rows.append(f'{{ name = "{port.name}", dims = {toml_dims(dims)}, dtype = "{kind}" }}')
    return "[" + ", ".join(rows) + "]"


def toml_role(role, path, file, extra=""):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    data = ""
    if role in SHARING:
        trunk = path.with_name(TRUNK)
        data = f'data = [{{ file = "{TRUNK}", sha256 = "{sha256(trunk)}" }}]\n'
    return f"""
[roles.{role}]
file = "{file}"
{extra}sha256 = "{sha256(path)}"
inputs = {toml_ports(session.get_inputs())}
outputs = {toml_ports(session.get_outputs())}
{data}"""


def sliders(pack):
    """Names and files of the directions of attributes in a pack."""
    return [(f.stem.removeprefix("slider-").replace("-", " "), f) for f in sorted(pack.glob("slider-*.npy"))]


def write_manifest(models, pack, args, eyes, typical, poor):
    quoted = ", ".join(f'"{t}"' for t in captions.TEMPLATES)
    text = f"""# Written by models-onnx/starter/train/export.py: do not edit by hand.
version = 1
id = "starter-faces"
name = "Starter faces"
description = "Rendered heads at {SIZE} x {SIZE} pixels: a small generator, made to try every edit without a download"
family = "stylegan2"
resolution = {SIZE}
domain = "rendered heads"

[licence]
spdx = "CC0-1.0"
text = "Weights and statistics: CC0-1.0. Trained on our own renders of MakeHuman data (CC0). tokenizer.json is that of all-MiniLM-L6-v2 (Apache-2.0)."
origin = "Trained by models-onnx/starter on renders of its own head renderer; no photographs of people"

[range]
low = -1.0
high = 1.0

[alignment]
kind = "square"
eyes = {eyes}

[fidelity]
typical = {typical:.2f}
poor = {poor:.2f}
"""
    for role in ROLES:
        text += toml_role(role, pack / f"{role}.onnx", f"{role}.onnx")
    role = toml_role("sentence-encoder", args.sentence, SENTENCE_FILE, "shared = true\n")
    text += role + 'pooling = "mean"\n'
    text += f'\n[files.tokenizer]\nfile = "tokenizer.json"\nsha256 = "{sha256(pack / "tokenizer.json")}"\n'
    for name in STATISTICS + PRIOR:
        dims = list(np.load(pack / f"{name}.npy", mmap_mode="r").shape)
        text += f"""
[arrays.{name.replace("_", "-")}]
file = "{name}.npy"
sha256 = "{sha256(pack / f"{name}.npy")}"
dims = {dims}
"""
    for name, file in sliders(pack):
        text += f"""
[attributes."{name}"]
file = "{file.name}"
sha256 = "{sha256(file)}"
dims = {list(np.load(file, mmap_mode="r").shape)}
"""
    text += "\n# `rgb` marks layers that edits must leave alone. None here: this generator keeps hue in them."
    for name, layer, _, _ in models["faces"].g.layers():
        channels = layer.conv.modulation.weight.shape[0]
        text += f'\n[[styles]]\nname = "{name}"\nchannels = {channels}\nrgb = false\n'
    text += "\n# What the segmenter tells apart, in the order of its logits."
    for name, colour in zip(CLASSES, COLOURS, strict=True):
        text += f'\n[[classes]]\nname = "{name}"\ncolour = {list(colour)}\n'
    text += f"""
[text]
templates = [{quoted}]
neutral = "{args.neutral}"

[direction]
strength = {args.strength}
disentanglement = {args.disentanglement}
"""
    (pack / "pack.toml").write_text(text)


def write_golden(pixels, pack, args, folder):
    """What the Rust side must reproduce: one face through every graph, one prompt, token ids."""
    folder.mkdir(parents=True, exist_ok=True)
    image = unit_range(torch.from_numpy(pixels).permute(2, 0, 1)[None]).contiguous().numpy()
    w_plus = run(pack / "encoder.onnx", image=image)
    styles = run(pack / "affine.onnx", w_plus=w_plus)
    made = run(pack / "synthesis.onnx", styles=styles)
    sentences = Sentences(args.sentence, args.tokenizer)
    prompt = "a person with blue hair"
    rows = sentences.embed([t.format(prompt) for t in captions.TEMPLATES])
    unit = run(pack / "text-projection.onnx", sentence=rows)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    text = unit.mean(0)
    arrays = {
        "starter_image": pixels,
        "starter_w_plus": w_plus.astype(np.float32),
        "starter_styles": styles,
        "starter_reconstruction": made,
        "starter_logits": run(pack / "segmenter.onnx", styles=styles),
        "starter_identity": run(pack / "identity.onnx", image=image),
        "starter_distance": run(pack / "perceptual.onnx", a=image, b=np.clip(made, -1, 1)),
        "starter_image_embedding": run(pack / "image-encoder.onnx", image=image),
        "starter_sentence": sentences.embed_one(prompt)[None],
        "starter_text": (text / np.linalg.norm(text))[None].astype(np.float32),
        "starter_ids_blue": sentences.ids(prompt),
        "starter_ids_smile": sentences.ids("A smiling  woman, no glasses!"),
    }
    for name, value in arrays.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(value))


def main():
    parser = argparse.ArgumentParser()
    for name in ("checkpoint", "sentence", "tokenizer", "pack"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("encoder", "pair", "directions", "prior", "identity", "perceptual", "preview"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--only", nargs="*", choices=ROLES,
                        help="write these graphs or none, keep the others; those that share go together")
    parser.add_argument("--data", nargs="+")
    parser.add_argument("--golden")
    parser.add_argument("--logs", nargs="+", type=pathlib.Path, help="logs of the trainings, for the pack")
    parser.add_argument("--keep", help="also write the checkpoint here, in half precision")
    parser.add_argument("--strength", type=float, default=STRENGTH)
    parser.add_argument("--disentanglement", type=float, default=DISENTANGLEMENT)
    parser.add_argument("--neutral", default="a person")
    parser.add_argument("--held-out", type=int, default=512)
    args = parser.parse_args()
    given = (args.data, args.encoder, args.pair, args.directions, args.prior, args.identity, args.perceptual, args.preview)
    if args.only is None and not all(given):
        parser.error("without --only, everything has to be given")
    pack = pathlib.Path(args.pack)
    pack.mkdir(parents=True, exist_ok=True)
    models, info = load_models(args)
    if args.keep:
        checkpoint.save(args.keep, models["faces"], info, half=True)
    write_graphs(models, pack, ROLES if args.only is None else args.only)
    shutil.copyfile(args.tokenizer, pack / "tokenizer.json")
    for source, names in ((args.directions, STATISTICS), (args.prior, PRIOR)):
        for name in names if source else []:
            np.save(pack / f"{name}.npy", np.ascontiguousarray(np.load(source)[name], np.float32))
    for name, row in np.load(args.directions).items() if args.directions else []:
        if name.startswith("slider "):
            np.save(pack / f"{name.replace(' ', '-')}.npy", row.astype(np.float32))
    if args.only is not None:
        before = tomllib.loads((pack / "pack.toml").read_text())
        typical, poor = before["fidelity"]["typical"], before["fidelity"]["poor"]
        eyes = before["alignment"]["eyes"]
        pixels = np.load(pathlib.Path(args.golden) / "starter_image.npy") if args.golden else None
    else:
        data = Heads(args.data, args.held_out)
        typical, poor = fidelity(data, pack)
        eyes = eye_positions(data)
        pixels = data.images[data.held_out[3]].permute(1, 2, 0).contiguous().numpy()
    write_manifest(models, pack, args, eyes, typical, poor)
    if args.logs:
        record(args.logs, pack)
    if args.golden:
        write_golden(pixels, pack, args, pathlib.Path(args.golden))
    total = sum(f.stat().st_size for f in pack.iterdir() if f.is_file())
    print(f"fidelity: typical {typical:.2f} dB, poor {poor:.2f} dB; eyes {eyes}; {total} bytes")


if __name__ == "__main__":
    main()
