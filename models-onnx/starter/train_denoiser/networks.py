"""The four networks of a latent diffusion model (Rombach et al., 2022), small enough for two cores.

Pictures [n,3,64,64] become latents [n,8,8,8]; a text of 48 tokens becomes states [n,48,128]; the denoiser predicts the
velocity (Salimans and Ho, 2022) of latents under noise. Names and ranges of what goes in and comes out are those of
Stable Diffusion; widths are not.
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

LATENT = 8
PIXELS = 8  # per latent, along one side
WIDTH = 128  # of texts
CONTEXT = 48  # tokens


def norm(channels):
    return nn.GroupNorm(8, channels)


class Residual(nn.Module):
    """Two convolutions; `condition` scales and shifts between them (Dhariwal and Nichol, 2021)."""

    def __init__(self, inputs, outputs, condition=0):
        super().__init__()
        self.first = nn.Sequential(norm(inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1))
        self.norm = norm(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)
        self.skip = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)
        self.told = nn.Linear(condition, 2 * outputs) if condition else None

    def forward(self, x, condition=None):
        y = self.norm(self.first(x))
        if self.told is not None:
            scale, shift = self.told(condition)[:, :, None, None].chunk(2, 1)
            y = y * (1 + scale) + shift
        return self.skip(x) + self.second(F.silu(y))


class Encoder(nn.Module):
    """Picture -> mean and logarithm of the variance of its latents, [n,16,8,8]."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.PixelUnshuffle(2), nn.Conv2d(12, 48, 3, padding=1), nn.SiLU(),
            nn.PixelUnshuffle(2), nn.Conv2d(192, 96, 1), Residual(96, 96),
            nn.PixelUnshuffle(2), nn.Conv2d(384, 128, 1), Residual(128, 128),
            norm(128), nn.SiLU(), nn.Conv2d(128, 2 * LATENT, 1),
        )  # fmt: skip

    def forward(self, sample):
        return self.body(sample)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(LATENT, 128, 3, padding=1), Residual(128, 128), Residual(128, 128),
            nn.Conv2d(128, 384, 1), nn.PixelShuffle(2), Residual(96, 96), Residual(96, 96),
            nn.Conv2d(96, 192, 1), nn.PixelShuffle(2), Residual(48, 48),
            norm(48), nn.SiLU(), nn.Conv2d(48, 12, 3, padding=1), nn.PixelShuffle(2),
        )  # fmt: skip

    def forward(self, latent):
        return self.body(latent)


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()

    @staticmethod
    def moments(parameters):
        """Mean and deviation; the logarithm of the variance is held within Stable Diffusion's bounds."""
        mean, variance = parameters.chunk(2, 1)
        return mean, (0.5 * variance.clamp(-30, 20)).exp()


class Attention(nn.Module):
    """From queries [n,q,width] to what they ask of keys [n,k,inputs]."""

    def __init__(self, width, inputs, heads):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.key, self.value = (nn.Linear(inputs, width, bias=False) for _ in range(2))
        self.out = nn.Linear(width, width)

    def split(self, x):
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)

    def forward(self, x, y, mask=None):
        query, key, value = self.split(self.query(x)), self.split(self.key(y)), self.split(self.value(y))
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[3])
        if mask is not None:
            scores = scores + mask
        return self.out((scores.softmax(3) @ value).transpose(1, 2).flatten(2))


def feed(width):
    return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, width))


class TextLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.attention, self.feed = nn.LayerNorm(WIDTH), Attention(WIDTH, WIDTH, 4), feed(WIDTH)

    def forward(self, x, mask):
        y = self.norm(x)
        x = x + self.attention(y, y, mask)
        return x + self.feed(x)


class TextEncoder(nn.Module):
    """Tokens -> states, in the way of CLIP's text tower: each looks back only, so the last one knows the whole text."""

    def __init__(self, tokens, layers=3):
        super().__init__()
        self.tokens = nn.Embedding(tokens, WIDTH)
        self.places = nn.Parameter(0.02 * torch.randn(CONTEXT, WIDTH))
        nn.init.normal_(self.tokens.weight, std=0.02)
        self.layers = nn.ModuleList(TextLayer() for _ in range(layers))
        self.norm = nn.LayerNorm(WIDTH)
        self.register_buffer("mask", torch.full((CONTEXT, CONTEXT), -1e4).triu(1), persistent=False)

    def forward(self, input_ids):
        count = input_ids.shape[1]
        x = self.tokens(input_ids) + self.places[:count]
        for layer in self.layers:
            x = layer(x, self.mask[:count, :count])
        return self.norm(x)


class Listening(nn.Module):
    """Places look at each other and at the text."""

    def __init__(self, channels):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(2))
        self.own, self.text = Attention(channels, channels, 4), Attention(channels, WIDTH, 4)

    def forward(self, x, states):
        shape = x.shape
        y = x.flatten(2).transpose(1, 2)
        z = self.norms[0](y)
        y = y + self.own(z, z)
        y = y + self.text(self.norms[1](y), states)
        return y.transpose(1, 2).reshape(shape)


class Denoiser(nn.Module):
    """Noisy latents, step and states -> velocity. A U-Net of two levels; beside the attention to all states, the last one
    is heard wherever the step is, from which whole texts are learnt much sooner."""

    LEVELS = (112, 136)
    TOLD = 192

    def __init__(self):
        super().__init__()
        a, b = self.LEVELS
        t = self.TOLD
        self.step = nn.Sequential(nn.Linear(a, t), nn.SiLU(), nn.Linear(t, t))
        self.text = nn.Linear(WIDTH, t)
        self.enter = nn.Conv2d(LATENT, a, 3, padding=1)
        self.down = nn.ModuleList([Residual(a, a, t), Residual(a, a, t), Residual(a, b, t)])
        self.shrink = nn.Conv2d(a, a, 3, stride=2, padding=1)
        self.listen = nn.ModuleList([Listening(a), Listening(b), Listening(a)])
        self.middle = Residual(b, b, t)
        self.up = nn.ModuleList([Residual(b + b, b, t), Residual(a + a, a, t), Residual(a + a, a, t)])
        self.grow = nn.Conv2d(b, a, 3, padding=1)
        self.leave = nn.Sequential(norm(a), nn.SiLU(), nn.Conv2d(a, LATENT, 3, padding=1))
        nn.init.zeros_(self.leave[2].weight)
        self.register_buffer("waves", torch.exp(-math.log(10000) * torch.arange(a // 2) / (a // 2)), persistent=False)

    def forward(self, sample, timestep, encoder_hidden_states):
        """`timestep` [1] or [n], in steps of the schedule; fractions are fine."""
        states = encoder_hidden_states
        angles = timestep.float()[:, None] * self.waves[None]
        told = self.step(torch.cat([angles.cos(), angles.sin()], 1)) + self.text(states[:, -1])
        told = F.silu(told)
        first = self.down[0](self.enter(sample), told)
        second = self.listen[0](self.down[1](first, told), states)
        deep = self.down[2](self.shrink(second), told)
        x = self.middle(self.listen[1](deep, states), told)
        x = self.up[0](torch.cat([x, deep], 1), told)
        x = self.grow(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        x = self.listen[2](self.up[1](torch.cat([x, second], 1), told), states)
        x = self.up[2](torch.cat([x, first], 1), told)
        return self.leave(x)
