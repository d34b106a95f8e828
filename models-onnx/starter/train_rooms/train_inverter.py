"""Train the inverter: pictures to what the last layer of the layout network would give for them.

    python train_inverter.py SHARDS… --held-out HELD --decoder RUN/decoder.resume.pt --out RUN --minutes 20

First by the renderer's blobs alone; in the last part of a run the picture that the decoder makes of them counts, too.
"""
import argparse

import torch

import fields
import losses
from dataset import Rooms
from export import load
from model import inverter, layout
from common import Run, arguments
from train_layout import trained_generator


def decoded(generator, blobs):
    return generator.decoder(dict(blobs, sizes=blobs["sizes"][:, 1:]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--decoder", required=True, help="decoder.resume.pt or a checkpoint")
    parser.add_argument("--held-out", required=True, help="folder of rooms that are never trained on")
    args = arguments(parser, minutes=20, batch=32, rate=1e-3)
    data, held = Rooms(args.data), Rooms([args.held_out], "shard-*.npz")
    generator = trained_generator(args.decoder)
    net = inverter()
    with torch.no_grad():
        first = torch.arange(min(len(data), 2000))
        mean = fields.mean_output(fields.target(generator.describe, data.blobs[first], data.described[first]))
        net.final_linear[1].bias.copy_(mean)
        net.final_linear[1].weight.mul_(0.1)
    if args.start:
        load(args.start, {"inverter.": net})
    split = layout().split
    run = Run("inverter", args, net)
    at = run.device
    generator.to(at)
    right = fields.target(generator.describe, data.blobs.to(at), data.described.to(at))
    spread = fields.spread(right)
    shown = torch.arange(64)
    truth = fields.target(generator.describe, held.blobs[shown].to(at), held.described[shown].to(at))

    def measure(net):
        picture = held.pictures(shown, at)
        found = split(net(picture))
        made = decoded(generator, found)
        return dict(fields.off(found, truth, spread), there=fields.seen_right(found, truth), psnr=losses.psnr(made, picture))

    for fraction in run.steps(measure):
        index = torch.randint(len(data), (args.batch,))
        picture = data.pictures(index, at)
        with run.half:
            flat = run.net(picture)
        found = split(flat.float())
        loss = fields.loss(fields.off(found, {k: v[index] for k, v in right.items()}, spread))
        if fraction > 0.6:
            part = slice(0, args.batch // 4)
            made = decoded(generator, {k: v[part] for k, v in found.items()})
            loss = loss + losses.unlike(made, picture[part], losses.weights(data.parts[index[part]].to(at)))
        run.step(loss, args.batch)


if __name__ == "__main__":
    main()
