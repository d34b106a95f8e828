#!/usr/bin/env python3
"""Makes what the tests here hold gradients against: networks as ONNX without their weights, and PyTorch's gradients.

    python make.py [NAME...]            writes golden/NAME.onnx, .npy and .txt
    python make.py --full DIR [NAME...] writes whole models, weights beside them, for measurements

For developers; needs torch, onnx, onnxscript and numpy. Gradients are of double precision; weights and inputs are
single-precision numbers that follow from their names (seeded.py). The text says the inputs, the loss, how far
PyTorch's own single precision is off, and of each gradient its length, its product with the seeded `direction`, and
which of its elements are in the .npy.
"""

import argparse
import math
import pathlib
import sys

import numpy
import onnx
import onnxscript.optimizer
import torch
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT / "reference/networks"), str(ROOT / "seeded")]

import clip  # noqa: E402
import irse  # noqa: E402
import lpips  # noqa: E402
import seeded  # noqa: E402
import stylegan2  # noqa: E402
import unet  # noqa: E402

OPSET = 18
SMALL = 64
"""Tensors of no more elements stay in the graph, and only these are computed ahead of time."""


def filled(model, spread):
    """A network with seeded weights, and the line of the layout of each."""
    lines = irse.layout(model, seeded.line, spread)
    return irse.load(model, seeded.read("\n".join(lines))), {line.split()[0]: line for line in lines}


# Rectifiers have no slope at their kink. Of millions of units, single precision puts a few that stand within 1e-6 of it
# on the other side, and each moves a gradient by up to 1e-3 of its length: PyTorch's own is then off by as much. So the
# weights of networks with many of them are such that units stand on one side or the other, mostly.


def judge():
    """IR-SE50 whose rectifiers lie mostly above zero in every other block and mostly below in the rest."""

    def spread(name, shape):
        scale, offset = irse.spread(name, shape)
        block = int(name.split(".")[1]) if name.startswith("body") else 0
        if name.endswith("res_layer.0.bias"):
            return scale, 1.0
        if name == "input_layer.1.bias":
            return scale, 2.5
        if name.endswith("res_layer.1.weight"):
            # Inputs are around one: the sum is around three deviations of what the other part gives.
            return scale, (-6 if block % 2 else 6) / math.prod(shape[1:])
        if name.endswith("res_layer.4.weight") and block % 2 == 0:
            return scale / 3, offset / 3
        return scale, offset

    return filled(irse.IRSE50(), spread)


def generator(size, form="modulated"):
    """StyleGAN2 whose units lie mostly below zero, and mostly above in every fifth layer, which keeps their size."""
    net, lines = filled(stylegan2.Generator(size, form), stylegan2.spread)
    at = iter(range(100))

    def clear(module, given):
        name = names[module] + ".bias"
        offset = given[0].std().item() * (-2.5 if next(at) % 5 else 2.5)
        lines[name] = seeded.line(name, tuple(module.bias.shape), 0.2, offset)
        module.bias.data = torch.from_numpy(seeded.read(lines[name])[name]).to(module.bias.dtype)

    names = {module: name for name, module in net.named_modules() if isinstance(module, stylegan2.Activate)}
    hooks = [module.register_forward_pre_hook(clear) for module in names]
    with torch.no_grad():
        net.float()(torch.from_numpy(seeded.uniform("w", (1, net.slots, 512), 1.7, 0)))
    for hook in hooks:
        hook.remove()
    return net.double(), lines


class Resize(nn.Module):
    """Pictures in -1..1 of any size to what CLIP wants."""

    def forward(self, x):
        x = F.interpolate(x, size=(224, 224), mode="bicubic", align_corners=False, antialias=True)
        channels = lambda values: x.new_tensor(values).view(1, 3, 1, 1)
        return (x / 2 + 0.5 - channels(clip.MEAN)) / channels(clip.STD)


class Adapted(nn.Module):
    """The UNet with its adapters as a list of arguments, in the order of their names."""

    def __init__(self, net, rank):
        super().__init__()
        self.net, self.shapes = net, net.adapters(rank)

    def forward(self, sample, timestep, words, *adapters):
        return self.net(sample, timestep, words, dict(zip(self.shapes, adapters)))


