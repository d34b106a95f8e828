"""Layouts and goldens of CLIP: embeddings in double precision, and views of pictures as Pillow and StyleCLIP make them.

    python clip_goldens.py ../convert/tests/golden/clip [name...]        all, or those named
"""

import gc
import pathlib
import sys

import numpy
import torch
from PIL import Image
from torch.nn import functional as F

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "networks"), str(HERE.parent / "seeded")]

import clip
import seeded

MODELS = {
    "small": clip.small,
    "small-resnet": clip.small_resnet,
    "vit-b32": clip.vit_b32,
    "vit-b16": clip.vit_b16,
    "vit-l14": clip.vit_l14,
    "vit-l14-narrow": clip.vit_l14_narrow,
    "rn50": clip.rn50,
    "rn101": clip.rn101,
}
# The text towers of these are like that of another one.
IMAGES = ("small-resnet", "vit-b16", "rn50", "rn101")


def pictures(side):
    """Two pictures with patches, edges and grain, already normalised."""
    patch = max(side // 14, 1)
    coarse = seeded.uniform("patches", (2, 3, side // patch, side // patch), 1.5, 0)
    grain = seeded.uniform("grain", (2, 3, side, side), 0.5, 0)
    return torch.from_numpy(coarse.repeat(patch, 2).repeat(patch, 3) + grain).double()


def texts(vocabulary, context):
    """Three texts of different lengths, the last as long as can be; filled up with zeros."""
    start, end = vocabulary - 2, vocabulary - 1
    ids = numpy.zeros((3, context), numpy.int64)
    for row, length in enumerate((4, 9, context)):
        ids[row, :length] = [start, *(numpy.arange(length - 2) * 37 % (vocabulary - 2) + 1), end]
    return torch.from_numpy(ids)


def main(out, names):
    out.mkdir(parents=True, exist_ok=True)
    save = lambda name, value: numpy.save(out / f"{name}.npy", value.numpy().astype(numpy.float32))
    for name in names or MODELS:
        make = MODELS[name]
        with torch.device("meta"):
            lines = clip.layout(make(), seeded.line)
        lines = [line for line in lines if name not in IMAGES or line.startswith("visual.")]
        (out / f"{name}.txt").write_text("\n".join(lines) + "\n")
        tensors = seeded.read("\n".join(lines))
        model = make()
        missing = {key: value for key, value in model.state_dict().items() if key not in tensors}
        model = clip.load(model, tensors | {k: v.numpy() for k, v in missing.items() if v.is_floating_point()})
        side = {"small": 32, "small-resnet": 64}.get(name, 224)
        with torch.no_grad():
            save(f"{name}-image", model.encode_image(pictures(side)))
            if name not in IMAGES:
                ids = texts(model.token_embedding.num_embeddings, model.positional_embedding.shape[0])
                save(f"{name}-text", model.encode_text(ids))
        print(name, flush=True)
        del model, tensors, missing
        gc.collect()

    side, tower = 96, 32
    levels = ((seeded.uniform("levels", (3, side, side), 1, 0) + 1) * 127.5).round().astype(numpy.uint8)
    # Pillow resizes single channels of floats without rounding to levels.
    resized = [Image.fromarray(c.astype(numpy.float32)).resize((tower, tower), Image.BICUBIC) for c in levels]
    resized = torch.from_numpy(numpy.stack([numpy.asarray(c) for c in resized])).double().clamp(0, 255) / 255
    save("view-published", (resized - torch.tensor(clip.MEAN).view(3, 1, 1)) / torch.tensor(clip.STD).view(3, 1, 1))
    x = torch.from_numpy(seeded.uniform("raw", (1, 3, 256, 256), 1, 0)).double()
    save("view-styleclip", F.avg_pool2d(x.repeat_interleave(7, 2).repeat_interleave(7, 3), 8)[0, :, ::16, ::16])


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
