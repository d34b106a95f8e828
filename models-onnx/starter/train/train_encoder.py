"""Train the encoder: picture -> w, through the frozen generator.

  python train_encoder.py DATA --checkpoint heads64.pt --out RUN --minutes 12 [--from encoder64.pt | --pack PACK]

Two losses: w itself, compared in style space (what the generator sees of it), and the
picture that it gives. The truth is known for every render, so the first converges fast;
the second is what users see.
"""
import argparse
import math
import os
import pathlib
import time

import torch
import torch.nn.functional as F

import checkpoint
import shipped
from dataset import Heads, pixel_weights
from generator import Generator, make_param_mapper
from networks import Inverter
from sheets import save_sheet
from train_generator import reconstruction

BATCH = 24


def style_matrix(generator):
    """All affine layers stacked: distances of w are taken after them."""
    rows = [layer.conv.modulation.folded()[0] for _, layer, _, _ in generator.layers()]
    return torch.cat(rows).detach()


def distort(images):
    """What happens to a photograph on its way here: noise, exposure, softness, a small shift."""
    n = len(images)
    soft = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)
    x = torch.lerp(images, soft, 0.6 * torch.rand(n, 1, 1, 1))
    return x + 0.03 * torch.randn(n, 3, 1, 1) + 0.03 * torch.randn_like(x)


@torch.no_grad()
def measure(inverter, generator, data, index):
    errors = []
    for i in index.split(64):
        made = generator(inverter(data.batch(i)))[0].clamp(-1, 1)
        errors.append(((made - data.batch(i)) / 2).square().mean((1, 2, 3)))
    return -10 * math.log10(torch.cat(errors).mean())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="+")
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--from", dest="start", help="encoder to continue from")
    parser.add_argument("--pack", help="or a pack whose encoder to continue from")
    parser.add_argument("--out", required=True)
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--held-out", type=int, default=512)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    data = Heads(args.data, args.held_out)
    models = {"g": Generator(), "pmap": make_param_mapper()}
    mean, std, _ = checkpoint.load_into(args.checkpoint, models)
    generator = models["g"].requires_grad_(False)
    params = ((data.params - mean) / std).clamp(-5, 5)
    with torch.no_grad():
        truth = torch.cat([models["pmap"](p) for p in params.split(2048)])
    inverter = Inverter()
    if args.start:
        saved = torch.load(args.start, weights_only=True)
        inverter.encoder.load_state_dict(saved["encoder"])
    # The output units follow the generator at hand, the weights before them carry over.
    inverter.w_mean.copy_(truth[data.train].mean(0))
    inverter.w_std.copy_(truth[data.train].std(0))
    if args.pack:
        shipped.inverter(inverter, shipped.path(args.pack, "encoder"))
    matrix = style_matrix(generator).t()
    scale = ((truth[data.held_out] - inverter.w_mean) @ matrix).square().mean()
    adam = torch.optim.Adam(inverter.encoder.parameters(), betas=(0.9, 0.99))
    started, step = time.time(), 0
    next_log = 0.0

    def save(**extra):
        state = {"encoder": inverter.encoder.state_dict(), "w_mean": inverter.w_mean,
                 "w_std": inverter.w_std, **extra}  # fmt: skip
        torch.save(state, out / "encoder.tmp")
        os.replace(out / "encoder.tmp", out / "encoder64.pt")

    while (elapsed := time.time() - started) < args.minutes * 60:
        fraction = elapsed / (args.minutes * 60)
        if elapsed >= next_log:
            next_log += 60
            quality = measure(inverter, generator, data, data.held_out[:128])
            print(f"{elapsed / 60:.1f} min, step {step}, {quality:.2f} dB", flush=True)
            save()
        adam.param_groups[0]["lr"] = args.rate * min(1, (step + 1) / 50, max(0.02, (1 - fraction) / 0.6))
        index = data.train[torch.randint(len(data.train), (BATCH,))]
        real = data.batch(index)
        w = inverter(distort(real))
        loss = ((w - truth[index]) @ matrix).square().mean() / scale
        if step % 2:  # the picture costs a pass through the generator: every other step
            weight = pixel_weights(data.masks[index])
            loss = loss + 2 * reconstruction(generator(w)[0], real, weight / weight.mean())
        adam.zero_grad()
        loss.backward()
        adam.step()
        step += 1
    quality = measure(inverter, generator, data, data.held_out)
    print(f"held out: {quality:.2f} dB after {step * BATCH} images")
    save(psnr=quality)
    show = data.batch(data.held_out[:32])
    with torch.no_grad():
        save_sheet(torch.cat([show, generator(inverter(show))[0]]), out / "encoder.png", 16)


if __name__ == "__main__":
    main()
