"""Shards written by the renderer (`heads render`), and what their numbers mean."""
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

# Columns of `labels`, and the values of each; the same order as heads/src/attributes.rs.
ATTRIBUTES = {
    "gender": ["man", "woman"],
    "age": ["young", "old"],
    "skin": ["pale", "light", "tan", "brown", "dark"],
    "hair": ["bald", "buzz", "short", "bob", "afro", "long"],
    "hair_colour": "black brown blond red grey white blue pink green purple".split(),
    "fringe": ["no", "yes"],
    "expression": ["neutral", "smiling", "laughing", "surprised", "angry", "sad", "eyes-closed"],
    "glasses": ["none", "glasses", "sunglasses"],
    "beard": ["none", "stubble", "moustache", "beard", "goatee"],
    "hat": ["no", "yes"],
    "clothes": "red blue green white black yellow orange purple grey".split(),
    "hat_colour": "red blue green white black yellow orange purple grey".split(),
    "background": "red blue green white black yellow orange purple grey".split(),
    "eyes": ["brown", "blue", "green"],
    "lipstick": ["no", "yes"],
    "freckles": ["no", "yes"],
}
NAMES = list(ATTRIBUTES)


class Heads:
    """All shards of some folders, in memory: images and masks stay 8-bit."""

    def __init__(self, folders, held_out=0):
        if isinstance(folders, (str, pathlib.Path)):
            folders = [folders]
        files = sorted(f for d in folders for f in pathlib.Path(d).glob("shard-*.npz"))
        if not files:
            raise SystemExit(f"no shard-*.npz under {folders}")
        shards = [dict(np.load(f)) for f in files]

        def gather(key):
            return torch.from_numpy(np.concatenate([s[key] for s in shards]))

        images = gather("image").permute(0, 3, 1, 2)
        self.images = images.contiguous(memory_format=torch.channels_last)
        self.masks = gather("mask")
        self.params = gather("params").float()
        self.labels = gather("labels")
        # The held-out faces are the last of the last shard: the renderer seeds every face
        # by its own number, so no training face shares one.
        count = len(self.images)
        self.train = torch.arange(count - held_out)
        self.held_out = torch.arange(count - held_out, count)

    def batch(self, index):
        return unit_range(self.images[index])

    def label(self, name):
        return self.labels[:, NAMES.index(name)].long()


def unit_range(images):
    """u8 [n,3,h,w] -> f32 in [-1, 1]."""
    x = images.float() / 127.5 - 1
    return x.contiguous(memory_format=torch.channels_last)


# Loss weight by class: what is small but matters (eyes, mouth, brows, glasses) and what
# text edits ask for (glasses, beards) counts more.
CLASS_WEIGHTS = torch.tensor(
    #  bg  skin hair brow eyes lips teeth nose ears neck cloth glass hat beard
    [1.0, 1.3, 1.4, 3.5, 5.0, 5.0, 6.0, 2.0, 1.2, 1.0, 1.0, 5.0, 1.2, 3.0]
)


def pixel_weights(masks):
    """[n,h,w] classes -> [n,1,h,w] weights, dilated by a pixel so that edges count."""
    return F.max_pool2d(CLASS_WEIGHTS[masks.long()][:, None], 3, 1, 1)
