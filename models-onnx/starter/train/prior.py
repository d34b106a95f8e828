"""The prior over codes: mean and principal axes of w over the renders.

  python prior.py DATA --checkpoint heads128.pt --out prior.npz

Optimisation over free w+ finds colour noise that pleases any loss; mean + z @ axes with z near unit
variance stays among the codes that the generator was trained on. Needs parameters only, so renders of
four pixels (`heads render --side 4`) do.
"""
import argparse

import numpy as np
import torch

import checkpoint
from dataset import Heads
from generator import W_SLOTS
from train_generator import HELD_OUT

SHARE = 0.995


@torch.no_grad()
def code_prior(faces, params, share=SHARE):
    """Mean of w over the renders, and its principal axes, as many as explain `share` of the
    variance, each as long as the standard deviation along it: w = mean + z @ axes, z ~ N(0, I)."""
    w = faces.codes(params).double()
    mean = w.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov((w - mean).t()))
    values, vectors = values.flip(0).clamp_min(0), vectors.flip(1)
    count = int((values.cumsum(0) < share * values.sum()).sum()) + 1
    axes = vectors[:, :count].t() * values[:count, None].sqrt()
    return mean.float(), axes.float()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="+")
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    data = Heads(args.data, HELD_OUT)
    faces, _ = checkpoint.load(args.checkpoint)
    middle, axes = code_prior(faces, data.params[data.train])
    w = faces.codes(data.params[data.held_out]) - middle
    z = w @ axes.t() / axes.square().sum(1)
    left = ((w - z @ axes).square().sum() / w.square().sum()).item()
    print(f"{len(axes)} axes explain {SHARE:.1%} of the variance of w; of held-out codes they miss {left:.2%}, "
          f"and the largest of their |z| has median {z.abs().amax(1).median():.2f}")
    np.savez(args.out, code_axes=axes.numpy(), code_mean=middle[None].expand(W_SLOTS, -1).numpy())


if __name__ == "__main__":
    main()
