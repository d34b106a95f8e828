"""An independent judge: a segmenter that shares neither data nor architecture with what it judges.

    python judge.py SHARDS… --held-out HELD --out RUN --minutes 8

A U-Net with batch normalisation, on rooms of seeds of their own. It is never shown a picture that a network made.
"""
import argparse

import torch
import torch.nn.functional as F
from torch import nn

from dataset import CLASSES, Rooms
from common import Run, arguments


def block(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


class Judge(nn.Module):
    def __init__(self, widths=(12, 24, 40, 64)):
        super().__init__()
        self.down = nn.ModuleList(block(a, b) for a, b in zip((3, *widths), widths))
        self.deep = block(widths[-1], widths[-1])
        self.up = nn.ModuleList(block(a + b, b) for a, b in zip(widths[:0:-1], widths[-2::-1]))
        self.classes = nn.Conv2d(widths[0], len(CLASSES), 1)

    def maps(self, x):
        """What each stage on the way down makes, and the last of them once more."""
        kept = []
        for number, part in enumerate(self.down):
            x = part(F.max_pool2d(x, 2) if number else x)
            kept.append(x)
        return kept, self.deep(x)

    def vector(self, x):
        """The layer of KID and FID: the means over places of all but the first stage, [n, 192]."""
        kept, x = self.maps(x)
        return torch.cat([m.mean((2, 3)) for m in (*kept[1:], x)], 1)

    def forward(self, x):
        kept, x = self.maps(x)
        for part, skip in zip(self.up, kept[-2::-1]):
            x = part(torch.cat([F.interpolate(x, scale_factor=2), skip], 1))
        return self.classes(x)


def intersections(found, right):
    """Intersection over union of each class over some pictures; nan for classes that are in neither."""
    both = [((found == c) & (right == c)).sum() / ((found == c) | (right == c)).sum() for c in range(len(CLASSES))]
    return torch.tensor(both)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--held-out", required=True, help="folder of rooms that are never trained on")
    args = arguments(parser, minutes=8, batch=32, rate=3e-3)
    data, held = Rooms(args.data, "shard-*.npz"), Rooms([args.held_out], "shard-*.npz")
    run = Run("judge", args, Judge(), ema=0.99)
    at = run.device

    def measure(net):
        net.eval()
        index = torch.arange(min(256, len(held)))
        each = intersections(net(held.pictures(index, at)).argmax(1).cpu(), held.classes[index])
        return {"miou": each[~each.isnan()].mean()}

    for _ in run.steps(measure):
        index = torch.randint(len(data), (args.batch,))
        picture, classes = data.pictures(index, at), data.classes[index].to(at).long()
        # Other light and softness than the renderer's: it will judge what networks paint.
        picture = picture * (0.8 + 0.4 * torch.rand(len(index), 1, 1, 1, device=at))
        if torch.rand(()) < 0.5:
            picture = F.avg_pool2d(F.pad(picture, (1, 1, 1, 1), mode="replicate"), 3, 1)
        picture = picture + 0.05 * torch.randn_like(picture)
        with run.half:
            logits = run.net(picture)
        run.step(F.cross_entropy(logits.float(), classes), args.batch)


if __name__ == "__main__":
    main()
