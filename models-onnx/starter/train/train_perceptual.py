"""Train the features of the perceptual distance: to tell the class of every pixel, and attributes.

  python train_perceptual.py DATA --out RUN --minutes 6

Then checks that the distance behaves: it has to find a picture of the same face nearer when
it is blurred, shifted or noisy by less, and nearer than a picture of another face.
"""
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F

from dataset import ATTRIBUTES, Heads, pixel_weights
from generator import CLASSES
from networks import Features, Perceptual
from run import Run, arguments, device
from train_generator import HELD_OUT
from train_pair import HEADS


class Tasks(nn.Module):
    """What the features are trained by; thrown away afterwards."""

    def __init__(self):
        super().__init__()
        widths = Features.WIDTHS
        self.classes = nn.ModuleList(nn.Conv2d(w, len(CLASSES), 1) for w in widths)
        self.attributes = nn.ModuleDict({n: nn.Linear(widths[-1] * 16, len(ATTRIBUTES[n])) for n in HEADS})

    def forward(self, maps):
        logits = None
        for x, head in zip(reversed(maps), reversed(self.classes)):
            y = head(x)
            logits = y if logits is None else y + F.interpolate(
                logits, scale_factor=2, mode="bilinear", align_corners=False)  # fmt: skip
        flat = F.avg_pool2d(maps[-1], 2).flatten(1)
        return logits, {n: head(flat) for n, head in self.attributes.items()}


@torch.no_grad()
def ordered(network, data, index):
    """Share of faces for which twice the damage is twice the distance or at least more, and for
    which another face is farther than either."""
    x = data.batch(index)
    other = data.batch(index.roll(1))
    soft = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    noise = torch.randn_like(x)
    pairs = [(torch.lerp(x, soft, 0.4), soft), (x.roll(1, 3), x.roll(3, 3)), (x + 0.05 * noise, x + 0.15 * noise)]
    right = []
    for less, more in pairs:
        a, b, c = network(x, less), network(x, more), network(x, other)
        right.append(((a < b) & (b < c)).float().mean().item())
    return right


class Trained(nn.Module):
    def __init__(self):
        super().__init__()
        self.network, self.tasks = Perceptual(), Tasks()

    def forward(self, images):
        return self.tasks(self.network.features(images))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--limit", type=int, help="most faces to hold in memory")
    args = arguments(parser, minutes=6, batch=32, rate=2e-3)
    data = Heads(args.data, HELD_OUT, device(), args.limit)
    run = Run("perceptual", args, Trained())

    def look(average):
        guess = torch.cat([average(data.batch(i))[0].argmax(1) for i in data.held_out.split(128)])
        accuracy = (guess == data.masks[data.held_out]).float().mean().item()
        blur, shift, noise = ordered(average.network, data, data.held_out[:256])
        found = dict(mask_accuracy=accuracy, blur=blur, shift=shift, noise=noise)
        torch.save({"features": average.network.features.state_dict(), **found}, run.out / "perceptual.pt")
        return found

    for _ in run.steps(look):
        index = data.draw(args.batch)
        images, masks = data.batch(index), data.masks[index]
        shade = torch.rand(len(images), 3, 1, 1, device=data.device) - 0.5
        with run.half:
            logits, said = run.net(images + 0.14 * shade + 0.04 * torch.randn_like(images))
        weight = pixel_weights(masks)[:, 0]
        loss = (F.cross_entropy(logits.float(), masks.long(), reduction="none") * weight).mean()
        loss = loss + 0.1 * sum(F.cross_entropy(said[n].float(), data.label(n)[index]) for n in HEADS)
        run.step(loss, len(index))


if __name__ == "__main__":
    main()
