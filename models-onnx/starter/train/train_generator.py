"""Train the generator: renderer parameters -> w -> image and mask.

  python train_generator.py SHARDS HELD --out RUN --minutes 60 [--start ../checkpoint/heads128.pt | --resume]
  python train_generator.py SHARDS HELD --out RUN --minutes 5 --batch 64 --adversarial 0.4        (on a GPU)

Every render comes with the parameters that made it, so the generator can be regressed
onto the picture: no collapse, and it converges in CPU time. The price is softness where the
parameters do not fix a pixel (hair strands); the critic of the last part of a run takes that
away. Codes stay as they are in that part. SHARDS may be filled while this runs.
"""
import argparse
import math

import torch
import torch.nn.functional as F

import checkpoint
from critic import Adversary
from dataset import Heads, pixel_weights
from generator import CLASSES, SIZE
from run import Run, arguments, device
from sheets import save_sheet

HELD_OUT = 512
GROW_EVERY = 200  # steps between looks for new shards
INSIST = 0.7  # length of the critic's gradient, in parts of the supervision's


def gradient_l1(difference, weight):
    vertical = (difference[..., 1:, :] - difference[..., :-1, :]).abs() * weight[..., 1:, :]
    horizontal = (difference[..., 1:] - difference[..., :-1]).abs() * weight[..., 1:]
    return vertical.mean() + horizontal.mean()


def reconstruction(fake, real, weight):
    """Weighted L1, its gradients, and half-size L1 (which keeps large areas from drifting)."""
    difference = fake - real
    loss = (difference.abs() * weight).mean() + gradient_l1(difference, weight)
    return loss + 0.5 * F.avg_pool2d(difference, 2).abs().mean()


@torch.no_grad()
def measure(faces, data, index):
    """PSNR (of the mean square error), mask accuracy and mean IoU of the classes over some faces."""
    errors, confusion = [], torch.zeros(len(CLASSES), len(CLASSES), dtype=torch.long, device=index.device)
    for i in index.split(64):
        image, logits = faces(data.params[i])
        errors.append(((image.clamp(-1, 1) - data.batch(i)) / 2).square().mean((1, 2, 3)))
        pairs = data.masks[i].long() * len(CLASSES) + logits.argmax(1)
        confusion += torch.bincount(pairs.flatten(), minlength=len(CLASSES) ** 2).view_as(confusion)
    accuracy = confusion.diag().sum() / confusion.sum()
    return -10 * math.log10(torch.cat(errors).mean()), accuracy.item(), ious(confusion).mean().item()


def ious(confusion):
    """Intersection over union of each class, from counts by (truth, guess)."""
    both = confusion.diag()
    return both / (confusion.sum(0) + confusion.sum(1) - both).clamp_min(1)


def sample_weights(data):
    """Draw faces with glasses, beards and hats a little more often than they are rendered."""
    weight = torch.ones(len(data.train), device=data.device)
    weight += 0.6 * (data.label("glasses")[data.train] > 0)
    weight += 0.6 * (data.label("beard")[data.train] > 1)
    return weight


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--adversarial", type=float, default=0.0, help="share of the time, at its end, with a critic")
    args = arguments(parser, minutes=60, batch=16, rate=2.5e-3)
    data = Heads(args.data, HELD_OUT, device())
    if args.start:
        faces, info = checkpoint.load(args.start)
        info.pop("latent_avg")
    else:
        faces, info = checkpoint.Faces(), {}
        faces.mean, faces.std = checkpoint.param_statistics(data)
    faces.g.style.requires_grad_(False)  # z -> w is fitted afterwards, by train_mapping.py
    faces.to(device())
    half = torch.autocast("cuda", torch.bfloat16, enabled=data.device.type == "cuda")
    adversary = Adversary(SIZE, data.device, half)
    run = Run("generator", args, faces, speeds={"pmap": 0.33}, beside={"adversary": adversary})
    weights, begun = sample_weights(data), 1 - args.adversarial

    def look(average):
        quality, accuracy, iou = measure(average, data, data.held_out)
        seen = info.get("images_seen", 0) + run.seen
        checkpoint.save(run.out / "heads128.pt", average, dict(info, images_seen=seen))
        show = data.held_out[:16]
        with torch.no_grad():
            made = average(data.params[show])[0]
        save_sheet(torch.cat([data.batch(show)[:8], made[:8], data.batch(show)[8:], made[8:]]).cpu(),
                   run.out / "generator.png", 8)  # fmt: skip
        return dict(psnr=quality, mask_accuracy=accuracy, miou=iou, faces=len(data.train))

    for fraction in run.steps(look):
        if run.number % GROW_EVERY == 0 and data.grow():
            weights = sample_weights(data)
        index = data.train[torch.multinomial(weights, args.batch)]
        real, masks = data.batch(index), data.masks[index]
        weight = pixel_weights(masks)
        with run.half:
            image, logits = run.net(data.params[index], fresh_noise=True)
        supervised = 4 * reconstruction(image, real, weight / weight.mean())
        classes = 0.3 * F.cross_entropy(logits, masks.long())
        if fraction < begun:
            run.step(supervised + classes, len(index))
            continue
        run.net.pmap.requires_grad_(False)
        for group in run.adam.param_groups:
            group["betas"] = (0.0, 0.99)
        # The critic knows nothing at first, and is heard by and by.
        told = INSIST * min(1.0, (fraction - begun) / (0.1 * args.adversarial))
        slope = adversary.slope(image, supervised, told)
        run.adam.zero_grad()
        torch.autograd.backward([image, classes], [slope, None])
        run.learn(len(index))
        adversary.learn(real, image, run.adam.param_groups[0]["lr"])


if __name__ == "__main__":
    main()
