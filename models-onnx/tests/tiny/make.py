"""Writes the tiny pack, the graphs that misbehave on purpose, and the probe of devices.

The tiny pack is a linear StyleGAN2 in a few KB: encode then synthesise gives the very same picture back, and the
words "red", "green", "blue", "dark" and "bright" move it as they say. Needs onnx and numpy.
Run:  python make.py
"""
import hashlib
import json
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]
PACK = REPOSITORY / "tests" / "packs" / "tiny"

SIDE = 8
PIXELS = 3 * SIDE * SIDE
LAYERS, WIDTH = 2, PIXELS // 2
# One style per value of the picture, one per colour added to all pixels, and two of an "RGB output" that nothing may
# ever move: they brighten everything.
STYLES = [("pixels", PIXELS, False), ("tint", 3, False), ("to_rgb", 2, True)]
S = sum(channels for _, channels, _ in STYLES)
# Axes of the space of embeddings: red, green, blue, anything else.
D = 4

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "person", "picture", "face", "with", "of",
         "red", "green", "blue", "dark", "bright"]
MEANING = {"red": [3, 0, 0, 0], "green": [0, 3, 0, 0], "blue": [0, 0, 3, 0],
           "dark": [-2, -2, -2, 0], "bright": [2, 2, 2, 0]}


def tensor(name, dims, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, dims)


def graph(path, nodes, inputs, outputs, constants):
    """One ONNX file; constants are numpy arrays by name."""
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    made = helper.make_graph(nodes, path.stem, inputs, outputs, initializers)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


def ints(*values):
    return np.array(values, np.int64)


def floats(*values):
    return np.array(values, np.float32)


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def generator():
    image = tensor("image", ["n", 3, SIDE, SIDE])
    w_plus = tensor("w_plus", ["n", LAYERS, WIDTH])
    styles = tensor("styles", ["n", S])
    graph(PACK / "mapping.onnx", [node("Identity", "z", "w")],
          [tensor("z", ["n", WIDTH])], [tensor("w", ["n", WIDTH])], {})
    graph(PACK / "encoder.onnx", [node("Mul", "image half", "x"), node("Reshape", "x shape", "w_plus")],
          [image], [w_plus], {"half": floats(0.5), "shape": ints(0, LAYERS, WIDTH)})
    graph(PACK / "affine.onnx",
          [node("Mul", "w_plus two", "x"), node("Reshape", "x shape", "flat"), node("Pad", "flat pads", "styles")],
          [w_plus], [styles], {"two": floats(2), "shape": ints(0, PIXELS), "pads": ints(0, 0, 0, S - PIXELS)})
    graph(PACK / "synthesis.onnx",
          [node("Split", "styles sizes", "pixels tint rgb", axis=1),
           node("Reshape", "pixels square", "picture"), node("Reshape", "tint colour", "tints"),
           node("ReduceSum", "rgb axis", "sum", keepdims=1), node("Reshape", "sum colourless", "light"),
           node("Add", "picture tints", "tinted"), node("Add", "tinted light", "image")],
          [styles], [image],
          {"sizes": ints(*(channels for _, channels, _ in STYLES)), "square": ints(0, 3, SIDE, SIDE),
           "colour": ints(0, 3, 1, 1), "colourless": ints(0, 1, 1, 1), "axis": ints(1)})
    graph(PACK / "image-encoder.onnx",
          [node("ReduceMean", "image", "mean", axes=[2, 3], keepdims=0), node("Pad", "mean pads", "embedding")],
          [image], [tensor("embedding", ["n", D])], {"pads": ints(0, 0, 0, D - 3)})


