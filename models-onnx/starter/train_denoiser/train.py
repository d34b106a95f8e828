"""Train the denoiser's four networks, one after another, on renders of heads and captions of them.

    python train.py SHARDS… --out RUN --minutes autoencoder=15 text=5 denoiser=60

Each network goes on from what is in RUN, so the command can be given again, with other times, on another machine.
`minutes` is wall-clock time of this run; 0 leaves a network as it is. The last 512 faces are never trained on.
"""
import argparse
import json
import pathlib

import torch
import torch.nn.functional as F

import schedule
from common import ATTRIBUTES, NAMES, Heads, Run, captions, device, pixel_weights, row, save_sheet
from networks import LATENT, PIXELS, WIDTH, Autoencoder, Denoiser, TextEncoder
from vocabulary import Vocabulary, learnt

HELD_OUT = 512
# Batch, rate and average of each network.
HOW = {"autoencoder": (16, 1e-3, 0.997), "text": (128, 1e-3, 0.995), "denoiser": (64, 6e-4, 0.999)}
UNTOLD = 0.1  # of the texts are left empty, for guidance without a classifier
DIVERGENCE = 3e-6  # weight of the latents' divergence from the normal distribution


class Texts:
    """Captions of faces; more traits than a sentence of the pair's training has, since a picture is made of one."""

    def __init__(self, data, vocabulary, seed):
        self.data, self.vocabulary = data, vocabulary
        self.rng = captions.seeded(seed)

    def __call__(self, index):
        """Tokens [n, t], and what was said of each attribute [n, attributes]; −1 where nothing was."""
        texts, said = zip(*(captioned(row(self.data.labels[i]), self.rng) for i in index))
        return self.vocabulary.encode(texts), torch.tensor(said)


def captioned(face, rng):
    """A caption of one to seven traits in any order, and the number of each trait's value, −1 for those not named."""
    usable = captions.traits(face)
    chosen = []
    for _ in range(rng.randint(1, 7)):
        pick = rng.choices(usable, [captions.WEIGHTS.get(t, 1) for t in usable])[0]
        usable.remove(pick)
        chosen.append(pick)
        if not usable:
            break
    said = [ATTRIBUTES[name].index(face[name]) if name in chosen else -1 for name in NAMES]
    return captions.wrap(", ".join(rng.choice(captions.PHRASES[t][face[t]]) for t in chosen), rng), said


def vocabulary(path, data):
    """Learnt once, from captions of the faces that are trained on."""
    if not path.exists():
        rng = captions.seeded(3)
        texts = [captioned(row(data.labels[i]), rng)[0] for i in data.train[:6000]]
        path.write_text(json.dumps(learnt(texts), ensure_ascii=False))
    return Vocabulary(json.loads(path.read_text()))


class Reading(torch.nn.Module):
    """The text encoder learns its words by telling from its last state what a caption says of every attribute."""

    def __init__(self, tokens):
        super().__init__()
        self.encoder = TextEncoder(tokens)
        self.heads = torch.nn.Linear(WIDTH, sum(len(values) + 1 for values in ATTRIBUTES.values()))

    def forward(self, tokens):
        logits = self.heads(self.encoder(tokens)[:, -1])
        return logits.split([len(values) + 1 for values in ATTRIBUTES.values()], 1)


def autoencoder(run, data):
    def measure(net):
        errors = []
        for index in data.held_out.split(64):
            real = data.batch(index).to(run.device)
            made = net.decoder(net.moments(net.encoder(real))[0])
            errors.append(((made.clamp(-1, 1) - real) / 2).square().mean((1, 2, 3)))
        save_sheet(torch.cat([real[:16], made[:16]]).cpu(), run.out / "autoencoder.png", 16)
        return {"psnr": -10 * torch.cat(errors).mean().log10()}

    for _ in run.steps(measure):
        index = data.train[torch.randint(len(data.train), (run.batch,))]
        real, shown = data.batch(index).to(run.device), pixel_weights(data.masks[index]).to(run.device)
        with run.half:
            mean, deviation = run.net.moments(run.net.encoder(real))
            made = run.net.decoder(mean + deviation * torch.randn_like(mean)).float()
        mean, deviation = mean.float(), deviation.float()
        error, weight = made - real, shown / shown.mean()
        edges = (error[..., 1:, :] - error[..., :-1, :]).abs().mean() + (error[..., 1:] - error[..., :-1]).abs().mean()
        divergence = 0.5 * (mean.square() + deviation.square() - 1) - deviation.log()
        divergence = divergence.sum((1, 2, 3)).mean()
        run.step((error.abs() * weight).mean() + error.square().mean() + 0.5 * edges + DIVERGENCE * divergence, len(index))


