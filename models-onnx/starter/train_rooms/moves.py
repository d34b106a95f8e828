"""What a moved blob does, seen by the judge (`judge.py`), which knows nothing of blobs."""
import numpy as np
import torch
import torch.nn.functional as F

import fields
from dataset import PARTS, THINGS, classes_of

# A thing that the judge sees in fewer pixels than this is not measured.
SEEN = 12
# Nor one of whose blob less than this share shows: behind a bed, nobody can say where a thing is.
SHOWN = 0.8


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


def visible(blobs, part, side=48):
    """Share of a blob that is in the picture and not below others, by the published splatting."""
    axis = (np.arange(side) * 2 / side - 0.5).astype(np.float32)
    delta = np.stack(np.broadcast_arrays(axis, axis[:, None]), 2)
    delta = delta - np.stack([blobs["xs"][0], blobs["ys"][0]], 1)[:, None, None]
    distance = np.einsum("kyxi,kij,kyxj->kyx", delta, np.linalg.inv(blobs["covs"][0]), delta)
    covers = 1 / (1 + np.exp(np.clip(distance - blobs["sizes"][0][:, None, None], -50, 50)))
    inside = (axis >= 0) & (axis < 1)
    seen = covers[part] * (1 - covers[part + 1 :]).prod(0) * inside * inside[:, None]
    return seen.sum() / covers[part].sum()


def moved(blobs, part, rng):
    """The blobs with one moved to the side, and up or down if it hangs; nothing if it is or would be hidden."""
    if visible(blobs, part) < SHOWN:
        return None, None
    far, up = rng.uniform(0.08, 0.25), rng.uniform(-0.08, 0.08)
    for dx in rng.permutation([-far, far]):
        by = np.array([dx, up if PARTS[part] in ("window", "picture") else 0.0])
        after = {k: v.copy() for k, v in blobs.items()}
        after["xs"][0, part] += by[0]
        after["ys"][0, part] += by[1]
        if visible(after, part) >= SHOWN:
            return after, by
    return None, None


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
            after, by = moved(before, part, rng)
            if after is None:
                continue
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


