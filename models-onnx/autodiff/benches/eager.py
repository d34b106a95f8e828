"""The steps of loss and gradient that `gradient.rs` times, in PyTorch eager, and both compared.

    python eager.py export FOLDER      writes the ONNX models
    python eager.py compare FOLDER     times both in turns, each step in a process of its own; prints a table
    python eager.py step CASE [FORM]   one configuration of PyTorch alone

The networks are those of `models-onnx/reference/networks` with seeded weights, the same on both sides. StyleGAN2 has
two forms in PyTorch: as published (`modulated`: weights scaled per picture, grouped convolutions) and `scaled` (activations
scaled, one convolution for all pictures). Needs torch, onnx and onnxscript.
"""
import argparse
import ctypes
import gc
import pathlib
import re
import statistics
import subprocess
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).resolve().parent
ROOM = HERE.parents[1]
sys.path[:0] = [str(ROOM / "reference" / "networks"), str(ROOM / "seeded")]

import clip  # noqa: E402
import seeded  # noqa: E402
import stylegan2  # noqa: E402

CASES = {
    "stylegan2-256": ("w_plus", ["stylegan2-256.onnx", "--loss", "mse:picture", "--wrt", "w_plus"], 3),
    "stylegan2-1024": ("w_plus", ["stylegan2-1024.onnx", "--loss", "mse:picture", "--wrt", "w_plus"], 2),
    "clip": ("photo", ["clip.onnx", "--loss", "cosine:embedding", "--wrt", "photo"], 10),
    "generator-clip": (
        "w_plus",
        ["stylegan2-256.onnx", "--join", "eye.onnx:picture=photo", "--loss", "cosine:embedding", "--wrt", "w_plus"],
        3,
    ),
}
"""The variable, what `gradient.rs` is told, and how many steps are timed."""

LINE = r"([\d.]+) ms, least ([\d.]+), processor ([\d.]+) s, (\d+) MB.*loss ([-\d.e+]+), slope ([-\d.e+]+)"


class Eye(nn.Module):
    """Pictures of any size in [-1, 1] to CLIP's embedding."""

    def __init__(self, tower):
        super().__init__()
        self.tower = tower
        self.register_buffer("mean", torch.tensor(clip.MEAN)[:, None, None])
        self.register_buffer("std", torch.tensor(clip.STD)[:, None, None])

    def forward(self, photo):
        photo = F.interpolate(photo, size=(224, 224), mode="bilinear", antialias=True)
        return self.tower(((photo + 1) / 2 - self.mean) / self.std)


class Plain(nn.Module):
    """StyleGAN2 with what does not depend on W+ computed beforehand, as a converter would write it: √2 goes through the
    leaky rectifier into the demodulation, the noise and the bias."""

    def __init__(self, generator):
        super().__init__()
        self.layers = [(layer, row, self.constants(layer)) for layer, row in generator.layers()]
        self.start = generator.input.input
        noises = zip((c for layer, _, c in self.layers if isinstance(layer, stylegan2.StyledConv)), generator.noises.buffers())
        for constants, noise in noises:
            constants["noise"] = noise * constants["noise"]

    @staticmethod
    def constants(layer):
        conv, gain = layer.conv, 2**0.5
        weight = (conv.weight / conv.weight[0, 0].numel() ** 0.5)[0].detach()
        linear = conv.modulation
        affine = linear.weight.detach() / linear.weight.shape[1] ** 0.5, linear.bias.detach()
        if isinstance(layer, stylegan2.ToRGB):
            return dict(weight=weight, affine=affine)
        energy = weight.square().sum((2, 3)).T.contiguous() / 2
        bias = layer.activate.bias.detach()[:, None, None] * gain
        weight = weight.transpose(0, 1).contiguous() if conv.up else weight
        return dict(weight=weight, affine=affine, energy=energy, bias=bias, noise=layer.noise.weight.detach() * gain)

    def forward(self, w):
        x, picture = self.start, None
        for layer, row, c in self.layers:
            style = F.linear(w[:, row], *c["affine"])
            y = x * style[:, :, None, None]
            if isinstance(layer, stylegan2.ToRGB):
                y = F.conv2d(y, c["weight"], layer.bias[0, :, 0, 0])
                if picture is not None:
                    kernel = stylegan2.spread_over(layer.kernel, 3)
                    y = y + F.conv_transpose2d(picture, kernel, stride=2, padding=1, groups=3)
                picture = y
                continue
            if layer.conv.up:
                y = F.conv_transpose2d(y, c["weight"], stride=2)
                count = y.shape[1]
                y = F.conv2d(y, stylegan2.spread_over(layer.conv.kernel, count), padding=1, groups=count)
            else:
                y = F.conv2d(y, c["weight"], padding=1)
            scale = torch.rsqrt(style.square() @ c["energy"] + 5e-9)
            x = F.leaky_relu(y * scale[:, :, None, None] + c["noise"] + c["bias"], 0.2)
        return picture


def load(module, network):
    tensors = seeded.read("\n".join(module.layout(network, seeded.line)))
    network.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
    return network.eval().requires_grad_(False)


def generator(size, form):
    return load(stylegan2, stylegan2.Generator(size, form, mapping=0))


