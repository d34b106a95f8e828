"""Train the text-image pair: sentence projection and image encoder to one embedding.

  python train_pair.py DATA --sentence MODEL.onnx --tokenizer tokenizer.json --out RUN --minutes 15

The sentence encoder stays frozen. One linear head per attribute is shared by both sides, and
that is what makes the space common: "blue hair" and a face with blue hair have to give the
same answer through the same head. First the text side alone (cheap, no pictures): a phrase
must name its own trait and say nothing about the others, a neutral prompt nothing at all.
Then both, with a contrastive loss over captions of one to three traits on top.
"""
import argparse
import json
import pathlib
import random
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

import captions
import shipped
from dataset import ATTRIBUTES, NAMES, Heads
from networks import EMBEDDING, ImageEncoder, TextProjection
from sentences import Sentences

HEADS = ["gender", "age", "skin", "hair", "hair_colour", "expression", "glasses", "beard",
         "hat", "eyes", "lipstick", "freckles", "clothes", "background"]  # fmt: skip
BATCH = 64
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
        self.embeddings = torch.from_numpy(sentences.embed([r[0] for r in rows]))
        self.said = torch.tensor([
            [ATTRIBUTES[t].index(said[t]) if t in said else -1 for t in HEADS] for _, said, _ in rows
        ])  # fmt: skip
        self.weight = torch.tensor([r[2] for r in rows])

    def loss(self, projection, heads, priors, count=256):
        """Cross-entropy on the traits a phrase speaks of; on all others, its answer should be
        the share of each value in the data, i.e. no information."""
        i = torch.multinomial(self.weight, count, replacement=True)
        noisy = self.embeddings[i] + 0.02 * torch.randn(count, self.embeddings.shape[1])
        unit = F.normalize(projection(noisy), dim=1) * SCALE
        spoken, silent = 0.0, 0.0
        for k, name in enumerate(HEADS):
            logits = heads[name](unit).log_softmax(1)
            said = self.said[i, k]
            own = said >= 0
            if own.any():
                spoken = spoken - logits[own].gather(1, said[own, None]).sum()
            silent = silent + (priors[name] * (priors[name].log() - logits[~own])).sum()
        return spoken / count + 0.3 * silent / count


def augment(images):
    """Shift, brightness, noise and a little blur: the generator's pictures are softer than
    renders, and the encoder must read both."""
    n = len(images)
    dy, dx = torch.randint(-2, 3, (2,)).tolist()
    x = torch.roll(F.pad(images, (2, 2, 2, 2), mode="replicate"), (dy, dx), (2, 3))
    x = x[:, :, 2:-2, 2:-2]
    soft = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    x = torch.lerp(x, soft, torch.rand(n, 1, 1, 1))
    return x + 0.06 * torch.randn(n, 3, 1, 1) + 0.04 * torch.randn_like(x)


