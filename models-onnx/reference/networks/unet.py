"""The denoising network of Stable Diffusion 1.x (Rombach et al., 2022) in diffusers' layout, at any width.

Written from the papers and the layout of the checkpoints, to make goldens with; nothing here runs in the product.
Adapters of low rank (Hu et al., 2021) are given with each call, so that exported graphs take them as inputs.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

ADAPTED = ("to_q", "to_k", "to_v", "to_out.0")
"""The projections of an attention that adapters are for."""


class TimeEmbedding(nn.Module):
    """[n] steps to [n, 4 width], from cosines and sines of wavelengths between 2 pi and 20000 pi."""

    def __init__(self, width):
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, 4 * width)
        rates = torch.exp(-math.log(10000) / (width // 2) * torch.arange(width // 2))
        # Kept, so that it is the same in any precision: the steps, up to 999, magnify what is lost here.
        self.register_buffer("rates", rates, persistent=False)

    def forward(self, steps):
        angles = steps[:, None] * self.rates
        return self.linear_2(F.silu(self.linear_1(torch.cat([angles.cos(), angles.sin()], 1))))


class Resnet(nn.Module):
    """Two convolutions with norms before them; the time's embedding is added between."""

    def __init__(self, inputs, outputs, embedding, groups):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.time_emb_proj = nn.Linear(embedding, outputs)
        self.norm2 = nn.GroupNorm(groups, outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        if inputs != outputs:
            self.conv_shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x, embedding):
        y = self.conv1(F.silu(self.norm1(x))) + self.time_emb_proj(F.silu(embedding))[:, :, None, None]
        y = self.conv2(F.silu(self.norm2(y)))
        return y + (self.conv_shortcut(x) if hasattr(self, "conv_shortcut") else x)


class Attention(nn.Module):
    """Attention of x to `words`, or to itself. Adapters are looked up by `path`, which the network sets."""

    def __init__(self, width, words, heads):
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k, self.to_v = nn.Linear(words, width, bias=False), nn.Linear(words, width, bias=False)
        self.to_out = nn.Sequential(nn.Linear(width, width))

    def forward(self, x, words, adapters):
        words = x if words is None else words
        split = lambda t: t.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        q, k, v = (split(self.project(name, t, adapters)) for name, t in (("to_q", x), ("to_k", words), ("to_v", words)))
        share = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).softmax(-1)
        return self.project("to_out.0", (share @ v).transpose(1, 2).flatten(2), adapters)

    def project(self, name, x, adapters):
        y = self.get_submodule(name)(x)
        path = f"{self.path}.{name}"
        if f"{path}.lora_A.weight" in adapters:
            y = y + x @ adapters[f"{path}.lora_A.weight"].T @ adapters[f"{path}.lora_B.weight"].T
        return y


class Gated(nn.Module):
    """GEGLU (Shazeer, 2020): one half of a projection times GELU of the other."""

    def __init__(self, width):
        super().__init__()
        self.proj = nn.Linear(width, 8 * width)

    def forward(self, x):
        x, gate = self.proj(x).chunk(2, -1)
        return x * F.gelu(gate)


class Feedforward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.net = nn.Sequential(Gated(width), nn.Identity(), nn.Linear(4 * width, width))

    def forward(self, x):
        return self.net(x)


class TransformerBlock(nn.Module):
    def __init__(self, width, words, heads):
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))
        self.attn1, self.attn2 = Attention(width, width, heads), Attention(width, words, heads)
        self.ff = Feedforward(width)

    def forward(self, x, words, adapters):
        x = x + self.attn1(self.norm1(x), None, adapters)
        x = x + self.attn2(self.norm2(x), words, adapters)
        return x + self.ff(self.norm3(x))


class SpatialTransformer(nn.Module):
    """A transformer whose tokens are the places of a feature map."""

    def __init__(self, width, words, heads, groups):
        super().__init__()
        self.norm = nn.GroupNorm(groups, width, eps=1e-6)
        self.proj_in, self.proj_out = nn.Conv2d(width, width, 1), nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(width, words, heads)])

    def forward(self, x, words, adapters):
        tokens = self.proj_in(self.norm(x)).flatten(2).transpose(1, 2)
        for block in self.transformer_blocks:
            tokens = block(tokens, words, adapters)
        return x + self.proj_out(tokens.transpose(1, 2).reshape(x.shape))


class Downsampler(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=2, padding=1)

    def forward(self, x):
        return self.conv(x)


