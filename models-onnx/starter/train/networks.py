"""The small networks around the generator: picture -> w, picture -> embedding, sentence -> embedding.

The image encoder keeps to Conv, LeakyRelu, AveragePool, Add and Gemm, because text edits
by optimisation differentiate it: every op here needs a gradient rule in `models-onnx`.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

from dataset import ATTRIBUTES
from generator import STYLE_DIM
from layers import EqualConv, Residual, activate

EMBEDDING = 128
SENTENCE = 384


class Encoder(nn.Module):
    """Picture -> w, in units of the training set's w (see `Inverter`)."""

    def __init__(self):
        super().__init__()
        widths = [12, 32, 64, 96, 128, 160]
        self.c = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(a, b, 3, padding=1), nn.GroupNorm(8, b), nn.LeakyReLU(0.2),
                nn.Conv2d(b, b, 3, padding=1), nn.GroupNorm(8, b), nn.LeakyReLU(0.2),
            )
            for a, b in zip(widths, widths[1:])
        )  # fmt: skip
        self.o = nn.Sequential(
            nn.Flatten(), nn.Linear(160 * 16, 384), nn.LeakyReLU(0.2), nn.Linear(384, STYLE_DIM)
        )

    def forward(self, x):
        x = F.pixel_unshuffle(x, 2)
        for i, block in enumerate(self.c):
            x = block(x if i == 0 else F.avg_pool2d(x, 2))
        return self.o(x)


class Inverter(nn.Module):
    """w = mean + std * Encoder(picture): the whole way from picture to latent."""

    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.register_buffer("w_mean", torch.zeros(STYLE_DIM))
        self.register_buffer("w_std", torch.ones(STYLE_DIM))

    def forward(self, x):
        return self.w_mean + self.w_std * self.encoder(x)


class ImageEncoder(nn.Module):
    """Picture -> embedding shared with the sentences."""

    WIDTHS = (24, 48, 96, 128, 160)

    def __init__(self):
        super().__init__()
        self.stem = EqualConv(3, self.WIDTHS[0], 4, stride=2)
        self.blocks = nn.ModuleList(Residual(a, b) for a, b in zip(self.WIDTHS, self.WIDTHS[1:]))
        self.out = nn.Linear(self.WIDTHS[-1] * 16, EMBEDDING)

    def forward(self, x):
        x = activate(self.stem(x))
        for block in self.blocks:
            x = block(x)
        return self.out(x.flatten(1))


class TextProjection(nn.Module):
    """Sentence -> embedding. Two layers: negation and rare colours are not linear in MiniLM."""

    def __init__(self, hidden=384):
        super().__init__()
        self.first = nn.Linear(SENTENCE, hidden)
        self.second = nn.Linear(hidden, EMBEDDING)

    def forward(self, x):
        return self.second(F.leaky_relu(self.first(x), 0.2))


class Identity(ImageEncoder):
    """Picture -> who it shows; unit length is taken by whoever compares. The trunk is that of the
    image encoder, whose knowledge of faces it starts from."""

    OUT = 64

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(self.WIDTHS[-1] * 16, self.OUT)


class Features(nn.Module):
    """Picture -> maps at 128, 64, 32, 16 and 8 pixels, trained to tell classes and attributes."""

    WIDTHS = (16, 24, 48, 72, 96)

    def __init__(self):
        super().__init__()
        inputs = (3, *self.WIDTHS)
        self.convs = nn.ModuleList(EqualConv(a, b, 3) for a, b in zip(inputs, self.WIDTHS))

    def forward(self, x):
        maps = []
        for i, conv in enumerate(self.convs):
            x = activate(conv(x if i == 0 else F.avg_pool2d(x, 2)))
            maps.append(x)
        return maps


class Perceptual(nn.Module):
    """Two pictures -> their distance in LPIPS' form: unit-normalised features, squared
    differences summed over channels, averaged over places, summed over maps."""

    def __init__(self):
        super().__init__()
        self.features = Features()

    def forward(self, a, b):
        total = 0.0
        for x, y in zip(self.features(a), self.features(b)):
            x, y = (m * torch.rsqrt(m.square().sum(1, keepdim=True) + 1e-8) for m in (x, y))
            total = total + (x - y).square().sum(1).mean((1, 2))
        return total


class Reader(nn.Module):
    """Picture of 64 pixels -> logits of every attribute. Only trainings look through it; no pack holds it."""

    SIDE, WIDTHS = 64, (32, 64, 96, 160)

    def __init__(self):
        super().__init__()
        inputs = (12, *self.WIDTHS)
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2),
                nn.Conv2d(b, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2),
            )
            for a, b in zip(inputs, self.WIDTHS)
        )  # fmt: skip
        self.hidden = nn.Sequential(
            nn.Flatten(), nn.Dropout(0.2), nn.Linear(self.WIDTHS[-1] * 16, 256), nn.LeakyReLU(0.2)
        )
        self.heads = nn.ModuleDict({name: nn.Linear(256, len(values)) for name, values in ATTRIBUTES.items()})

    def forward(self, x):
        x = F.pixel_unshuffle(x, 2)
        for i, stage in enumerate(self.stages):
            x = stage(x if i == 0 else F.avg_pool2d(x, 2))
        x = self.hidden(x)
        return {name: head(x) for name, head in self.heads.items()}
