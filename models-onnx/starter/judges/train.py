"""Train the judges on renders that no pack was trained on.

  python train.py SHARDS --out RUN --judges reader=11 segmenter=8 features=6 [--resume]

Each judge is trained for so many minutes and kept in RUN; the shards may be of larger pictures. The last 512 faces are left
out and tell when a judge is bad early; what a judge is worth is printed by evaluate.py, on other faces still.
"""
import argparse
import math

import torch
import torch.nn.functional as F

from common import ATTRIBUTES, CLASSES, IDENTITY, SIDE, Heads, Run, arguments, device, shown
from judges import DISTORTIONS, JUDGES

HELD_OUT = 512
RATES = {"reader": 2e-3, "segmenter": 2e-3, "features": 1e-3}


def softened(x):
    """Each picture blurred by another amount, from not at all to strongly."""
    soft = x
    for _ in range(2):
        soft = F.avg_pool2d(F.pad(soft, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return torch.lerp(x, soft, torch.rand(len(x), 1, 1, 1, device=x.device))


def shifted(x, masks):
    """Moved by up to two pixels."""
    dy, dx = torch.randint(-2, 3, (2,)).tolist()
    move = lambda y: torch.roll(F.pad(y, (2, 2, 2, 2), mode="replicate"), (dy, dx), (2, 3))[:, :, 2:-2, 2:-2]
    return move(x), move(masks[:, None].float())[:, 0].long()


def varied(x):
    """Generators are softer than the renderer and off in colour; judges must read both."""
    n = len(x)
    x = softened(x) * (1 + 0.1 * torch.randn(n, 1, 1, 1, device=x.device))
    noise = 0.04 * torch.rand(n, 1, 1, 1, device=x.device) * torch.randn_like(x)
    return x + 0.06 * torch.randn(n, 3, 1, 1, device=x.device) + noise


def distorted(x):
    """What may be wrong with a generator's picture, and which it was: nothing, blur, noise, coarse pixels, a ghost."""
    kind = torch.randint(DISTORTIONS, (len(x),), device=x.device)
    amount = torch.rand(len(x), 1, 1, 1, device=x.device)
    soft = F.avg_pool2d(F.pad(x, (2, 2, 2, 2), mode="replicate"), 5, 1)
    coarse = F.interpolate(F.avg_pool2d(x, 2), scale_factor=2, mode="nearest")
    changed = [
        x, torch.lerp(x, soft, 0.3 + 0.7 * amount), x + (0.05 + 0.2 * amount) * torch.randn_like(x),
        torch.lerp(x, coarse, 0.4 + 0.6 * amount), torch.lerp(x, x.roll(1, 0), 0.1 + 0.3 * amount),
    ]  # fmt: skip
    return torch.stack(changed)[kind, torch.arange(len(x), device=x.device)], kind


def read_loss(logits, data, shows, index):
    """Cross-entropy where an attribute shows, in parts of what guessing by frequency gets."""
    total = 0.0
    for name, values in ATTRIBUTES.items():
        own = shows[name][index]
        error = F.cross_entropy(logits[name].float(), data.label(name)[index], reduction="none")
        total = total + (error * own).sum() / own.sum().clamp_min(1) / math.log(len(values))
    return total / len(ATTRIBUTES)


class Losses:
    """The loss of each judge on a batch."""

    def __init__(self, data):
        self.data, self.shows = data, shown(data)
        wanted = data.params[:, IDENTITY]
        self.mean, self.deviation = wanted[data.train].mean(0), wanted[data.train].std(0).clamp_min(1e-3)
        self.identity = (wanted - self.mean) / self.deviation
        counts = torch.bincount(data.masks[data.train[::8]].flatten().long(), minlength=64)[: len(CLASSES)]
        self.rarity = (counts.sum() / counts.clamp_min(1)).float().pow(0.3)
        self.rarity /= self.rarity.mean()

    def reader(self, judge, index):
        x, _ = shifted(self.data.batch(index), self.data.masks[index])
        logits, identity = judge(varied(x))
        return read_loss(logits, self.data, self.shows, index) + 0.5 * F.mse_loss(identity.float(), self.identity[index])

    def segmenter(self, judge, index):
        x, mask = shifted(self.data.batch(index), self.data.masks[index])
        return F.cross_entropy(judge(varied(x)).float(), mask, self.rarity)

    def features(self, judge, index):
        x, kind = distorted(self.data.batch(index))
        logits, distortion = judge(x)
        return read_loss(logits, self.data, self.shows, index) + 0.3 * F.cross_entropy(distortion.float(), kind)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--judges", nargs="+", default=["reader=11", "segmenter=8", "features=6"], help="with minutes")
    args = arguments(parser, batch=64)
    data = Heads(args.data, HELD_OUT, device(), side=SIDE)
    losses = Losses(data)
    file = {"about": {"faces": len(data.train)}}
    for name, minutes in (pair.split("=") for pair in args.judges):
        torch.manual_seed(0)
        told = argparse.Namespace(**vars(args) | {"minutes": float(minutes), "rate": RATES[name]})
        run = Run(name, told, JUDGES[name]())
        loss = getattr(losses, name)

        def look(average, loss=loss):
            average.eval()
            parts = [loss(average, i).item() for i in data.held_out.split(256)]
            return {"loss": sum(parts) / len(parts)}

        for _ in run.steps(look):
            with run.half:
                value = loss(run.net, data.draw(args.batch))
            run.step(value, args.batch)
        file["about"][name] = {"minutes": float(minutes), "pictures": run.seen}
        # Half precision is far below what judges differ by from run to run.
        state = run.average.state_dict()
        file[name] = {k: (v.half() if v.is_floating_point() else v).cpu() for k, v in state.items()}
    file["identity"] = {"mean": losses.mean.cpu(), "deviation": losses.deviation.cpu()}
    torch.save(file, run.out / "judges.pt")


if __name__ == "__main__":
    main()
