"""Train the denoiser's networks, one after another, on renders of heads and captions of them.

    python train.py SHARDS… --out RUN --minutes autoencoder=15 text=5 denoiser=60

Each network goes on from what is in RUN, so the command can be given again, with other times, on another machine.
`minutes` is wall-clock time of this run; 0 leaves a network as it is. Shards may be of any multiple of 64 pixels, and may
be added meanwhile. Of the faces there at the start, the last 512 are never trained on. RUN/denoiser64.pt is what
`export.py` reads.
"""
import argparse
import json
import os
import pathlib

import torch
import torch.nn.functional as F

import captioning
import schedule
from captioning import Captions
from common import ATTRIBUTES, Heads, Run, device, pixel_weights, save_sheet
from networks import LATENT, PIXELS, WIDTH, Autoencoder, Denoiser, TextEncoder
from vocabulary import Vocabulary, learnt

SIDE = 64
HELD_OUT = 512
# Batch, rate and average of each network.
HOW = {
    "cpu": {"autoencoder": (16, 1e-3, 0.997), "text": (128, 1e-3, 0.995), "denoiser": (64, 6e-4, 0.999)},
    "cuda": {"autoencoder": (192, 1.5e-3, 0.997), "text": (1024, 1e-3, 0.995), "denoiser": (1024, 1e-3, 0.999)},
}
UNTOLD = 0.1  # of the texts are left empty, for guidance without a classifier
DIVERGENCE = 3e-6  # weight of the latents' divergence from the normal distribution
SCALE = "scale.json"
NETWORKS = ("autoencoder", "text", "denoiser")


class Reading(torch.nn.Module):
    """The text encoder learns its words by telling from its last state what a caption says of every attribute."""

    def __init__(self, tokens):
        super().__init__()
        self.encoder = TextEncoder(tokens)
        self.heads = torch.nn.Linear(WIDTH, sum(len(values) + 1 for values in ATTRIBUTES.values()))

    def forward(self, tokens):
        logits = self.heads(self.encoder(tokens)[:, -1])
        return logits.split([len(values) + 1 for values in ATTRIBUTES.values()], 1)


def steps(run, measure):
    """Those of `run`, with some twenty rows in the log, and with gradients no longer than 1."""

    def shorten(*_):
        torch.nn.utils.clip_grad_norm_(run.net.parameters(), 1.0)

    run.adam.register_step_pre_hook(shorten)
    every = min(120.0, max(20.0, 3 * run.args.minutes))
    return run.steps(measure, every, min(120.0, 2 * every))


def autoencoder(run, data):
    def measure(net):
        errors = []
        for index in data.held_out.split(64):
            real = data.batch(index)
            made = net.decoder(net.moments(net.encoder(real))[0])
            errors.append(((made.clamp(-1, 1) - real) / 2).square().mean((1, 2, 3)))
        save_sheet(torch.cat([real[:16], made[:16]]).cpu(), run.out / "autoencoder.png", 16)
        data.grow()
        return {"psnr": -10 * torch.cat(errors).mean().log10(), "faces": len(data.train)}

    (run.out / SCALE).unlink(missing_ok=True)  # its latents change
    for _ in steps(run, measure):
        index = data.draw(run.batch)
        real, shown = data.batch(index), pixel_weights(data.masks[index])
        with run.half:
            mean, deviation = run.net.moments(run.net.encoder(real))
            made = run.net.decoder(mean + deviation * torch.randn_like(mean))
        mean, deviation = mean.float(), deviation.float()
        error, weight = made.float() - real, shown / shown.mean()
        edges = (error[..., 1:, :] - error[..., :-1, :]).abs().mean() + (error[..., 1:] - error[..., :-1]).abs().mean()
        divergence = 0.5 * (mean.square() + deviation.square() - 1) - deviation.log()
        divergence = divergence.sum((1, 2, 3)).mean()
        run.step((error.abs() * weight).mean() + error.square().mean() + 0.5 * edges + DIVERGENCE * divergence, len(index))


def text(run, data, speak):
    told, truth = speak.held_out(data)

    def measure(net):
        right = torch.stack([x.argmax(1) - 1 == y for x, y in zip(net(told), truth.unbind(1))], 1)
        return {"right": right[truth >= 0].float().mean(), "silent": right[truth < 0].float().mean()}

    for _ in steps(run, measure):
        index = data.draw(run.batch)
        tokens, said = speak.draw(data.labels[index])
        with run.half:
            answers = run.net(tokens)
        # Class 0 is that nothing was said.
        run.step(sum(F.cross_entropy(x.float(), y) for x, y in zip(answers, (said + 1).unbind(1))), len(index))


class Latents:
    """Mean and deviation of the latents of all faces of `data`, [n,8,8,8] each, times a scale that is kept at `path`: the
    inverse of the deviation of all that there were at first."""

    def __init__(self, net, data, path):
        self.net, self.data = net, data
        mean, deviation = self.encoded(0)
        if not path.exists():
            path.write_text(json.dumps(1 / float(mean[data.train].std())))
        self.scale = json.loads(path.read_text())
        self.mean, self.deviation = mean * self.scale, deviation * self.scale

    @torch.no_grad()
    def encoded(self, first):
        index = torch.arange(first, len(self.data.images), device=self.data.device)
        rows = [self.net.moments(self.net.encoder(self.data.batch(some))) for some in index.split(256)]
        return [torch.cat(part) for part in zip(*rows)]

    def grow(self):
        """Takes up the faces that have come since."""
        if self.data.grow():
            mean, deviation = self.encoded(len(self.mean))
            self.mean = torch.cat([self.mean, mean * self.scale])
            self.deviation = torch.cat([self.deviation, deviation * self.scale])

    def draw(self, index):
        return self.mean[index] + self.deviation[index] * torch.randn_like(self.mean[index])


