"""Layers of the networks that look at pictures."""
import math

import torch.nn as nn
import torch.nn.functional as F


class EqualConv(nn.Conv2d):
    """Unit-variance weights scaled at run time: trains evenly without normalisation layers."""

    def __init__(self, inputs, outputs, size, stride=1):
        super().__init__(inputs, outputs, size, stride=stride, padding=(size - 1) // 2)
        nn.init.normal_(self.weight)
        nn.init.zeros_(self.bias)
        self.gain = 1 / math.sqrt(inputs * size * size)

    def forward(self, x):
        return F.conv2d(x, self.weight * self.gain, self.bias, self.stride, self.padding)


class Residual(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.first = EqualConv(inputs, inputs, 3)
        self.second = EqualConv(inputs, outputs, 3)
        self.skip = EqualConv(inputs, outputs, 1)

    def forward(self, x):
        y = activate(self.first(x))
        y = activate(self.second(F.avg_pool2d(y, 2)))
        return (y + self.skip(F.avg_pool2d(x, 2))) * math.sqrt(0.5)


def activate(x):
    return F.leaky_relu(x, 0.2) * math.sqrt(2.0)
