"""Read the networks of a pack back from its ONNX files, to go on training where it was shipped.

Only half precision is left of them, which further training does not notice.
"""
import math
import pathlib

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from generator import SQRT2


def weights(path):
    """The trained tensors of a graph, in the order in which the exporter wrote them."""
    fixed = ("shape", "one", "zero", "axis", "rows")
    graph = onnx.load(path).graph
    rows = [(t.name, numpy_helper.to_array(t).astype(np.float32)) for t in graph.initializer]
    return [torch.from_numpy(v.copy()) for name, v in rows if not name.startswith(fixed)]


@torch.no_grad()
def residual_network(net, path):
    """Fill an `ImageEncoder` or `Identity`."""
    left = iter(weights(path))

    def fill(layer, gain):
        layer.weight.copy_(next(left) / (layer.gain * gain))
        layer.bias.copy_(next(left) / gain)

    fill(net.stem, SQRT2)
    for block in net.blocks:
        fill(block.first, SQRT2)
        fill(block.second, 1.0)
        fill(block.skip, math.sqrt(0.5))
    net.out.weight.copy_(next(left))
    net.out.bias.copy_(next(left))


@torch.no_grad()
def text_projection(net, path):
    for layer, (weight, bias) in zip((net.first, net.second), _pairs(weights(path))):
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)


@torch.no_grad()
def inverter(net, path):
    """Fill an `Inverter`, whose mean and deviation of w are set already."""
    left = iter(weights(path))
    for i, (first, norm1, _, second, norm2, _) in enumerate(net.encoder.c):
        kernel = next(left)
        if i == 0:  # see onnx_graphs.encoder
            out = kernel.shape[0]
            planes = kernel.reshape(out, 3, 3, 2, 3, 2).permute(0, 1, 3, 5, 2, 4)
            kernel = planes.reshape(out, 12, 3, 3)
        first.weight.copy_(kernel)
        first.bias.copy_(next(left))
        _norm(norm1, left)
        second.weight.copy_(next(left))
        second.bias.copy_(next(left))
        _norm(norm2, left)
    hidden, last = net.encoder.o[1], net.encoder.o[3]
    hidden.weight.copy_(next(left))
    hidden.bias.copy_(next(left))
    last.weight.copy_(next(left) / net.w_std[:, None])
    last.bias.copy_((next(left) - net.w_mean) / net.w_std)


def _norm(norm, left):
    norm.weight.copy_(next(left).flatten())
    norm.bias.copy_(next(left).flatten())


def _pairs(rows):
    return zip(rows[::2], rows[1::2])


def path(pack, role):
    return pathlib.Path(pack) / f"{role}.onnx"
