"""BlobGAN (Epstein et al., 2022) in the layout of its checkpoints, to make goldens with; nothing here runs in the
product.

Three networks: `Layout` from noise to blobs, `Decoder` from blobs to pictures, `Inverter` from pictures to what the
last layer of `Layout` makes. `splat` stands between them.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from .stylegan2 import Activate, EqualLinear, Noise, blur, spread_over

SMALLEST = 16
"""The side of the decoder's input."""


def normalised(x, epsilon=1e-5):
    """To a mean square of one, over the last axis."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + epsilon)


class Dense(EqualLinear):
    """A linear layer, with an activation where it is not the last."""

    def __init__(self, inputs, outputs, lr_mul, last):
        super().__init__(inputs, outputs, lr_mul)
        self.last = last

    def forward(self, x):
        x = super().forward(x)
        return x if self.last else F.leaky_relu(x, 0.2) * math.sqrt(2)


class Normalise(nn.Module):
    def forward(self, x):
        return normalised(x)


class Layout(nn.Module):
    """z [n, noise] to the fields of `blobs` blobs and the background."""

    def __init__(self, blobs, noise=512, hidden=1024, feature=768, style=512, layers=8, area=0.02):
        super().__init__()
        self.blobs, self.feature, self.style, self.area = blobs, feature, style, area
        last = (blobs + 1) * (1 + feature + style) + blobs * 6
        sizes = [noise] + [hidden] * (layers - 1) + [last]
        dense = [Dense(a, b, 0.01, b is last) for a, b in zip(sizes, sizes[1:])]
        self.mlp = nn.Sequential(Normalise(), *dense)

    def hidden(self, z):
        """What truncation mixes: the activations before the last layer."""
        return self.mlp[:-1](z)

    def fields(self, h):
        return self.split(self.mlp[-1](h))

    def split(self, flat):
        """The last layer's output [n, N], or the inverter's, as fields."""
        n, k = flat.shape[0], self.blobs
        sizes, background_feature, background_style, rest = flat.split(
            [k + 1, self.feature, self.style, flat.shape[1] - k - 1 - self.feature - self.style], 1)
        xy, shapes, features, styles = rest.reshape(n, k, -1).split([2, 4, self.feature, self.style], 2)
        xy = xy.sigmoid()
        features = normalised(torch.cat([background_feature[:, None], features], 1))
        styles = normalised(torch.cat([background_style[:, None], styles], 1))
        return dict(xs=xy[..., 0], ys=xy[..., 1], sizes=sizes, covs=covariances(shapes, self.area), features=features,
                    styles=styles)


def covariances(shapes, area=0.02):
    """Raw shapes [n, k, 4] to covariances [n, k, 2, 2]: aspect a / b, the direction of the first axis, equal areas."""
    a, b = shapes[..., 0].sigmoid(), shapes[..., 1].sigmoid()
    u = F.normalize(shapes[..., 2:], dim=-1)
    v = torch.stack([-u[..., 1], u[..., 0]], -1)
    outer = lambda x: x[..., :, None] * x[..., None, :]
    ratio = (a / b).sqrt()[..., None, None]
    return area * (ratio * outer(u) + outer(v) / ratio) + 1e-5 * torch.eye(2, dtype=shapes.dtype, device=shapes.device)


def opacities(xs, ys, covs, sizes, side):
    """What each blob covers, [n, k + 1, side, side], before others cover it; the background comes first."""
    places = torch.arange(side, dtype=xs.dtype) / side
    dx = places[None, None, None, :] - xs[..., None, None]
    dy = places[None, None, :, None] - ys[..., None, None]
    delta = torch.stack(torch.broadcast_tensors(dx, dy), -1)
    distance = torch.einsum("nkyxi,nkij,nkyxj->nkyx", delta, torch.linalg.inv(covs), delta)
    blobs = (sizes[:, 1:, None, None] - distance).sigmoid()
    return torch.cat([torch.ones_like(blobs[:, :1]), blobs], 1)


def composed(opacities):
    """The share of each in every place; later blobs lie above earlier ones."""
    shares, above = [], torch.ones_like(opacities[:, 0])
    for layer in reversed(opacities.unbind(1)):
        shares.append(layer * above)
        above = above * (1 - layer)
    return torch.stack(shares[::-1], 1)


def pyramid(shares, smallest=SMALLEST):
    """Shares by side, each the mean of 2 x 2 places of the one before."""
    levels = {shares.shape[-1]: shares}
    while shares.shape[-1] > smallest:
        shares = F.avg_pool2d(shares, 2)
        levels[shares.shape[-1]] = shares
    return levels


def splat(levels, vectors):
    """Vectors [n, k + 1, c] where their blobs are, [n, c, side, side]."""
    return torch.einsum("nkyx,nkc->ncyx", levels, vectors)


class Convolution(nn.Module):
    """A convolution whose input is scaled by the styles of the blobs that lie there."""

    def __init__(self, inputs, outputs, side, styles, up=False, demodulate=True):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, outputs, inputs, side, side))
        self.modulation = EqualLinear(styles, inputs)
        self.up, self.demodulate = up, demodulate
        self.register_buffer("kernel", blur(), persistent=False)

    def forward(self, x, levels, styles):
        weight = self.weight[0] / math.sqrt(self.weight[0, 0].numel())
        style = splat(levels[x.shape[-1]], self.modulation(styles))
        if self.demodulate:
            style = style * torch.rsqrt(style.square().mean(1, keepdim=True) + 1e-8)
            weight = weight * torch.rsqrt(weight.square().sum((1, 2, 3), keepdim=True) + 1e-8)
        x = x * style
        if not self.up:
            return F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
        return F.conv2d(x, spread_over(self.kernel, x.shape[1]), padding=1, groups=x.shape[1])


class StyledConv(nn.Module):
    def __init__(self, inputs, outputs, styles, up=False):
        super().__init__()
        self.conv, self.noise, self.activate = Convolution(inputs, outputs, 3, styles, up), Noise(), Activate(outputs)

    def forward(self, x, levels, styles, noise):
        return self.activate(self.conv(x, levels, styles) + self.noise.weight * noise)


class ToRGB(nn.Module):
    def __init__(self, inputs, styles):
        super().__init__()
        self.conv = Convolution(inputs, 3, 1, styles, demodulate=False)
        self.bias = nn.Parameter(torch.empty(1, 3, 1, 1))
        self.register_buffer("kernel", blur(), persistent=False)

    def forward(self, x, levels, styles, before=None):
        picture = self.conv(x, levels, styles) + self.bias
        if before is None:
            return picture
        return picture + F.conv_transpose2d(before, spread_over(self.kernel, 3), stride=2, padding=1, groups=3)


class Decoder(nn.Module):
    """Features and styles of blobs to pictures [n, 3, size, size] around [-1, 1]."""

    def __init__(self, size=256, model=96, styles=512):
        super().__init__()
        self.size = size
        count = {16: model * 8, 32: model * 8, 64: model * 8, 128: model * 4, 256: model * 2}
        self.conv1, self.to_rgb1 = StyledConv(count[16], count[16], styles), ToRGB(count[16], styles)
        self.convs, self.to_rgbs = nn.ModuleList(), nn.ModuleList()
        side = 2 * SMALLEST
        while side <= size:
            self.convs.append(StyledConv(count[side // 2], count[side], styles, up=True))
            self.convs.append(StyledConv(count[side], count[side], styles))
            self.to_rgbs.append(ToRGB(count[side], styles))
            side *= 2

    def sides(self):
        """Sides of the noises: 16, then two of each further size."""
        return [SMALLEST * 2 ** ((i + 1) // 2) for i in range(len(self.convs) + 1)]

    def forward(self, features, styles, shares, noises):
        levels = pyramid(shares)
        noises = iter(noises)
        x = self.conv1(splat(levels[SMALLEST], features), levels, styles, next(noises))
        picture = self.to_rgb1(x, levels, styles)
        for block, to_rgb in enumerate(self.to_rgbs):
            x = self.convs[2 * block](x, levels, styles, next(noises))
            x = self.convs[2 * block + 1](x, levels, styles, next(noises))
            picture = to_rgb(x, levels, styles, picture)
        return picture


class Blur(nn.Module):
    """The filter of unit sum before a step of two."""

    def __init__(self, pad):
        super().__init__()
        self.pad = pad
        self.register_buffer("filter", blur() / 4, persistent=False)

    def forward(self, x):
        x = F.pad(x, (self.pad[0], self.pad[1], self.pad[0], self.pad[1]))
        return F.conv2d(x, spread_over(self.filter, x.shape[1]), groups=x.shape[1])


class EqualConv(nn.Module):
    def __init__(self, inputs, outputs, side, stride=1, bias=False):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, side, side))
        self.stride = stride

    def forward(self, x):
        weight = self.weight / math.sqrt(self.weight[0].numel())
        padding = 0 if self.stride == 2 else weight.shape[-1] // 2
        return F.conv2d(x, weight, stride=self.stride, padding=padding)


def layer(inputs, outputs, side, down=False, activate=True):
    """A convolution with the blur before it that a step of two needs, and the activation after it."""
    pads = {3: (2, 2), 1: (1, 1)}
    parts = [Blur(pads[side])] if down else []
    parts.append(EqualConv(inputs, outputs, side, 2 if down else 1))
    return nn.Sequential(*parts, *([Activate(outputs)] if activate else []))


class Residual(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1, self.conv2 = layer(inputs, inputs, 3), layer(inputs, outputs, 3, down=True)
        self.skip = layer(inputs, outputs, 1, down=True, activate=False)

    def forward(self, x):
        return (self.conv2(self.conv1(x)) + self.skip(x)) / math.sqrt(2)


class Inverter(nn.Module):
    """Pictures [n, 3, size, size] to what the last layer of `Layout` makes, [n, outputs]."""

    def __init__(self, size, outputs, widths):
        """`widths` are the channels at `size`, `size / 2`… 4."""
        super().__init__()
        blocks = [Residual(a, b) for a, b in zip(widths, widths[1:])]
        self.convs = nn.Sequential(layer(3, widths[0], 1), *blocks)
        self.final_conv = layer(widths[-1], widths[-1], 3)
        self.final_linear = nn.Sequential(
            Dense(widths[-1] * 16, widths[-1], 1.0, False), Dense(widths[-1], outputs, 1.0, True))

    def forward(self, picture):
        return self.final_linear(self.final_conv(self.convs(picture)).flatten(1))


def spread(name, shape):
    """Scale and offset of a tensor's seeded values: near those of an untrained network, but nothing is zero."""
    unit = math.sqrt(3)
    if ".mlp." in name:
        return (100 * unit, 0.0) if len(shape) == 2 else (30.0, 0.0)
    if name.endswith("modulation.bias"):
        return 0.3, 1.0
    if name.endswith("noise.weight") or name.endswith("bias"):
        return 0.2, 0.0
    return unit, 0.0
