"""Renders at 64 pixels, held on the device that trains, as many as have been written so far."""
import concurrent.futures
import pathlib
import threading
import time
import zipfile

import numpy as np
import torch
import torch.nn.functional as F

from captioning import TRAITS, speakable
from common import NAMES, unit_range

SIDE = 64
HELD_OUT = 512  # faces, the first of the first shard


def shard(path):
    """Arrays of a shard; None while it is being written."""
    try:
        with np.load(path) as file:
            return {key: file[key] for key in ("image", "mask", "labels")}
    except (zipfile.BadZipFile, EOFError, ValueError, OSError, KeyError):
        return None


class Faces:
    """Pictures, masks and labels; those from `HELD_OUT` to `count` are trained on. A thread adds shards as they appear."""

    def __init__(self, folders, at, limit):
        self.folders, self.at, self.limit, self.count = folders, at, limit, 0
        empty = lambda *shape, kind=torch.uint8: torch.empty(limit, *shape, dtype=kind, device=at)
        self.images, self.masks = empty(3, SIDE, SIDE), empty(SIDE, SIDE)
        self.labels, self.usable = empty(len(NAMES)), empty(len(TRAITS), kind=torch.bool)
        self.known = set()
        self.grow()
        while self.count <= HELD_OUT:
            print(f"waiting for more than {HELD_OUT} faces in {', '.join(folders)}", flush=True)
            time.sleep(2)
            self.grow()
        self.held_out = torch.arange(HELD_OUT, device=at)
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        while self.count < self.limit:
            time.sleep(5)
            self.grow()

    def grow(self):
        """Adds what has been written since, in the order of folders and names."""
        paths = [path for folder in self.folders for path in sorted(pathlib.Path(folder).glob("shard-*.npz"))]
        paths = [path for path in paths if path not in self.known]
        with concurrent.futures.ThreadPoolExecutor(4) as readers:
            for some in range(0, len(paths), 4):
                for path, arrays in zip(paths[some : some + 4], readers.map(shard, paths[some : some + 4])):
                    if arrays is not None and self.count < self.limit:
                        self.known.add(path)
                        self.add(arrays)

    @torch.no_grad()
    def add(self, arrays):
        count = min(len(arrays["image"]), self.limit - self.count)
        image = torch.from_numpy(arrays["image"][:count])
        mask, labels = torch.from_numpy(arrays["mask"][:count]), torch.from_numpy(arrays["labels"][:count])
        step = image.shape[1] // SIDE
        for at in range(0, count, 500):
            some, here = slice(at, at + 500), slice(self.count + at, self.count + min(at + 500, count))
            pixels = image[some].to(self.at).permute(0, 3, 1, 2).float()
            self.images[here] = F.avg_pool2d(pixels, step).add(0.5).to(torch.uint8)
            self.masks[here] = mask[some, step // 2 :: step, step // 2 :: step].to(self.at)
        here = slice(self.count, self.count + count)
        self.labels[here] = labels.to(self.at)
        self.usable[here] = speakable(labels).to(self.at)
        self.count += count

    def draw(self, count):
        """Numbers of faces to train on."""
        return torch.randint(HELD_OUT, self.count, (count,), device=self.at)

    def batch(self, index):
        return unit_range(self.images[index])
