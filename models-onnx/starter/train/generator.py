"""The head generator: StyleGAN2 in rosinality's `g_ema` layout, at 128 x 128 pixels.

Key names and stored values are exactly those of rosinality's Generator (equalised
learning rate, `+1` folded into the modulation bias), so the checkpoint can be read by
any loader for that layout. The arithmetic is the activation-scaling form
`conv(x * s) * d`, which gives the same numbers as modulated weights without grouped
convolutions, and is what the exported ONNX graph does too.
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

SIZE = 128
STYLE_DIM = 256
MAPPING_LAYERS = 2
CHANNELS = {4: 256, 8: 256, 16: 192, 32: 128, 64: 64, 128: 32}
RESOLUTIONS = sorted(CHANNELS)
W_SLOTS = 2 * len(RESOLUTIONS)
CLASSES = (
    "background skin hair brows eyes lips teeth nose ears neck clothes glasses hat beard"
).split()
PARAMS = 318
SQRT2 = math.sqrt(2.0)


def fir_kernel():
    """The 4x4 up-sampling filter, scaled by 4 as rosinality stores it."""
    row = torch.tensor([1.0, 3.0, 3.0, 1.0])
    kernel = row[:, None] * row[None]
    return kernel / kernel.sum() * 4


def blur(x):
    """The FIR filter after up-sampling, one axis after the other: [n,c,h,w] -> [n,c,h-1,w-1]."""
    x = F.pad(x, (1, 1, 1, 1))
    for axis in (2, 3):
        a, b, c, d = (x.narrow(axis, i, x.shape[axis] - 3) for i in range(4))
        x = torch.add(a + d, b + c, alpha=3) * 0.25
    return x


def full_precision(x):
    """Where half precision would be seen in the picture."""
    return torch.autocast(x.device.type, enabled=False)


class EqualLinear(nn.Module):
    def __init__(self, inputs, outputs, lr_mul=1.0, bias=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_mul)
        self.bias = nn.Parameter(torch.full((outputs,), float(bias)))
        self.lr_mul = lr_mul

    def folded(self):
        """Weight and bias with the run-time scale multiplied in."""
        scale = self.lr_mul / math.sqrt(self.weight.shape[1])
        return self.weight * scale, self.bias * self.lr_mul

    def forward(self, x):
        return F.linear(x, *self.folded())


class PixelNorm(nn.Module):
    def forward(self, z):
        return z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)


class MappingLayer(EqualLinear):
    def __init__(self):
        super().__init__(STYLE_DIM, STYLE_DIM, lr_mul=0.01)

    def forward(self, x):
        return F.leaky_relu(super().forward(x), 0.2) * SQRT2


class Kernel(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("kernel", fir_kernel())


class ModulatedConv(nn.Module):
    def __init__(self, inputs, outputs, size, up=False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, outputs, inputs, size, size))
        self.modulation = EqualLinear(STYLE_DIM, inputs, bias=1.0)
        self.scale = 1 / math.sqrt(inputs * size * size)
        self.up = up
        if up:
            self.blur = Kernel()

    def forward(self, x, style):
        """Convolution before demodulation, and the demodulation factor."""
        weight = self.weight[0] * self.scale
        with full_precision(x):
            demod = torch.rsqrt(style.square() @ weight.square().sum((2, 3)).t() + 1e-8)
        x = x * style[:, :, None, None]
        if self.up:
            x = F.conv_transpose2d(x, weight.transpose(0, 1).contiguous(), stride=2)
            return blur(x), demod
        return F.conv2d(x, weight, padding=weight.shape[-1] // 2), demod


class Noise(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))


class Activate(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))


class StyledConv(nn.Module):
    def __init__(self, inputs, outputs, up=False):
        super().__init__()
        self.conv = ModulatedConv(inputs, outputs, 3, up)
        self.noise = Noise()
        self.activate = Activate(outputs)

    def forward(self, x, style, noise):
        x, demod = self.conv(x, style)
        # sqrt(2) * leaky_relu(y) == leaky_relu(sqrt(2) * y): fold the gain into the factors.
        bias = (self.activate.bias * SQRT2)[None, :, None, None].to(x.dtype)
        y = torch.addcmul(bias, x, (demod * SQRT2)[:, :, None, None].to(x.dtype))
        y = y + (self.noise.weight * SQRT2 * noise).to(x.dtype)
        return F.leaky_relu(y, 0.2, inplace=True)


class ToRgb(nn.Module):
    def __init__(self, inputs, up=True):
        super().__init__()
        if up:
            self.upsample = Kernel()
        self.conv = ModulatedConv(inputs, 3, 1)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))


def upsample_skip(x):
    """Zero-insert, pad (2, 1), FIR: bilinear x2 of the zero-padded image, cropped."""
    x = F.pad(x, (1, 1, 1, 1))
    x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    return x[:, :, 2:-2, 2:-2]


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        first = CHANNELS[4]
        self.style = nn.Sequential(PixelNorm(), *[MappingLayer() for _ in range(MAPPING_LAYERS)])
        self.input = nn.Module()
        self.input.input = nn.Parameter(torch.randn(1, first, 4, 4))
        self.conv1 = StyledConv(first, first)
        self.to_rgb1 = ToRgb(first, up=False)
        self.convs, self.to_rgbs = nn.ModuleList(), nn.ModuleList()
        self.noises = nn.Module()
        self.noises.register_buffer("noise_0", torch.randn(1, 1, 4, 4))
        for block, side in enumerate(RESOLUTIONS[1:]):
            self.convs.append(StyledConv(CHANNELS[side // 2], CHANNELS[side], up=True))
            self.convs.append(StyledConv(CHANNELS[side], CHANNELS[side]))
            self.to_rgbs.append(ToRgb(CHANNELS[side]))
            for half in (1, 2):
                noise = torch.randn(1, 1, side, side)
                self.noises.register_buffer(f"noise_{2 * block + half}", noise)

    def layers(self):
        """(name, module, w slot, is rgb) of every style vector, in execution order."""
        rows = [("conv1", self.conv1, 0, False), ("to_rgb1", self.to_rgb1, 1, True)]
        for block in range(len(RESOLUTIONS) - 1):
            slot = 2 * block + 1
            rows += [
                (f"convs.{2 * block}", self.convs[2 * block], slot, False),
                (f"convs.{2 * block + 1}", self.convs[2 * block + 1], slot + 1, False),
                (f"to_rgbs.{block}", self.to_rgbs[block], slot + 2, True),
            ]
        return rows

    def affine(self, w):
        """w [n,256] or w+ [n,12,256] -> list of style vectors."""
        if w.dim() == 2:
            w = w[:, None].expand(-1, W_SLOTS, -1)
        with full_precision(w):
            return [layer.conv.modulation(w[:, slot].float()) for _, layer, slot, _ in self.layers()]

    def synthesise(self, styles, segmenter=None, fresh_noise=False, side=SIZE):
        """List of style vectors -> image, and class logits where a segmenter is given.

        Noise is the checkpoint's, or drawn anew for each picture, as training wants it. A smaller `side` gives the
        picture that the skips have come to there.
        """
        x = self.input.input.expand(len(styles[0]), -1, -1, -1)
        x = x.contiguous(memory_format=torch.channels_last)
        out, noise, level = None, 0, 0
        for (_, layer, _, rgb), style in zip(self.layers(), styles):
            if not rgb:
                fixed = getattr(self.noises, f"noise_{noise}")
                x = layer(x, style, torch.randn_like(fixed.expand(len(style), -1, -1, -1)) if fresh_noise else fixed)
                noise += 1
                continue
            head = self._head(x, layer, style, segmenter and segmenter[level])
            out = head if out is None else upsample_skip(out) + head
            level += 1
            if out.shape[2] == side:
                break
        return out[:, :3], out[:, 3:]

    @staticmethod
    def _head(x, rgb, style, seg):
        """To-RGB and the segmentation 1x1 convolution as one batched matrix product."""
        batch, channels, height, width = x.shape
        kernel = (rgb.conv.weight[0, :, :, 0, 0] * rgb.conv.scale)[None] * style[:, None]
        bias = rgb.bias.view(-1)
        if seg is not None:
            kernel = torch.cat([kernel, seg.weight[None, :, :, 0, 0].expand(batch, -1, -1)], 1)
            bias = torch.cat([bias, seg.bias])
        flat = x.permute(0, 2, 3, 1).reshape(batch, height * width, channels)
        with full_precision(x):
            y = torch.bmm(flat.float(), kernel.float().transpose(1, 2)) + bias
        return y.view(batch, height, width, -1).permute(0, 3, 1, 2)

    def forward(self, w, segmenter=None, fresh_noise=False):
        return self.synthesise(self.affine(w), segmenter, fresh_noise)


def make_segmenter():
    """Class logits, 1x1 from each resolution, summed like the RGB skips."""
    return nn.ModuleList([nn.Conv2d(CHANNELS[s], len(CLASSES), 1) for s in RESOLUTIONS])


def make_param_mapper(hidden=320):
    """Renderer parameters (normalised) -> w: the supervision of the training."""
    return nn.Sequential(
        nn.Linear(PARAMS, hidden), nn.LeakyReLU(0.2),
        nn.Linear(hidden, hidden), nn.LeakyReLU(0.2),
        nn.Linear(hidden, STYLE_DIM),
    )  # fmt: skip
