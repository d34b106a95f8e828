"""Goldens of StyleGAN2 for the tests of models-onnx/convert: float64, from seeded weights in rosinality's layout.

    python stylegan2_golden.py [name…]        writes ../convert/tests/golden/stylegan2
"""

import sys
from pathlib import Path

import numpy
import torch

here = Path(__file__).parent
sys.path += [str(here), str(here.parent / "seeded")]
import seeded  # noqa: E402
from networks import stylegan2  # noqa: E402

# Sizes, widths (32768 is config-f, 16384 half of it), layers of the mapping, pictures in a batch.
MODELS = {
    "64": dict(size=64, base=1024, most=32, styles=24, mapping=3, batch=2),
    "32": dict(size=32, base=512, most=24, styles=16, mapping=2, batch=1),
    "256": dict(size=256, base=32768, mapping=8, batch=1),
    "256-half": dict(size=256, base=16384, mapping=2, batch=1),
    "1024": dict(size=1024, base=32768, mapping=8, batch=1),
}


def places(side):
    """Rows and columns that are kept: some inside, all near the borders, where skips could go wrong."""
    return sorted({*range(0, side, max(side // 24, 1)), *range(3), *range(side - 3, side)})


def picked(picture):
    """The kept pixels of pictures [n, 3, side, side]."""
    rows = places(picture.shape[-1])
    return picture[:, :, rows][:, :, :, rows].float().numpy()


@torch.no_grad()
def make(name, size, base, mapping, batch, most=512, styles=512):
    torch.manual_seed(0)
    network = stylegan2.Generator(size, base=base, mapping=mapping, styles=styles, most=most)
    folder = here.parent / "convert/tests/golden/stylegan2"
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join(stylegan2.layout(network, seeded.line)) + "\n"
    (folder / f"{name}.layout").write_text(text)
    stylegan2.load(network, seeded.read(text))
    draw = lambda what, shape: torch.from_numpy(seeded.uniform(what, shape, 1.0, 0.0)).double()
    w = network.map(draw("z", (batch, styles)))
    vectors = network.styles(draw("w_plus", (batch, network.slots, styles)))
    pictures = network.synthesise(vectors)
    numpy.save(folder / f"{name}-w.npy", w.float().numpy())
    numpy.save(folder / f"{name}-styles.npy", torch.cat(vectors, 1).float().numpy())
    numpy.save(folder / f"{name}-image.npy", picked(pictures[-1]))
    numpy.save(folder / f"{name}-smaller.npy", picked(pictures[-2]))
    print(name, tuple(pictures[-1].shape), "largest", float(pictures[-1].abs().max()), "w", float(w.std()))


for name in sys.argv[1:] or MODELS:
    make(name, **MODELS[name])