def mean_square(a, b):
    return (a - b).square().mean()


def angle(a, b):
    return 1 - F.cosine_similarity(a, b, dim=-1).mean()


class Case:
    """A network, the inputs of its graph and of its loss (lines of a layout), and what is differentiated by what."""

    def __init__(self, make, inputs, output, given, loss, wrt):
        self.make, self.inputs, self.output = make, inputs, output
        self.given, self.loss, self.wrt = given, loss, wrt


def adapted():
    net, lines = filled(unet.tiny(), unet.spread)
    return Adapted(net, 4), {f"net.{name}": line for name, line in lines.items()}


# On the meta device: only the names and the shapes are wanted.
with torch.device("meta"):
    ADAPTERS = [seeded.line(name, shape, 0.2, 0) for name, shape in unet.tiny().adapters(4).items()]


def restrained(image, w, target, start):
    """As in StyleCLIP: near a target, and not far from where w was."""
    return mean_square(image, target) + 1e-4 * (w - start).square().sum()


W, START = "w 1x14x512 1.7 0", "start 1x14x512 1.7 0"
PICTURE = "target 1x3x256x256 1 0"
CASES = {
    "stylegan2-256": Case(
        lambda: generator(256), [W], "image", [PICTURE, START],
        lambda net, w, target, start: restrained(net(w), w, target, start), ["w"],
    ),
    # The same function: its gradient is held against the published form's.
    "stylegan2-256-scaled": Case(lambda: generator(256, "scaled"), [W], "image", [], None, []),
    "vit-b32": Case(
        lambda: filled(clip.vit_b32().visual, clip.spread), ["image 1x3x224x224 2 0"], "embedding", ["wish 1x512 1 0"],
        lambda net, image, wish: angle(net(image), wish), ["image"],
    ),
    "ir-se50": Case(
        judge, ["image 1x3x112x112 1 0"], "identity", ["other 1x512 1 0"],
        lambda net, image, other: angle(net(image), other), ["image"],
    ),
    "lpips-vgg16": Case(
        lambda: filled(lpips.LPIPS(), lpips.spread), ["image 1x3x64x64 1 0", "other 1x3x64x64 1 0"], "distance", [],
        lambda net, image, other: net(image, other).mean(), ["image"],
    ),
    # The step is a power of two: times the rates it is exact in both precisions.
    "unet": Case(
        adapted, ["sample 1x4x16x16 1.7 0", "timestep 1 0 512", "words 1x7x48 1.7 0", *ADAPTERS], "out_sample",
        ["noise 1x4x16x16 1.7 0"],
        lambda net, *given: mean_square(net(*given[:-1]), given[-1]), ["sample", *(a.split()[0] for a in ADAPTERS)],
    ),
    "resize": Case(lambda: (Resize(), {}), ["image 1x3x256x256 1 0"], "resized", [], None, []),
}


class Chain(nn.Module):
    """A generator, and what CLIP says of its pictures."""

    def __init__(self):
        super().__init__()
        self.generator, self.resize = CASES["stylegan2-256"].make()[0], Resize()
        self.tower = CASES["vit-b32"].make()[0]

    def forward(self, w):
        return self.tower(self.resize(self.generator(w)))


# The graphs are joined by the test.
CASES["chain"] = Case(
    lambda: (Chain(), None), [W], None, ["wish 1x512 1 0"], lambda net, w, wish: angle(net(w), wish), ["w"]
)


def values(lines):
    """The inputs of a case as single-precision tensors; steps are integers."""
    made = {name: torch.from_numpy(value) for name, value in seeded.read("\n".join(lines)).items()}
    return {name: value.long() if name == "timestep" else value for name, value in made.items()}


def gradients(case, net, precision):
    """The loss and the gradients, in the order of `wrt`, as double-precision numbers."""
    net = net.to(precision).requires_grad_(False)
    given = values(case.inputs + case.given)
    given = {name: v.to(precision) if v.is_floating_point() else v for name, v in given.items()}
    for name in case.wrt:
        given[name].requires_grad_()
    loss = case.loss(net, *given.values())
    found = torch.autograd.grad(loss, [given[name] for name in case.wrt])
    return loss.item(), {name: value.double().numpy() for name, value in zip(case.wrt, found)}