class Upsampler(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class Level(nn.Module):
    """Residual blocks of one resolution, each followed by a transformer where there are any."""

    def __init__(self, inputs, width, embedding, words, heads, groups, transformers):
        super().__init__()
        self.resnets = nn.ModuleList(Resnet(i, width, embedding, groups) for i in inputs)
        if transformers:
            count = range(transformers)
            self.attentions = nn.ModuleList(SpatialTransformer(width, words, heads, groups) for _ in count)

    def attend(self, at, x, words, adapters):
        return self.attentions[at](x, words, adapters) if hasattr(self, "attentions") else x


class UNet(nn.Module):
    """Noisy latents [n, 4, h, w], time steps [n] and words [n, count, 768] to the noise in the latents.

    The defaults are those of Stable Diffusion 1.x. The lowest resolution has no transformers but the middle one.
    """

    def __init__(self, widths=(320, 640, 1280, 1280), layers=2, heads=8, words=768, groups=32, latent=4):
        super().__init__()
        embedding, last = 4 * widths[0], len(widths) - 1
        options = (embedding, words, heads, groups)
        self.conv_in = nn.Conv2d(latent, widths[0], 3, padding=1)
        self.time_embedding = TimeEmbedding(widths[0])
        self.down_blocks, self.up_blocks = nn.ModuleList(), nn.ModuleList()
        kept, x = [widths[0]], widths[0]
        for at, width in enumerate(widths):
            level = Level([x] + [width] * (layers - 1), width, *options, transformers=layers if at < last else 0)
            if at < last:
                level.downsamplers = nn.ModuleList([Downsampler(width)])
            kept += [width] * (layers + (at < last))
            self.down_blocks.append(level)
            x = width
        self.mid_block = Level([x, x], x, *options, transformers=1)
        for at, width in enumerate(reversed(widths)):
            inputs = [(x if block == 0 else width) + kept.pop() for block in range(layers + 1)]
            level = Level(inputs, width, *options, transformers=layers + 1 if at > 0 else 0)
            if at < last:
                level.upsamplers = nn.ModuleList([Upsampler(width)])
            self.up_blocks.append(level)
            x = width
        self.conv_norm_out = nn.GroupNorm(groups, x)
        self.conv_out = nn.Conv2d(x, latent, 3, padding=1)
        for path, module in self.named_modules():
            if isinstance(module, Attention):
                module.path = path

    def adapters(self, rank):
        """The shapes of all adapters by name, as PEFT names them: A [rank, inputs] and B [outputs, rank]."""
        shapes = {}
        for path, module in self.named_modules():
            if isinstance(module, Attention):
                for name in ADAPTED:
                    outputs, inputs = module.get_submodule(name).weight.shape
                    shapes[f"{path}.{name}.lora_A.weight"] = (rank, inputs)
                    shapes[f"{path}.{name}.lora_B.weight"] = (outputs, rank)
        return shapes

    def forward(self, sample, timestep, words, adapters={}):
        embedding = self.time_embedding(timestep.to(sample.dtype))
        x = self.conv_in(sample)
        kept = [x]
        for level in self.down_blocks:
            for at, resnet in enumerate(level.resnets):
                x = level.attend(at, resnet(x, embedding), words, adapters)
                kept.append(x)
            if hasattr(level, "downsamplers"):
                x = level.downsamplers[0](x)
                kept.append(x)
        first, second = self.mid_block.resnets
        x = second(self.mid_block.attend(0, first(x, embedding), words, adapters), embedding)
        for level in self.up_blocks:
            for at, resnet in enumerate(level.resnets):
                x = resnet(torch.cat([x, kept.pop()], 1), embedding)
                x = level.attend(at, x, words, adapters)
            if hasattr(level, "upsamplers"):
                x = level.upsamplers[0](x)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


def tiny():
    """Three resolutions with 32 to 64 channels; transformers at two of them and in the middle."""
    return UNet(widths=(32, 64, 64), layers=1, heads=4, words=48, groups=8)


def spread(name, shape):
    """Scale and offset of a tensor's seeded values: signals keep about unit size through any depth."""
    if len(shape) == 1:
        return (0.1, 0.0) if name.endswith("bias") else (0.3, 1.0)
    return math.sqrt(3 / math.prod(shape[1:])), 0.0  # A uniform value has a third of its squared bound.


def layout(model, line):
    """The lines of a layout (`line` of seeded.py) for a model's tensors."""
    shapes = ((name, tuple(value.shape)) for name, value in model.state_dict().items())
    return [line(name, shape, *spread(name, shape)) for name, shape in shapes]


def load(model, tensors):
    """Fills a model with the tensors of a layout and makes it ready for float64."""
    model.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
    return model.double().eval()
