"""Train the judges on renders that no pack was trained on.

  python train.py SHARDS --out RUN --minutes reader=11 segmenter=8 features=6

Times are of the processor, so that a busy machine does not make worse judges. Each judge is kept in RUN every minute
and gone on with when the command is given again. The last 512 faces are left out and tell when a judge is bad early;
what a judge is worth is printed by evaluate.py, on other faces still.
"""
import argparse
import json
import pathlib
import time

import torch
import torch.nn.functional as F

from common import ATTRIBUTES, CLASSES, IDENTITY, Heads
from judges import DISTORTIONS, JUDGES

BATCH = 64
HELD_OUT = 512
RATES = {"reader": 2e-3, "segmenter": 2e-3, "features": 1e-3}


def softened(x):
    """Each picture blurred by another amount, from not at all to strongly."""
    soft = x
    for _ in range(2):
        soft = F.avg_pool2d(F.pad(soft, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return torch.lerp(x, soft, torch.rand(len(x), 1, 1, 1))


def shifted(x, masks):
    """Moved by up to two pixels."""
    dy, dx = torch.randint(-2, 3, (2,)).tolist()
    move = lambda y: torch.roll(F.pad(y, (2, 2, 2, 2), mode="replicate"), (dy, dx), (2, 3))[:, :, 2:-2, 2:-2]
    return move(x), move(masks[:, None].float())[:, 0].long()


def varied(x):
    """Generators are softer than the renderer and off in colour; judges must read both."""
    n = len(x)
    x = softened(x) * (1 + 0.1 * torch.randn(n, 1, 1, 1))
    return x + 0.06 * torch.randn(n, 3, 1, 1) + 0.04 * torch.rand(n, 1, 1, 1) * torch.randn_like(x)


def distorted(x):
    """What may be wrong with a generator's picture, and which it was: nothing, blur, noise, coarse pixels, a ghost."""
    kind = torch.randint(DISTORTIONS, (len(x),))
    amount = torch.rand(len(x), 1, 1, 1)
    soft = F.avg_pool2d(F.pad(x, (2, 2, 2, 2), mode="replicate"), 5, 1)
    coarse = F.interpolate(F.avg_pool2d(x, 2), scale_factor=2, mode="nearest")
    changed = [
        x, torch.lerp(x, soft, 0.3 + 0.7 * amount), x + (0.05 + 0.2 * amount) * torch.randn_like(x),
        torch.lerp(x, coarse, 0.4 + 0.6 * amount), torch.lerp(x, x.roll(1, 0), 0.1 + 0.3 * amount),
    ]  # fmt: skip
    return torch.stack(changed)[kind, torch.arange(len(x))], kind


def seen(data):
    """Where an attribute shows: {name: [n] of bool}. Elsewhere its label says nothing."""
    label = data.label
    hidden = {
        "hair_colour": (label("hair") == 0) | ((label("hat") > 0) & (label("hair") < 3)),
        "hair": (label("hat") > 0) & (label("hair") < 3),
        "fringe": (label("hair") < 2) | (label("hat") > 0),
        "hat_colour": label("hat") == 0,
        "eyes": (label("glasses") == 2) | (label("expression") == 6),
    }
    everywhere = torch.ones(len(data.images), dtype=torch.bool)
    return {name: ~hidden[name] if name in hidden else everywhere for name in ATTRIBUTES}


def read_loss(logits, data, shows, index):
    """Cross-entropy where an attribute shows, in parts of what guessing by frequency gets."""
    total = 0.0
    for name, values in ATTRIBUTES.items():
        own = shows[name][index]
        if own.any() and len(values) > 1:
            chance = torch.tensor(float(len(values))).log()
            total = total + F.cross_entropy(logits[name][own], data.label(name)[index][own]) / chance
    return total / len(ATTRIBUTES)


class Losses:
    """The loss of each judge on a batch."""

    def __init__(self, data):
        self.data, self.shows = data, seen(data)
        wanted = data.params[:, IDENTITY]
        self.mean, self.deviation = wanted[data.train].mean(0), wanted[data.train].std(0).clamp_min(1e-3)
        self.identity = (wanted - self.mean) / self.deviation
        counts = torch.bincount(data.masks[data.train[::8]].flatten().long(), minlength=64)[: len(CLASSES)]
        self.rarity = (counts.sum() / counts.clamp_min(1)).float().pow(0.3)
        self.rarity /= self.rarity.mean()

    def reader(self, judge, index):
        x, _ = shifted(self.data.batch(index), self.data.masks[index])
        logits, identity = judge(varied(x))
        return read_loss(logits, self.data, self.shows, index) + 0.5 * F.mse_loss(identity, self.identity[index])

    def segmenter(self, judge, index):
        x, mask = shifted(self.data.batch(index), self.data.masks[index])
        return F.cross_entropy(judge(varied(x)), mask, self.rarity)

    def features(self, judge, index):
        x, kind = distorted(self.data.batch(index))
        logits, distortion = judge(x)
        return read_loss(logits, self.data, self.shows, index) + 0.3 * F.cross_entropy(distortion, kind)


def train(name, judge, losses, data, minutes, path):
    torch.manual_seed(1)
    adam = torch.optim.AdamW(judge.parameters(), lr=RATES[name], weight_decay=0.02)
    spent, step = 0.0, 0
    if path.exists():
        saved = torch.load(path, weights_only=True)
        judge.load_state_dict(saved["judge"])
        adam.load_state_dict(saved["adam"])
        spent, step = saved["seconds"], saved["steps"]
    kept, running = spent, 0.0
    before = time.process_time() - spent

    def keep():
        torch.save({"judge": judge.state_dict(), "adam": adam.state_dict(), "seconds": spent, "steps": step}, path)

    judge.train()
    while (done := spent / (60 * minutes)) < 1:
        rate = min(1, (step + 1) / 100, 0.01 + 1.4 * (1 - done))
        adam.param_groups[0]["lr"] = RATES[name] * rate
        index = data.train[torch.randint(len(data.train), (BATCH,))]
        loss = getattr(losses, name)(judge, index)
        adam.zero_grad()
        loss.backward()
        adam.step()
        step += 1
        running = loss.item() if step == 1 else 0.98 * running + 0.02 * loss.item()
        spent = time.process_time() - before
        if spent - kept > 60:
            kept = spent
            keep()
            print(f"{name}: {spent / 60:.1f} min, {step * BATCH} pictures, loss {running:.4f}", flush=True)
    keep()
    judge.eval()
    with torch.no_grad():
        parts = [getattr(losses, name)(judge, i).item() for i in data.held_out.split(BATCH)]
    print(f"{name}: held out {sum(parts) / len(parts):.4f}", flush=True)
    return {"minutes": round(spent / 60, 1), "pictures": step * BATCH}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="+")
    parser.add_argument("--out", required=True, help="folder of checkpoints; judges.pt is written there")
    parser.add_argument("--minutes", nargs="+", default=["reader=11", "segmenter=8", "features=6"])
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    data = Heads(args.data, HELD_OUT)
    losses = Losses(data)
    file = {"about": {"faces": len(data.train)}}
    for name, minutes in (pair.split("=") for pair in args.minutes):
        torch.manual_seed(0)
        judge = JUDGES[name]()
        file["about"][name] = train(name, judge, losses, data, float(minutes), out / f"{name}.pt")
        # Half precision is far below what judges differ by from run to run.
        file[name] = {k: v.half() if v.is_floating_point() else v for k, v in judge.state_dict().items()}
    file["identity"] = {"mean": losses.mean, "deviation": losses.deviation}
    torch.save(file, out / "judges.pt")
    print(json.dumps(file["about"]))


if __name__ == "__main__":
    main()
