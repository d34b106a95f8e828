"""Train the decoder by supervision: the renderer's blobs, with vectors learnt from what the parts are, to pictures.

    python train_decoder.py SHARDS… --held-out HELD --out RUN --minutes 30 [--resume [--fixed]] [--start CHECKPOINT]

Vectors are a function of what a part is (colour, measures, look, the room's light), never of where: so whatever moves
a blob moves its thing, and the same vectors serve at any place. With --adversarial a critic is heard in the last part.
"""
import argparse

import torch

import losses
from dataset import Rooms
from export import load
from model import CONFIG, Generator
from common import Adversary, Run, arguments, device

INSIST = 0.4  # length of the critic's gradient, in parts of the supervision's


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--held-out", required=True, help="folder of rooms that are never trained on")
    parser.add_argument("--fixed", action="store_true",
                        help="keep the vectors, so that layout network and inverter can be trained at the same time")
    parser.add_argument("--adversarial", type=float, default=0.0, help="share of the time, at its end, with a critic")
    args = arguments(parser)
    data, held = Rooms(args.data), Rooms([args.held_out], "shard-*.npz")
    net = Generator()
    if args.start:
        load(args.start, {"generator_ema.": net.decoder, "describe.": net.describe})
    half = torch.autocast("cuda", torch.bfloat16, enabled=device().type == "cuda")
    adversary, begun = Adversary(CONFIG["size"], device(), half), 1 - args.adversarial
    run = Run("decoder", args, net, beside={"adversary": adversary})
    at = run.device
    if args.fixed:
        run.net.describe.load_state_dict(run.average.describe.state_dict())

    def measure(net):
        index = torch.arange(64)
        made = net(held.blobs[index].to(at), held.described[index].to(at))
        return {"psnr": losses.psnr(made, held.pictures(index, at))}

    for fraction in run.steps(measure):
        index = torch.randint(len(data), (args.batch,))
        real, weight = data.pictures(index, at), losses.weights(data.parts[index].to(at))
        with run.half:
            blobs = run.net.blobs(data.blobs[index].to(at), data.described[index].to(at))
            made = run.net.decoder({k: v.detach() for k, v in blobs.items()} if args.fixed else blobs)
        made = made.float()
        unlike = losses.unlike(made, real, weight)
        if fraction < begun:
            run.step(unlike, args.batch)
            continue
        told = INSIST * min(1.0, (fraction - begun) / (0.1 * args.adversarial))
        slope = adversary.slope(made, unlike, told)
        run.adam.zero_grad()
        made.backward(slope)
        run.learn(args.batch)
        adversary.learn(real, made, run.adam.param_groups[0]["lr"])


if __name__ == "__main__":
    main()
