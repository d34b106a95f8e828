"""Train the layout network: the renderer's dice, which are its z, to blobs.

    python train_layout.py LAYOUTS… --decoder RUN/decoder.resume.pt --out RUN --minutes 5

The renderer makes rooms of 80 normal numbers. The network learns what blobs they stand for, so random z give rooms as
the renderer throws them, and no adversary is needed.
"""
import argparse

import torch

import fields
from dataset import Rooms
from export import load
from model import Generator, layout
from common import Run, arguments


def trained_generator(path):
    """Decoder and descriptions, trained: from `decoder.resume.pt` (the average) or a checkpoint of `export.py`."""
    net = Generator()
    saved = torch.load(path, map_location="cpu", weights_only=True)
    if "average" in saved:
        net.load_state_dict(saved["average"])
    else:
        load(path, {"generator_ema.": net.decoder, "describe.": net.describe})
    return net.requires_grad_(False).eval()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--decoder", required=True, help="decoder.resume.pt or a checkpoint, whose vectors are used")
    args = arguments(parser, minutes=5, batch=64, rate=1e-3)
    data = Rooms(args.data, "layouts-*.npz")
    describe = trained_generator(args.decoder).describe
    net = layout()
    right = fields.target(describe, data.blobs, data.described)
    # Its layers learn a hundredth as fast as others; the bias starts where the mean is.
    with torch.no_grad():
        net.mlp[-1].bias.copy_(fields.mean_output(right) * 100)
        net.mlp[-1].weight.mul_(0.1)
    if args.start:
        load(args.start, {"layout_net_ema.": net})
    run = Run("layout", args, net, speeds={"": 100.0})
    at = run.device
    right = {k: v.to(at) for k, v in right.items()}
    spread = fields.spread(right)
    z = data.z.to(at)
    held = torch.arange(len(z) - 500, len(z))

    def measure(net):
        found, true = net.fields(net.hidden(z[held])), {k: v[held] for k, v in right.items()}
        return dict(fields.off(found, true, spread), there=fields.seen_right(found, true))

    for _ in run.steps(measure):
        index = torch.randint(len(z) - 500, (args.batch,), device=at)
        with run.half:
            flat = run.net.mlp(z[index])
        found = run.net.split(flat.float())
        run.step(fields.loss(fields.off(found, {k: v[index] for k, v in right.items()}, spread)), args.batch)


if __name__ == "__main__":
    main()
