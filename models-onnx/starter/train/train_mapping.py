"""Fit the mapping network: z ~ N(0, I) -> w, so that random z give heads.

  python train_mapping.py DATA --checkpoint heads128.pt --minutes 2     (writes it back)

The generator is supervised, so nothing has taught `style.*` yet. Every render gets a z in
which each cause is Gaussian: categories become intervals of a Gaussian (within their
condition, e.g. the beard among men), colours and angles become their ranks, and the many
morphs a random projection. Then z -> w is plain regression, in style space.
"""
import argparse
import time

import torch

import checkpoint
from dataset import Heads
from generator import MAPPING_LAYERS, STYLE_DIM
from train_encoder import style_matrix
from train_generator import HELD_OUT

MORPHS = 206
RACES, EXPRESSIONS = 18, 25
# (category, the category it depends on), and continuous columns after the morphs.
CATEGORIES = [("gender", None), ("age", None), ("hair", "gender"), ("fringe", "hair"),
              ("beard", "gender"), ("glasses", None), ("hat", None), ("lipstick", "gender"),
              ("freckles", None), ("expression", None)]  # fmt: skip
COLOURS = [0, 3, 9, 15, 18, 21, 24]
SINGLE = [30, 31, 32, 33, 36, 40, 41, 43, 46, 48, 50, 51, 52, 56] + [58 + i for i in range(8)] + [93, 94]


def gaussian(u):
    return torch.erfinv((2 * u - 1).clamp(-0.9999, 0.9999)) * 2**0.5


def intervals(value, condition):
    """Each category an interval of the Gaussian, as wide as it is frequent."""
    out = torch.zeros(len(value))
    for c in condition.unique():
        rows = condition == c
        kind = value[rows]
        count = torch.bincount(kind)
        high = count.cumsum(0).float()
        low = high - count
        out[rows] = gaussian((low[kind] + torch.rand(len(kind)) * count[kind]) / len(kind))
    return out


def ranks(values):
    values = values + torch.randn(values.shape) * 1e-3 * values.std(0)
    order = values.argsort(0).argsort(0).float()
    return gaussian((order + 0.5) / len(values))


def latents(data):
    torch.manual_seed(0)
    nothing = torch.zeros(len(data.labels), dtype=torch.long)
    columns = [intervals(data.label(name), data.label(on) if on else nothing) for name, on in CATEGORIES]
    rest = data.params[:, MORPHS:]
    for first in COLOURS:
        colour = rest[:, first : first + 3]
        colour = colour - colour.mean(0)
        columns += list(ranks(colour @ torch.linalg.svd(colour, full_matrices=False)[2].t()).t())
    race = data.params[:, :RACES].view(-1, 3, 6).sum(2)[:, :2]
    columns += list(ranks(torch.cat([rest[:, SINGLE], race], 1)).t())
    morphs = data.params[:, RACES : MORPHS - EXPRESSIONS]
    morphs = (morphs - morphs.mean(0)) / morphs.std(0).clamp_min(0.05)
    left = STYLE_DIM - len(columns)
    project = torch.randn(morphs.shape[1], left) / morphs.shape[1] ** 0.5
    return torch.cat([torch.stack(columns, 1), morphs @ project], 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="+", help="parameters only: renders of four pixels (`render --side 4`) do")
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    data = Heads(args.data, HELD_OUT)
    faces, info = checkpoint.load(args.checkpoint)
    faces.requires_grad_(False)
    z = latents(data)
    w = faces.codes(data.params)
    matrix = style_matrix(faces.g).t()
    scale = ((w[data.held_out] - w[data.train].mean(0)) @ matrix).square().mean()
    style = faces.g.style.requires_grad_(True)
    for layer in list(style)[1 : 1 + MAPPING_LAYERS]:
        torch.nn.init.normal_(layer.weight, std=100.0)  # 1 / lr_mul: unit variance at run time
        torch.nn.init.zeros_(layer.bias)
    adam = torch.optim.Adam(style.parameters(), betas=(0.9, 0.99))
    started = time.time()
    while (fraction := (time.time() - started) / (args.minutes * 60)) < 1:
        adam.param_groups[0]["lr"] = 0.3 * (1 - fraction) + 0.003
        i = data.train[torch.randint(len(data.train), (512,))]
        loss = ((style(z[i]) - w[i]) @ matrix).square().mean() / scale
        adam.zero_grad()
        loss.backward()
        adam.step()
    with torch.no_grad():
        missed = ((style(z[data.held_out]) - w[data.held_out]) @ matrix).square().mean() / scale
        average = style(torch.randn(8192, STYLE_DIM)).mean(0)
    print(f"z explains {1 - missed.item():.3f} of the style variance of held-out faces")
    checkpoint.save(args.checkpoint, faces, dict(info, z_fit=1 - missed.item(), latent_avg=average))


if __name__ == "__main__":
    main()
