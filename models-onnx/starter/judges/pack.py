"""A shipped pack, run by onnxruntime from what its manifest says."""
import hashlib
import pathlib
import tomllib

import numpy as np
import onnxruntime

from common import SIDE, Sentences, style_direction

BATCH = 50


def reduced(classes):
    """[n, h, h] to [n, 64, 64]: the class in the middle of each area."""
    step = classes.shape[-1] // SIDE
    return classes[:, step // 2 :: step, step // 2 :: step]


class Pack:
    """Pictures go in and come out as [n, 3, R, R] in -1..1, whatever range the pack has."""

    def __init__(self, folder, shared, threads=1):
        self.folder, self.shared = pathlib.Path(folder), pathlib.Path(shared)
        text = (self.folder / "pack.toml").read_bytes()
        self.manifest, self.hash = tomllib.loads(text.decode()), hashlib.sha256(text).hexdigest()
        self.name, self.resolution = self.manifest["id"], self.manifest["resolution"]
        self.range = self.manifest["range"]
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = threads
        self.sessions, self.texts = {}, {}

    def has(self, role):
        return role in self.manifest["roles"]

    def path(self, entry):
        return (self.shared if entry.get("shared") else self.folder) / entry["file"]

    def array(self, name):
        return np.load(self.path(self.manifest["arrays"][name]))

    def session(self, role):
        if role not in self.sessions:
            path = str(self.path(self.manifest["roles"][role]))
            self.sessions[role] = onnxruntime.InferenceSession(path, self.options, providers=["CPUExecutionProvider"])
        return self.sessions[role]

    def run(self, role, *inputs):
        """The first output of a role's graph, in batches."""
        session = self.session(role)
        names = [i.name for i in session.get_inputs()]
        results = []
        for at in range(0, len(inputs[0]), BATCH):
            feeds = {n: np.ascontiguousarray(x[at : at + BATCH], dtype=np.float32) for n, x in zip(names, inputs)}
            results.append(session.run(None, feeds)[0])
        return np.concatenate(results)

    def ranged(self, pictures):
        return self.range["low"] + (pictures + 1) / 2 * (self.range["high"] - self.range["low"])

    def _out(self, pictures):
        unit = (pictures - self.range["low"]) / (self.range["high"] - self.range["low"])
        return np.clip(unit * 2 - 1, -1, 1)

    def codes(self, pictures):
        return self.run("encoder", self.ranged(pictures))

    def styles(self, codes):
        return self.run("affine", codes)

    def pictures(self, styles):
        return self._out(self.run("synthesis", styles))

    def samples(self, count, seed):
        """Pictures of random z, as the generator makes them without any truncation."""
        z = self.manifest["roles"]["mapping"]["inputs"][0]["dims"][1]
        w = self.run("mapping", np.random.default_rng(seed).standard_normal((count, z)))
        layers = self.manifest["roles"]["affine"]["inputs"][0]["dims"][1]
        return self.pictures(self.styles(np.repeat(w[:, None], layers, 1)))

    def segments(self, styles):
        """Classes of pixels [n, 64, 64], by the pack's own segmenter."""
        return reduced(self.run("segmenter", styles).argmax(1))

    def embedded(self, pictures):
        rows = self.run("image-encoder", self.ranged(pictures))
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def sentences(self, texts):
        """Unit embeddings of texts as they are, without templates."""
        if not self.texts:
            tokenizer = self.path(self.manifest["files"]["tokenizer"])
            self.texts["model"] = Sentences(self.path(self.manifest["roles"]["sentence-encoder"]), tokenizer)
        rows = self.run("text-projection", self.texts["model"].embed(texts))
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def text(self, prompt):
        """A prompt as text edits see it: the mean over the pack's templates."""
        mean = self.sentences([t.replace("{}", prompt) for t in self.manifest["text"]["templates"]]).mean(0)
        return mean / np.linalg.norm(mean)

    def direction(self, prompt, strength=None, disentanglement=None):
        """The change of styles that a prompt asks for, with the pack's own settings where none are given."""
        defaults = self.manifest["direction"]
        strength = defaults["strength"] if strength is None else strength
        beta = defaults["disentanglement"] if disentanglement is None else disentanglement
        change = self.text(prompt) - self.text(self.manifest["text"]["neutral"])
        change /= np.linalg.norm(change)
        return strength * style_direction(self.array("relevance"), self.array("style-std"), change, beta)
