"""Train the generator by supervision: renderer parameters -> w -> image and mask.

  python train_generator.py DATA --from ../checkpoint/heads64.pt --out RUN --minutes 60
  python train_generator.py DATA --out RUN --resume --minutes 30

Every render comes with the parameters that made it, so the generator can be regressed
onto the picture instead of being driven by a critic: no collapse, and it converges in
CPU time. The price is softness where the parameters do not fix a pixel (hair strands).
"""
import argparse
import copy
import json
import math
import os
import pathlib
import time

import torch
import torch.nn.functional as F

import checkpoint
from dataset import Heads, pixel_weights
from generator import CLASSES, Generator, make_param_mapper, make_segmenter
from sheets import save_sheet

EMA = 0.997


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
def measure(models, data, params, index):
    """PSNR (of the mean square error), mask accuracy and mean IoU of the classes over some faces."""
    errors, confusion = [], torch.zeros(len(CLASSES), len(CLASSES), dtype=torch.long)
    for i in index.split(64):
        image, logits = models["g"](models["pmap"](params[i]), models["seg"])
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
    weight = torch.ones(len(data.train))
    weight += 0.6 * (data.label("glasses")[data.train] > 0)
    weight += 0.6 * (data.label("beard")[data.train] > 1)
    return weight


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="+")
    parser.add_argument("--out", required=True)
    parser.add_argument("--from", dest="start", help="checkpoint to continue from")
    parser.add_argument("--resume", action="store_true", help="continue OUT/resume.pt")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=2.5e-3)
    parser.add_argument("--batch", type=int, default=16, help="small when time is short: more steps a picture")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--held-out", type=int, default=512)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)

    data = Heads(args.data, args.held_out)
    models = {"g": Generator(), "seg": make_segmenter(), "pmap": make_param_mapper()}
    if args.start:
        mean, std, info = checkpoint.load_into(args.start, models)
        if not args.resume:
            fresh = checkpoint.param_statistics(data)
            checkpoint.restate(models["pmap"], (mean, std), fresh)
            mean, std = fresh
    else:
        mean, std, info = *checkpoint.param_statistics(data), {}
    for p in models["g"].style.parameters():
        p.requires_grad_(False)  # z -> w is fitted afterwards, by train_mapping.py
    average = {k: copy.deepcopy(m).requires_grad_(False) for k, m in models.items()}
    generator_params = [
        p for k in ("g", "seg") for p in models[k].parameters() if p.requires_grad
    ]
    adam = torch.optim.Adam(
        [{"params": generator_params}, {"params": models["pmap"].parameters()}],
        betas=(0.9, 0.99),
    )
    step = seen = 0
    seconds_before = 0.0
    if args.resume:
        saved = torch.load(out / "resume.pt", weights_only=True)
        for k in models:
            models[k].load_state_dict(saved["models"][k])
            average[k].load_state_dict(saved["average"][k])
        adam.load_state_dict(saved["adam"])
        mean, std = saved["mean"], saved["std"]
        step, seen, seconds_before = saved["step"], saved["seen"], saved["seconds"]
        info = saved.get("info", {})
    params = ((data.params - mean) / std).clamp(-5, 5)
    weights = sample_weights(data)
    started, next_log, next_save = time.time(), 0.0, 120.0
    log = open(out / "train.jsonl", "a", buffering=1)

    def save():
        state = {
            "models": {k: m.state_dict() for k, m in models.items()},
            "average": {k: m.state_dict() for k, m in average.items()},
            "adam": adam.state_dict(), "mean": mean, "std": std, "info": info,
            "step": step, "seen": seen, "seconds": seconds_before + time.time() - started,
        }  # fmt: skip
        torch.save(state, out / "resume.tmp")
        os.replace(out / "resume.tmp", out / "resume.pt")
        extra = dict(info, images_seen=info.get("images_seen", 0) + seen)
        checkpoint.save(out / "heads64.pt", average, mean, std, extra)
        with torch.no_grad():
            show = data.held_out[:32]
            image, _ = average["g"](average["pmap"](params[show]))
            save_sheet(torch.cat([data.batch(show), image]), out / "progress.png", 16)

    while True:
        elapsed = time.time() - started
        fraction = elapsed / (args.minutes * 60)
        if elapsed >= next_log or fraction >= 1:
            next_log += 60
            whole = fraction >= 1
            quality, accuracy, iou = measure(
                average, data, params, data.held_out if whole else data.held_out[:128]
            )
            row = dict(minutes=round(elapsed / 60, 1), step=step, seen=seen,
                       psnr=round(quality, 3), mask_accuracy=round(accuracy, 4), miou=round(iou, 4))  # fmt: skip
            log.write(json.dumps(row) + "\n")
            print(row, flush=True)
        if elapsed >= next_save or fraction >= 1:
            next_save += 180
            save()
        if fraction >= 1:
            break
        rate = args.rate * min(1, (step + 1) / 200)
        rate *= 0.03 + 0.97 * math.cos(fraction * math.pi / 2) ** 2
        adam.param_groups[0]["lr"], adam.param_groups[1]["lr"] = rate, rate * 0.33
        index = data.train[torch.multinomial(weights, args.batch)]
        real, masks = data.batch(index), data.masks[index]
        weight = pixel_weights(masks)
        image, logits = models["g"](models["pmap"](params[index]), models["seg"])
        loss = 4 * reconstruction(image, real, weight / weight.mean())
        loss = loss + 0.3 * F.cross_entropy(logits, masks.long())
        adam.zero_grad()
        loss.backward()
        adam.step()
        step += 1
        seen += len(index)
        with torch.no_grad():
            for k in models:
                torch._foreach_lerp_(
                    list(average[k].parameters()), list(models[k].parameters()),
                    1 - min(EMA, (1 + step) / (10 + step)),
                )  # fmt: skip


if __name__ == "__main__":
    main()
