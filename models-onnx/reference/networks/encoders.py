"""Encoders of aligned pictures into W+ of StyleGAN2, parameter names as published: e4e (Tov et al., 2021), pSp
(Richardson et al., 2021) and ReStyle (Alaluf et al., 2021).

    e4e              ("irse50",   pyramid, deltas)
    pSp              ("irse50",   pyramid)
    ReStyle over pSp ("irse50" for faces, else "resnet34", six channels)
    ReStyle over e4e (the same, deltas)

e4e and pSp share all their names; only the options beside the weights (`encoder_type`) tell them apart. The mean of W
that each adds stands beside the weights too, as `latent_avg`.

Written from the papers and the layout of the checkpoints, to make goldens and to train small networks against;
nothing here runs in the product.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

import irse

TAPS = {"irse50": (6, 20, 23), "resnet34": (6, 12, 15)}


class Linear(nn.Module):
    """A linear layer whose weights are stored without their factor, as in StyleGAN2."""

    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width, width))
        self.bias = nn.Parameter(torch.empty(width))

    def forward(self, x):
        return F.linear(x, self.weight / math.sqrt(x.shape[1]), self.bias)


class Head(nn.Module):
    """A feature map to one row of W+: halved until one place is left."""

    def __init__(self, width, halvings, linear=Linear):
        super().__init__()
        steps = [(nn.Conv2d(width, width, 3, 2, 1), nn.LeakyReLU(0.01)) for _ in range(halvings)]
        self.convs = nn.Sequential(*(layer for step in steps for layer in step))
        self.linear = linear(width)

    def forward(self, x):
        return self.linear(self.convs(x).flatten(1))


class BasicBlock(nn.Module):
    """The block of ResNet34 (He et al., 2016)."""

    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        if inputs != width:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        short = self.downsample(x) if hasattr(self, "downsample") else x
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + short)


class Encoder(nn.Module):
    """[n, channels, 256, 256] in -1..1 to [n, styles, width]. `widths` other than the published are for quick tests."""

    def __init__(self, backbone="irse50", styles=18, channels=3, pyramid=True, deltas=False, widths=irse.WIDTHS):
        super().__init__()
        self.taps, self.deltas, width = TAPS[backbone], deltas, widths[-1]
        if backbone == "irse50":
            self.input_layer = irse.stem(channels, widths[0])
            self.body = irse.body(widths)
        else:
            self.conv1 = nn.Conv2d(channels, widths[0], 7, 2, 3, bias=False)
            self.bn1 = nn.BatchNorm2d(widths[0])
            self.relu = nn.PReLU(widths[0])
            blocks, inputs = [], widths[0]
            for stage, (wide, count) in enumerate(zip(widths, (3, 4, 6, 3))):
                for index in range(count):
                    blocks.append(BasicBlock(inputs, wide, 2 if stage and not index else 1))
                    inputs = wide
            self.body = nn.Sequential(*blocks)
        halvings = lambda row: 4 if row < 3 or not pyramid else 5 if row < 7 else 6
        self.styles = nn.ModuleList(Head(width, halvings(row)) for row in range(styles))
        if pyramid:
            self.latlayer1 = nn.Conv2d(widths[2], width, 1)
            self.latlayer2 = nn.Conv2d(widths[1], width, 1)

    def stem(self, x):
        return self.input_layer(x) if hasattr(self, "input_layer") else self.relu(self.bn1(self.conv1(x)))

    def forward(self, image, corners=True):
        """`corners=False` is for a test that must fail."""
        x, taps = self.stem(image), []
        for index, block in enumerate(self.body):
            x = block(x)
            if index in self.taps:
                taps.append(x)
        fine, middle, coarse = taps
        maps = [coarse] * len(self.styles)
        if hasattr(self, "latlayer1"):
            up = lambda x, like: F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=corners)
            middle = self.latlayer1(middle)
            middle = up(coarse, middle) + middle
            fine = self.latlayer2(fine)
            fine = up(middle, fine) + fine
            maps = [coarse] * 3 + [middle] * 4 + [fine] * (len(self.styles) - 7)
        rows = [head(x) for head, x in zip(self.styles, maps)]
        if self.deltas:
            rows = rows[:1] + [rows[0] + row for row in rows[1:]]
        return torch.stack(rows, 1)


def seen(image, height=256):
    """Square pictures of any size as they go in: 256 wide, of which cars have the middle 192 rows. Pillow's bilinear."""
    outside = (image.shape[2] - image.shape[2] * height // 256) // 2
    image = image[:, :, outside : image.shape[2] - outside]
    return F.interpolate(image, (height, 256), mode="bilinear", antialias=True)


def restyle(encoder, render, image, mean, mean_image, passes=5):
    """ReStyle: every pass sees the picture and what it has reached so far, and adds to its W+.

    `render` makes a picture of W+; it is brought to 256 by means over areas. The first pass starts at the `mean` of W
    and the picture that belongs to it.
    """
    w, reached = mean.expand(image.shape[0], -1, -1), mean_image.expand_as(image)
    for _ in range(passes):
        w = w + encoder(torch.cat([seen(image), F.adaptive_avg_pool2d(reached, 256)], 1))
        reached = render(w)
    return w


def spread(name, shape):
    """Scale and offset of a tensor's seeded values."""
    if name.endswith("linear.weight"):
        return math.sqrt(3), 0.0
    if name == "relu.weight":
        return 0.2, 0.25
    if len(shape) == 1 and (".bn2.weight" in name or ".downsample.1.weight" in name):
        return 0.1, 0.4
    return irse.spread(name, shape)
