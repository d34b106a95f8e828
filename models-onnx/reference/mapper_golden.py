"""Goldens of StyleCLIP's mappers for the tests of models-onnx/convert: float64, from seeded weights.

    python mapper_golden.py        writes ../convert/tests/golden/mapper
"""

import sys
from pathlib import Path

import numpy
import torch

here = Path(__file__).parent
sys.path += [str(here), str(here.parent / "seeded")]
import seeded  # noqa: E402
from networks import mapper  # noqa: E402

PREFIX = "state_dict.mapper."
WIDTHS = [32] * 11 + [32, 16, 16]
"""StyleSpace of the generator “64” of stylegan2_golden.py, whose W+ is 10 layers of 24."""

MODELS = {
    "single": (mapper.Single(24), (2, 10, 24)),
    "levels": (mapper.Levels(24), (2, 10, 24)),
    "levels-no-fine": (mapper.Levels(24, without=["fine_mapping"]), (2, 10, 24)),
    "styles": (mapper.Styles(WIDTHS), (2, sum(WIDTHS))),
}

folder = here.parent / "convert/tests/golden/mapper"
folder.mkdir(parents=True, exist_ok=True)
for name, (network, shape) in MODELS.items():
    text = "\n".join(mapper.layout(network, seeded.line, PREFIX)) + "\n"
    (folder / f"{name}.layout").write_text(text)
    tensors = {key.removeprefix(PREFIX): torch.from_numpy(value) for key, value in seeded.read(text).items()}
    network.load_state_dict(tensors)
    code = torch.from_numpy(seeded.uniform("code", shape, 1.0, 0.0)).double()
    with torch.no_grad():
        delta = network.double()(code) * mapper.FACTOR
    numpy.save(folder / f"{name}.npy", delta.float().numpy())
    print(name, tuple(delta.shape), float(delta.abs().max()))
