"""StyleCLIP's latent optimiser in PyTorch eager, beside `text_edit.rs`: the same weights, start and threads.

    python text_edit.py eager SIDE THREADS STEPS > EAGER.log
    python text_edit.py compare EAGER.log BENCH PACK SIDE THREADS STEPS,COARSE,DESCENT …

`BENCH` is the program of `cargo bench -p pentimento-convert --bench text_edit --no-run`, `PACK` a folder that does not
exist or that it made. Compared are a step, the time to the similarity that eager has after its steps, the loss (one minus
similarity, and 0.008 times the squared distance), and memory; times are those that processors spent, which other
programs on the machine hardly change.
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

NEARNESS = 0.008

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
    best = (math.inf, 0, 0)
    for step in range(steps):
        t = step / steps
        adam.param_groups[0]["lr"] = 0.1 * (0.5 - 0.5 * math.cos(math.pi * min(1, (1 - t) / 0.25))) * min(1, t / 0.05)
        unlike = 1 - F.cosine_similarity(eye(generator(w)), target).mean()
        far = (w - start).square().sum()
        loss = unlike + NEARNESS * far
        best = min(best, (loss.item(), 1 - unlike.item(), far.item()))
        adam.zero_grad()
        loss.backward()
        adam.step()
        spent, passed = time.process_time() - busy, time.perf_counter() - begun
        print(f"step {step + 1} {spent:.2f} {passed:.3f} {1 - unlike.item():.6f}", flush=True)
    peak = re.search(r"VmHWM:\s+(\d+)", pathlib.Path("/proc/self/status").read_text())[1]
    print(f"reached {best[1]:.6f}, moved by {best[2]:.3f}")
    print(f"opened in {opened:.2f} s, at most {int(peak) * 1024 / 1e6:.0f} MB")


def read(output):
    """Of each step, the seconds until its end and the similarity; both terms of the loss at the end; seconds to open; MB."""
    steps = [(float(s), float(alike)) for s, alike in re.findall(r"step \d+ ([\d.]+) [\d.]+ (-?[\d.]+)", output)]
    reached, moved = re.search(r"reached (-?[\d.]+), moved by ([\d.]+)", output).groups()
    opened, megabytes = re.search(r"opened in ([\d.]+) s, at most (\d+) MB", output).groups()
    return steps, (float(reached), float(moved)), float(opened), float(megabytes)


def compare(eager, bench, pack, side, threads, *ways):
    if not pathlib.Path(pack).exists():
        subprocess.run([bench, pack, "make", side], check=True)
    found = {"eager": (read(pathlib.Path(eager).read_text()), 0)}
    for way in ways:
        steps, coarse, descent = way.split(",")
        command = ["env", f"OMP_NUM_THREADS={threads}", bench, pack, "edit", threads, steps, coarse, descent]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        # Previews are other pictures: what counts is the similarity of full ones.
        found[way] = read(done.stdout), int(int(steps) * float(coarse))
    steps, (wished, _), *_ = found["eager"][0]
    whole = steps[-1][0]
    print(f"{side} px, {threads} threads; eager's similarity after {len(steps)} steps {wished:.4f}, in {whole:.0f} s")
    for name, ((steps, (reached, moved), opened, megabytes), first) in found.items():
        times = [0] + [s for s, _ in steps]
        apart = [b - a for a, b in zip(times, times[1:])]
        there = next(((i, s) for i, (s, alike) in enumerate(steps, 1) if i > first and alike >= wished), (0, math.inf))
        print(
            f"{name}: first step {apart[0]:.2f} s, then {statistics.median(apart[1:]):.2f}; as similar after {there[0]} "
            f"steps and {there[1]:.0f} s, {there[1] / whole:.3f} of eager; at the end, {times[-1] / whole:.3f} of eager, "
            f"similarity {reached:.4f}, moved by {moved:.2f}, loss {1 - reached + NEARNESS * moved:.4f}; "
            f"opened in {opened:.2f} s, {megabytes:.0f} MB",
            flush=True,
        )


if __name__ == "__main__":
    command, *words = sys.argv[1:]
    {"eager": lambda *w: eager(*map(int, w)), "compare": compare}[command](*words)
