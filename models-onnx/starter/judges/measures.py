"""Measures over pictures, classes and features. Pictures are [n, 3, h, w] in -1..1."""
import numpy as np
import torch
import torch.nn.functional as F

from common import CLASSES, SIDE

BATCH = 100


def seen(pictures):
    """As judges see them: 64 pixels, larger ones reduced by means over areas."""
    x = torch.from_numpy(np.ascontiguousarray(pictures, dtype=np.float32))
    return x if x.shape[-1] == SIDE else F.interpolate(x, size=(SIDE, SIDE), mode="area")


@torch.no_grad()
def batched(judge, *pictures):
    """A judge's answers to many pictures."""
    answers = [judge(*some) for some in zip(*(seen(p).split(BATCH) for p in pictures))]
    return torch.cat(answers).numpy()


def psnr(a, b):
    """Of each pair, in dB: ten times the logarithm of how often the mean square of differences goes into the range's."""
    return -10 * np.log10(np.maximum(np.square((a - b) / 2).mean((1, 2, 3)), 1e-10))


def intersection_over_union(found, truth):
    """{class: share} over all pictures, for the classes that occur, and their mean."""
    table = np.bincount(truth.ravel() * len(CLASSES) + found.ravel(), minlength=len(CLASSES) ** 2)
    table = table.reshape(len(CLASSES), -1)
    both, either = np.diag(table), table.sum(0) + table.sum(1) - np.diag(table)
    shares = {name: float(both[i] / either[i]) for i, name in enumerate(CLASSES) if table[i].sum()}
    return shares | {"mean": float(np.mean(list(shares.values())))}


def cosine(a, b):
    """Of each pair of rows."""
    return (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)).clip(1e-9)
