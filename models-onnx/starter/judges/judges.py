"""Networks that judge packs. None has the architecture of a network of a pack, and none is part of one.

All take pictures [n, 3, 64, 64] in -1..1.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

from common import ATTRIBUTES, CLASSES, IDENTITY

DISTORTIONS = 5  # see train.distorted


def block(inputs, outputs, stride=1):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first = block(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        return F.relu(x + self.second(self.first(x)), inplace=True)


class Reader(nn.Module):
    """Picture -> logits of every attribute, and an identity: a residual network with batch norms.

    The identity is the shape of the head by the renderer's dice without expression, and the colour of its skin. It is
    regressed, so that what cannot be seen shrinks to the mean and does not count.
    """

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.PixelUnshuffle(2), block(12, 32), block(32, 64, 2), Residual(64), block(64, 96, 2), Residual(96),
            block(96, 160, 2), Residual(160), nn.Flatten(), nn.Dropout(0.2),
            nn.Linear(160 * 16, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU(inplace=True),
        )  # fmt: skip
        self.heads = nn.ModuleDict({name: nn.Linear(256, len(values)) for name, values in ATTRIBUTES.items()})
        self.identity = nn.Linear(256, len(IDENTITY))

    def forward(self, x):
        x = self.trunk(x)
        return {name: head(x) for name, head in self.heads.items()}, self.identity(x)


class Segmenter(nn.Module):
    """Picture -> class logits [n, classes, 64, 64]: a pyramid with sums on the way up (Lin et al., 2017)."""

    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList([
            nn.Sequential(nn.PixelUnshuffle(2), block(12, 32), block(32, 32)),
            nn.Sequential(block(32, 64, 2), block(64, 64)),
            nn.Sequential(block(64, 96, 2), block(96, 96)),
            nn.Sequential(block(96, 128, 2), block(128, 128)),
        ])  # fmt: skip
        self.across = nn.ModuleList([nn.Conv2d(128, 96, 1), nn.Conv2d(96, 64, 1), nn.Conv2d(64, 32, 1)])
        self.up = nn.ModuleList([block(96, 96), block(64, 64), block(32, 48)])
        self.out = nn.Conv2d(48, 4 * len(CLASSES), 3, padding=1)

    def forward(self, x):
        seen = []
        for stage in self.down:
            x = stage(x)
            seen.append(x)
        for skip, across, up in zip(seen[-2::-1], self.across, self.up):
            x = up(skip + F.interpolate(across(x), scale_factor=2, mode="bilinear"))
        return F.pixel_shuffle(self.out(x), 2)


class Features(nn.Module):
    """Picture -> features, for distances between sets of pictures and between two pictures: a plain network (Simonyan
    and Zisserman, 2015), trained to tell attributes and what was done to a picture, so that it sees blur and noise.
    """

    WIDTHS = (24, 48, 96, 128, 128)

    def __init__(self):
        super().__init__()
        pairs = zip((3,) + self.WIDTHS, self.WIDTHS)
        self.stages = nn.ModuleList(nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.GELU()) for a, b in pairs)
        self.heads = nn.ModuleDict({name: nn.Linear(128, len(values)) for name, values in ATTRIBUTES.items()})
        self.distortion = nn.Linear(sum(self.WIDTHS), DISTORTIONS)

    def maps(self, x):
        """What each stage makes; sides 64, 32, 16, 8, 4."""
        made = []
        for stage in self.stages:
            x = stage(x if not made else F.avg_pool2d(x, 2))
            made.append(x)
        return made

    def forward(self, x):
        means = [m.mean((2, 3)) for m in self.maps(x)]
        return {name: head(means[-1]) for name, head in self.heads.items()}, self.distortion(torch.cat(means, 1))

    def vector(self, x):
        """The layer of KID and FID: the means over places of the last three stages, [n, 352]."""
        return torch.cat([m.mean((2, 3)) for m in self.maps(x)[2:]], 1)

    def distance(self, a, b):
        """Perceived difference of pairs [n]: as LPIPS (Zhang et al., 2018), without its calibration."""
        total = 0.0
        for x, y in zip(self.maps(a), self.maps(b)):
            total = total + (F.normalize(x, dim=1) - F.normalize(y, dim=1)).square().sum(1).mean((1, 2))
        return total


JUDGES = {"reader": Reader, "segmenter": Segmenter, "features": Features}


def load(path):
    """The trained judges of a file, how they were trained, and mean and deviation of what identities are made of."""
    saved = torch.load(path, map_location="cpu", weights_only=True)
    judges = {}
    for name, kind in JUDGES.items():
        judges[name] = kind().eval()
        judges[name].load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in saved[name].items()})
    return judges, saved["about"], saved["identity"]