def off(found, right):
    return numpy.linalg.norm(found - right) / numpy.linalg.norm(right)


def stride(shape):
    """Every how many elements one is kept: few enough for the repository, and no divisor of a side."""
    step = 1
    while math.prod(shape) / step > 16000 or (step > 1 and any(math.gcd(step, side) > 1 for side in shape)):
        step += 2
    return step


def export(case, net, whole=False):
    inputs = [line.split()[0] for line in case.inputs]
    given = tuple(values(case.inputs).values())
    return torch.onnx.export(
        net.float(), given, input_names=inputs, output_names=[case.output], opset_version=OPSET, dynamo=True,
        optimize=whole, verbose=False,
    )


def skeleton(program, lines):
    """The graph with the lines of the layout in place of weights, and without what other programs would infer."""
    # As the exporter does, but what is computed from weights stays so, and no norm is folded into a convolution:
    # weights keep their names.
    onnxscript.optimizer.inline(program.model)
    onnxscript.optimizer.fold_constants_ir(
        program.model, onnx_shape_inference=True, input_size_limit=SMALL, output_size_limit=SMALL,
        should_fold=lambda node: False if node.op_type == "Transpose" else None,
    )
    onnxscript.optimizer.remove_unused_nodes(program.model)
    model = program.model_proto
    graph = model.graph
    for tensor in graph.initializer:
        if math.prod(tensor.dims) <= SMALL:
            continue
        line = lines[tensor.name]
        assert onnx.numpy_helper.to_array(tensor).tobytes() == next(iter(seeded.read(line).values())).tobytes(), line
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=line)
    del graph.value_info[:]
    for node in graph.node:
        for field in ("name", "metadata_props", "doc_string"):
            node.ClearField(field)
    for field in ("input", "output", "initializer"):
        for value in getattr(graph, field):
            value.ClearField("metadata_props")
    model.ClearField("metadata_props")
    return model


def golden(name, case):
    net, lines = case.make()
    place = HERE / "golden" / name
    if case.output:
        onnx.save(skeleton(export(case, net), lines), place.with_suffix(".onnx"))
    if not case.wrt:
        return
    single = gradients(case, net, torch.float32)[1]
    net = None
    loss, right = gradients(case, case.make()[0], torch.float64)
    torch32 = max(off(single[key], right[key]) for key in case.wrt)
    text = [f"in {line}" for line in case.inputs + case.given] + [f"loss {loss:.17g}", f"torch {torch32:.2e}"]
    samples = []
    for key, value in right.items():
        direction = seeded.uniform("direction", value.shape, 1, 0).astype(numpy.float64)
        step = stride(value.shape)
        text.append(f"gradient {key} {step} {numpy.linalg.norm(value):.17g} {(value * direction).sum():.17g}")
        samples.append(value.reshape(-1)[::step])
    place.with_suffix(".txt").write_text("\n".join(text) + "\n")
    numpy.save(place.with_suffix(".npy"), numpy.concatenate(samples).astype(numpy.float32))
    print(f"{name:22} loss {loss:.6g}, PyTorch's single precision is off by {torch32:.1e}", flush=True)


FULL = {
    "stylegan2-256": CASES["stylegan2-256-scaled"],
    "stylegan2-1024": Case(lambda: generator(1024, "scaled"), ["w 1x18x512 1.7 0"], "image", [], None, []),
    "vit-b32": CASES["vit-b32"],
}


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("names", nargs="*")
    words.add_argument("--full", type=pathlib.Path, metavar="DIR")
    words = words.parse_args()
    torch.set_num_threads(2)
    for name, case in (FULL if words.full else CASES).items():
        if words.names and name not in words.names:
            continue
        if words.full:
            export(case, case.make()[0], True).save(words.full / f"{name}.onnx", external_data=True)
        else:
            golden(name, case)


if __name__ == "__main__":
    main()
