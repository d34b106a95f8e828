"""Train a reader of attributes, by whose eyes directions are taught: see `train_effects.py`.

  python train_reader.py DATA --out RUN --minutes 12

It looks at half the pictures' size and at softer pictures than renders are, since a generator's are. It shares nothing with the
judges, neither faces nor form: what directions are taught by must not be what they are judged by.
"""
import torch
import torch.nn.functional as F

from dataset import ATTRIBUTES, Heads, shown
from networks import Reader
from run import Run, arguments, device
from train_generator import HELD_OUT
from train_pair import augment

# What is small in the picture is learnt last unless it counts more.
STRESS = {"expression": 4, "age": 2}


def readable(data):
    """Where an attribute shows, and beards of men only."""
    return shown(data) | {"beard": data.label("gender") == 0}


def loss_of(logits, labels, shows):
    """Cross-entropy of the attributes, each where it shows, by their stress."""
    total = 0.0
    for i, name in enumerate(ATTRIBUTES):
        error = F.cross_entropy(logits[name].float(), labels[:, i].long(), reduction="none")
        total = total + STRESS.get(name, 1) * (error * shows[name]).sum() / shows[name].sum().clamp_min(1)
    return total / len(ATTRIBUTES)


@torch.no_grad()
def right(reader, data, shows, index):
    """{attribute: share of the faces in which it is read right, of those in which it shows}."""
    parts = [reader(data.batch(i)) for i in index.split(256)]
    found = {}
    for name in ATTRIBUTES:
        said = torch.cat([part[name] for part in parts]).argmax(1)
        found[name] = (said == data.label(name)[index])[shows[name][index]].float().mean().item()
    return found


def main():
    args = arguments(minutes=12, batch=64, rate=2e-3)
    data = Heads(args.data, HELD_OUT, device(), side=Reader.SIDE)
    shows = readable(data)
    run = Run("reader", args, Reader(), ema=0.99)

    def look(average):
        average.eval()
        found = right(average, data, shows, data.held_out)
        torch.save({"reader": average.state_dict(), "right": found}, run.out / "reader.pt")
        return found

    for _ in run.steps(look):
        index = data.draw(args.batch)
        images = augment(data.batch(index))
        images = torch.where(torch.rand(len(index), 1, 1, 1, device=data.device) < 0.5, images, images.flip(3))
        with torch.autocast(data.device.type, torch.bfloat16):
            logits = run.net(images)
        run.step(loss_of(logits, data.labels[index], {name: own[index] for name, own in shows.items()}), len(index))


if __name__ == "__main__":
    main()