def text():
    meanings = np.array([MEANING.get(word, [0, 0, 0, 1]) for word in WORDS], np.float32)
    graph(PACK / "sentence-encoder.onnx",
          [node("Gather", "table input_ids", "vectors"), node("Cast", "attention_mask", "mask", to=TensorProto.FLOAT),
           node("Unsqueeze", "mask last", "column"), node("Mul", "vectors column", "last_hidden_state")],
          [tensor("input_ids", ["n", "t"], TensorProto.INT64), tensor("attention_mask", ["n", "t"], TensorProto.INT64)],
          [tensor("last_hidden_state", ["n", "t", D])], {"table": meanings, "last": ints(-1)})
    graph(PACK / "text-projection.onnx", [node("MatMul", "sentence matrix", "embedding")],
          [tensor("sentence", ["n", D])], [tensor("embedding", ["n", D])], {"matrix": np.eye(D, dtype=np.float32)})
    special = [{"id": i, "content": WORDS[i], "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": True} for i in range(4)]
    around = {token: {"id": token, "ids": [WORDS.index(token)], "tokens": [token]} for token in ("[CLS]", "[SEP]")}
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special,
        "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {
            "type": "TemplateProcessing", "special_tokens": around,
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                       {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}]},
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": {word: i for i, word in enumerate(WORDS)}, "unk_token": "[UNK]"},
    }
    (PACK / "tokenizer.json").write_text(json.dumps(tokenizer, indent=1) + "\n")


def statistics():
    relevance = np.zeros((S, D), np.float32)
    # Below any sensible disentanglement, so that single pixels stay.
    relevance[:PIXELS, 3] = 0.02
    relevance[PIXELS:PIXELS + 3, :3] = np.eye(3)
    # Large, so that a test sees it if these are ever moved.
    relevance[PIXELS + 3:] = 2
    np.save(PACK / "relevance.npy", relevance)
    np.save(PACK / "style_mean.npy", np.zeros(S, np.float32))
    np.save(PACK / "style_std.npy", np.full(S, 0.1, np.float32))


def entry(kind, name, extra, *, file=None):
    file = file or f"{name}.onnx"
    digest = hashlib.sha256((PACK / file).read_bytes()).hexdigest()
    return f'[{kind}.{name}]\nfile = "{file}"\nsha256 = "{digest}"\n{extra}\n'


def ports(key, *listed):
    rows = []
    for name, dims, dtype in listed:
        rows.append(f'{{ name = "{name}", dims = {json.dumps(dims)}, dtype = "{dtype}" }}')
    return f"{key} = [{', '.join(rows)}]\n"


def role(name, inputs, outputs, extra=""):
    return entry("roles", name, ports("inputs", *inputs) + ports("outputs", *outputs) + extra)


def manifest():
    image = ("image", ["n", 3, SIDE, SIDE], "f32")
    w_plus = ("w_plus", ["n", LAYERS, WIDTH], "f32")
    styles = ("styles", ["n", S], "f32")
    embedding = ("embedding", ["n", D], "f32")
    parts = [
        "# Written by models-onnx/tests/tiny/make.py.\n"
        'version = 1\nid = "tiny"\nname = "Tiny"\n'
        'description = "Gives every picture back as it is and knows five words; for tests"\n'
        f'family = "stylegan2"\nresolution = {SIDE}\ndomain = "anything"\n',
        '[licence]\nspdx = "CC0-1.0"\ntext = "CC0-1.0"\norigin = "Written by a script, not trained"\n',
        "[range]\nlow = -1.0\nhigh = 1.0\n",
        '[alignment]\nkind = "square"\n',
        "[fidelity]\ntypical = 40.0\npoor = 20.0\n",
        role("mapping", [("z", ["n", WIDTH], "f32")], [("w", ["n", WIDTH], "f32")]),
        role("affine", [w_plus], [styles]),
        role("synthesis", [styles], [image]),
        role("encoder", [image], [w_plus]),
        role("image-encoder", [image], [embedding]),
        role("text-projection", [("sentence", ["n", D], "f32")], [embedding]),
        role("sentence-encoder",
             [("input_ids", ["n", "t"], "i64"), ("attention_mask", ["n", "t"], "i64")],
             [("last_hidden_state", ["n", "t", D], "f32")], 'pooling = "mean"\n'),
        entry("files", "tokenizer", "", file="tokenizer.json"),
        entry("arrays", "style-mean", f"dims = [{S}]\n", file="style_mean.npy"),
        entry("arrays", "style-std", f"dims = [{S}]\n", file="style_std.npy"),
        entry("arrays", "relevance", f"dims = [{S}, {D}]\n", file="relevance.npy"),
    ]
    for name, channels, rgb in STYLES:
        parts.append(f'[[styles]]\nname = "{name}"\nchannels = {channels}\nrgb = {str(rgb).lower()}\n')
    parts.append('[text]\ntemplates = ["{}", "a picture of {}"]\nneutral = "a person"\n')
    parts.append("[direction]\nstrength = 4.0\ndisentanglement = 0.1\n")
    (PACK / "pack.toml").write_text("\n".join(parts))


