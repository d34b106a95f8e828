"""EditGAN (Ling et al., 2021): its encoder into W+, and the pixel classifiers that it took over from DatasetGAN
(Zhang et al., 2021); parameter names as published.

Written from the papers and the layout of the checkpoints, to make goldens and to train small networks against;
nothing here runs in the product.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

import encoders
import irse


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.shortcut = nn.Sequential()
        if stride > 1 or inputs != 4 * width:
            conv = nn.Conv2d(inputs, 4 * width, 1, stride, bias=False)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(4 * width))

    def forward(self, x):
        y = F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))
        return F.relu(self.bn3(self.conv3(y)) + self.shortcut(x))


class Pyramid(nn.Module):
    """ResNet50 and feature maps at a quarter, an eighth and a sixteenth of the picture's side."""

    def __init__(self, width, features):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        inputs = width
        for stage, count in enumerate((3, 4, 6, 3)):
            blocks, inner = [], width * 2**stage
            for index in range(count):
                blocks.append(Bottleneck(inputs, inner, 2 if stage and not index else 1))
                inputs = 4 * inner
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.toplayer = nn.Conv2d(32 * width, features, 1)
        for level in range(3):
            self.add_module(f"smooth{level + 1}", nn.Conv2d(features, features, 3, 1, 1))
            self.add_module(f"latlayer{level + 1}", nn.Conv2d(16 * width // 2**level, features, 1))

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        levels = []
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
            levels.append(x)
        x, maps = self.toplayer(levels.pop()), []
        for number, below in enumerate(reversed(levels), 1):
            x = F.interpolate(x, size=below.shape[2:], mode="bilinear", align_corners=False)
            x = x + getattr(self, f"latlayer{number}")(below)
            maps.append(getattr(self, f"smooth{number}")(x))
        return maps


class Encoder(nn.Module):
    """[n, 3, 512, 512] in -1..1 to [n, styles, features].

    The released tool never leaves training mode, so that its batch norms take the statistics of the picture at hand:
    call `train()` for its codes, `eval()` for those of the trained statistics. Smaller widths are for quick tests.
    """

    def __init__(self, styles=16, width=64, features=512):
        super().__init__()
        self.FPN_module = Pyramid(width, features)
        heads = lambda count, halvings: nn.ModuleList(
            encoders.Head(features, halvings, lambda width: nn.Linear(width, width)) for _ in range(count)
        )
        self.course_styles, self.medium_styles, self.fine_styles = heads(3, 5), heads(4, 6), heads(styles - 7, 7)

    def forward(self, image):
        groups = zip((self.course_styles, self.medium_styles, self.fine_styles), self.FPN_module(image))
        return torch.stack([head(x) for heads, x in groups for head in heads], 1)


class PixelClassifier(nn.Module):
    """Features of pixels [pixels, features] to logits [pixels, classes]."""

    def __init__(self, features, classes):
        super().__init__()
        first, second = (128, 32) if classes < 32 else (256, 128)
        self.layers = nn.Sequential(
            nn.Linear(features, first),
            nn.ReLU(),
            nn.BatchNorm1d(first),
            nn.Linear(first, second),
            nn.ReLU(),
            nn.BatchNorm1d(second),
            nn.Linear(second, classes),
        )

    def forward(self, x):
        return self.layers(x)


def segment(classifiers, maps, side, mode="bilinear", probabilities=False):
    """Feature maps [1, c, h, w] of every size, lowest first, to the mean logits [classes, side, side] of an ensemble.

    As published: all maps are enlarged, then classified pixel by pixel; `probabilities` is for a test that must fail.
    """
    how = {"align_corners": False} if mode == "bilinear" else {}
    dense = torch.cat([F.interpolate(x, size=(side, side), mode=mode, **how) for x in maps], 1)
    pixels = dense[0].flatten(1).T
    logits = [classifier(pixels) for classifier in classifiers]
    if probabilities:
        logits = [x.softmax(1) for x in logits]
    return torch.stack(logits).mean(0).T.unflatten(1, (side, side))


def spread(name, shape):
    """Scale and offset of a tensor's seeded values."""
    last = name.rsplit(".", 1)[-1]
    if len(shape) == 1 and last == "weight" and (".bn3." in name or ".shortcut.1." in name):
        return 0.1, 0.5
    if len(shape) == 2:
        return math.sqrt(6 / shape[1]), 0.0
    return irse.spread(name, shape)
