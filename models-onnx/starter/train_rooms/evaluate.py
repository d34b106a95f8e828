"""What the shipped pack does, measured on rooms that nothing was trained on; a table, and sheets to look at.

    python evaluate.py --held-out HELD --pack ../../packs/starter-rooms --judge RUN/judge.resume.pt --sheets ../sheets

Where things are is read off by the judge; see `moves.py`.
"""
import argparse
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

import fields
from common import frechet, kernel_distance, standard
from dataset import CLASSES, Rooms
from export import FIELDS, Pack, load, per_picture
from judge import Judge, intersections
from model import Generator
from moves import judged, moves, told
from sheets import outlines, save


def true_blobs(describe, data, index):
    """The renderer's blobs with the trained vectors, as the pack takes them."""
    target = fields.target(describe, data.blobs[index], data.described[index])
    n = len(index)
    background = dict(xs=torch.full((n, 1), 0.5), ys=torch.full((n, 1), 0.5), sizes=torch.full((n, 1), 1e4),
                      covs=torch.eye(2).expand(n, 1, 2, 2))  # fmt: skip
    join = lambda k: torch.cat([background[k], target[k]], 1) if k in background else target[k]
    return {k: join(k).numpy() for k in FIELDS}


def main():
    parser = argparse.ArgumentParser()
    for name in ("held-out", "pack", "judge", "checkpoint"):
        parser.add_argument(f"--{name}", required=True, type=pathlib.Path)
    parser.add_argument("--sheets", type=pathlib.Path)
    parser.add_argument("--rooms", type=int, default=150, help="rooms whose things are moved")
    args = parser.parse_args()
    torch.set_num_threads(2)
    pack = Pack(args.pack)
    judge = Judge()
    judge.load_state_dict(torch.load(args.judge, map_location="cpu", weights_only=True)["average"])
    judge.eval()
    generator = Generator()
    load(args.checkpoint, {"describe.": generator.describe})
    held = Rooms([args.held_out], "shard-*.npz")
    index = torch.arange(min(500, len(held)))
    pictures = held.pictures(index).contiguous().numpy()
    classes = held.classes[index].numpy()

    table = {}
    names = lambda each: {c: round(float(v), 3) for c, v in zip(CLASSES, each) if v == v}
    mean = lambda each: round(float(each[~each.isnan()].mean()), 3)
    of_judge = intersections(torch.from_numpy(judged(judge, pictures)), held.classes[index])
    table["judge on renders: mIoU"] = mean(of_judge)

    exact = true_blobs(generator.describe.requires_grad_(False), held, index)
    drawn = pack.draw(exact)
    table["exact blobs: PSNR"] = round(float(per_picture(drawn, pictures).mean()), 2)
    each = intersections(torch.from_numpy(judged(judge, drawn)), torch.from_numpy(classes))
    table["exact blobs: mIoU by the judge"], table["exact blobs: IoU"] = mean(each), names(each)

    blobs = pack.encode(pictures)
    again = pack.draw(blobs)
    quality = per_picture(again, pictures)
    table["inverter: PSNR mean, median, 2 %"] = [round(float(v), 2) for v in (
        quality.mean(), np.median(quality), np.quantile(quality, 0.02))]  # fmt: skip
    each = intersections(torch.from_numpy(judged(judge, again)), torch.from_numpy(classes))
    table["inverter: mIoU by the judge"], table["inverter: IoU"] = mean(each), names(each)
    there = (exact["sizes"][:, 1:] > 0) == (blobs["sizes"][:, 1:] > fields.LEAST / 2)
    table["inverter: blobs found or left out rightly"] = round(float(there.mean()), 4)

    laid = pack.layout(held.z[index].numpy())
    there = (exact["sizes"][:, 1:] > 0) == (laid["sizes"][:, 1:] > fields.LEAST / 2)
    table["layout network: blobs there or not rightly"] = round(float(there.mean()), 4)
    z = np.random.default_rng(9).normal(size=(len(pictures), held.z.shape[1])).astype(np.float32)
    sampled = pack.draw(pack.layout(z))
    table["FID and KID, by the judge's features"] = distances(judge, pictures, {
        "samples": sampled, "exact blobs": drawn, "inverter": again})  # fmt: skip

    rows, shown = moves(pack, judge, exact, args.rooms)
    table["moves of exact blobs"] = told(rows)
    rows_inverted, shown_inverted = moves(pack, judge, blobs, args.rooms, 1)
    table["moves of blobs that the inverter found"] = told(rows_inverted)
    pairs = Rooms([args.held_out], "pairs-*.npz")
    table["the renderer's own changes, exact blobs"] = changes(pack, generator.describe, pairs)
    print(json.dumps(table, indent=1))
    if args.sheets:
        args.sheets.mkdir(exist_ok=True)
        (args.sheets / "rooms.json").write_text(json.dumps(table, indent=1) + "\n")
        save(args.sheets / "rooms_samples.png", sampled[:48], 12)
        few = slice(0, 12)
        lines = [pictures[few], drawn[few], again[few], outlines(again[few], {k: v[few] for k, v in blobs.items()})]
        save(args.sheets / "rooms_reconstructions.png", np.concatenate(lines), 12)
        tiles = []
        for rows in (shown[:12], shown_inverted[:12]):
            tiles += [np.stack([r[0] for r in rows]),
                      np.concatenate([outlines(r[1][None], taken_part(r[3], r[4])) for r in rows])]  # fmt: skip
        save(args.sheets / "rooms_moves.png", np.concatenate(tiles), 12)


@torch.no_grad()
def distances(judge, renders, made):
    """FID and a thousand times KID of sets of pictures to the renders, and of one half of these, as it is and blurred, to the
    other."""
    features = lambda x: torch.cat([judge.vector(torch.from_numpy(p)) for p in np.array_split(x, 10)]).numpy()
    own = features(renders)
    to = standard(own)
    half = len(renders) // 2
    soft = F.avg_pool2d(F.pad(torch.from_numpy(renders[half:]), (1, 1, 1, 1), mode="replicate"), 3, 1).numpy()
    pairs = {name: (own, features(x)) for name, x in made.items()}
    pairs |= {"half of the renders": (own[:half], own[half:]), "half, blurred": (own[:half], features(soft))}
    return {k: [round(d(to(a), to(b)), 1) for d in (frechet, kernel_distance)] for k, (a, b) in pairs.items()}


def taken_part(blobs, part):
    return {k: v[:, part : part + 1] for k, v in blobs.items()}


def changes(pack, describe, pairs):
    """How much of what the renderer's own changes do to a picture the same changes of blobs do: 1 for all of it."""
    before, after = torch.arange(0, len(pairs), 2), torch.arange(1, len(pairs), 2)
    right = (pairs.pictures(after) - pairs.pictures(before)).numpy()
    found = pack.draw(true_blobs(describe, pairs, after)) - pack.draw(true_blobs(describe, pairs, before))
    table = {}
    for number, name in enumerate(["moved", "resized", "removed", "recoloured"]):
        mine = (pairs.change == number).numpy()
        left = ((found - right)[mine] ** 2).sum() / (right[mine] ** 2).sum()
        table[name] = dict(pairs=int(mine.sum()), explained=round(float(1 - left), 3))
    return table


if __name__ == "__main__":
    main()
