"""The checkpoint file: rosinality's {g_ema, latent_avg} plus what training needs to go on."""
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

from dataset import pixel_weights, unit_range
from generator import CHANNELS, CLASSES, MAPPING_LAYERS, PARAMS, SIZE, STYLE_DIM, Generator, make_param_mapper, make_segmenter

# Colours of iris, lips, clothes, frames and hat, and the one-hot columns of the named attributes.
NAMED = [*range(206 + 9, 206 + 24), *range(206 + 58 + 8, 206 + 58 + 35)]
KEYS = {"g": "g_ema", "seg": "seg", "pmap": "pmap"}


class Faces(nn.Module):
    """The generator, and what ties it to the renderer: codes of parameters, and classes of pixels."""

    def __init__(self):
        super().__init__()
        self.g, self.seg, self.pmap = Generator(), make_segmenter(), make_param_mapper()
        self.register_buffer("mean", torch.zeros(PARAMS))
        self.register_buffer("std", torch.ones(PARAMS))

    def code(self, params):
        """Renderer's parameters [n, 318] -> w [n, 256]."""
        return self.pmap(((params - self.mean) / self.std).clamp(-5, 5))

    @torch.no_grad()
    def codes(self, params):
        """As `code`, for many."""
        return torch.cat([self.code(p) for p in params.split(2048)])

    def forward(self, params, fresh_noise=False):
        """Renderer's parameters -> picture and class logits."""
        return self.g(self.code(params), self.seg, fresh_noise)


def load(path):
    """The networks of a checkpoint in single precision, and what it says of itself."""
    saved = torch.load(path, map_location="cpu", weights_only=True)
    faces = Faces()
    for ours, theirs in KEYS.items():
        getattr(faces, ours).load_state_dict({k: v.float() for k, v in saved[theirs].items()})
    faces.mean.copy_(saved["p_mean"])
    faces.std.copy_(saved["p_std"])
    return faces, dict(saved["config"], latent_avg=saved["latent_avg"])


@torch.no_grad()
def save(path, faces, info, half=False):
    """`info` is the checkpoint's `config`, and `latent_avg` where the mapping network's is known."""

    def state(module):
        return {k: (v.half() if half else v.clone()).cpu() for k, v in module.state_dict().items()}

    info = dict(info)
    average = info.pop("latent_avg", None)
    average = faces.code(faces.mean[None])[0].cpu() if average is None else average
    config = dict(info, size=SIZE, style_dim=STYLE_DIM, n_mlp=MAPPING_LAYERS, channels=CHANNELS, classes=CLASSES)
    file = {theirs: state(getattr(faces, ours)) for ours, theirs in KEYS.items()}
    file.update(latent_avg=average, p_mean=faces.mean.cpu(), p_std=faces.std.cpu(), config=config)
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
    weight = F.avg_pool2d(pixel_weights(data.masks[index]), 4).mean(0).sqrt()
    small = torch.cat([F.avg_pool2d(unit_range(data.images[i]), 4) for i in index.split(500)])
    target = small * weight
    target = (target - target.mean(0)).flatten(1)
    effect = ((normal.t() @ target) / len(index)).square().mean(1).sqrt()
    effect = (effect / effect.quantile(0.95)).sqrt().clamp(0.2, 1.5)
    # What has a name but covers little (iris, lips, frames, hat) must not be learnt last.
    effect[NAMED] = effect[NAMED].clamp_min(0.6)
    return mean, std / effect
