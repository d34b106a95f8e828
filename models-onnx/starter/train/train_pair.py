"""Train the text-image pair: sentence projection and image encoder to one embedding.

  python train_pair.py DATA --sentence MODEL.onnx --tokenizer tokenizer.json --out RUN --minutes 15

The sentence encoder stays frozen. One linear head per attribute is shared by both sides, and
that is what makes the space common: "blue hair" and a face with blue hair have to give the
same answer through the same head. First the text side alone (cheap, no pictures): a phrase
must name its own trait and say nothing about the others, a neutral prompt nothing at all.
Then both, with a contrastive loss over captions of one to three traits on top.
"""
import argparse
import random
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

import captions
from dataset import ATTRIBUTES, NAMES, Heads
from networks import EMBEDDING, ImageEncoder, TextProjection
from run import Run, arguments, device
from sentences import Sentences
from train_generator import HELD_OUT

HEADS = ["gender", "age", "skin", "hair", "hair_colour", "expression", "glasses", "beard",
         "hat", "eyes", "lipstick", "freckles", "clothes", "background"]  # fmt: skip
SCALE = 8.0  # unit embeddings are multiplied by this before the heads
TEXT_STEPS = 1500
PAIRS = 700
# What is small in the picture is learnt last unless it counts more; walls and clothes are not asked for.
STRESS = {"expression": 3, "age": 2, "beard": 2, "clothes": 0.3, "background": 0.3, "skin": 0.7}
SILENT_WEIGHT, PAIR_WEIGHT = 6.0, 20.0  # against one for each meaning
TRAINED_TEMPLATES = captions.TEMPLATES + ["a photo of someone with {}", "make it {}", "{}, please"]


def describe(labels):
    return {name: ATTRIBUTES[name][value] for name, value in zip(NAMES, labels.tolist())}


class Phrases:
    """Every single phrase in every template, and pairs: sentence embeddings, and what they say."""

    def __init__(self, sentences):
        rows = []
        for trait, values in captions.PHRASES.items():
            for value, phrases in values.items():
                size = len(phrases) * len(TRAINED_TEMPLATES)
                for phrase in phrases:
                    # Every meaning weighs the same, however many phrasings it has.
                    rows += [(t.format(phrase), {trait: value}, 1 / size) for t in TRAINED_TEMPLATES]
        silent = captions.NEUTRAL + [n for v in captions.NEUTRAL_TRAIT.values() for n in v]
        silent = [t.format(n) for n in silent for t in captions.TEMPLATES]
        rows += [(text, {}, SILENT_WEIGHT / len(silent)) for text in silent]
        pairs = captions.combinations(PAIRS)
        rng = captions.seeded(6)
        rows += [(captions.wrap(text, rng), said, PAIR_WEIGHT / PAIRS) for text, said in pairs]
        self.embeddings = torch.from_numpy(sentences.embed([r[0] for r in rows])).to(device())
        self.said = torch.tensor([
            [ATTRIBUTES[t].index(said[t]) if t in said else -1 for t in HEADS] for _, said, _ in rows
        ]).to(device())  # fmt: skip
        self.weight = torch.tensor([r[2] for r in rows], device=device())

    def loss(self, projection, heads, priors, count=256):
        """Cross-entropy on the traits a phrase speaks of; on all others, its answer should be
        the share of each value in the data, i.e. no information."""
        i = torch.multinomial(self.weight, count, replacement=True)
        noisy = self.embeddings[i] + 0.02 * torch.randn(count, self.embeddings.shape[1], device=self.embeddings.device)
        unit = F.normalize(projection(noisy), dim=1) * SCALE
        spoken, silent = 0.0, 0.0
        for k, name in enumerate(HEADS):
            logits = heads[name](unit).log_softmax(1)
            said = self.said[i, k]
            own = said >= 0
            spoken = spoken + F.nll_loss(logits, said, ignore_index=-1, reduction="sum")
            silent = silent + ((priors[name] * (priors[name].log() - logits)).sum(1) * ~own).sum()
        return spoken / count + 0.3 * silent / count


