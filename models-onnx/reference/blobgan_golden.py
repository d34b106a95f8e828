"""Goldens of BlobGAN for the tests of models-onnx/convert: float64, from seeded weights.

    python blobgan_golden.py [name…]        writes ../convert/tests/golden/blobgan
"""

import sys
from pathlib import Path

import numpy
import torch

here = Path(__file__).parent
sys.path += [str(here), str(here.parent / "seeded")]
import seeded  # noqa: E402
from networks import blobgan  # noqa: E402

MODELS = {
    "narrow": dict(size=64, model=2, blobs=3, noise=10, hidden=20, style=12, widths=[8, 12, 16, 16, 16]),
    "wide": dict(size=256, model=96, blobs=10, noise=512, hidden=1024, style=512,
                 widths=[128, 256, 512, 512, 512, 512, 512]),
}


def places(side):
    """Rows and columns that are kept: some inside, all near the borders."""
    return sorted({*range(0, side, max(side // 24, 1)), *range(3), *range(side - 3, side)})


def picked(picture):
    rows = places(picture.shape[-1])
    return picture[:, :, rows][:, :, :, rows]


@torch.no_grad()
def make(name, size, model, blobs, noise, hidden, style, widths):
    torch.manual_seed(0)
    feature = model * 8
    layout = blobgan.Layout(blobs, noise, hidden, feature, style)
    decoder = blobgan.Decoder(size, model, style)
    outputs = layout.mlp[-1].weight.shape[0]
    inverter = blobgan.Inverter(size, outputs, widths)
    parts = {"layout_net_ema.": layout, "generator_ema.": decoder, "inverter.": inverter}

    folder = here.parent / "convert/tests/golden/blobgan"
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for prefix, part in parts.items():
        for key, value in part.state_dict().items():
            key, shape = f"state_dict.{prefix}{key}", tuple(value.shape)
            lines.append(seeded.line(key, shape, *blobgan.spread(key, shape)))
    text = "\n".join(lines) + "\n"
    (folder / f"{name}.layout").write_text(text)
    tensors = seeded.read(text)
    for prefix, part in parts.items():
        start = f"state_dict.{prefix}"
        part.load_state_dict({k.removeprefix(start): torch.from_numpy(v) for k, v in tensors.items() if k.startswith(start)})
        part.double()

    draw = lambda what, shape: torch.from_numpy(seeded.uniform(what, shape, 1.0, 0.0)).double()
    save = lambda what, value: numpy.save(folder / f"{name}-{what}.npy", value.float().numpy())
    hidden_z = layout.hidden(draw("z", (2, noise)))
    save("w", hidden_z)
    fields = layout.fields(hidden_z)
    fields["sizes"] = fields["sizes"][:, 1:]
    for key, value in fields.items():
        save(key, value[:1] if name == "wide" else value)
    inverted = layout.split(inverter(draw("image", (1, 3, size, size))))
    inverted["sizes"] = inverted["sizes"][:, 1:]
    for key in fields:
        save(f"inverted-{key}", inverted[key])

    # Blobs that show: the sizes of an untrained layout lie near zero.
    count = 1 if name == "wide" else 2
    fields = {key: value[:count] for key, value in fields.items()}
    sizes = torch.cat([torch.zeros(count, 1, dtype=torch.double), fields["sizes"] + 1.0], 1)
    opacities = blobgan.opacities(fields["xs"], fields["ys"], fields["covs"], sizes, size)
    shares = blobgan.composed(opacities)
    noises = [draw(f"noise_{i}", (1, 1, side, side)) for i, side in enumerate(decoder.sides())]
    picture = decoder(fields["features"], fields["styles"], shares, noises)
    save("shares", picked(shares))
    save("picture", picked(picture))
    print(name, tuple(picture.shape), "largest", float(picture.abs().max()), "sizes", fields["sizes"][0].tolist(),
          "outputs", outputs)


for name in sys.argv[1:] or MODELS:
    make(name, **MODELS[name])
