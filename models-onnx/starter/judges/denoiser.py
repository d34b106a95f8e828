"""A shipped denoiser, run by onnxruntime from what its manifest says: what it draws when it is told what to draw."""
import numpy as np
import onnxruntime
import tomllib
import torch
from tokenizers import Tokenizer

import words
from common import ATTRIBUTES, NAMES, captions, drawn
from edits import read

TRAITS = 5  # named in each prompt
NEW_TRAITS = 3  # named in each prompt of words that no caption holds, of which there are for fewer traits
BATCH = 50
STEPS, GUIDANCE = 30, 3.0
# Drawn twelve times each for the sheet.
SHOWN = ["a woman with long blond hair", "a bald man with a beard", "blue hair, sunglasses", "an old man with glasses",
         "a woman with an afro, dark skin", "a hat", "a young woman, red hair", "a man, black hair, a moustache"]  # fmt: skip


class Denoiser:
    def __init__(self, folder, threads=1):
        self.folder = folder
        self.manifest = tomllib.loads((folder / "pack.toml").read_text())
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = threads
        self.tokenizer = Tokenizer.from_file(str(folder / self.manifest["files"]["tokenizer"]["file"]))
        self.sessions = {}

    def run(self, role, **inputs):
        """The first output of a role's graph."""
        if role not in self.sessions:
            path = str(self.folder / self.manifest["roles"][role]["file"])
            self.sessions[role] = onnxruntime.InferenceSession(path, self.options, providers=["CPUExecutionProvider"])
        return torch.from_numpy(self.sessions[role].run(None, {k: v.numpy() for k, v in inputs.items()})[0])

    def states(self, texts):
        return self.run("text-encoder", input_ids=torch.tensor([self.tokenizer.encode(text).ids for text in texts]))

    def pictures(self, texts, seed, guidance=GUIDANCE):
        """One picture of each text; the noise depends on the seed alone."""
        noise = torch.Generator().manual_seed(seed)
        velocity = lambda x, step, states: self.run("denoiser", sample=x, timestep=step, states=states)
        channels = self.manifest["roles"]["latent-decoder"]["inputs"][0]["dims"][1]
        side = self.manifest["resolution"] // self.manifest["denoising"]["pixels-per-latent"]
        made = []
        for at in range(0, len(texts), BATCH):
            some = self.states(texts[at : at + BATCH])
            start = torch.randn(len(some), channels, side, side, generator=noise)
            latents = drawn(velocity, some, self.states([""]), start, STEPS, guidance)
            made.append(self.run("latent-decoder", latent=latents))
        return torch.cat(made).clamp(-1, 1).numpy()

    def again(self, pictures):
        """Pictures through latents and back."""
        latents = [self.run("latent-encoder", image=some) for some in torch.from_numpy(pictures).split(BATCH)]
        return torch.cat([self.run("latent-decoder", latent=some) for some in latents]).clamp(-1, 1).numpy()


def asked(labels, phrases, count):
    """A prompt for each head, and which traits it names: {attribute: [n] of bool}."""
    rng, prompts, named = captions.seeded(91), [], []
    for values in labels.tolist():
        face = {name: ATTRIBUTES[name][value] for name, value in zip(NAMES, values)}
        usable = [t for t in captions.traits(face) if phrases.get(t, {}).get(face[t])]
        chosen = rng.sample(usable, min(count, len(usable)))
        prompts.append(captions.wrap(", ".join(rng.choice(phrases[t][face[t]]) for t in chosen), rng))
        named.append([name in chosen for name in NAMES])
    return prompts, dict(zip(NAMES, np.array(named).T))


def told(reader, drawings, labels, named):
    """Of the traits that prompts name, the share that the reader sees in drawings of them, and in other sets of pictures."""
    table = {}
    for kind, pictures in drawings.items():
        shares, _ = read(reader, pictures)
        hits = {name: shares[name].argmax(1) == labels[:, at] for at, name in enumerate(NAMES)}
        own = {name: hits[name][where] for name, where in named.items() if where.any()}
        table[kind] = {name: float(hit.mean()) for name, hit in own.items()}
        table[kind]["all"] = float(np.concatenate(list(own.values())).mean())
    return table


def evaluate(pack, judges, held, compare):
    """What is in the tables and on the sheets; `compare(pictures)` gives their distances from the renders."""
    labels, renders = held.data.labels.numpy(), held.sized(pack.manifest["resolution"])
    prompts, named = asked(held.data.labels, captions.PHRASES, TRAITS)
    new_prompts, new_named = asked(held.data.labels, words.new_words()[0], NEW_TRAITS)
    pictures, again = pack.pictures(prompts, seed=1), pack.again(renders)
    result = {
        "pack": pack.manifest["id"], "steps": STEPS, "guidance": GUIDANCE,
        "told in so many words": told(judges["reader"], {
            "drawn": pictures, "drawn, without guidance": pack.pictures(prompts, 1, guidance=1.0),
            "drawn for another prompt": np.roll(pictures, 1, 0), "renders": renders,
            "renders through latents": again}, labels, named),
        "told in words that no caption holds": told(judges["reader"], {
            "drawn": pack.pictures(new_prompts, seed=1), "drawn for another prompt": np.roll(pictures, 1, 0),
            "renders": renders}, labels, new_named),
        "pictures": {"drawn": compare(pictures), "renders through latents": compare(again)},
        "PSNR of renders through latents": float(-10 * np.log10(np.square((renders - again) / 2).mean())),
    }  # fmt: skip
    rows = lambda *sets: np.concatenate([x[at : at + 16] for at in (0, 16, 32) for x in sets])
    sheets = {
        "asked": pack.pictures([text for text in SHOWN for _ in range(12)], seed=2),
        "prompts": rows(renders, pictures), "latents": rows(renders, again),
    }  # fmt: skip
    return result, sheets
