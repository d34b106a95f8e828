"""Goldens of encoders and judges: layouts of seeded weights, and what PyTorch makes of them in double precision.

    python encoder_goldens.py [name...]        all, or those named: identity lpips narrow restyle e4e editgan pixels
"""

import gc
import sys
from pathlib import Path

import numpy
import torch

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "networks"), str(HERE.parent / "seeded")]
import editgan  # noqa: E402
import encoders  # noqa: E402
import irse  # noqa: E402
import lpips  # noqa: E402
import seeded  # noqa: E402

LAYOUTS = HERE / "layouts"
GOLDEN = HERE.parent / "convert/tests/golden/encoders"
# What the names of an encoder start with in its checkpoint.
ENCODER = "state_dict.encoder."
NARROW = (16, 32, 64, 128)
MAPS = [(512, side) for side in (4, 4, 8, 8, 16, 16, 32, 32)] + [(256, 64), (128, 64)]


def picture(name, n, height, width, channels=3):
    """Squares of sixteen places with a grain, in -1..1; the same numbers as in the Rust tests."""
    coarse = seeded.uniform(f"{name}.coarse", (n, channels, height // 16, width // 16), 0.75, 0)
    fine = seeded.uniform(f"{name}.fine", (n, channels, height, width), 0.25, 0)
    return torch.from_numpy(coarse.repeat(16, 2).repeat(16, 3) + fine).double()


def filled(name, models, spread, extra=()):
    """Writes the layout of a checkpoint, fills the models by it, and gives the tensors that are none of theirs.

    `models` says what the names of each start with in the published file.
    """
    lines = [prefix + line for prefix, model in models.items() for line in irse.layout(model, seeded.line, spread)]
    text = "\n".join([*lines, *extra]) + "\n"
    LAYOUTS.mkdir(exist_ok=True)
    (LAYOUTS / f"{name}.txt").write_text(text)
    tensors = seeded.read(text)
    for prefix, model in models.items():
        own = [name for name in tensors if name.startswith(prefix)]
        irse.load(model, {name.removeprefix(prefix): tensors.pop(name) for name in own})
    return {name: torch.from_numpy(value).double() for name, value in tensors.items()}


def save(name, value):
    GOLDEN.mkdir(parents=True, exist_ok=True)
    value = value.detach().numpy()
    print(f"{name}: {value.shape}, largest {abs(value).max():.4g}, deviation {value.std():.3g}", flush=True)
    numpy.save(GOLDEN / f"{name}.npy", value.astype(numpy.float32))


def identity():
    model = irse.IRSE50()
    filled("irse50", {"": model}, irse.spread)
    save("identity-256", irse.identity(model, picture("face", 2, 256, 256)))
    save("identity-320", irse.identity(model, picture("face", 1, 320, 320)))
    # For a test that must fail: the whole picture instead of its middle.
    whole = torch.nn.functional.adaptive_avg_pool2d(picture("face", 2, 256, 256), 112)
    save("identity-whole", model(whole))


def distances():
    for name, taps in (("vgg16", lpips.VGG16), ("alexnet", lpips.ALEXNET)):
        model = lpips.LPIPS(taps)
        filled(f"lpips-{name}", {"": model}, lpips.spread)
        a, b = picture("one", 2, 96, 64), picture("other", 2, 96, 64)
        # The second pair is close, as pictures are towards the end of an optimisation.
        b[1] = a[1] + b[1] / 64
        save(f"lpips-{name}", model(a, b))


def narrow():
    mean = [seeded.line("latent_avg", (18, NARROW[-1]), 0.5, 0.0)]
    for deltas, name in ((True, "e4e"), (False, "psp")):
        model = encoders.Encoder(deltas=deltas, widths=NARROW)
        mean_w = filled("e4e-narrow", {ENCODER: model}, encoders.spread, mean)["latent_avg"]
        save(f"{name}-narrow", model(picture("face", 2, 256, 256)) + mean_w)
        for kind, side, height in (("car", 512, 192), ("face", 320, 256)) if deltas else ():
            image = encoders.seen(picture(kind, 1, side, side), height)
            save(f"e4e-narrow-{kind}-{side}", model(image) + mean_w)


def restyle():
    mean = [seeded.line("latent_avg", (14, NARROW[-1]), 0.5, 0.0)]
    for backbone in ("irse50", "resnet34"):
        for deltas, name in ((True, "e4e"), (False, "psp")):
            model = encoders.Encoder(backbone, 14, 6, pyramid=False, deltas=deltas, widths=NARROW)
            mean_w = filled(f"restyle-{backbone}", {ENCODER: model}, encoders.spread, mean)["latent_avg"]
            save(f"restyle-{backbone}-{name}", model(picture("pair", 1, 256, 256, 6)) + mean_w)
    # A stand-in for the generator: any map of W+ to pictures shows whether the loop is right.
    columns = torch.from_numpy(seeded.uniform("render", (14 * NARROW[-1], 3 * 32 * 32), 0.02, 0)).double()
    render = lambda w: (w.flatten(1) @ columns).tanh().view(-1, 3, 32, 32).repeat_interleave(16, 2).repeat_interleave(16, 3)
    image, mean_image = picture("face", 1, 512, 512), picture("mean", 1, 512, 512)
    save("restyle-loop", encoders.restyle(model, render, image, mean_w, mean_image))


def e4e():
    model = encoders.Encoder(deltas=True)
    mean = [seeded.line("latent_avg", (18, 512), 0.5, 0.0)]
    mean_w = filled("e4e", {ENCODER: model}, encoders.spread, mean)["latent_avg"]
    save("e4e", (model(picture("face", 1, 256, 256)) + mean_w)[:, :, ::8])


def codes():
    narrow = editgan.Encoder(width=8, features=64)
    for name, model, step in (("-narrow", narrow, 1), ("", editgan.Encoder(), 8)):
        filled(f"editgan{name}", {"model_state_dict.": model}, editgan.spread)
        image = picture("car", 1, 512, 512)
        with torch.no_grad():
            save(f"editgan{name}-trained", model(image)[:, :, ::step])
            save(f"editgan{name}-picture", model.train()(image)[:, :, ::step])
        del model
        gc.collect()


def pixels():
    features, side = sum(count for count, _ in MAPS), 64
    # Each is a file of its own; the numbers in front keep them apart.
    ensemble = {f"{index}.model_state_dict.module.": editgan.PixelClassifier(features, 32) for index in range(10)}
    filled("pixels", ensemble, editgan.spread)
    ensemble = list(ensemble.values())
    maps = [
        torch.from_numpy(seeded.uniform(f"map{index}", (1, count, size, size), 1.5, 0)).double()
        for index, (count, size) in enumerate(MAPS)
    ]
    for mode in ("bilinear", "nearest"):
        logits = editgan.segment(ensemble, maps, side, mode)
        save(f"pixels-{mode}-logits", logits[:, ::8, ::8])
        save(f"pixels-{mode}-classes", logits.argmax(0))
    # For a test that must fail: the mean of probabilities instead of logits.
    save("pixels-probabilities", editgan.segment(ensemble, maps, side, probabilities=True).argmax(0))


ALL = {
    "identity": identity,
    "lpips": distances,
    "narrow": narrow,
    "restyle": restyle,
    "e4e": e4e,
    "editgan": codes,
    "pixels": pixels,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or ALL:
        with torch.no_grad():
            ALL[name]()
        gc.collect()
