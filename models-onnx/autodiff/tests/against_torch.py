#!/usr/bin/env python3
"""Holds gradients of exported networks against PyTorch's, in double precision. For developers.

    cargo build -p pentimento-autodiff --example grad
    PENTIMENTO_ORT=…/libonnxruntime.so python tests/against_torch.py target/debug/examples/grad

Needs torch, onnx, onnxscript and numpy. Weights are random, from a seed. Prints the relative error of each gradient
and fails above 1e-5, which is what single precision leaves of sums this long.
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
from torch import nn
from torch.nn import functional

LIMIT = 1e-5


class Mixed(nn.Module):
    """What recognition networks and autoencoders are made of."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.slope = nn.Conv2d(3, 16, 3, 1, 1), nn.BatchNorm2d(16), nn.PReLU(16)
        self.down, self.groups = nn.Conv2d(16, 32, 3, 2, 1), nn.GroupNorm(8, 32)
        self.squeeze, self.excite = nn.Linear(32, 8), nn.Linear(8, 32)
        self.qkv, self.last = nn.Linear(32, 96), nn.Conv2d(32, 8, 1)
        self.up = nn.ConvTranspose2d(8, 8, 3, 2, 1, output_padding=1, groups=4)
        self.norm.running_var.uniform_(0.5, 2)
        self.norm.running_mean.normal_()

    def forward(self, x):
        h = self.slope(self.norm(self.first(x)))
        h = functional.max_pool2d(functional.max_pool2d(h, 2), 3, 2, 1)
        h = functional.silu(self.groups(self.down(h)))
        h = functional.interpolate(h, scale_factor=2, mode="nearest")
        e = torch.sigmoid(self.excite(functional.relu(self.squeeze(functional.adaptive_avg_pool2d(h, 1).flatten(1)))))
        h = h * e[:, :, None, None] + h
        t = h.flatten(2).transpose(1, 2)
        q, k, v = self.qkv(t).chunk(3, -1)
        t = functional.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None])[:, 0]
        h = functional.gelu(h + t.transpose(1, 2).reshape(h.shape))
        h = functional.interpolate(h, size=(14, 14), mode="bilinear", align_corners=False)
        h = functional.interpolate(h, size=(20, 20), mode="bicubic", align_corners=True)
        h = self.up(functional.avg_pool2d(self.last(h), 2))
        return torch.tanh(h / (h.pow(2).sum(1, keepdim=True).sqrt() + 1e-6))