def augment(images):
    """Shift, brightness, noise and a little blur: the generator's pictures are softer than
    renders, and the encoder must read both."""
    n, rand = len(images), lambda *shape: torch.rand(*shape, device=images.device)
    dy, dx = torch.randint(-2, 3, (2,)).tolist()
    x = torch.roll(F.pad(images, (2, 2, 2, 2), mode="replicate"), (dy, dx), (2, 3))
    x = x[:, :, 2:-2, 2:-2]
    soft = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    x = torch.lerp(x, soft, rand(n, 1, 1, 1))
    return x + 0.2 * (rand(n, 3, 1, 1) - 0.5) + 0.04 * torch.randn_like(x)


def caption_set(data, sentences, per_face, seed, limit):
    """A bounded set of captions, and for each face `per_face` of them.

    Single-trait captions come from a fixed list; captions of two and three traits are drawn
    per face until `limit` different sentences exist, so that embedding them stays cheap.
    """
    rng = captions.seeded(seed)
    rows = [describe(l) for l in data.labels.cpu()]
    known, texts = {}, []
    chosen = np.zeros((len(rows), per_face), np.int64)
    for i, row in enumerate(rows):
        for k in range(per_face):
            text = captions.caption(row, rng, 1 if k % 2 == 0 or len(texts) > limit else rng.choice([2, 3]))
            if text not in known:
                known[text] = len(texts)
                texts.append(text)
            chosen[i, k] = known[text]
    return torch.from_numpy(sentences.embed(texts)).to(data.device), torch.from_numpy(chosen).to(data.device)


def contrastive(image, text, sentence, scale):
    """Symmetric soft-target contrastive loss; equal sentences share the target."""
    logits = F.normalize(image, dim=1) @ F.normalize(text, dim=1).t() * scale.exp().clamp(max=50)
    same = (sentence @ sentence.t() > 0.995).float()
    same = same / same.sum(1, keepdim=True)
    rows = -(same * logits.log_softmax(1)).sum(1).mean()
    columns = -(same * logits.t().log_softmax(1)).sum(1).mean()
    return (rows + columns) / 2


@torch.no_grad()
def accuracy(image_encoder, projection, data, sentences, index):
    """{trait: (trained, held out)}: the share of held-out faces whose value is picked out of all values
    of its trait by text, by the first trained phrase of each value, and by held-out phrases of those
    values that have some (the others keep their trained one). Values count alike, however frequent:
    otherwise saying "neutral" to every face would look like knowledge."""
    embeddings = torch.cat([F.normalize(image_encoder(data.batch(i)), dim=1) for i in index.split(100)])
    out = {}
    for trait in ("hair_colour", "hair", "glasses", "beard", "gender", "age", "expression"):
        values = ATTRIBUTES[trait]
        truth = data.label(trait)[index]
        keep = torch.ones(len(index), dtype=torch.bool, device=data.device)
        if trait in ("hair", "hair_colour"):
            keep &= data.label("hat")[index] == 0
        if trait == "hair_colour":
            keep &= data.label("hair")[index] > 0
        if trait == "beard":
            keep &= data.label("gender")[index] == 0

        def embed(phrase):
            rows = sentences.embed([t.format(phrase) for t in captions.TEMPLATES])
            return F.normalize(F.normalize(projection(torch.from_numpy(rows).to(data.device)), dim=1).mean(0), dim=0)

        table = torch.stack([embed(captions.PHRASES[trait][v][0]) for v in values])
        picked = (embeddings @ table.t()).argmax(1)
        trained = [(picked == truth)[keep & (truth == k)].float().mean().item() for k in range(len(values))
                   if (keep & (truth == k)).any()]  # fmt: skip
        new = []
        for value, phrases in captions.HELD_OUT[trait].items():
            place = values.index(value)
            seen = keep & (truth == place)
            for phrase in phrases if seen.any() else []:
                other = table.clone()
                other[place] = embed(phrase)
                new.append(((embeddings @ other.t()).argmax(1) == place)[seen].float().mean().item())
        out[trait] = round(float(np.mean(trained)), 3), round(float(np.mean(new)), 3)
    return out


