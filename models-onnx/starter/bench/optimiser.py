"""StyleCLIP's latent optimiser in PyTorch eager, beside Pentimento's, on the starter pack's trained weights.

    python optimiser.py EDITS PICTURES.npy PROGRAM "blue hair" "sunglasses" … [KEY=VALUE…]

`PROGRAM` is the example `text_edit` of `pentimento-models`, keys are its. Both begin at the same codes, those of the pack's
encoder, and have one thread. PyTorch makes the 300 steps of the published method, which are kept in EDITS/eager.npz for
the next comparison. Compared are the loss that the method makes small, by its terms, and the seconds that an edit takes:
PyTorch's by the processor, ours by the clock, which on a busy machine are more.
"""
import math
import pathlib
import re
import subprocess
import sys
import time

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper

from eager import Generator, published

HERE = pathlib.Path(__file__).resolve().parent
PACK = HERE.parents[1] / "packs" / "starter-faces"
STEPS, RATE, NEARNESS = 300, 0.1, 0.008


def generator():
    network = Generator()
    saved = torch.load(HERE.parent / "checkpoint" / "heads128.pt", map_location="cpu", weights_only=True)
    network.load_state_dict({key: value.float() for key, value in saved["g_ema"].items()})
    return network.eval().requires_grad_(False)


class Eye:
    """The pack's image encoder, from its graph, whose weights hold all gains already."""

    def __init__(self):
        stored = onnx.load(PACK / "image-encoder.onnx").graph.initializer
        self.weights = [torch.from_numpy(numpy_helper.to_array(t).astype(np.float32)) for t in stored]

    def __call__(self, image):
        layers = iter(zip(self.weights[::2], self.weights[1::2]))
        x = F.leaky_relu(F.conv2d(image, *next(layers), stride=2, padding=1), 0.2)
        for _ in range(4):
            y = F.leaky_relu(F.conv2d(x, *next(layers), padding=1), 0.2)
            y = F.leaky_relu(F.conv2d(F.avg_pool2d(y, 2), *next(layers), padding=1), 0.2)
            x = y + F.conv2d(F.avg_pool2d(x, 2), *next(layers))
        return F.linear(x.flatten(1), *next(layers))


def terms(generator, eye, w, start, target):
    unlike = 1 - F.cosine_similarity(eye(published(generator, w)), target).mean()
    return unlike, (w - start).square().sum()


def edit(generator, eye, start, target):
    """The least loss that was seen, its similarity and squared distance, and the seconds that it took."""
    w = start.clone().requires_grad_()
    adam = torch.optim.Adam([w], lr=RATE, betas=(0.9, 0.999))
    best, begun = (math.inf, 0, 0), time.process_time()
    for step in range(STEPS):
        t = step / STEPS
        adam.param_groups[0]["lr"] = RATE * (0.5 - 0.5 * math.cos(math.pi * min(1, (1 - t) / 0.25))) * min(1, t / 0.05)
        unlike, far = terms(generator, eye, w, start, target)
        loss = unlike + NEARNESS * far
        best = min(best, (loss.item(), 1 - unlike.item(), far.item()))
        adam.zero_grad()
        loss.backward()
        adam.step()
    return best, time.process_time() - begun


def eager(edits, prompts):
    """[prompts, heads, 4]: loss, similarity, squared distance and seconds."""
    kept = edits / "eager.npz"
    known = dict(np.load(kept)) if kept.exists() else {}
    network, eye = generator(), Eye()
    starts = torch.from_numpy(np.load(edits / "codes.npy"))
    for prompt in prompts:
        target = torch.from_numpy(np.load(edits / f"{prompt}.text.npy"))[None]
        if prompt not in known:
            made = [edit(network, eye, start[None], target) for start in starts]
            known[prompt] = np.array([[*best, seconds] for best, seconds in made])
            np.savez(kept, **known)
    return np.stack([known[prompt] for prompt in prompts])


@torch.inference_mode()
def pentimento(edits, pictures, program, prompts, settings):
    """The same of ours; its codes are judged by PyTorch's networks."""
    command = [program, PACK, pictures, edits, "published=w+", "threads=1", *settings, *prompts]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = re.findall(r"to (-?[\d.]+), \d+ steps, ([\d.]+) s", done.stdout)
    said, seconds = np.array(found, float).reshape(len(prompts), -1, 2).transpose(2, 0, 1)
    network, eye = generator(), Eye()
    starts = torch.from_numpy(np.load(edits / "codes.npy"))
    rows = []
    for prompt in prompts:
        target = torch.from_numpy(np.load(edits / f"{prompt}.text.npy"))[None]
        for start, w in zip(starts, torch.from_numpy(np.load(edits / f"{prompt}.codes.npy"))):
            unlike, far = terms(network, eye, w[None], start[None], target)
            rows.append([(unlike + NEARNESS * far).item(), 1 - unlike.item(), far.item()])
    rows = np.array(rows).reshape(*seconds.shape, 3)
    apart = np.abs(rows[..., 1] - said).max()
    assert apart < 2e-3, f"PyTorch sees another similarity than we do, by {apart}"
    return np.concatenate([rows, seconds[..., None]], axis=2)


def main():
    edits, pictures, program, *words = sys.argv[1:]
    edits = pathlib.Path(edits)
    settings, prompts = ([w for w in words if ("=" in w) == given] for given in (True, False))
    torch.set_num_threads(1)
    ours = pentimento(edits, pictures, program, prompts, settings)
    theirs = eager(edits, prompts)
    print(f"{ours.shape[1]} heads, {len(prompts)} prompts, {' '.join(settings)}")
    for name, all_edits in (("eager", theirs), ("ours", ours)):
        loss, alike, far, seconds = all_edits.mean((0, 1))
        print(f"{name:6} loss {loss:.4f}, similarity {alike:.4f}, squared distance {far:.2f}, {seconds:.2f} s an edit")
    ratio = ours[..., 3].mean() / theirs[..., 3].mean()
    reached = (ours[..., 1] >= theirs[..., 1] - 1e-3).mean()
    less = (ours[..., 0] <= theirs[..., 0] + 1e-3).mean()
    print(f"{ratio:.3f} of eager's time; similarity as great in {reached:.2f} of edits, loss as small in {less:.2f}")


if __name__ == "__main__":
    main()
