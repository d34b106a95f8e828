"""Train the identity network: the same head on other occasions is near, other heads are far.

  heads --data DATA render --out MEETINGS --shards 3 --count 2400 --meetings 4 --first N
  python train_identity.py MEETINGS --pack ../../packs/starter-faces --out RUN --minutes 8

Four consecutive pictures of a shard show one person with other hair, clothes, expression, pose
and light. Contrastive (NT-Xent) over two pictures each of many persons. The persons of the last
tenth are held out.
"""
import argparse
import pathlib
import time

import torch
import torch.nn.functional as F

import shipped
from dataset import Heads
from networks import Identity, ImageEncoder
from train_pair import augment

MEETINGS = 4
PERSONS = 48  # in a batch
TEMPERATURE = 0.12


@torch.no_grad()
def measure(network, data, persons):
    """Share of pictures whose nearest among one picture of every held-out person is the right
    one, and the share of pairs that a single threshold on the cosine sorts rightly (equal error)."""
    index = persons[:, None] * MEETINGS + torch.arange(MEETINGS)
    rows = torch.cat([F.normalize(network(data.batch(i)), dim=1) for i in index.view(-1).split(256)])
    rows = rows.view(len(persons), MEETINGS, -1)
    hits = []
    for k in range(1, MEETINGS):
        hits.append((rows[:, k] @ rows[:, 0].t()).argmax(1) == torch.arange(len(persons)))
    same = (rows[:, 0] * rows[:, 1]).sum(1)
    cosines = rows[:, 0] @ rows[:, 1].t()
    other = cosines[~torch.eye(len(persons), dtype=torch.bool)]
    best = max(((same > t).float().mean() + (other <= t).float().mean()).item() / 2
               for t in torch.linspace(-0.5, 1, 151))  # fmt: skip
    return torch.cat(hits).float().mean().item(), best, same.mean().item(), other.mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="+")
    parser.add_argument("--pack", help="a pack whose image encoder to start from")
    parser.add_argument("--out", required=True)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    data = Heads(args.data)
    count = len(data.images) // MEETINGS
    train, held = torch.arange(count - count // 10), torch.arange(count - count // 10, count)
    network = Identity()
    if args.pack:
        trunk = ImageEncoder()
        shipped.residual_network(trunk, shipped.path(args.pack, "image-encoder"))
        rest = {k: v for k, v in trunk.state_dict().items() if not k.startswith("out.")}
        network.load_state_dict(rest, strict=False)
    adam = torch.optim.AdamW(network.parameters(), lr=args.rate, betas=(0.9, 0.99), weight_decay=0.01)
    started, step = time.time(), 0
    while (fraction := (time.time() - started) / (args.minutes * 60)) < 1:
        adam.param_groups[0]["lr"] = args.rate * min(1, (step + 1) / 30, max(0.02, (1 - fraction) / 0.6))
        person = train[torch.randperm(len(train))[:PERSONS]]
        first = torch.randint(MEETINGS, (PERSONS,))
        second = (first + torch.randint(1, MEETINGS, (PERSONS,))) % MEETINGS
        index = torch.cat([person * MEETINGS + first, person * MEETINGS + second])
        rows = F.normalize(network(augment(data.batch(index))), dim=1)
        logits = rows @ rows.t() / TEMPERATURE
        logits.fill_diagonal_(-1e9)
        partner = torch.arange(2 * PERSONS).roll(PERSONS)
        loss = F.cross_entropy(logits, partner)
        adam.zero_grad()
        loss.backward()
        adam.step()
        step += 1
        if step % 100 == 0:
            print(f"{(time.time() - started) / 60:.1f} min, step {step}, loss {loss.item():.3f}", flush=True)
    nearest, sorted_, same, other = measure(network, data, held)
    print(f"{len(held)} persons held out: nearest right {nearest:.3f}, pairs sorted {sorted_:.3f}, "
          f"cosine same {same:.3f}, other {other:.3f}")
    torch.save({"identity": network.state_dict(), "persons": len(held), "nearest": nearest,
                "sorted": sorted_, "same": same, "other": other}, out / "identity.pt")  # fmt: skip


if __name__ == "__main__":
    main()
