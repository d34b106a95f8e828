"""IR-SE50 (Deng et al., ArcFace, 2019; Hu et al., Squeeze-and-Excitation, 2018), parameter names as published in
`model_ir_se50.pth`: the judge of identities, and the backbone of the encoders in encoders.py.

Written from the papers and the layout of the checkpoints, to make goldens and to train small networks against;
nothing here runs in the product.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

WIDTHS, COUNTS = (64, 128, 256, 512), (3, 4, 14, 3)


class SqueezeExcite(nn.Module):
    """Channels times weights in 0..1 that follow from the means of all channels."""

    def __init__(self, width):
        super().__init__()
        self.fc1 = nn.Conv2d(width, width // 16, 1, bias=False)
        self.fc2 = nn.Conv2d(width // 16, width, 1, bias=False)

    def forward(self, x):
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.stride = stride
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, width, 3, 1, 1, bias=False),
            nn.PReLU(width),
            nn.Conv2d(width, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
            SqueezeExcite(width),
        )
        if inputs != width:
            self.shortcut_layer = nn.Sequential(nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        # Without a layer the shortcut takes every second place (published as a max pool with a window of one).
        short = self.shortcut_layer(x) if hasattr(self, "shortcut_layer") else x[:, :, :: self.stride, :: self.stride]
        return self.res_layer(x) + short


def stem(inputs, width):
    return nn.Sequential(nn.Conv2d(inputs, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.PReLU(width))


def body(widths=WIDTHS, counts=COUNTS):
    """The blocks; the first of each stage halves the sides."""
    blocks, inputs = [], widths[0]
    for width, count in zip(widths, counts):
        for index in range(count):
            blocks.append(Bottleneck(inputs, width, 1 if index else 2))
            inputs = width
    return nn.Sequential(*blocks)


class IRSE50(nn.Module):
    """[n, 3, 112, 112] in -1..1, RGB, to unit vectors [n, 512]. `widths` other than the published are for quick tests."""

    def __init__(self, widths=WIDTHS, embedding=512):
        super().__init__()
        self.input_layer = stem(3, widths[0])
        self.body = body(widths)
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(widths[-1]),
            nn.Dropout(),
            nn.Flatten(),
            nn.Linear(widths[-1] * 7 * 7, embedding),
            nn.BatchNorm1d(embedding),
        )

    def forward(self, x):
        x = self.output_layer(self.body(self.input_layer(x)))
        return x / x.norm(dim=1, keepdim=True)


def crop(image):
    """What the loss of StyleCLIP shows to the judge: [n, 3, 112, 112], for aligned faces of any size from 256 on."""
    if image.shape[2] != 256:
        image = F.adaptive_avg_pool2d(image, 256)
    return F.adaptive_avg_pool2d(image[:, :, 35:223, 32:220], 112)


def identity(model, image):
    """Aligned faces [n, 3, side, side] in -1..1 to unit vectors; the loss of StyleCLIP is 1 - their dot product."""
    return model(crop(image))


def spread(name, shape):
    """Scale and offset of a tensor's seeded values: signals keep about unit size through any depth."""
    last = name.rsplit(".", 1)[-1]
    if last == "running_var":
        return 0.4, 1.0
    if last in ("running_mean", "bias"):
        return 0.1, 0.0
    if len(shape) == 1:
        if name.endswith(("res_layer.4.weight", "shortcut_layer.1.weight")):
            return 0.1, 0.3  # The sum of the two branches stays near unit size.
        prelu = name.endswith(("input_layer.2.weight", "res_layer.2.weight"))
        return (0.2, 0.25) if prelu else (0.2, 1.0)
    if ".fc" in name:
        return math.sqrt(60 / shape[1]), 0.0  # Means of channels are small; the weights should not all be a half.
    # He's rule; a uniform value has a third of its squared bound.
    return math.sqrt(6 / math.prod(shape[1:])), 0.0


def layout(model, line, spread=spread):
    """The lines of a layout (`line` of seeded.py) for a model's tensors; the counters of batch norms stay out."""
    shapes = ((name, tuple(value.shape)) for name, value in model.state_dict().items() if value.is_floating_point())
    return [line(name, shape, *spread(name, shape)) for name, shape in shapes]


def load(model, tensors):
    """Fills a model with the tensors of a layout and makes it ready for float64."""
    counters = {name: value for name, value in model.state_dict().items() if not value.is_floating_point()}
    model.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()} | counters)
    return model.double().eval()
