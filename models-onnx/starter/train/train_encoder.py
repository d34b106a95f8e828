"""Train the encoder: picture -> w, through the frozen generator.

  python train_encoder.py SHARDS HELD --checkpoint heads128.pt --out RUN --minutes 12 [--start encoder128.pt]

Two losses: w itself, compared in style space (what the generator sees of it), and the
picture that it gives. The truth is known for every render, so the first converges fast;
the second is what users see.
"""
import argparse
import math

import torch
import torch.nn.functional as F

import checkpoint
from dataset import Heads, pixel_weights
from networks import Inverter
from run import Run, arguments, device
from sheets import save_sheet
from train_generator import HELD_OUT, reconstruction


def style_matrix(generator):
    """All affine layers stacked: distances of w are taken after them."""
    rows = [layer.conv.modulation.folded()[0] for _, layer, _, _ in generator.layers()]
    return torch.cat(rows).detach()


def distort(images):
    """What happens to a photograph on its way here: noise, exposure, softness, a small shift."""
    n, rand = len(images), lambda *shape: torch.rand(*shape, device=images.device)
    soft = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)
    x = torch.lerp(images, soft, 0.6 * rand(n, 1, 1, 1))
    return x + 0.06 * (rand(n, 3, 1, 1) - 0.5) + 0.03 * torch.randn_like(x)


@torch.no_grad()
def measure(inverter, generator, data, index):
    """PSNR of the mean square error."""
    errors = []
    for i in index.split(64):
        made = generator(inverter(data.batch(i)))[0].clamp(-1, 1)
        errors.append(((made - data.batch(i)) / 2).square().mean((1, 2, 3)))
    return -10 * math.log10(torch.cat(errors).mean())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--limit", type=int, help="most faces to hold in memory")
    args = arguments(parser, minutes=12, batch=24, rate=1e-3)
    data = Heads(args.data, HELD_OUT, device(), args.limit)
    faces = checkpoint.load(args.checkpoint)[0].requires_grad_(False).to(data.device)
    generator = faces.g
    truth = faces.codes(data.params)
    inverter = Inverter()
    if args.start:
        saved = torch.load(args.start, weights_only=True)
        inverter.load_state_dict({k: v.float() for k, v in saved["inverter"].items()})
    # The output units follow the generator at hand, the weights before them carry over.
    inverter.w_mean.copy_(truth[data.train].mean(0))
    inverter.w_std.copy_(truth[data.train].std(0))
    run = Run("encoder", args, inverter)
    matrix = style_matrix(generator).t()
    scale = ((truth[data.held_out] - run.net.w_mean) @ matrix).square().mean()

    def look(average):
        quality = measure(average, generator, data, data.held_out)
        torch.save({"inverter": average.state_dict(), "psnr": quality}, run.out / "encoder128.pt")
        show = data.batch(data.held_out[:16])
        save_sheet(torch.cat([show, generator(average(show))[0]]).cpu(), run.out / "encoder.png", 16)
        return dict(psnr=quality)

    for _ in run.steps(look):
        index = data.draw(args.batch)
        real = data.batch(index)
        with run.half:
            w = run.net(distort(real)).float()
            loss = ((w - truth[index]) @ matrix).square().mean() / scale
            if run.number % 2:  # the picture costs a pass through the generator: every other step
                weight = pixel_weights(data.masks[index])
                loss = loss + 2 * reconstruction(generator(w)[0], real, weight / weight.mean())
        run.step(loss, args.batch)


if __name__ == "__main__":
    main()
