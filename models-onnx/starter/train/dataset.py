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
# What may change along when an attribute is changed as asked: what hides or appears with it, and that age greys hair.
ALONG = {
    "hair": ("hair_colour", "fringe"), "hat": ("hair", "hair_colour", "fringe", "hat_colour"), "glasses": ("eyes",),
    "age": ("hair_colour",),
}  # fmt: skip


class Heads:
    """All shards of some folders, in memory (`device`'s): images and masks stay 8-bit, reduced to `side` where given.

    The last `held_out` faces of the last folder are not trained on: the renderer seeds every face by
    its own number, so no training face shares one.
    """

    FIELDS = ("image", "mask", "params", "labels")

    def __init__(self, folders, held_out=0, device="cpu", limit=None, side=None):
        if isinstance(folders, (str, pathlib.Path)):
            folders = [folders]
        self.folders, self.device, self.limit = [pathlib.Path(f) for f in folders], torch.device(device), limit
        self.known, self.side = set(), side
        found = self._read()
        if not found:
            raise SystemExit(f"no shard-*.npz under {folders}")
        self.images, self.masks, self.params, self.labels = found
        count = len(self.images)
        self.train = torch.arange(count - held_out, device=device)
        self.held_out = torch.arange(count - held_out, count, device=device)

    def _read(self):
        """What lies in shards that were not read yet, or nothing."""
        new = [f for d in self.folders for f in sorted(d.glob("shard-*.npz")) if f not in self.known]
        if self.limit and self.known:
            new = new[: max(0, (self.limit - len(self.images)) * len(self.known) // len(self.images))]
        if not new:
            return None
        self.known.update(new)
        shards = [self._reduced(*(torch.from_numpy(s[k]).to(self.device) for k in self.FIELDS)) for s in map(np.load, new)]
        return [torch.cat(rows) for rows in zip(*shards)]

    def _reduced(self, images, masks, params, labels):
        images = images.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        if self.side and self.side != images.shape[2]:
            factor = images.shape[2] // self.side
            images = F.avg_pool2d(images.float(), factor).round().to(torch.uint8)
            masks = masks[:, factor // 2 :: factor, factor // 2 :: factor].contiguous()
        return images, masks, params.float(), labels

    def grow(self):
        """Add to `train` what was rendered since; tells whether there was any."""
        found = self._read()
        if found:
            before, count = len(self.images), len(found[0])
            self.images, self.masks, self.params, self.labels = (
                torch.cat(pair) for pair in zip((self.images, self.masks, self.params, self.labels), found)
            )
            self.train = torch.cat([self.train, torch.arange(before, before + count, device=self.device)])
            if self.device.type == "cuda":
                torch.cuda.empty_cache()  # the smaller tensors of before, which other trainings may need
        return bool(found)

    def draw(self, count):
        """So many indices of faces to train on."""
        return self.train[torch.randint(len(self.train), (count,), device=self.device)]

    def batch(self, index):
        return unit_range(self.images[index])

    def label(self, name):
        return self.labels[:, NAMES.index(name)].long()


def shown(data):
    """Where an attribute shows: {name: [n] of bool}. Elsewhere its label says nothing."""
    label = data.label
    covered = (label("hat") > 0) & (label("hair") < 3)
    hidden = {
        "hair_colour": (label("hair") == 0) | covered,
        "hair": covered,
        "fringe": (label("hair") < 2) | (label("hat") > 0),
        "hat_colour": label("hat") == 0,
        "eyes": (label("glasses") == 2) | (label("expression") == 6),
    }
    everywhere = torch.ones(len(data.labels), dtype=torch.bool, device=data.device)
    return {name: ~hidden[name] if name in hidden else everywhere for name in ATTRIBUTES}


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
    return F.max_pool2d(CLASS_WEIGHTS.to(masks.device)[masks.long()][:, None], 3, 1, 1)
