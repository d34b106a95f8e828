"""The checkpoint file: rosinality's {g_ema, latent_avg} plus what training needs to go on."""
import os

import torch
import torch.nn.functional as F

from dataset import pixel_weights, unit_range
from generator import CHANNELS, CLASSES, MAPPING_LAYERS, SIZE, STYLE_DIM

KEYS = {"g": "g_ema", "seg": "seg", "pmap": "pmap"}


def load_into(path, models):
    """Fill {g, seg, pmap}; returns parameter mean, effective std, and the saved config."""
    saved = torch.load(path, map_location="cpu", weights_only=True)
    for ours, theirs in KEYS.items():
        if ours in models:
            state = {k: v.float() for k, v in saved[theirs].items()}
            models[ours].load_state_dict(state)
    return saved["p_mean"].float(), saved["p_std"].float(), dict(saved["config"])


def save(path, models, mean, std, info, latent_avg=None, half=False):
    def state(module):
        tensors = {k: v.detach().clone() for k, v in module.state_dict().items()}
        return {k: v.half() if half else v for k, v in tensors.items()}

    if latent_avg is None:
        with torch.no_grad():
            latent_avg = models["pmap"](torch.zeros(1, len(mean)))[0]
    config = dict(info, size=SIZE, style_dim=STYLE_DIM, n_mlp=MAPPING_LAYERS,
                  channels=CHANNELS, classes=CLASSES)  # fmt: skip
    file = {theirs: state(models[ours]) for ours, theirs in KEYS.items()}
    file.update(latent_avg=latent_avg, p_mean=mean, p_std=std, config=config)
    temporary = f"{path}.tmp"
    torch.save(file, temporary)
    os.replace(temporary, path)


def param_statistics(data, count=6000):
    """Mean and effective std of the parameters.

    Unit variance alone would let invisible morphs drown pose and expression, so each
    parameter is scaled by the square root of how much of the picture it explains.
    """
    index = data.train[:count]
    mean, std = data.params[index].mean(0), data.params[index].std(0)
    std[std < 1e-3] = 1
    normal = (data.params[index] - mean) / std
    weight = F.avg_pool2d(pixel_weights(data.masks[index]), 2).mean(0).sqrt()
    target = F.avg_pool2d(unit_range(data.images[index]), 2) * weight
    target = (target - target.mean(0)).flatten(1)
    effect = ((normal.t() @ target) / len(index)).square().mean(1).sqrt()
    effect = (effect / effect.quantile(0.95)).sqrt().clamp(0.2, 1.5)
    return mean, std / effect