def misbehaving():
    """Stand-ins for the synthesis of the tiny pack."""
    styles, image = tensor("styles", ["n", S]), tensor("image", ["n", 3, SIDE, SIDE])
    shape = {"shape": ints(1, 3, SIDE, SIDE)}
    # NaN everywhere.
    graph(HERE / "nan.onnx",
          [node("ReduceMean", "styles", "x", keepdims=1), node("Sub", "x x", "zero"), node("Div", "zero zero", "nan"),
           node("Expand", "nan shape", "image")], [styles], [image], shape)
    # Another name than the manifest's.
    graph(HERE / "renamed.onnx",
          [node("ReduceMean", "styles", "x", keepdims=1), node("Expand", "x shape", "picture")],
          [styles], [tensor("picture", ["n", 3, SIDE, SIDE])], shape)
    # Two petabytes of ones.
    graph(HERE / "memory.onnx",
          [node("ReduceMean", "styles", "x", keepdims=1), node("Expand", "x huge", "y"),
           node("ReduceMean", "y", "z", keepdims=1), node("Reshape", "z one", "w"), node("Expand", "w shape", "image")],
          [styles], [image], shape | {"huge": ints(1 << 24, 1 << 25), "one": ints(1, 1, 1, 1)})
    # Hours of small steps.
    body = helper.make_graph(
        [node("Identity", "go", "go_on"), node("MatMul", "x x", "y"), node("Tanh", "y", "x_next")], "body",
        [tensor("i", [], TensorProto.INT64), tensor("go", [], TensorProto.BOOL), tensor("x", [64, 64])],
        [tensor("go_on", [], TensorProto.BOOL), tensor("x_next", [64, 64])])
    graph(HERE / "slow.onnx",
          [node("ReduceMean", "styles", "x", keepdims=1), node("Expand", "x square", "start"),
           node("Loop", "times go start", "end", body=body), node("ReduceMean", "end", "mean", keepdims=1),
           node("Reshape", "mean one", "w"), node("Expand", "w shape", "image")], [styles], [image],
          shape | {"square": ints(64, 64), "times": np.array(1 << 40, np.int64), "go": np.array(True),
                   "one": ints(1, 1, 1, 1)})


def mappers():
    """Mappers for packs of any size, which add half of what is there; tests put them into copies of packs."""
    for name, port, dims in [("mapper", "w_plus", ["n", "l", "w"]), ("mapper-styles", "styles", ["n", "s"])]:
        graph(HERE / f"{name}.onnx", [node("Mul", f"{port} half", "delta")],
              [tensor(port, dims)], [tensor("delta", dims)], {"half": floats(0.5)})


def probe():
    graph(REPOSITORY / "models-onnx" / "src" / "probe.onnx", [node("Add", "x x", "y")],
          [tensor("x", ["n"])], [tensor("y", ["n"])], {})


PACK.mkdir(parents=True, exist_ok=True)
generator()
text()
statistics()
manifest()
misbehaving()
mappers()
probe()
