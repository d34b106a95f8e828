"""Times one generator pass in PyTorch eager and in Pentimento, on the same weights and threads, in turns.

Two eager forms are timed: the published one (weights modulated per picture, grouped convolutions, as in the papers'
code), and the one the starter pack was trained with (activations scaled, one shared convolution). Their pictures are
compared first. Needs torch.

Run:  python eager.py [--checkpoint ../checkpoint/heads128.pt] [--rounds 5]
"""
import argparse
import pathlib
import statistics
import subprocess
import sys
import time

import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]
sys.path.insert(0, str(HERE.parent / "train"))

from generator import SQRT2, W_SLOTS, Generator  # noqa: E402

WARM, RUNS = 10, 60


def blur(x, kernel, before, after):
    """FIR filter over zero-padded planes, as the published code's fallback without CUDA does it."""
    n, channels, height, width = x.shape
    planes = F.pad(x.reshape(n * channels, 1, height, width), (before, after, before, after))
    y = F.conv2d(planes, kernel.flip(0, 1)[None, None])
    return y.view(n, channels, *y.shape[2:])


def modulated(layer, x, style, demodulate=True):
    """A convolution whose weights are scaled per picture: one group per picture."""
    n, inputs, height, width = x.shape
    weight = layer.scale * layer.weight * style.view(n, 1, inputs, 1, 1)
    outputs, side = weight.shape[1], weight.shape[3]
    if demodulate:
        weight = weight * torch.rsqrt(weight.square().sum((2, 3, 4), keepdim=True) + 1e-8)
    if layer.up:
        flipped = weight.transpose(1, 2).reshape(n * inputs, outputs, side, side)
        y = F.conv_transpose2d(x.reshape(1, n * inputs, height, width), flipped, stride=2, groups=n)
        return blur(y.view(n, outputs, *y.shape[2:]), layer.blur.kernel, 1, 1)
    y = F.conv2d(x.reshape(1, n * inputs, height, width), weight.view(n * outputs, inputs, side, side),
                 padding=side // 2, groups=n)
    return y.view(n, outputs, *y.shape[2:])


def published(generator, w_plus):
    """The pass as the papers' code writes it."""
    x = generator.input.input.repeat(len(w_plus), 1, 1, 1)
    picture, noise = None, 0
    for _, layer, slot, rgb in generator.layers():
        style = layer.conv.modulation(w_plus[:, slot])
        if rgb:
            y = modulated(layer.conv, x, style, demodulate=False) + layer.bias
            if picture is not None:
                n, channels, height, width = picture.shape
                spread = picture.new_zeros(n, channels, height * 2, width * 2)
                spread[:, :, ::2, ::2] = picture
                y = y + blur(spread, layer.upsample.kernel, 2, 1)
            picture = y
            continue
        y = modulated(layer.conv, x, style)
        y = y + layer.noise.weight * getattr(generator.noises, f"noise_{noise}")
        x = F.leaky_relu(y + layer.activate.bias.view(1, -1, 1, 1), 0.2) * SQRT2
        noise += 1
    return picture


def scaled(generator, w_plus):
    """The pass as the starter pack was trained."""
    return generator.synthesise(generator.affine(w_plus))[0]


def eager(form, generator, w_plus):
    """Milliseconds of each run."""
    times = []
    for run in range(WARM + RUNS):
        start = time.perf_counter()
        form(generator, w_plus)
        if run >= WARM:
            times.append((time.perf_counter() - start) * 1e3)
    return times


def pentimento():
    """Median milliseconds by number of threads, from the Rust bench."""
    command = ["cargo", "bench", "--quiet", "-p", "pentimento-models", "--bench", "generator"]
    lines = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout.splitlines()
    return {int(line.split()[0]): float(line.split()[1]) for line in lines[1:]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkpoint", type=pathlib.Path, default=HERE.parent / "checkpoint" / "heads128.pt")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    generator = Generator()
    saved = torch.load(args.checkpoint, map_location="cpu", weights_only=True)
    generator.load_state_dict({key: value.float() for key, value in saved["g_ema"].items()})
    generator.eval().requires_grad_(False)
    torch.manual_seed(0)
    w_plus = generator.style(torch.randn(1, 256))[:, None].repeat(1, W_SLOTS, 1)
    forms = {"published": published, "scaled": scaled}
    with torch.inference_mode():
        difference = (published(generator, w_plus) - scaled(generator, w_plus)).abs().max().item()
        assert difference < 1e-4, f"the two forms differ by {difference}"
        times = {}
        for _ in range(args.rounds):
            for threads, median in pentimento().items():
                times.setdefault(("pentimento", threads), []).append(median)
            for threads in (1, 2):
                torch.set_num_threads(threads)
                for name, form in forms.items():
                    median = statistics.median(eager(form, generator, w_plus))
                    times.setdefault((name, threads), []).append(median)
    print(f"torch {torch.__version__}; medians of {args.rounds} rounds, ms; forms agree to {difference:.1e}")
    for threads in (1, 2):
        ours, *theirs = (statistics.median(times[name, threads]) for name in ("pentimento", *forms))
        ratios = ", ".join(f"{name} {ms:.2f} (ratio {ours / ms:.2f})" for name, ms in zip(forms, theirs))
        print(f"{threads} threads: pentimento {ours:.2f}, {ratios}")


if __name__ == "__main__":
    main()
