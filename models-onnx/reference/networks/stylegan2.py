"""StyleGAN2 (Karras et al., 2020) in rosinality's `g_ema` layout: any resolution, width and depth of the mapping.

Written from the paper and the layout of the checkpoints, to make goldens with; nothing here runs in the product.
Two forms of the modulated convolution give the same numbers: `modulated`, as published, computes a weight for each
picture and uses one group per picture; `scaled` multiplies activations by the styles before and by the
demodulation after a convolution that all pictures share, which is what graphs for ONNX Runtime want.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

FORMS = ("modulated", "scaled")
STYLES = 512
"""Width of z, w and of the mapping, in every published checkpoint."""


def channels(size, base=32768, most=512):
    """Channels by resolution: config-f with base 32768, the half-width models with 16384."""
    return {2**k: min(base // 2**k, most) for k in range(2, int(math.log2(size)) + 1)}


def blur():
    """The filter [1, 3, 3, 1] x [1, 3, 3, 1], four times its unit sum, since zeros were inserted before it."""
    row = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(row, row) / 16


def spread_over(kernel, count):
    """One filter as the weight of a convolution with `count` groups."""
    return kernel[None, None].expand(count, 1, *kernel.shape)


class EqualLinear(nn.Module):
    """A linear layer whose stored weight is scaled by lr_mul / sqrt(inputs) when it is used."""

    def __init__(self, inputs, outputs, lr_mul=1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.lr_mul = lr_mul

    def forward(self, x):
        return F.linear(x, self.weight * (self.lr_mul / math.sqrt(self.weight.shape[1])), self.bias * self.lr_mul)


class Normalise(nn.Module):
    """z to length sqrt(width)."""

    def forward(self, z):
        return z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)


class MappingLayer(EqualLinear):
    def __init__(self, width):
        super().__init__(width, width, lr_mul=0.01)

    def forward(self, x):
        return F.leaky_relu(super().forward(x), 0.2) * math.sqrt(2)


class ModulatedConv(nn.Module):
    """The convolution of §2.2 of the paper; `up` doubles the size, `demodulate` divides by the expected deviation."""

    def __init__(self, inputs, outputs, side, form, styles=STYLES, up=False, demodulate=True):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, outputs, inputs, side, side))
        self.modulation = EqualLinear(styles, inputs)
        self.form, self.up, self.demodulate = form, up, demodulate
        self.register_buffer("kernel", blur(), persistent=False)

    def forward(self, x, style):
        """`style` [n, inputs] is the output of `modulation`."""
        weight = self.weight / math.sqrt(self.weight[0, 0].numel())
        x = self.modulated(x, style, weight) if self.form == "modulated" else self.scaled(x, style, weight[0])
        if self.up:
            count = x.shape[1]
            x = F.conv2d(x, spread_over(self.kernel, count), padding=1, groups=count)
        return x

    def modulated(self, x, style, weight):
        n, inputs = style.shape
        weight = weight * style[:, None, :, None, None]
        if self.demodulate:
            weight = weight * torch.rsqrt(weight.square().sum((2, 3, 4), keepdim=True) + 1e-8)
        outputs = weight.shape[1]
        x = x.reshape(1, n * inputs, *x.shape[2:])
        if self.up:
            weight = weight.transpose(1, 2).reshape(n * inputs, outputs, *weight.shape[3:])
            x = F.conv_transpose2d(x, weight, stride=2, groups=n)
        else:
            x = F.conv2d(x, weight.flatten(0, 1), padding=weight.shape[-1] // 2, groups=n)
        return x.reshape(n, outputs, *x.shape[2:])

    def scaled(self, x, style, weight):
        x = x * style[:, :, None, None]
        if self.up:
            x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
        else:
            x = F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        if self.demodulate:
            x = x * torch.rsqrt(style.square() @ weight.square().sum((2, 3)).T + 1e-8)[:, :, None, None]
        return x


class Noise(nn.Module):
    """The strength of a layer's noise."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1))


class Activate(nn.Module):
    """The bias of a layer, and its leaky rectifier with gain."""

    def __init__(self, outputs):
        super().__init__()
        self.bias = nn.Parameter(torch.empty(outputs))

    def forward(self, x):
        return F.leaky_relu(x + self.bias[:, None, None], 0.2) * math.sqrt(2)


class StyledConv(nn.Module):
    def __init__(self, inputs, outputs, form, styles, up=False):
        super().__init__()
        self.conv = ModulatedConv(inputs, outputs, 3, form, styles, up)
        self.noise = Noise()
        self.activate = Activate(outputs)

    def forward(self, x, style, noise):
        return self.activate(self.conv(x, style) + self.noise.weight * noise)


