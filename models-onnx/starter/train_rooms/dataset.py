"""Shards written by the renderer (`rooms render`, `pairs`, `layouts`), and what their numbers mean."""
import pathlib

import numpy as np
import torch

# The parts of a picture in the order of their blobs; the first is the background. As in rooms/src/plan.rs.
PARTS = ("back wall, ceiling, left wall, right wall, floor, window, left curtain, right curtain, picture, rug, "
         "wardrobe, nightstand, lamp, seat, plant").split(", ")
THINGS = range(PARTS.index("window"), len(PARTS))
CLASSES = "empty wall floor ceiling bed lamp window picture plant nightstand wardrobe rug sofa curtain".split()
# The classes that each part is drawn with.
CLASSES_OF = {"seat": ["bed", "sofa"], "left curtain": ["curtain"], "right curtain": ["curtain"]}
COLOURS = "red blue green white beige yellow purple grey brown pink".split()
NO = ["no", "yes"]
# Columns of `labels`, as in rooms/src/attributes.rs.
ATTRIBUTES = {
    "seat": ["bed", "sofa"], "seat_colour": COLOURS, "checks": NO, "walls": COLOURS, "floor": COLOURS, "planks": NO,
    "lamp": ["none", "off", "on"], "lamp_colour": COLOURS, "lamp_stands": ["on the floor", "on a nightstand"],
    "window": ["none", "day", "night"], "curtains": NO, "curtain_colour": COLOURS, "picture": NO,
    "picture_colour": COLOURS, "plant": NO, "nightstand": NO, "wardrobe": NO, "rug": NO, "rug_colour": COLOURS,
    "light": ["dim", "bright"],
}  # fmt: skip
# The area of all blobs' shapes and the size of a blob that is not there, as in rooms/src/layout.rs.
AREA = 0.002
ABSENT = -10.0


def classes_of(part):
    return [CLASSES.index(c) for c in CLASSES_OF.get(PARTS[part], [PARTS[part]])]


class Rooms:
    """All shards of some folders, in memory: pictures and masks stay 8-bit."""

    def __init__(self, folders, pattern="*-*.npz"):
        files = sorted(f for d in folders for f in pathlib.Path(d).glob(pattern))
        if not files:
            raise SystemExit(f"no {pattern} in {', '.join(map(str, folders))}: run `rooms render`")
        shards = [np.load(f) for f in files]

        def gather(key):
            found = [s[key] for s in shards if key in s]
            return torch.from_numpy(np.concatenate(found)) if found else None

        self.images = gather("image")
        self.parts, self.classes = gather("parts"), gather("classes")
        self.blobs, self.params, self.globals = gather("blobs"), gather("params"), gather("globals")
        self.labels, self.z = gather("labels"), gather("z")
        # Of pairs: the part that changed, and how (0 moved, 1 resized, 2 removed, 3 recoloured).
        self.part, self.change = gather("part"), gather("change")
        self.described = described(self.params, self.globals)

    def __len__(self):
        return len(self.blobs)

    def pictures(self, index, device="cpu"):
        """[n, 3, side, side] in [-1, 1]."""
        return self.images[index].to(device).permute(0, 3, 1, 2).float() / 127.5 - 1


def described(params, whole):
    """What the parts are told apart by, [n, parts, numbers]: which one, its own numbers, and those of the room."""
    n, count, _ = params.shape
    which = torch.eye(count).expand(n, count, count)
    # Metres and the like to about unit range.
    scaled = (whole - torch.tensor([0.0, 1.45, 4.1, 2.7, 0.85, 0.0, 0.0])) * torch.tensor([2.0, 6, 2.5, 5, 4, 1, 1])
    return torch.cat([which, params, scaled[:, None].expand(n, count, -1)], 2)
