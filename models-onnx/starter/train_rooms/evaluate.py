"""What the shipped pack does, measured on rooms that nothing was trained on; a table, and sheets to look at.

    python evaluate.py --held-out HELD --pack ../../packs/starter-rooms --judge RUN/judge.resume.pt --sheets ../sheets

Where things are is read off by the judge (`judge.py`), which knows nothing of blobs.
"""
import argparse
import json
import pathlib

import numpy as np
import torch

import fields
from dataset import CLASSES, PARTS, THINGS, Rooms, classes_of
from export import FIELDS, Pack, load, per_picture
from judge import Judge, intersections
from model import Generator
from sheets import outlines, save

# A thing that the judge sees in fewer pixels than this is not measured.
SEEN = 12


def judged(judge, pictures):
    with torch.no_grad():
        found = [judge(torch.from_numpy(p)).argmax(1) for p in np.array_split(pictures, max(1, len(pictures) // 64))]
    return torch.cat(found).numpy()


def where(classes, part):
    """Mean place of a part's class, 0..1, and how many pixels it has."""
    y, x = np.nonzero(np.isin(classes, classes_of(part)))
    side = classes.shape[-1]
    return (np.array([x.mean() + 0.5, y.mean() + 0.5]) / side if len(x) else None), len(x)


def true_blobs(describe, data, index):
    """The renderer's blobs with the trained vectors, as the pack takes them."""
    target = fields.target(describe, data.blobs[index], data.described[index])
    n = len(index)
    background = dict(xs=torch.full((n, 1), 0.5), ys=torch.full((n, 1), 0.5), sizes=torch.full((n, 1), 1e4),
                      covs=torch.eye(2).expand(n, 1, 2, 2))  # fmt: skip
    join = lambda k: torch.cat([background[k], target[k]], 1) if k in background else target[k]
    return {k: join(k).numpy() for k in FIELDS}


def taken(blobs, i):
    return {k: v[i : i + 1].copy() for k, v in blobs.items()}


def step(part, blobs, rng, free):
    """A move for a blob that keeps its thing in the picture: to the side, and up or down for what hangs."""
    x, y = blobs["xs"][0, part], blobs["ys"][0, part]
    reach = free / 2
    dx = rng.uniform(0.08, 0.25) * (1 if x < 0.5 else -1)
    if rng.random() < 0.3 and reach < x + -dx < 1 - reach:
        dx = -dx
    dy = rng.uniform(-0.08, 0.08) if PARTS[part] in ("window", "picture") else 0.0
    return np.array([dx, dy if 0.1 < y + dy < 0.45 else 0.0])


def moves(pack, judge, blobs, count, seed=0):
    """Moves one blob of each of `count` rooms, many times over the things there are; rows of what was seen.

    Curtains are left out: the two have one class, so that the judge cannot say which of them moved.
    """
    rng = np.random.default_rng(seed)
    rows, shown = [], []
    for i in range(count):
        before = taken(blobs, i)
        there = [p for p in THINGS if before["sizes"][0, p] > fields.LEAST / 2 and "curtain" not in PARTS[p]]
        drawn = pack.draw(before)
        classes = judged(judge, drawn)[0]
        for part in there:
            place, size = where(classes, part)
            if size < SEEN:
                rows.append(dict(part=PARTS[part], unseen=1))
                continue
            wide = np.ptp(np.nonzero(np.isin(classes, classes_of(part)))[1]) / 64
            by = step(part, before, rng, wide)
            after = {k: v.copy() for k, v in before.items()}
            after["xs"][0, part] += by[0]
            after["ys"][0, part] += by[1]
            redrawn = pack.draw(after)
            found = judged(judge, redrawn)[0]
            place_after, size_after = where(found, part)
            row = dict(part=PARTS[part], unseen=0, moved=float(np.linalg.norm(by)))
            row["error"] = 1.0 if size_after < SEEN else float(np.linalg.norm(place_after - place - by))
            # Elsewhere: more than 8 pixels from where the thing was and is.
            near = np.isin(classes, classes_of(part)) | np.isin(found, classes_of(part))
            near = torch.nn.functional.max_pool2d(torch.from_numpy(near)[None, None].float(), 17, 1, 8)[0, 0].bool().numpy()
            error = (np.clip(redrawn, -1, 1) - np.clip(drawn, -1, 1))[0][:, ~near] / 2
            row["elsewhere"] = float(-10 * np.log10((error**2).mean() + 1e-10))
            rows.append(row)
            if len(shown) < 24 and rng.random() < 0.4:
                shown.append((drawn[0], redrawn[0], before, after, part))
    return rows, shown


def told(rows):
    """Share of moves within 5 % of the width, and the median error, by part and for all."""
    table = {}
    for name in [*dict.fromkeys(r["part"] for r in rows), "all"]:
        mine = [r for r in rows if name in (r["part"], "all") and not r["unseen"]]
        if mine:
            errors = np.array([r["error"] for r in mine])
            table[name] = dict(moves=len(mine), within=round(float((errors <= 0.05).mean()), 3),
                               median=round(float(np.median(errors)), 4),
                               elsewhere=round(float(np.median([r["elsewhere"] for r in mine])), 1))  # fmt: skip
    return table


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
    z = np.random.default_rng(9).normal(size=(48, held.z.shape[1])).astype(np.float32)
    samples = pack.layout(z)

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
        save(args.sheets / "rooms_samples.png", pack.draw(samples), 12)
        few = slice(0, 12)
        lines = [pictures[few], drawn[few], again[few], outlines(again[few], {k: v[few] for k, v in blobs.items()})]
        save(args.sheets / "rooms_reconstructions.png", np.concatenate(lines), 12)
        tiles = []
        for rows in (shown[:12], shown_inverted[:12]):
            tiles += [np.stack([r[0] for r in rows]),
                      np.concatenate([outlines(r[1][None], taken_part(r[3], r[4])) for r in rows])]  # fmt: skip
        save(args.sheets / "rooms_moves.png", np.concatenate(tiles), 12)


def taken_part(blobs, part):
    return {k: v[:, part : part + 1] for k, v in blobs.items()}


def changes(pack, describe, pairs):
    """How near a changed blob comes to the renderer's own picture of the change: PSNR of both, and of leaving it."""
    table = {}
    before, after = torch.arange(0, len(pairs), 2), torch.arange(1, len(pairs), 2)
    right, left = (pairs.pictures(i).contiguous().numpy() for i in (after, before))
    drawn = pack.draw(true_blobs(describe, pairs, after))
    for number, name in enumerate(["moved", "resized", "removed", "recoloured"]):
        mine = (pairs.change == number).numpy()
        table[name] = dict(pairs=int(mine.sum()), psnr=round(float(per_picture(drawn, right)[mine].mean()), 2),
                           unchanged=round(float(per_picture(left, right)[mine].mean()), 2))  # fmt: skip
    return table


if __name__ == "__main__":
    main()