class ToRGB(nn.Module):
    """A picture of the block's features, added to the picture of the blocks before, doubled in size."""

    def __init__(self, inputs, form, styles):
        super().__init__()
        self.conv = ModulatedConv(inputs, 3, 1, form, styles, demodulate=False)
        self.bias = nn.Parameter(torch.empty(1, 3, 1, 1))
        self.register_buffer("kernel", blur(), persistent=False)

    def forward(self, x, style, before=None):
        picture = self.conv(x, style) + self.bias
        if before is None:
            return picture
        # Zeros are inserted, two before and one after: outside of the picture lie zeros, not its border.
        return picture + F.conv_transpose2d(before, spread_over(self.kernel, 3), stride=2, padding=1, groups=3)


class Start(nn.Module):
    def __init__(self, count):
        super().__init__()
        self.input = nn.Parameter(torch.empty(1, count, 4, 4))


class Generator(nn.Module):
    """W+ [n, 2 log2(size) - 2, 512] to pictures [n, 3, size, size] around [-1, 1].

    `base` gives the width (see `channels`), `mapping` the number of mapping layers.
    """

    def __init__(self, size, form="modulated", base=32768, mapping=8, styles=STYLES, most=512):
        super().__init__()
        assert form in FORMS
        count = channels(size, base, most)
        self.size, self.slots = size, 2 * int(math.log2(size)) - 2
        self.style = nn.Sequential(Normalise(), *(MappingLayer(styles) for _ in range(mapping)))
        self.input = Start(count[4])
        self.conv1 = StyledConv(count[4], count[4], form, styles)
        self.to_rgb1 = ToRGB(count[4], form, styles)
        self.convs, self.to_rgbs, self.noises = nn.ModuleList(), nn.ModuleList(), nn.Module()
        self.noises.register_buffer("noise_0", torch.empty(1, 1, 4, 4))
        for half in list(count)[:-1]:
            side = 2 * half
            self.convs.append(StyledConv(count[half], count[side], form, styles, up=True))
            self.convs.append(StyledConv(count[side], count[side], form, styles))
            self.to_rgbs.append(ToRGB(count[side], form, styles))
            for _ in range(2):
                self.noises.register_buffer(f"noise_{len(list(self.noises.buffers()))}", torch.empty(1, 1, side, side))

    def layers(self):
        """The modulated layers in the order they run, each with the index of the row of W+ that it reads."""
        yield self.conv1, 0
        yield self.to_rgb1, 1
        for block, to_rgb in enumerate(self.to_rgbs):
            yield self.convs[2 * block], 2 * block + 1
            yield self.convs[2 * block + 1], 2 * block + 2
            yield to_rgb, 2 * block + 3

    def map(self, z):
        """z [n, 512] to w [n, 512], not truncated."""
        return self.style(z)

    def styles(self, w):
        """W+ to StyleSpace: a tensor [n, inputs] for each layer, those of to_rgb included."""
        return [layer.conv.modulation(w[:, row]) for layer, row in self.layers()]

    def synthesise(self, styles, noises=None):
        """StyleSpace to pictures of every size, smallest first. `noises` [1 or n, 1, side, side] replace the stored."""
        noises = iter(noises or self.noises.buffers())
        x, pictures = self.input.input.expand(styles[0].shape[0], -1, -1, -1), []
        for (layer, _), style in zip(self.layers(), styles):
            if isinstance(layer, ToRGB):
                pictures.append(layer(x, style, pictures[-1] if pictures else None))
            else:
                x = layer(x, style, next(noises))
        return pictures

    def forward(self, w):
        return self.synthesise(self.styles(w))[-1]


def spread(name, shape):
    """Scale and offset of a tensor's seeded values: near those of an untrained network, but nothing is zero."""
    unit = math.sqrt(3)  # A uniform value has a third of its squared bound.
    if name.startswith("style."):
        return (100 * unit, 0.0) if len(shape) == 2 else (10.0, 0.0)
    if name.endswith("modulation.bias"):
        return 0.3, 1.0
    if name.endswith("noise.weight") or name.endswith("bias"):
        return 0.2, 0.0
    return unit, 0.0


def layout(model, line):
    """The lines of a layout (`line` of seeded.py) for a model's tensors."""
    shapes = ((name, tuple(value.shape)) for name, value in model.state_dict().items())
    return [line(name, shape, *spread(name, shape)) for name, shape in shapes]


def load(model, tensors):
    """Fills a model with the tensors of a layout and makes it ready for float64."""
    model.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
    return model.double().eval()
