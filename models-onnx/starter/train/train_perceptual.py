"""Train the features of the perceptual distance: to tell the class of every pixel, and attributes.

  python train_perceptual.py DATA --out RUN --minutes 6

Then checks that the distance behaves: it has to find a picture of the same face nearer when
it is blurred, shifted or noisy by less, and nearer than a picture of another face.
"""
import argparse
import pathlib
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

from dataset import ATTRIBUTES, Heads, pixel_weights
from generator import CLASSES
from networks import Features, Perceptual
from train_pair import HEADS

BATCH = 32


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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="+")
    parser.add_argument("--out", required=True)
    parser.add_argument("--minutes", type=float, default=6)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--held-out", type=int, default=512)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    data = Heads(args.data, args.held_out)
    network, tasks = Perceptual(), Tasks()
    adam = torch.optim.AdamW([*network.parameters(), *tasks.parameters()], lr=args.rate,
                             betas=(0.9, 0.99), weight_decay=0.01)  # fmt: skip
    started, step = time.time(), 0
    while (fraction := (time.time() - started) / (args.minutes * 60)) < 1:
        adam.param_groups[0]["lr"] = args.rate * min(1, (step + 1) / 30, max(0.02, (1 - fraction) / 0.6))
        index = data.train[torch.randint(len(data.train), (BATCH,))]
        images = data.batch(index)
        images = images + 0.04 * torch.randn(len(images), 3, 1, 1) + 0.04 * torch.randn_like(images)
        logits, said = tasks(network.features(images))
        masks = data.masks[index]
        weight = pixel_weights(masks)[:, 0]
        loss = (F.cross_entropy(logits, masks.long(), reduction="none") * weight).mean()
        loss = loss + 0.1 * sum(F.cross_entropy(said[n], data.label(n)[index]) for n in HEADS)
        adam.zero_grad()
        loss.backward()
        adam.step()
        step += 1
        if step % 100 == 0:
            print(f"{(time.time() - started) / 60:.1f} min, step {step}, loss {loss.item():.3f}", flush=True)
    with torch.no_grad():
        guess = torch.cat([tasks(network.features(data.batch(i)))[0].argmax(1) for i in data.held_out.split(128)])
    accuracy = (guess == data.masks[data.held_out]).float().mean().item()
    right = ordered(network, data, data.held_out[:256])
    print(f"held out: mask accuracy {accuracy:.3f}; order right for blur {right[0]:.3f}, shift "
          f"{right[1]:.3f}, noise {right[2]:.3f}")
    torch.save({"features": network.features.state_dict(), "mask_accuracy": accuracy, "order": right},
               out / "perceptual.pt")  # fmt: skip


if __name__ == "__main__":
    main()