def text(run, data, words):
    speak, speak_held_out = Texts(data, words, run.number), Texts(data, words, 1)
    told, truth = speak_held_out(data.held_out)

    def loss(net, tokens, said):
        # Class 0 is that nothing was said.
        parts = [F.cross_entropy(x, y) for x, y in zip(net(tokens), (said + 1).unbind(1))]
        return sum(parts)

    def measure(net):
        answers = net(told.to(run.device))
        right = torch.stack([x.argmax(1).cpu() - 1 == y for x, y in zip(answers, truth.unbind(1))], 1)
        return {"right": right[truth >= 0].float().mean(), "silent": right[truth < 0].float().mean()}

    for _ in run.steps(measure):
        tokens, said = speak(data.train[torch.randint(len(data.train), (run.batch,))])
        with run.half:
            value = loss(run.net, tokens.to(run.device), said.to(run.device))
        run.step(value, run.batch)


@torch.no_grad()
def encoded(net, data, at):
    """Mean and deviation of the latents of all pictures, each [n,8,8,8]."""
    rows = [net.moments(net.encoder(data.batch(i).to(at))) for i in torch.arange(len(data.images)).split(64)]
    return [torch.cat(part) for part in zip(*rows)]


def denoiser(run, data, words, autoencoder, reading):
    at = run.device
    latents = encoded(autoencoder.to(at), data, at)
    scale = 1 / latents[0][data.train].std()
    (run.out / "scale.json").write_text(json.dumps(float(scale)))
    mean, deviation = (part * scale for part in latents)
    encoder = reading.encoder.to(at)
    speak, held = Texts(data, words, run.number), Texts(data, words, 1)(data.held_out)[0].to(at)
    empty = words.encode([""]).to(at)
    # The same noise every time, so that rows of the log can be compared.
    fixed = torch.Generator().manual_seed(0)
    steps = torch.randint(schedule.STEPS, (HELD_OUT,), generator=fixed).to(at)
    noise = torch.randn(HELD_OUT, LATENT, 64 // PIXELS, 64 // PIXELS, generator=fixed).to(at)

    def measure(net):
        total = 0.0
        for i in torch.arange(HELD_OUT, device=at).split(128):
            x, v = schedule.noised(mean[data.held_out.to(at)[i]], noise[i], steps[i])
            error = (net(x, steps[i], encoder(held[i])) - v).square().mean((1, 2, 3))
            total += (error * schedule.weight(steps[i])).sum()
        made = schedule.drawn(net, encoder(held[:32]), encoder(empty), noise[:32])
        save_sheet(autoencoder.decoder(made / scale).cpu(), run.out / "denoiser.png", 16)
        return {"loss": total / HELD_OUT}

    for _ in run.steps(measure):
        index = data.train[torch.randint(len(data.train), (run.batch,))]
        tokens = speak(index)[0].to(at)
        tokens[torch.rand(len(tokens), device=at) < UNTOLD] = empty
        index = index.to(at)
        clean = mean[index] + deviation[index] * torch.randn_like(mean[index])
        step = torch.randint(schedule.STEPS, (len(index),), device=at)
        x, v = schedule.noised(clean, torch.randn_like(clean), step)
        with torch.no_grad():
            states = encoder(tokens)
        with run.half:
            made = run.net(x, step, states)
        error = (made.float() - v).square().mean((1, 2, 3))
        run.step((error * schedule.weight(step)).mean(), len(index))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="+", help="folders of shards")
    parser.add_argument("--out", required=True, help="folder for checkpoints and logs")
    parser.add_argument("--start", help="a checkpoint of `export.py` to start from")
    parser.add_argument("--minutes", nargs="+", default=["autoencoder=15", "text=5", "denoiser=60"])
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    data = Heads(args.data, HELD_OUT)
    start = torch.load(args.start, map_location="cpu", weights_only=True) if args.start else None
    if start and not (out / "merges.json").exists():
        (out / "merges.json").write_text(json.dumps(start["merges"], ensure_ascii=False))
    words = vocabulary(out / "merges.json", data)
    nets = {"autoencoder": Autoencoder(), "text": Reading(len(words)), "denoiser": Denoiser()}
    minutes = {name: 0.0 for name in nets} | {k: float(v) for k, v in (pair.split("=") for pair in args.minutes)}
    for name, net in nets.items():
        torch.manual_seed(0)
        if start:
            net.load_state_dict({k: v.float() for k, v in start[name].items()})
        batch, rate, average = HOW[name]
        resume = (out / f"{name}.resume.pt").exists()
        told = argparse.Namespace(out=args.out, resume=resume, minutes=minutes[name], rate=rate, batch=batch,
                                  threads=args.threads)  # fmt: skip
        if told.minutes or not resume:
            run = Run(name, told, net, ema=average)
            run.batch = batch
            trained = {"autoencoder": (), "text": (words,), "denoiser": (words, nets["autoencoder"], nets["text"])}
            {"autoencoder": autoencoder, "text": text, "denoiser": denoiser}[name](run, data, *trained[name])
            net.load_state_dict(run.average.state_dict())
        else:
            saved = torch.load(out / f"{name}.resume.pt", map_location="cpu", weights_only=True)
            net.load_state_dict(saved["average"])
        net.requires_grad_(False).eval().to(device())


if __name__ == "__main__":
    main()
