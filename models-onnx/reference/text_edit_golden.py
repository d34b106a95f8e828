"""Goldens of StyleCLIP's latent optimiser (Patashnik et al., 2021, section 4) for the tests of models-onnx/convert: as
published, in float64, over small networks with seeded weights.

    python text_edit_golden.py        writes ../convert/tests/golden/text-edit
"""

import math
import pathlib
import sys

import numpy
import torch
from torch.nn import functional as F

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "networks"), str(HERE.parent / "seeded")]
import clip  # noqa: E402
import irse  # noqa: E402
import seeded  # noqa: E402
import stylegan2  # noqa: E402

OUT = HERE.parent / "convert/tests/golden/text-edit"
SIDE, STEPS, RATE = 256, 12, 0.02
WEIGHTS = {"plain": (0.008, 0.0), "with-identity": (0.008, 0.1)}
"""λ2 and λid."""


def made(name, model, module, spread=None):
    """A model with seeded weights, whose layout is written beside the goldens."""
    lines = module.layout(model, seeded.line, *([spread] if spread else []))
    (OUT / f"{name}.layout").write_text("\n".join(lines) + "\n")
    module.load(model, seeded.read("\n".join(lines)))
    return model.requires_grad_(False)


class Eye(torch.nn.Module):
    """The image tower alone, named as in the whole network."""

    def __init__(self):
        super().__init__()
        self.visual = clip.VisionTransformer(224, 32, 64, 2, 32)

    def forward(self, image):
        # As StyleCLIP shows pictures to CLIP: every pixel seven times, then means of squares; not normalised.
        large = image.repeat_interleave(7, 2).repeat_interleave(7, 3)
        return self.visual(F.avg_pool2d(large, SIDE // 32))


def draw(name, shape, scale=1.0):
    return torch.from_numpy(seeded.uniform(name, shape, scale, 0.0)).double()


def rate(step):
    """The schedule of the published code."""
    t = step / STEPS
    return RATE * (0.5 - 0.5 * math.cos(math.pi * min(1, (1 - t) / 0.25))) * min(1, t / 0.05)


def optimise(start, picture, judges, target, far, strange):
    """The code at the least loss, and one minus that picture's loss of text. `picture` takes a list of tensors."""
    eye, judge = judges
    variables = [v.clone().requires_grad_() for v in start]
    adam = torch.optim.Adam(variables, lr=RATE, betas=(0.9, 0.999))
    whom = irse.identity(judge, picture(start))
    best, found, losses = math.inf, None, []
    for step in range(STEPS):
        adam.param_groups[0]["lr"] = rate(step)
        image = picture(variables)
        text = (1 - F.cosine_similarity(eye(image), target)).sum()
        loss = text + far * sum((v - s).square().sum() for v, s in zip(variables, start))
        if strange:
            loss = loss + strange * (1 - (irse.identity(judge, image) * whom).sum())
        losses.append(loss.item())
        if loss.item() < best:
            best, found, alike = loss.item(), [v.detach().clone() for v in variables], 1 - text.item()
        adam.zero_grad()
        loss.backward()
        adam.step()
    print(" ".join(f"{loss:.5f}" for loss in losses))
    return found, alike


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    generator = made("generator", stylegan2.Generator(SIDE, base=2048, most=16, styles=24, mapping=2), stylegan2)
    eye = made("eye", Eye(), clip)
    judge = made("judge", irse.IRSE50(widths=(16, 32, 48, 512), embedding=24), irse, irse.spread)
    target = draw("target", (1, 32))
    w_plus = draw("code", (1, generator.slots, 24))
    rgb = [isinstance(layer, stylegan2.ToRGB) for layer, _ in generator.layers()]
    with torch.no_grad():
        styles = generator.styles(w_plus)

    def by_styles(own):
        own = iter(own)
        return generator.synthesise([s if fixed else next(own) for s, fixed in zip(styles, rgb)])[-1]

    for name, (far, strange) in WEIGHTS.items():
        common = ((eye, judge), target, far, strange)
        (found,), alike = optimise([w_plus], lambda w: generator(w[0]), *common)
        numpy.save(OUT / f"{name}-w_plus.npy", found.float().numpy())
        moved, alike_styles = optimise([s for s, fixed in zip(styles, rgb) if not fixed], by_styles, *common)
        moved = iter(moved)
        found = torch.cat([s if fixed else next(moved) for s, fixed in zip(styles, rgb)], 1)
        numpy.save(OUT / f"{name}-styles.npy", found.float().numpy())
        numpy.save(OUT / f"{name}-alike.npy", numpy.float32([alike, alike_styles]))
        print(name, alike, alike_styles)


if __name__ == "__main__":
    main()