class Pair(nn.Module):
    """Both sides, and the heads that make their space common."""

    def __init__(self):
        super().__init__()
        self.image_encoder, self.projection = ImageEncoder(), TextProjection()
        self.heads = nn.ModuleDict({n: nn.Linear(EMBEDDING, len(ATTRIBUTES[n])) for n in HEADS})
        self.scale = nn.Parameter(torch.tensor(2.7))


def words_first(pair, phrases, priors, steps):
    """The text side alone."""
    adam = torch.optim.AdamW([*pair.projection.parameters(), *pair.heads.parameters()], betas=(0.9, 0.99), weight_decay=0.01)
    for step in range(steps):
        adam.param_groups[0]["lr"] = 2e-3 * min(1, (step + 1) / 50, 1.02 - step / steps)
        loss = phrases.loss(pair.projection, pair.heads, priors)
        adam.zero_grad()
        loss.backward()
        adam.step()
    return loss.item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sentence", required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--captions", type=int, default=6000, help="different long captions")
    parser.add_argument("--text-steps", type=int, default=TEXT_STEPS)
    parser.add_argument("--limit", type=int, help="most faces to hold in memory")
    args = arguments(parser, minutes=15, batch=64, rate=2e-3)
    random.seed(0)
    data = Heads(args.data, HELD_OUT, device(), args.limit)
    sentences = Sentences(args.sentence, args.tokenizer)
    started = time.time()
    texts, chosen = caption_set(data, sentences, 4, 1, args.captions)
    phrases = Phrases(sentences)
    print(f"{len(texts)} captions, {len(phrases.embeddings)} phrases in {time.time() - started:.0f} s", flush=True)
    priors = {n: (torch.bincount(data.label(n), minlength=len(ATTRIBUTES[n])).float() + 1)
              / (len(data.images) + len(ATTRIBUTES[n])) for n in HEADS}  # fmt: skip
    pair = Pair()
    if args.start:
        saved = torch.load(args.start, weights_only=True)
        pair.load_state_dict({k: v.float() for k, v in saved["pair"].items()})
    pair.to(data.device)
    if not args.start and not args.resume:
        print(f"text side: loss {words_first(pair, phrases, priors, args.text_steps):.3f}", flush=True)
    # The text side has learnt already, and follows slowly.
    run = Run("pair", args, pair, speeds={"image_encoder": 1.0, "": 0.15})

    def look(average):
        scores = accuracy(average.image_encoder, average.projection, data, sentences, data.held_out)
        torch.save({"pair": average.state_dict(), "accuracy": scores}, run.out / "pair.pt")
        return {f"{name} {kind}": right for name, both in scores.items() for kind, right in zip(("trained", "new"), both)}

    for _ in run.steps(look):
        index = data.draw(args.batch)
        sentence = texts[chosen[index, torch.randint(chosen.shape[1], (args.batch,), device=data.device)]]
        with run.half:
            image = run.net.image_encoder(augment(data.batch(index))).float()
        text = run.net.projection(sentence)
        unit = F.normalize(image, dim=1) * SCALE
        seen = sum(
            STRESS.get(n, 1) * F.cross_entropy(run.net.heads[n](unit), data.label(n)[index]) for n in HEADS
        ) / len(HEADS)  # fmt: skip
        words = phrases.loss(run.net.projection, run.net.heads, priors)
        loss = 0.3 * contrastive(image, text, sentence, run.net.scale) + 3 * seen + words
        run.step(loss, args.batch)


if __name__ == "__main__":
    main()
