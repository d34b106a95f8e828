"""StyleCLIP's latent optimiser in PyTorch eager, beside `text_edit.rs`: the same weights, steps and threads.

    python text_edit.py eager SIDE THREADS STEPS      prints the lines that the bench prints
    python text_edit.py compare BENCH PACK SIDE THREADS STEPS COARSE

`BENCH` is the program of `cargo bench -p pentimento-convert --bench text_edit --no-run`, `PACK` a folder that does not
exist or that it made. Compared are a step, the time to the similarity that eager has after its steps, and memory;
times are those that processors spent, which other programs on the machine hardly change.
"""

import ctypes
import gc
import math
import pathlib
import re
import statistics
import subprocess
import sys
import time

import torch
from torch.nn import functional as F

HERE = pathlib.Path(__file__).resolve().parent
ROOM = HERE.parents[1]
sys.path[:0] = [str(ROOM / "reference" / "networks"), str(ROOM / "seeded")]

import clip  # noqa: E402
import seeded  # noqa: E402
import stylegan2  # noqa: E402


class Eye(torch.nn.Module):
    """The image tower alone, named as in the whole network."""

    def __init__(self, side):
        super().__init__()
        self.visual, self.side = clip.vit_b32().visual, side

    def forward(self, image):
        large = F.interpolate(image, scale_factor=7, mode="nearest")
        return self.visual(F.avg_pool2d(large, self.side // 32))


def load(module, network):
    tensors = seeded.read("\n".join(module.layout(network, seeded.line)))
    network.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
    return network.eval().requires_grad_(False)


def uniform(name, shape):
    return torch.from_numpy(seeded.uniform(name, shape, 1.0, 0.0))


def eager(side, threads, steps):
    torch.set_num_threads(threads)
    opened = time.perf_counter()
    generator, eye = load(stylegan2, stylegan2.Generator(side, mapping=0)), load(clip, Eye(side))
    opened = time.perf_counter() - opened
    start, target = uniform("w_plus", (1, generator.slots, 512)), uniform("target", (1, 512))
    w = start.clone().requires_grad_()
    adam = torch.optim.Adam([w], lr=0.1, betas=(0.9, 0.999))
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    begun, busy = time.perf_counter(), time.process_time()
    for step in range(steps):
        t = step / steps
        adam.param_groups[0]["lr"] = 0.1 * (0.5 - 0.5 * math.cos(math.pi * min(1, (1 - t) / 0.25))) * min(1, t / 0.05)
        unlike = 1 - F.cosine_similarity(eye(generator(w)), target).mean()
        loss = unlike + 0.008 * (w - start).square().sum()
        adam.zero_grad()
        loss.backward()
        adam.step()
        spent, passed = time.process_time() - busy, time.perf_counter() - begun
        print(f"step {step + 1} {spent:.2f} {passed:.3f} {1 - unlike.item():.6f}", flush=True)
    peak = re.search(r"VmHWM:\s+(\d+)", pathlib.Path("/proc/self/status").read_text())[1]
    print(f"opened in {opened:.2f} s, at most {int(peak) * 1024 / 1e6:.0f} MB")


def run(command, threads):
    done = subprocess.run(["env", f"OMP_NUM_THREADS={threads}", *map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    steps = [(float(s), float(alike)) for s, alike in re.findall(r"step \d+ ([\d.]+) [\d.]+ (-?[\d.]+)", done.stdout)]
    opened, megabytes = re.search(r"opened in ([\d.]+) s, at most (\d+) MB", done.stdout).groups()
    return steps, float(opened), float(megabytes)


def compare(bench, pack, side, threads, steps, coarse):
    if not pathlib.Path(pack).exists():
        subprocess.run([bench, pack, "make", side], check=True)
    found = {
        "eager": run([sys.executable, __file__, "eager", side, threads, steps], threads),
        "plain": run([bench, pack, "edit", threads, steps, 0], threads),
        "coarse": run([bench, pack, "edit", threads, steps, coarse], threads),
    }
    wished = found["eager"][0][-1][1]
    whole = found["eager"][0][-1][0]
    print(f"{side} px, {threads} threads, {steps} steps; similarity after them {wished:.4f}")
    for name, (all_steps, opened, megabytes) in found.items():
        times = [0] + [s for s, _ in all_steps]
        apart = [b - a for a, b in zip(times, times[1:])]
        # Previews are other pictures: what counts is the similarity of full ones.
        first = int(int(steps) * float(coarse)) if name == "coarse" else 0
        there = next((s for s, alike in all_steps[first:] if alike >= wished - 1e-3), math.inf)
        print(
            f"{name:7} first step {apart[0]:.2f} s, then {statistics.median(apart[1:]):.2f} (last {apart[-1]:.2f}); "
            f"there after {there:.1f} s, {there / whole:.2f} of eager; at the end {all_steps[-1][1]:.4f}; "
            f"opened in {opened:.2f} s, {megabytes:.0f} MB"
        )


if __name__ == "__main__":
    command, *words = sys.argv[1:]
    {"eager": lambda *w: eager(*map(int, w)), "compare": compare}[command](*words)