def denoiser(run, data, speak, autoencoder, reading):
    at, encoder = run.device, reading.encoder
    latents = Latents(autoencoder, data, run.out / SCALE)
    told, _ = speak.held_out(data)
    empty = speak.empty
    # The same noise every time, so that rows of the log can be compared.
    fixed = torch.Generator().manual_seed(0)
    fixed_steps = torch.randint(schedule.STEPS, (HELD_OUT,), generator=fixed).to(at)
    noise = torch.randn(HELD_OUT, *latents.mean.shape[1:], generator=fixed).to(at)

    def measure(net):
        latents.grow()
        total = 0.0
        for i in torch.arange(HELD_OUT, device=at).split(128):
            x, v = schedule.noised(latents.mean[data.held_out[i]], noise[i], fixed_steps[i])
            total += (net(x, fixed_steps[i], encoder(told[i])) - v).square().mean((1, 2, 3)).sum()
        made = schedule.drawn(net, encoder(told[:32]), encoder(empty), noise[:32])
        save_sheet(autoencoder.decoder(made / latents.scale).cpu(), run.out / "denoiser.png", 16)
        if run.path.exists():
            keep(run.out)
        return {"loss": total / HELD_OUT, "faces": len(data.train)}

    for _ in steps(run, measure):
        index = data.draw(run.batch)
        tokens, _ = speak.draw(data.labels[index])
        tokens = torch.where(torch.rand(len(tokens), 1, device=at) < UNTOLD, empty, tokens)
        clean, step = latents.draw(index), torch.randint(schedule.STEPS, (len(index),), device=at)
        x, v = schedule.noised(clean, torch.randn_like(clean), step)
        with run.half:
            with torch.no_grad():
                states = encoder(tokens)
            made = run.net(x, step, states)
        run.step(F.mse_loss(made.float(), v), len(index))


def keep(folder):
    """Writes the averaged networks of a run in half precision, which `--start` and `export.py` read."""
    kept = {"merges": json.loads((folder / "merges.json").read_text()), "took": {}}
    kept["scale"] = json.loads((folder / SCALE).read_text())
    for name in NETWORKS:
        saved = torch.load(folder / f"{name}.resume.pt", map_location="cpu", weights_only=True)
        kept[name] = {k: v.half() for k, v in saved["average"].items()}
        kept["took"][name] = dict(steps=saved["step"], seen=saved["seen"], minutes=round(saved["seconds"] / 60, 1))
    torch.save(kept, folder / "denoiser64.pt.part")
    os.replace(folder / "denoiser64.pt.part", folder / "denoiser64.pt")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="+", help="folders of shards")
    parser.add_argument("--out", required=True, help="folder for checkpoints and logs")
    parser.add_argument("--start", help="a checkpoint of `export.py` to start from")
    parser.add_argument("--minutes", nargs="+", default=["autoencoder=15", "text=5", "denoiser=60"])
    parser.add_argument("--limit", type=int, default=120_000, help="faces to train on, about")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True
    out, at = pathlib.Path(args.out), device()
    out.mkdir(parents=True, exist_ok=True)
    start = torch.load(args.start, map_location="cpu", weights_only=True) if args.start else None
    if start and not (out / SCALE).exists():
        (out / SCALE).write_text(json.dumps(start["scale"]))
    merges = out / "merges.json"
    if not merges.exists():
        merges.write_text(json.dumps(start["merges"] if start else learnt(captioning.texts()), ensure_ascii=False))
    words = Vocabulary(json.loads(merges.read_text()))
    data, speak = Heads(args.data, HELD_OUT, at, args.limit, SIDE), Captions(words, at)
    nets = {"autoencoder": Autoencoder(), "text": Reading(len(words)), "denoiser": Denoiser()}
    minutes = {name: 0.0 for name in nets} | {k: float(v) for k, v in (pair.split("=") for pair in args.minutes)}
    for name, net in nets.items():
        torch.manual_seed(0)
        if start:
            net.load_state_dict({k: v.float() for k, v in start[name].items()})
        batch, rate, average = HOW[at.type][name]
        resume = (out / f"{name}.resume.pt").exists()
        told = argparse.Namespace(out=args.out, resume=resume, minutes=minutes[name], rate=rate, batch=batch,
                                  threads=args.threads)  # fmt: skip
        if told.minutes:
            run = Run(name, told, net, ema=average)
            run.batch = batch
            train = {"autoencoder": autoencoder, "text": text, "denoiser": denoiser}[name]
            trained = {"autoencoder": (), "text": (speak,), "denoiser": (speak, nets["autoencoder"], nets["text"])}
            train(run, data, *trained[name])
            net.load_state_dict(run.average.state_dict())
        elif resume:
            saved = torch.load(out / f"{name}.resume.pt", map_location="cpu", weights_only=True)
            net.load_state_dict(saved["average"])
        else:
            Run(name, told, net).save(0.0)
        net.requires_grad_(False).eval().to(at)
    keep(out)


if __name__ == "__main__":
    main()
