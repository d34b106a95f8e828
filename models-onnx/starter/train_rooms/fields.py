"""Fields of blobs as what a network is to give: how far it is off, and where to start from."""
import torch
import torch.nn.functional as F

from dataset import ABSENT, AREA
from model import CONFIG, places

# Blobs smaller than this are not there.
LEAST = -3.0


@torch.no_grad()
def target(describe, numbers, described):
    """The renderer's blobs with the vectors that the decoder was trained with."""
    features, styles = describe(described)
    return dict(places(numbers), features=features, styles=styles)


def compressed(sizes):
    """Sizes go from -10 to 250; what matters is on which side of zero they are, then their ratio."""
    return sizes.sign() * sizes.abs().log1p()


@torch.no_grad()
def spread(right):
    """How much the vectors of each part differ from room to room, [parts] by name: colours are small next to what tells
    a bed from a lamp, yet they are what people see."""
    there = torch.cat([torch.ones_like(right["sizes"][:, :1]), (right["sizes"] > LEAST).float()], 1)[..., None]
    count = there.sum(0)
    mean = lambda x: (x * there).sum(0) / count
    return {k: mean((right[k] - mean(right[k])).square()).mean(1) + 1e-4 for k in ("features", "styles")}


def off(found, right, spread):
    """How far fields are off, one number each; `found` has a size for the background, which nothing uses. Vectors: the
    share of their spread that is not explained."""
    there = (right["sizes"] > LEAST).float()
    count = there.sum()
    with_background = torch.cat([torch.ones_like(there[:, :1]), there], 1)[..., None]
    seen = lambda x: (x * there).sum() / count
    place = seen((found["xs"] - right["xs"]).abs() + (found["ys"] - right["ys"]).abs())
    size = F.smooth_l1_loss(compressed(found["sizes"][:, 1:]), compressed(right["sizes"]), beta=0.2)
    # A size's sign says whether the blob is there at all.
    sign = F.binary_cross_entropy_with_logits(0.5 * found["sizes"][:, 1:], there)
    shape = seen((found["covs"] - right["covs"]).abs().sum((2, 3)) / AREA)
    wrong = lambda k: (found[k] - right[k]).square().mean(2, keepdim=True) / spread[k][:, None]
    vectors = sum((wrong(k) * with_background).sum() / with_background.sum() for k in ("features", "styles")) / 2
    return dict(place=place, size=size, sign=sign, shape=shape, vectors=vectors)


def loss(parts):
    return 20 * parts["place"] + 2 * parts["size"] + 4 * parts["sign"] + 0.5 * parts["shape"] + 3 * parts["vectors"]


@torch.no_grad()
def mean_output(right):
    """The network output [N] that stands for the mean of some rooms, which training starts from."""
    k, feature, style = CONFIG["blobs"], CONFIG["feature"], CONFIG["style"]
    there = (right["sizes"] > LEAST).float()
    mean = lambda x: (x * there.view(*there.shape, *[1] * (x.dim() - 2))).sum(0) / there.sum(0).view(
        k, *[1] * (x.dim() - 2))  # fmt: skip
    logit = lambda x: torch.special.logit(x.clamp(0.005, 0.995))
    # The longer axis of the mean shape, and the ratio that gives its eigenvalues: a / b = their ratio.
    values, vectors = torch.linalg.eigh(mean(right["covs"]))
    half = 0.5 * (values[:, 1] / values[:, 0]).clamp(min=1).log()
    sizes = torch.cat([torch.zeros(1), right["sizes"].mean(0)])
    blob = torch.cat([logit(mean(right["xs"]))[:, None], logit(mean(right["ys"]))[:, None], half[:, None],
                      -half[:, None], vectors[:, :, 1], mean(right["features"][:, 1:]), mean(right["styles"][:, 1:])],
                     1)  # fmt: skip
    background = [right["features"][:, 0].mean(0), right["styles"][:, 0].mean(0)]
    flat = torch.cat([sizes, *background, blob.flatten()])
    assert len(flat) == (k + 1) * (1 + feature + style) + 6 * k
    return flat


def seen_right(found, right):
    """Share of blobs that are there or not as they should be."""
    return ((found["sizes"][:, 1:] > LEAST / 2) == (right["sizes"] > LEAST / 2)).float().mean()


def absent(blobs):
    """Fields without the background's size, with blobs that hardly show taken away."""
    sizes = blobs["sizes"][:, -blobs["xs"].shape[1]:]
    return dict(blobs, sizes=torch.where(sizes > LEAST / 2, sizes, torch.full_like(sizes, ABSENT)))
