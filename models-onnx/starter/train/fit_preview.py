"""Fit what the generator's last but one resolution shows to the whole picture at half its size.

  python fit_preview.py PARAMETERS… --checkpoint heads128.pt --out preview.pt

A picture is the sum of what all resolutions give, so that at half the size a part of it is missing: colours, wherever the
last one gives them. The to-RGB layer there is linear in its weights, so the best ones are a least-squares solution over the
generator's own pictures. The trunk is not touched, and the coarse steps of an optimisation see what its fine ones will.
"""
import argparse

import torch
import torch.nn.functional as F

import checkpoint
from dataset import Heads
from generator import SIZE

SIDE = SIZE // 2
PICTURES = 512


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="+", help="parameters only: renders of four pixels do")
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    data, g = Heads(args.data), checkpoint.load(args.checkpoint)[0]
    place = [layer for _, layer, _, _ in g.g.layers()].index(g.g.to_rgbs[-2])
    layer, seen = g.g.to_rgbs[-2], []
    g.g.convs[-3].register_forward_hook(lambda module, inputs, made: seen.append(made))
    channels = layer.conv.weight.shape[2]
    gram, moments, squares = torch.zeros(channels + 1, channels + 1), torch.zeros(channels + 1, 3), 0.0
    own = layer.conv.weight[0, :, :, 0, 0] * layer.conv.scale, layer.bias.view(-1)
    for params in data.params[:PICTURES].split(16):
        styles = g.g.affine(g.code(params))
        whole = F.avg_pool2d(g.g.synthesise(styles)[0], 2)
        seen.clear()
        made = g.g.synthesise(styles, side=SIDE)[0]
        x = (seen[0] * styles[place][:, :, None, None]).permute(0, 2, 3, 1).reshape(-1, channels)
        x = torch.cat([x, torch.ones(len(x), 1)], 1)
        rows = lambda picture: picture.permute(0, 2, 3, 1).reshape(-1, 3)
        missing = rows(whole - made)
        gram += x.t() @ x
        moments += x.t() @ missing
        squares += missing.square().sum()
    more = torch.linalg.lstsq(gram.double(), moments.double()).solution
    left = squares - 2 * (more * moments).sum() + (more * (gram.double() @ more)).sum()
    count = 3 * PICTURES * SIDE**2
    decibels = lambda total: -10 * (total / 4 / count).log10().item()
    print(f"half-size pictures: {decibels(torch.as_tensor(squares)):.2f} dB before, {decibels(left):.2f} dB after")
    weight = (own[0] + more[:-1].t().float()) / layer.conv.scale
    torch.save({"weight": weight[None, :, :, None, None], "bias": (own[1] + more[-1].float()).view(1, 3, 1, 1)}, args.out)


if __name__ == "__main__":
    main()