def caption_set(data, sentences, per_face, seed, limit):
    """A bounded set of captions, and for each face `per_face` of them.

    Single-trait captions come from a fixed list; captions of two and three traits are drawn
    per face until `limit` different sentences exist, so that embedding them stays cheap.
    """
    rng = captions.seeded(seed)
    rows = [describe(l) for l in data.labels]
    known, texts = {}, []
    chosen = np.zeros((len(rows), per_face), np.int64)
    for i, row in enumerate(rows):
        for k in range(per_face):
            text = captions.caption(row, rng, 1 if k % 2 == 0 or len(texts) > limit else rng.choice([2, 3]))
            if text not in known:
                known[text] = len(texts)
                texts.append(text)
            chosen[i, k] = known[text]
    return torch.from_numpy(sentences.embed(texts)), torch.from_numpy(chosen)


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
        keep = torch.ones(len(index), dtype=torch.bool)
        if trait in ("hair", "hair_colour"):
            keep &= data.label("hat")[index] == 0
        if trait == "hair_colour":
            keep &= data.label("hair")[index] > 0
        if trait == "beard":
            keep &= data.label("gender")[index] == 0

        def embed(phrase):
            rows = sentences.embed([t.format(phrase) for t in captions.TEMPLATES])
            return F.normalize(F.normalize(projection(torch.from_numpy(rows)), dim=1).mean(0), dim=0)

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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="+")
    parser.add_argument("--sentence", required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--pack", help="a pack whose pair to continue from")
    parser.add_argument("--captions", type=int, default=6000, help="different long captions")
    parser.add_argument("--text-steps", type=int, default=TEXT_STEPS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--held-out", type=int, default=512)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    random.seed(0)
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)

    data = Heads(args.data, args.held_out)
    sentences = Sentences(args.sentence, args.tokenizer)
    started = time.time()
    texts, chosen = caption_set(data, sentences, 4, 1, args.captions)
    phrases = Phrases(sentences)
    print(f"{len(texts)} captions, {len(phrases.embeddings)} phrases in {time.time() - started:.0f} s")

    image_encoder, projection = ImageEncoder(), TextProjection()
    if args.pack:
        shipped.residual_network(image_encoder, shipped.path(args.pack, "image-encoder"))
        shipped.text_projection(projection, shipped.path(args.pack, "text-projection"))
    scale = nn.Parameter(torch.tensor(2.7))
    heads = nn.ModuleDict({n: nn.Linear(EMBEDDING, len(ATTRIBUTES[n])) for n in HEADS})
    priors = {n: (torch.bincount(data.label(n), minlength=len(ATTRIBUTES[n])).float() + 1)
              / (len(data.images) + len(ATTRIBUTES[n])) for n in HEADS}  # fmt: skip
    text_side = [*projection.parameters(), *heads.parameters()]
    adam = torch.optim.AdamW(text_side, lr=2e-3, betas=(0.9, 0.99), weight_decay=0.01)
    for step in range(args.text_steps):
        adam.param_groups[0]["lr"] = 2e-3 * min(1, (step + 1) / 50, 1.02 - step / args.text_steps)
        loss = phrases.loss(projection, heads, priors)
        adam.zero_grad()
        loss.backward()
        adam.step()
    print(f"text side: loss {loss.item():.3f} after {time.time() - started:.0f} s", flush=True)

    def save(**extra):
        torch.save({"image_encoder": image_encoder.state_dict(), "projection": projection.state_dict(),
                    "heads": heads.state_dict(), **extra}, out / "pair.pt")  # fmt: skip

    save()
    adam = torch.optim.AdamW(
        [{"params": image_encoder.parameters(), "lr": 2e-3}, {"params": [*text_side, scale], "lr": 3e-4}],
        betas=(0.9, 0.99), weight_decay=0.01,
    )  # fmt: skip
    rates = [g["lr"] for g in adam.param_groups]
    started, step = time.time(), 0
    while (fraction := (time.time() - started) / (args.minutes * 60)) < 1:
        for group, rate in zip(adam.param_groups, rates):
            group["lr"] = rate * min(1, (step + 1) / 50, max(0.02, (1 - fraction) / 0.5))
        index = data.train[torch.randint(len(data.train), (BATCH,))]
        sentence = texts[chosen[index, torch.randint(chosen.shape[1], (BATCH,))]]
        image, text = image_encoder(augment(data.batch(index))), projection(sentence)
        unit = F.normalize(image, dim=1) * SCALE
        seen = sum(
            STRESS.get(n, 1) * F.cross_entropy(heads[n](unit), data.label(n)[index]) for n in HEADS
        ) / len(HEADS)  # fmt: skip
        words = phrases.loss(projection, heads, priors)
        loss = 0.3 * contrastive(image, text, sentence, scale) + 3 * seen + words
        adam.zero_grad()
        loss.backward()
        adam.step()
        step += 1
        if step % 100 == 0:
            print(f"{(time.time() - started) / 60:.1f} min, step {step}, loss {loss.item():.3f}, "
                  f"pictures {seen.item():.3f}, words {words.item():.3f}", flush=True)  # fmt: skip
            save()
    image_encoder.eval()
    scores = accuracy(image_encoder, projection, data, sentences, data.held_out)
    print(scores)
    save(accuracy=scores, images=step * BATCH)
    (out / "pair.json").write_text(json.dumps({"accuracy": scores, "images": step * BATCH}) + "\n")


if __name__ == "__main__":
    main()
