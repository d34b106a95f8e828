"""Train the identity network: the same head on other occasions is near, other heads are far.

  heads --data DATA render --out MEETINGS --shards 3 --count 2400 --meetings 4 --first N
  python train_identity.py MEETINGS --pair pair.pt --out RUN --minutes 8

Four consecutive pictures of a shard show one person with other hair, clothes, expression, pose
and light. Contrastive (NT-Xent) over two pictures each of many persons. The persons of the last
tenth are held out.
"""
import argparse

import torch
import torch.nn.functional as F

from dataset import Heads
from networks import Identity
from run import Run, arguments, device
from train_pair import augment

MEETINGS = 4
TEMPERATURE = 0.12


@torch.no_grad()
def measure(network, data, persons):
    """Share of pictures whose nearest among one picture of every held-out person is the right
    one, and the share of pairs that a single threshold on the cosine sorts rightly (equal error)."""
    index = persons[:, None] * MEETINGS + torch.arange(MEETINGS, device=data.device)
    rows = torch.cat([F.normalize(network(data.batch(i)), dim=1) for i in index.view(-1).split(256)])
    rows = rows.view(len(persons), MEETINGS, -1)
    hits = []
    for k in range(1, MEETINGS):
        hits.append((rows[:, k] @ rows[:, 0].t()).argmax(1) == torch.arange(len(persons), device=data.device))
    same = (rows[:, 0] * rows[:, 1]).sum(1)
    cosines = rows[:, 0] @ rows[:, 1].t()
    other = cosines[~torch.eye(len(persons), dtype=torch.bool, device=data.device)]
    best = max(((same > t).float().mean() + (other <= t).float().mean()).item() / 2
               for t in torch.linspace(-0.5, 1, 151))  # fmt: skip
    return torch.cat(hits).float().mean().item(), best, same.mean().item(), other.mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pair", help="a text-image pair whose image encoder to start from")
    args = arguments(parser, minutes=8, batch=48, rate=1e-3)
    data = Heads(args.data, device=device())
    count = len(data.images) // MEETINGS
    persons = torch.arange(count, device=data.device)
    train, held = persons[: count - count // 10], persons[count - count // 10 :]
    network = Identity()
    if args.pair:
        saved = torch.load(args.pair, map_location="cpu", weights_only=True)["pair"]
        trunk = {k.removeprefix("image_encoder."): v.float() for k, v in saved.items() if k.startswith("image_encoder.")}
        network.load_state_dict({k: v for k, v in trunk.items() if not k.startswith("out.")}, strict=False)
    run = Run("identity", args, network)

    def look(average):
        nearest, sorted_, same, other = measure(average, data, held)
        found = dict(persons=len(held), nearest=nearest, sorted=sorted_, same=same, other=other)
        torch.save({"identity": average.state_dict(), **found}, run.out / "identity.pt")
        return found

    partner = torch.arange(2 * args.batch, device=data.device).roll(args.batch)
    for _ in run.steps(look):
        person = train[torch.randperm(len(train), device=data.device)[: args.batch]]
        first = torch.randint(MEETINGS, (args.batch,), device=data.device)
        second = (first + torch.randint(1, MEETINGS, (args.batch,), device=data.device)) % MEETINGS
        index = torch.cat([person * MEETINGS + first, person * MEETINGS + second])
        with run.half:
            rows = run.net(augment(data.batch(index)))
        rows = F.normalize(rows.float(), dim=1)
        logits = rows @ rows.t() / TEMPERATURE
        logits = logits.masked_fill(torch.eye(len(rows), dtype=torch.bool, device=data.device), -1e9)
        run.step(F.cross_entropy(logits, partner), 2 * args.batch)


if __name__ == "__main__":
    main()
