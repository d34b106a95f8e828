"""Distances between sets of pictures, by features [n, d] of some declared network. Comparable with themselves only."""
import numpy as np


def standard(vectors):
    """What brings features along the principal axes of `vectors`, in units of their deviations. Axes along which those hardly
    differ are where generators' pictures do: they count, but not without bounds."""
    values, axes = np.linalg.eigh(np.cov(vectors.astype(np.float64), rowvar=False))
    center, white = vectors.mean(0), axes / np.sqrt(values.clip(0) + 0.01 * values.mean())
    return lambda others: (others - center) @ white


def frechet(a, b):
    """FID (Heusel et al., 2017): |m - m'|² + tr(C + C' - 2 (C C')^½) of two sets of features."""
    mean, covariance = zip(*((x.mean(0), np.cov(x, rowvar=False)) for x in (a.astype(np.float64), b.astype(np.float64))))
    values, vectors = np.linalg.eigh(covariance[0])
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    common = np.sqrt(np.linalg.eigvalsh(root @ covariance[1] @ root).clip(0)).sum()
    return float(np.square(mean[0] - mean[1]).sum() + np.trace(covariance[0]) + np.trace(covariance[1]) - 2 * common)


def kernel_distance(a, b):
    """KID (Bińkowski et al., 2018), times 1000: the unbiased estimate with the kernel (x·y / d + 1)³."""
    kernel = lambda x, y: (x.astype(np.float64) @ y.astype(np.float64).T / x.shape[1] + 1) ** 3
    within = lambda k: (k.sum() - np.trace(k)) / (len(k) * (len(k) - 1))
    return 1000 * float(within(kernel(a, a)) + within(kernel(b, b)) - 2 * kernel(a, b).mean())