class Transformer(nn.Module):
    """A small vision transformer of CLIP's make."""

    def __init__(self, width=64, blocks=3, heads=4):
        super().__init__()
        self.heads = heads
        self.patches = nn.Conv2d(3, width, 8, 8, bias=False)
        self.token, self.places = nn.Parameter(torch.randn(width)), nn.Parameter(torch.randn(17, width))
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                {
                    "one": nn.LayerNorm(width),
                    "qkv": nn.Linear(width, 3 * width),
                    "out": nn.Linear(width, width),
                    "two": nn.LayerNorm(width),
                    "wide": nn.Linear(width, 4 * width),
                    "narrow": nn.Linear(4 * width, width),
                }
            )
            for _ in range(blocks)
        )
        self.project = nn.Parameter(torch.randn(width, 32) / width**0.5)

    def forward(self, x):
        x = functional.interpolate(x, size=(32, 32), mode="bicubic", align_corners=False, antialias=True)
        t = self.patches(x).flatten(2).transpose(1, 2)
        t = torch.cat([self.token.expand(t.shape[0], 1, -1), t], 1) + self.places
        t = self.before(t)
        for b in self.blocks:
            n, l, w = t.shape
            q, k, v = b["qkv"](b["one"](t)).reshape(n, l, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
            a = torch.softmax(q @ k.transpose(-1, -2) * (w // self.heads) ** -0.5, -1) @ v
            t = t + b["out"](a.transpose(1, 2).reshape(n, l, w))
            h = b["wide"](b["two"](t))
            t = t + b["narrow"](h * torch.sigmoid(1.702 * h))
        return self.after(t[:, 0]) @ self.project


class Perceptual(nn.Module):
    """LPIPS on a network of VGG's make: channels made of length one, and their differences weighted."""

    def __init__(self):
        super().__init__()
        widths = [3, 8, 16, 24]
        self.layers = nn.ModuleList(nn.Conv2d(a, b, 3, 1, 1) for a, b in zip(widths, widths[1:]))
        self.lins = nn.ModuleList(nn.Conv2d(b, 1, 1, bias=False) for b in widths[1:])
        self.register_buffer("other", torch.rand(1, 3, 64, 64) * 2 - 1)

    def forward(self, x):
        total = 0
        y = self.other
        for layer, lin in zip(self.layers, self.lins):
            x, y = functional.relu(layer(x)), functional.relu(layer(y))
            # Inside of the root: PyTorch's gradient of a length is NaN where all channels are zero. And 1e-6, because
            # the exporter leaves out what LPIPS adds, 1e-10, as if it were zero.
            unit = lambda v: v / (v.pow(2).sum(1, keepdim=True) + 1e-6).sqrt()
            total = total + lin((unit(x) - unit(y)).pow(2)).mean((2, 3))
            x, y = functional.max_pool2d(x, 2), functional.max_pool2d(y, 2)
        return total


class Modulated(nn.Module):
    """Layers of StyleGAN2 as its authors wrote them: weights are computed from styles, one group for each picture."""

    shape = (1, 3, 32)

    def __init__(self):
        super().__init__()
        self.start = nn.Parameter(torch.randn(1, 16, 4, 4))
        self.affine = nn.ModuleList(nn.Linear(32, 16) for _ in range(3))
        self.weights = nn.ParameterList(torch.randn(16, 16, 3, 3) for _ in range(3))
        blur = torch.tensor([1.0, 3.0, 3.0, 1.0])
        self.register_buffer("blur", (blur[:, None] * blur / 16)[None, None].repeat(16, 1, 1, 1))
        self.register_buffer("noise", torch.randn(8, 8) / 8)

    def layer(self, x, style, weight, up):
        n, c = x.shape[:2]
        w = weight[None] * (style + 1)[:, None, :, None, None]
        w = w * torch.rsqrt(w.pow(2).sum((2, 3, 4), keepdim=True) + 1e-5)
        x = x.reshape(1, n * c, *x.shape[2:])
        if up:
            w = w.transpose(1, 2).reshape(n * c, c, 3, 3)
            x = functional.conv_transpose2d(x, w, stride=2, groups=n)
            x = functional.conv2d(x.reshape(n, c, *x.shape[2:]), self.blur, padding=1, groups=c)
        else:
            x = functional.conv2d(x, w.reshape(n * c, c, 3, 3), padding=1, groups=n)
        return functional.leaky_relu(x.reshape(n, c, *x.shape[2:]), 0.2) * 2**0.5

    def forward(self, w):
        styles = [affine(w[:, i]) for i, affine in enumerate(self.affine)]
        x = self.layer(self.start, styles[0], self.weights[0], False)
        x = self.layer(x, styles[1], self.weights[1], True) + self.noise
        return self.layer(x, styles[2], self.weights[2], False)


class Adapted(nn.Module):
    """A block of a diffusion network with adapters of low rank, which are what is trained."""

    shape = (1, 8, 8, 8)
    wrt = ("down", "up", "conv.weight", "conv.bias", "x")

    def __init__(self):
        super().__init__()
        self.norm, self.conv = nn.GroupNorm(4, 8), nn.Conv2d(8, 8, 3, 1, 1)
        self.query, self.key, self.value = (nn.Linear(8, 8, bias=False) for _ in range(3))
        self.down, self.up = nn.Parameter(torch.randn(8, 2) / 3), nn.Parameter(torch.randn(2, 8) / 3)
        self.register_buffer("words", torch.randn(1, 5, 8))

    def forward(self, x):
        h = self.conv(functional.silu(self.norm(x)))
        t = h.flatten(2).transpose(1, 2)
        q = self.query(t) + t @ self.down @ self.up
        share = torch.softmax(q @ self.key(self.words).transpose(1, 2) * 8**-0.5, -1)
        t = t + share @ self.value(self.words)
        return x + t.transpose(1, 2).reshape(x.shape)


def check(grad, folder, name, net, opset):
    torch.manual_seed(1)
    net = net.eval()
    wrt = getattr(net, "wrt", ("x",))
    for key, p in net.named_parameters():
        p.requires_grad_(key in wrt)
    x = torch.rand(getattr(net, "shape", (1, 3, 64, 64))) * 2 - 1
    path = folder / f"{name}.onnx"
    names = {"input_names": ["x"], "output_names": ["y"]}
    torch.onnx.export(net, (x,), path, opset_version=opset, dynamo=True, external_data=False, verbose=False, **names)
    net, wide = net.double(), x.double().requires_grad_()
    y = net(wide)
    target = torch.randn(y.shape, generator=torch.Generator().manual_seed(3))
    ((y - target.double()) ** 2).mean().backward()
    numpy.save(folder / "x.npy", x.numpy())
    numpy.save(folder / "t.npy", target.numpy())
    words = [grad, path, "--loss", f"mse:y={folder / 't.npy'}", "--in", f"x={folder / 'x.npy'}"]
    for key in wrt:
        words += ["--wrt", key, "-o", folder / f"{key}.grad.npy"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    worst = 0
    for key in wrt:
        right = (wide if key == "x" else dict(net.named_parameters())[key]).grad.numpy()
        found = numpy.load(folder / f"{key}.grad.npy")
        worst = max(worst, numpy.linalg.norm(found - right) / numpy.linalg.norm(right))
    print(f"{name:12} opset {opset}, by {', '.join(wrt)}: {worst:.1e}", flush=True)
    return worst < LIMIT


def main():
    torch.set_num_threads(1)
    grad = pathlib.Path(sys.argv[1]).resolve()
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for opset in (18, 20):
            for make in (Mixed, Transformer, Perceptual, Modulated, Adapted):
                torch.manual_seed(0)
                good &= check(grad, pathlib.Path(folder), make.__name__, make(), opset)
    sys.exit(not good)


if __name__ == "__main__":
    main()
