"""How unlike two pictures are."""
import torch
import torch.nn.functional as F

from dataset import PARTS

# Small things that people look at count more: a lamp is fifty pixels, a wall a thousand.
WEIGHTS = torch.tensor([{"window": 2.0, "picture": 3.0, "lamp": 4.0, "plant": 3.0, "nightstand": 3.0, "seat": 2.0,
                         "rug": 1.5, "wardrobe": 1.5, "left curtain": 2.5, "right curtain": 2.5}.get(p, 1.0)
                        for p in PARTS])  # fmt: skip


def weights(parts):
    """[n, h, w] parts to [n, 1, h, w] weights, a pixel wider than the things, with a mean of one."""
    wide = F.max_pool2d(WEIGHTS.to(parts.device)[parts.long()][:, None], 3, 1, 1)
    return wide / wide.mean()


def unlike(made, real, weight):
    """Weighted L1 of pixels and of their gradients, and L1 at half the size."""
    error = made - real
    down = (error[..., 1:, :] - error[..., :-1, :]).abs() * weight[..., 1:, :]
    across = (error[..., 1:] - error[..., :-1]).abs() * weight[..., 1:]
    return (error.abs() * weight).mean() + down.mean() + across.mean() + 0.5 * F.avg_pool2d(error, 2).abs().mean()


def psnr(made, real):
    """Mean over pictures, in dB."""
    square = ((made.clamp(-1, 1) - real) / 2).square().mean((1, 2, 3))
    return (-10 * square.log10()).mean().item()
