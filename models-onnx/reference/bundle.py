"""Published files as a user has them, of full size and in their published containers, with weights from seeds; and what
PyTorch makes of them, to be held against `pentimento run`.

    python bundle.py make DIR          writes the files, and inputs and results as .npy, into DIR
    python bundle.py compare DIR OUT   compares what `pentimento run … -o OUT` wrote with DIR's results

How they are used: README.md of models-onnx/convert.
"""

import pathlib
import pickle
import sys

import numpy
import torch

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "networks"), str(HERE.parent / "seeded")]
import clip  # noqa: E402
import encoders  # noqa: E402
import irse  # noqa: E402
import mapper  # noqa: E402
import seeded  # noqa: E402
import stylegan2  # noqa: E402


class TextTower(torch.nn.Module):
    """What TorchScript needs to keep a state dict: any module with these parameters."""

    def __init__(self, tensors):
        super().__init__()
        for name, value in tensors.items():
            self._put(self, name.split("."), value)

    @staticmethod
    def _put(module, path, value):
        for part in path[:-1]:
            if not hasattr(module, part):
                module.add_module(part, torch.nn.Module())
            module = getattr(module, part)
        module.register_buffer(path[-1], value)

    def forward(self, x):
        return x


def filled(model, layout, load, prefix=""):
    """A model with seeded weights, in single precision, and its tensors as a checkpoint names them."""
    text = "\n".join(layout(model))
    load(model, seeded.read(text))
    model.float().eval()
    return {prefix + name: value for name, value in model.state_dict().items()}


@torch.no_grad()
def make(folder):
    folder.mkdir(parents=True, exist_ok=True)
    keep = lambda name, value: numpy.save(folder / f"{name}.npy", value.float().numpy())
    draw = lambda name, shape: torch.from_numpy(seeded.uniform(name, shape, 1.0, 0.0))

    generator = stylegan2.Generator(1024)
    decoder = filled(generator, lambda m: stylegan2.layout(m, seeded.line), stylegan2.load, "decoder.")
    encoder = encoders.Encoder(deltas=True)
    seeing = filled(
        encoder, lambda m: irse.layout(m, seeded.line, encoders.spread), irse.load, "encoder."
    )
    mean = draw("latent_avg", (18, 512)) * 0.1
    opts = {"encoder_type": "Encoder4Editing", "dataset_type": "ffhq_encode", "stylegan_size": 1024}
    torch.save({"state_dict": decoder | seeing, "latent_avg": mean, "opts": opts}, folder / "e4e_ffhq_encode.pt")
    z = draw("z", (1, 512))
    keep("z", z), keep("w", generator.map(z))
    w_plus = draw("w_plus", (1, 18, 512))
    styles = generator.styles(w_plus)
    keep("w_plus", w_plus), keep("styles", torch.cat(styles, 1))
    keep("image", generator.synthesise(styles)[-1])
    # Squares of sixteen pixels of a picture of 1024 are squares of four after the encoder's reduction to 256.
    photo = draw("photo", (1, 3, 64, 64)).repeat_interleave(16, 2).repeat_interleave(16, 3)
    reduced = torch.nn.functional.interpolate(photo, (256, 256), mode="bilinear", antialias=True)
    keep("photo", photo), keep("encoded", encoder(reduced) + mean)

    judge = irse.IRSE50()
    torch.save(
        filled(judge, lambda m: irse.layout(m, seeded.line, irse.spread), irse.load),
        folder / "model_ir_se50.pth",
        _use_new_zipfile_serialization=False,
    )

    model = clip.vit_b32()
    towers = filled(model, lambda m: clip.layout(m, seeded.line), clip.load)
    halves = {name: value.half() if value.is_floating_point() else value for name, value in towers.items()}
    extra = {"input_resolution": torch.tensor(224), "context_length": torch.tensor(77), "vocab_size": torch.tensor(49408)}
    torch.jit.save(torch.jit.script(TextTower(halves | extra)), folder / "ViT-B-32.pt")
    model.load_state_dict({name: value.float() for name, value in halves.items()})
    ids = torch.tensor([[49406, 320, 2533, 593, 5496, 2225, 49407]])
    numpy.save(folder / "input_ids.npy", ids.numpy())
    keep("text", model.encode_text(torch.nn.functional.pad(ids, (0, 70))))

    curly = mapper.Levels(512, without=["fine_mapping"])
    state = filled(
        curly,
        lambda m: mapper.layout(m, seeded.line, ""),
        lambda m, tensors: m.load_state_dict({k: torch.from_numpy(v) for k, v in tensors.items()}),
        "mapper.",
    )
    opts = {"mapper_type": "LevelsMapper", "no_fine_mapper": True, "stylegan_size": 1024}
    torch.save({"state_dict": state, "opts": opts}, folder / "curly_hair.pt")
    keep("delta", curly(w_plus) * mapper.FACTOR)

    rows = [v.shape[1] for v in styles]
    own = [n for i, n in enumerate(rows) if i % 3 != 1]
    numpy.save(folder / "fs3.npy", seeded.uniform("fs3", (sum(own), 512), 0.05, 0.0))
    statistics = [[seeded.uniform(f"{what}{i}", (n,), 0.5, 1.0) for i, n in enumerate(rows)] for what in ("mean", "std")]
    (folder / "S_mean_std").write_bytes(pickle.dumps(statistics, protocol=4))
    torch.save(draw("smile", (1, 512)), folder / "smile.pt")
    for path in sorted(folder.iterdir()):
        print(f"{path.name:24} {path.stat().st_size / 1e6:8.1f} MB")


# What `run` writes, and what it is to be compared with.
RESULTS = {"w": "w", "styles": "styles", "image": "image", "w_plus": "encoded", "embedding": "text", "delta": "delta"}


def compare(folder, out):
    for written in sorted(out.glob("*.npy")):
        found, right = numpy.load(written), numpy.load(folder / f"{RESULTS[written.stem]}.npy")
        worst = abs(found - right).max() / abs(right).max()
        cosine = (found * right).sum() / numpy.linalg.norm(found) / numpy.linalg.norm(right)
        print(f"{written.stem:10} {found.shape}  largest difference {worst:.1e} of the largest value, cosine {cosine:.7f}")


{"make": make, "compare": compare}[sys.argv[1]](*map(pathlib.Path, sys.argv[2:]))
