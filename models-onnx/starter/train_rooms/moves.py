"""What a moved blob does, seen by the judge (`judge.py`), which knows nothing of blobs."""
import numpy as np
import torch
import torch.nn.functional as F

import fields
from dataset import PARTS, THINGS, classes_of

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
    """Moves each thing's blob in `count` rooms, one at a time; rows of what was seen, and a few pictures.

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
            near = F.max_pool2d(torch.from_numpy(near)[None, None].float(), 17, 1, 8)[0, 0].bool().numpy()
            error = (np.clip(redrawn, -1, 1) - np.clip(drawn, -1, 1))[0][:, ~near] / 2
            row["elsewhere"] = float(-10 * np.log10((error**2).mean() + 1e-10))
            rows.append(row)
            if len(shown) < 24 and rng.random() < 0.4:
                shown.append((drawn[0], redrawn[0], before, after, part))
    return rows, shown


def told(rows):
    """By part and for all: how many blobs were moved, of how many the judge did not see the thing even before, the share
    of the others whose thing moved as far as the blob within 5 % of the picture's width, the median error, and how little
    changed elsewhere (dB)."""
    table = {}
    for name in [*dict.fromkeys(r["part"] for r in rows), "all"]:
        mine = [r for r in rows if name in (r["part"], "all")]
        seen = [r for r in mine if not r["unseen"]]
        table[name] = dict(blobs=len(mine), unseen=len(mine) - len(seen))
        if seen:
            errors = np.array([r["error"] for r in seen])
            table[name].update(within=round(float((errors <= 0.05).mean()), 3),
                               median=round(float(np.median(errors)), 4),
                               elsewhere=round(float(np.median([r["elsewhere"] for r in seen])), 1))  # fmt: skip
    return table


