"""LPIPS v0.1 (Zhang et al., 2018) over VGG16 and AlexNet: how different two pictures look.

Parameter names are torchvision's for the backbone (`features.N.weight`) and those of the released calibration
(`lin{k}.model.1.weight`); `packaged` gives the names that a state dict of the `lpips` package has.

Written from the paper and the layout of the checkpoints, to make goldens and to train small networks against;
nothing here runs in the product.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)

# Of each tap: the convolutions before it as (index, outputs, kernel, stride, padding), or the index of a pool.
VGG16 = (
    ((0, 64, 3, 1, 1), (2, 64, 3, 1, 1)),
    (4, (5, 128, 3, 1, 1), (7, 128, 3, 1, 1)),
    (9, (10, 256, 3, 1, 1), (12, 256, 3, 1, 1), (14, 256, 3, 1, 1)),
    (16, (17, 512, 3, 1, 1), (19, 512, 3, 1, 1), (21, 512, 3, 1, 1)),
    (23, (24, 512, 3, 1, 1), (26, 512, 3, 1, 1), (28, 512, 3, 1, 1)),
)
ALEXNET = (
    ((0, 64, 11, 4, 2),),
    (2, (3, 192, 5, 1, 2)),
    (5, (6, 384, 3, 1, 1)),
    ((8, 256, 3, 1, 1),),
    ((10, 256, 3, 1, 1),),
)


class LPIPS(nn.Module):
    """Two pictures [n, 3, h, w] in -1..1 to distances [n]. `narrow` divides the widths, for quick tests."""

    def __init__(self, taps=VGG16, narrow=1):
        super().__init__()
        self.taps, self.features, inputs = taps, nn.ModuleDict(), 3
        window = 2 if taps is VGG16 else 3
        self.pool = nn.MaxPool2d(window, 2)
        for tap, steps in enumerate(taps):
            for step in steps:
                if isinstance(step, tuple):
                    index, outputs, kernel, stride, padding = step
                    outputs //= narrow
                    self.features[str(index)] = nn.Conv2d(inputs, outputs, kernel, stride, padding)
                    inputs = outputs
            lin = nn.Module()
            lin.model = nn.Sequential(nn.Dropout(), nn.Conv2d(inputs, 1, 1, bias=False))
            self.add_module(f"lin{tap}", lin)
        # As a buffer that is no part of the state dict: exporters to ONNX take a constant this small for zero.
        self.register_buffer("epsilon", torch.full((1, 1, 1, 1), 1e-10, dtype=torch.float64), persistent=False)

    def maps(self, image):
        """The five feature maps, each divided by its length at every place."""
        channels = lambda values: image.new_tensor(values).view(1, 3, 1, 1)
        x, maps = (image - channels(SHIFT)) / channels(SCALE), []
        for steps in self.taps:
            for step in steps:
                x = F.relu(self.features[str(step[0])](x)) if isinstance(step, tuple) else self.pool(x)
            length = x.square().sum(1, keepdim=True).sqrt()
            maps.append(x / (length + self.epsilon.to(x.dtype)))
        return maps

    def forward(self, a, b):
        pairs = zip(self.maps(a), self.maps(b))
        each = [getattr(self, f"lin{k}").model((x - y).square()).mean((1, 2, 3)) for k, (x, y) in enumerate(pairs)]
        return torch.stack(each).sum(0)


def packaged(tensors, taps=VGG16):
    """The same tensors under the names of the `lpips` package: `net.slice{k}.N.weight`, `lins` beside `lin{k}`."""
    slices = {str(s[0]): k + 1 for k, steps in enumerate(taps) for s in steps if isinstance(s, tuple)}
    named = {"scaling_layer.shift": SHIFT, "scaling_layer.scale": SCALE}
    named = {name: torch.tensor(values).view(1, 3, 1, 1).numpy() for name, values in named.items()}
    for name, value in tensors.items():
        first, index, rest = name.split(".", 2)
        if first == "features":
            named[f"net.slice{slices[index]}.{index}.{rest}"] = value
        else:
            named[name] = value
            named[f"lins.{first[3:]}.{index}.{rest}"] = value
    return named


def spread(name, shape):
    """Scale and offset of a tensor's seeded values; those of the calibration are never below zero, as published."""
    if name.startswith("lin"):
        return 0.5, 0.5
    if len(shape) == 1:
        return 0.1, 0.0
    return math.sqrt(6 / math.prod(shape[1:])), 0.0
