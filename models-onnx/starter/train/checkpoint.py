"""The checkpoint file: rosinality's {g_ema, latent_avg} plus what training needs to go on."""
import os

import torch
import torch.nn.functional as F

from dataset import pixel_weights, unit_range
from generator import CHANNELS, CLASSES, MAPPING_LAYERS, PARAMS, SIZE, STYLE_DIM

# Colours of iris, lips, clothes, frames and hat, and the one-hot columns of the named attributes.
NAMED = [*range(206 + 9, 206 + 24), *range(206 + 58 + 8, 206 + 58 + 35)]
KEYS = {"g": "g_ema", "seg": "seg", "pmap": "pmap"}


def load_into(path, models):
    """Fill {g, seg, pmap}; returns parameter mean, effective std, and the saved config."""
    saved = torch.load(path, map_location="cpu", weights_only=True)
    for ours, theirs in KEYS.items():
        if ours in models:
            state = {k: v.float() for k, v in saved[theirs].items()}
            if ours == "pmap":
                # Older checkpoints know fewer parameters: new ones begin without effect.
                missing = PARAMS - state["0.weight"].shape[1]
                state["0.weight"] = F.pad(state["0.weight"], (0, missing))
            models[ours].load_state_dict(state)
    mean, std = saved["p_mean"].float(), saved["p_std"].float()
    missing = PARAMS - len(mean)
    return F.pad(mean, (0, missing)), F.pad(std, (0, missing), value=1.0), dict(saved["config"])


@torch.no_grad()
def restate(mapper, old, new):
    """The same map of the raw parameters, read with other statistics (mean, std)."""
    first = mapper[0]
    first.bias += first.weight @ ((new[0] - old[0]) / old[1])
    first.weight *= new[1] / old[1]


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
    # What has a name but covers little (iris, lips, frames, hat) must not be learnt last.
    effect[NAMED] = effect[NAMED].clamp_min(0.6)
    return mean, std / effect