def tower():
    """The image tower, its weights named as if it were the whole network."""
    return load(clip, clip.vit_b32().visual)


def network(case, form):
    """The network and the shape of its variable."""
    if case == "clip":
        return tower(), (1, 3, 224, 224)
    size = 1024 if case.endswith("1024") else 256
    made = generator(size, form)
    shape = (1, made.slots, stylegan2.STYLES)
    return (nn.Sequential(made, Eye(tower())) if case == "generator-clip" else made), shape


def uniform(name, shape):
    return torch.from_numpy(seeded.uniform(name, shape, 1.0, 0.0))


def step(case, form, threads, runs):
    """Prints the same line as `gradient.rs`."""
    torch.set_num_threads(threads)
    model, shape = network(case, form)
    variable = uniform(CASES[case][0], shape).requires_grad_()
    target = None
    times = []
    # The most memory is counted from here on, without the copies that loading made.
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    for run in range(runs + 1):
        start = time.perf_counter()
        variable.grad = None
        result = model(variable)
        target = uniform("target", result.shape) if target is None else target
        pictures = result.dim() == 4
        loss = F.mse_loss(result, target) if pictures else 1 - F.cosine_similarity(result, target).mean()
        loss.backward()
        if run:
            times.append((time.perf_counter() - start) * 1e3)
        else:
            busy = time.process_time()
    busy = (time.process_time() - busy) / runs
    status = pathlib.Path("/proc/self/status").read_text()
    peak = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024 / 1e6
    print(
        f"{statistics.median(times):.1f} ms, least {min(times):.1f}, processor {busy:.3f} s, {peak:.0f} MB, "
        f"loss {loss.item():.7f}, slope {variable.grad.double().norm().item():.7e}"
    )


def export(folder):
    folder.mkdir(parents=True, exist_ok=True)

    def write(name, model, shape, variable, result):
        # The exporter folds constants by itself; sizes are fixed, as a pack's are.
        path = str(folder / f"{name}.onnx")
        example = (torch.zeros(shape),)
        torch.onnx.export(
            model.eval(), example, path, opset_version=18, dynamo=True, external_data=False,
            input_names=[variable], output_names=[result], verbose=False,
        )  # fmt: skip
        print(path)

    for size in (256, 1024):
        made = generator(size, "scaled")
        w = uniform("w_plus", (1, made.slots, stylegan2.STYLES))
        plain = Plain(made)
        with torch.no_grad():
            difference = (plain(w) - made(w)).abs().max().item()
        assert difference < 1e-3, f"the two forms differ by {difference}"
        write(f"stylegan2-{size}", plain, w.shape, "w_plus", "picture")
    write("clip", tower(), (1, 3, 224, 224), "photo", "embedding")
    write("eye", Eye(tower()), (1, 3, 256, 256), "photo", "embedding")


def compare(folder, rounds, cases, threads):
    build = ["cargo", "bench", "-p", "pentimento-autodiff", "--bench", "gradient", "--no-run"]
    said = subprocess.run(build, cwd=ROOM, check=True, capture_output=True, text=True).stderr
    ours = ROOM.parent / re.search(r"Executable.*\((.*)\)", said)[1]

    def run(command):
        done = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return [float(word) for word in re.search(LINE, done.stdout).groups()]

    print("| step | threads | peer | ms | peer's ms | time | MB | peer's MB | memory | gradients' lengths differ by |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for case in cases:
        forms = ["scaled"] if case == "clip" else ["modulated", "scaled"]
        for count in threads:
            options = ["--threads", count, "--runs", CASES[case][2]]
            seen = {name: [] for name in ["ours", *forms]}
            for turn in range(rounds):
                seen["ours"].append(run([ours, *CASES[case][1], *options]))
                # The published form takes long and is far away: it runs once.
                for form in forms[-1:] if turn else forms:
                    eager = [sys.executable, __file__, "step", case, form, *options]
                    # Two processes of PyTorch must not find each other's threads.
                    seen[form].append(run(["env", f"OMP_NUM_THREADS={count}", *eager]))
            middle = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in seen.items()}
            ms, _, _, megabytes, _, slope = middle["ours"]
            for form in forms:
                theirs = middle[form]
                print(
                    f"| {case} | {count} | {'eager' if case == 'clip' else form} | {ms:.0f} | {theirs[0]:.0f} "
                    f"| **{ms / theirs[0]:.2f}** | {megabytes:.0f} | {theirs[3]:.0f} | **{megabytes / theirs[3]:.2f}** "
                    f"| {abs(slope / theirs[5] - 1):.0e} |",
                    flush=True,
                )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("export")
    one.add_argument("folder", type=pathlib.Path)
    one = commands.add_parser("step")
    one.add_argument("case", choices=CASES)
    one.add_argument("form", choices=stylegan2.FORMS, nargs="?", default="modulated")
    one.add_argument("--threads", type=int, default=1)
    one.add_argument("--runs", type=int, default=5)
    one = commands.add_parser("compare")
    one.add_argument("folder", type=pathlib.Path)
    one.add_argument("--rounds", type=int, default=2)
    one.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    one.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    arguments = vars(parser.parse_args())
    globals()[arguments.pop("command")](**arguments)


if __name__ == "__main__":
    main()
