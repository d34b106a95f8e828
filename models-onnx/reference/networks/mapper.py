"""Mappers of StyleCLIP (Patashnik et al., 2021), to make goldens with; nothing here runs in the product."""

import torch
from torch import nn
from torch.nn import functional as F

FACTOR = 0.1
"""What the published code multiplies a mapper's result by before it adds it to the code."""


class Normalise(nn.Module):
    """Over axis 1: the channels of a vector, but the layers of a code of W+. The published mappers were trained so."""

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


class Layer(nn.Module):
    """A linear layer whose stored weight and bias are too large by the rate they learn with."""

    def __init__(self, width, rate=0.01):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(width, width)), nn.Parameter(torch.empty(width))
        self.rate = rate

    def forward(self, x):
        weight = self.weight * (self.rate / self.weight.shape[1] ** 0.5)
        return F.leaky_relu(F.linear(x, weight, self.bias * self.rate), 0.2) * 2**0.5


class Mapper(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.mapping = nn.Sequential(Normalise(), *(Layer(width) for _ in range(4)))

    def forward(self, x):
        return self.mapping(x)


class Single(nn.Module):
    """All layers of W+ [n, layers, width] alike."""

    def __init__(self, width):
        super().__init__()
        self.mapping = Mapper(width)

    def forward(self, w):
        return self.mapping(w)


class Levels(nn.Module):
    """Coarse, medium and fine layers apart; `without` names the groups that have no mapper."""

    GROUPS = {"course_mapping": slice(0, 4), "medium_mapping": slice(4, 8), "fine_mapping": slice(8, None)}

    def __init__(self, width, without=()):
        super().__init__()
        for name in self.GROUPS:
            if name not in without:
                setattr(self, name, Mapper(width))

    def forward(self, w):
        part = lambda name, x: getattr(self, name)(x) if hasattr(self, name) else torch.zeros_like(x)
        return torch.cat([part(name, w[:, group]) for name, group in self.GROUPS.items()], 1)


class Styles(nn.Module):
    """The vectors of StyleSpace, each by a mapper of its own; those of RGB outputs (1, 4, 7…) have none."""

    def __init__(self, widths):
        super().__init__()
        self.widths = widths
        for index, width in enumerate(widths):
            if index % 3 != 1:
                setattr(self, f"mapper_{index}", Mapper(width))

    def forward(self, styles):
        parts = enumerate(styles.split(self.widths, 1))
        return torch.cat([getattr(self, f"mapper_{i}")(x) if i % 3 != 1 else torch.zeros_like(x) for i, x in parts], 1)


def layout(model, line, prefix):
    """The lines of a layout: weights near those of an untrained network."""
    for name, value in model.state_dict().items():
        scale = 100 * 3**0.5 if value.ndim == 2 else 20.0
        yield line(prefix + name, tuple(value.shape), scale, 0.0)
