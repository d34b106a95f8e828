"""The frozen sentence encoder: all-MiniLM-L6-v2, int8 ONNX, mean pooling, L2 norm.

Sentences go through one at a time and unpadded, exactly as the plug-in does it: int8
activations are quantised per run, so a batch would change the numbers slightly.
"""
import os
import pathlib

import numpy as np
import onnxruntime
from tokenizers import Tokenizer


class Sentences:
    def __init__(self, model, tokenizer):
        self.session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        self.tokenizer = Tokenizer.from_file(str(tokenizer))
        self.tokenizer.no_padding()
        self.known = {}
        # Optional: thousands of captions take a minute, so training scripts share a cache.
        cache = os.environ.get("SENTENCE_CACHE")
        self.cache = pathlib.Path(cache) if cache else None
        if self.cache and self.cache.exists():
            saved = np.load(self.cache)
            self.known = dict(zip(saved["texts"].tolist(), saved["rows"].astype(np.float32)))

    def ids(self, sentence):
        return np.array(self.tokenizer.encode(sentence).ids, np.int64)

    def embed_one(self, sentence):
        if sentence not in self.known:
            ids = self.ids(sentence)[None]
            feeds = {
                "input_ids": ids,
                "attention_mask": np.ones_like(ids),
                "token_type_ids": np.zeros_like(ids),
            }
            hidden = self.session.run(None, feeds)[0][0].mean(0)
            self.known[sentence] = (hidden / np.linalg.norm(hidden)).astype(np.float32)
        return self.known[sentence]

    def embed(self, sentences):
        before = len(self.known)
        rows = np.stack([self.embed_one(s) for s in sentences])
        if self.cache and len(self.known) > before + 50:
            np.savez(self.cache, texts=list(self.known), rows=np.stack(list(self.known.values())).astype(np.float16))
        return rows
