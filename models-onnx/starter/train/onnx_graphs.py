"""The pack's ONNX graphs, built node by node from the trained modules.

Built by hand rather than traced, so that they hold only plain operators: opset 17,
no grouped ConvTranspose (slow in ONNX Runtime), weights stored as fp16 and cast once
(the runtime folds the cast when it loads the graph).
"""
import math

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from generator import RESOLUTIONS, SIZE, SQRT2, STYLE_DIM, W_SLOTS

OPSET = 17
IR_VERSION = 9


def array(tensor):
    return tensor.detach().cpu().numpy().astype(np.float32)


class Shared:
    """One file for the weights that several graphs have in common, each of them once."""

    ALIGNED = 64  # bytes

    def __init__(self, path):
        self.path, self.data, self.places = path, bytearray(), {}

    def put(self, value, name):
        """The tensor as an initialiser that points into the file."""
        raw = value.tobytes()
        if raw not in self.places:
            self.data.extend(bytes(-len(self.data) % self.ALIGNED))
            self.places[raw] = len(self.data)
            self.data.extend(raw)
        tensor = TensorProto(name=name, dims=value.shape, data_type=helper.np_dtype_to_tensor_dtype(value.dtype))
        tensor.data_location = TensorProto.EXTERNAL
        for key, entry in (("location", self.path.name), ("offset", self.places[raw]), ("length", len(raw))):
            tensor.external_data.add(key=key, value=str(entry))
        return tensor

    def write(self):
        self.path.write_bytes(self.data)


class Graph:
    """A thin list of nodes and initialisers; every method returns the output's name. Large weights lie in `shared`,
    where one is given."""

    def __init__(self, name, half=True, shared=None):
        self.name, self.half, self.shared = name, half, shared
        self.nodes, self.weights, self.inputs, self.outputs = [], [], [], []
        self.count = 0

    def fresh(self, hint):
        self.count += 1
        return f"{hint}_{self.count}"

    def input(self, name, dims, dtype=TensorProto.FLOAT):
        self.inputs.append(helper.make_tensor_value_info(name, dtype, dims))
        return name

    def node(self, op, inputs, output=None, **attributes):
        output = output or self.fresh(op.lower())
        outputs = output if isinstance(output, list) else [output]
        self.nodes.append(helper.make_node(op, list(inputs), outputs, **attributes))
        return output

    def constant(self, value, name):
        """An exact initialiser (shapes, small numbers)."""
        name, value = self.fresh(name), np.array(value, order="C")
        large = self.shared is not None and value.nbytes >= 1024
        self.weights.append(self.shared.put(value, name) if large else numpy_helper.from_array(value, name))
        return name

    def weight(self, value, name):
        """A trained tensor: fp16 in the file, f32 in the graph."""
        value = np.ascontiguousarray(value, np.float32)
        if not self.half or value.size < 64:
            return self.constant(value, name)
        if np.abs(value).max() > 6e4:
            raise ValueError(f"{name} does not fit into fp16")
        stored = self.constant(value.astype(np.float16), name + "_h")
        return self.node("Cast", [stored], to=TensorProto.FLOAT)

    def output(self, value, name, dims):
        self.node("Identity", [value], name)
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, dims))

    def linear(self, x, weight, bias, name):
        """x @ weight.T + bias, weight as torch stores it."""
        return self.node(
            "Gemm", [x, self.weight(weight, name), self.weight(bias, name + "_b")], transB=1
        )

    def save(self, path):
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.weights)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="pentimento-starter",
        )
        if self.shared is None:
            onnx.checker.check_model(model, full_check=True)
            onnx.save(model, path)
            return
        # Checked from its file, beside its weights; the file of weights grows with the next graph.
        path.write_bytes(model.SerializeToString())
        self.shared.write()
        onnx.checker.check_model(str(path), full_check=True)


def affine(generator, path, half=True):
    """w+ -> all style vectors, concatenated in execution order."""
    g = Graph("affine", half)
    x = g.input("w_plus", ["n", W_SLOTS, STYLE_DIM])
    parts = []
    for name, layer, slot, _ in generator.layers():
        row = g.node("Gather", [x, g.constant(np.array(slot, np.int64), "slot")], axis=1)
        weight, bias = layer.conv.modulation.folded()
        parts.append(g.linear(row, array(weight), array(bias), name))
    joined = g.node("Concat", parts, axis=1)
    g.output(joined, "styles", ["n", total_styles(generator)])
    g.save(path)


def total_styles(generator):
    return sum(layer.conv.modulation.weight.shape[0] for _, layer, _, _ in generator.layers())


def levels(g, generator, x):
    """The trunk: for each resolution, feature maps, to-RGB layer, its name and its style."""
    sizes = [layer.conv.modulation.weight.shape[0] for _, layer, _, _ in generator.layers()]
    names = [g.fresh("style") for _ in sizes]
    g.node("Split", [x, g.constant(np.array(sizes, np.int64), "sizes")], names, axis=1)
    spatial = g.constant(np.array([2, 3], np.int64), "axes")
    features, noise = g.weight(array(generator.input.input), "const"), 0
    for (name, layer, _, rgb), style in zip(generator.layers(), names):
        if rgb:
            yield features, layer, name, g.node("Unsqueeze", [style, spatial])
            continue
        scaled = g.node("Mul", [features, g.node("Unsqueeze", [style, spatial])])
        noise_map = array(getattr(generator.noises, f"noise_{noise}"))
        features = styled_conv(g, scaled, style, layer, noise_map, spatial, name)
        noise += 1


def to_rgb(g, image, features, layer, name, style):
    """The picture so far, and what this resolution adds to it."""
    weight, bias = array(layer.conv.weight[0]) * layer.conv.scale, array(layer.bias).ravel()
    scaled = g.node("Mul", [features, style])
    y = g.node("Conv", [scaled, g.weight(weight, name), g.weight(bias, name + "_b")])
    return y if image is None else g.node("Add", [upsample(g, image, 3), y])


def to_classes(g, logits, features, head, name):
    """Class logits so far, and what a 1x1 convolution on this resolution's features adds to them."""
    weight, bias = g.weight(array(head.weight), name + "_c"), g.weight(array(head.bias), name + "_cb")
    y = g.node("Conv", [features, weight, bias])
    return y if logits is None else g.node("Add", [upsample(g, logits, head.weight.shape[0]), y])


def synthesis(generator, path, half=True, shared=None):
    """Style vectors -> image. Noise is the checkpoint's constant noise."""
    g = Graph("synthesis", half, shared)
    x = g.input("styles", ["n", total_styles(generator)])
    image = None
    for features, layer, name, style in levels(g, generator, x):
        image = to_rgb(g, image, features, layer, name, style)
    g.output(image, "image", ["n", 3, SIZE, SIZE])
    g.save(path)


def preview(generator, path, half=True, shared=None):
    """Style vectors -> the picture at half its size, which the skips give on the way: for coarse steps of optimisations."""
    g = Graph("preview", half, shared)
    x = g.input("styles", ["n", total_styles(generator)])
    image = None
    for side, (features, layer, name, style) in zip(RESOLUTIONS[:-1], levels(g, generator, x)):
        image = to_rgb(g, image, features, layer, name, style)
    g.output(image, "image", ["n", 3, side, side])
    g.save(path)


def segmenter(models, path, half=True, shared=None):
    """Style vectors -> class logits of all pixels."""
    generator, heads = models
    g = Graph("segmenter", half, shared)
    x = g.input("styles", ["n", total_styles(generator)])
    logits = None
    for (features, _, name, _), head in zip(levels(g, generator, x), heads):
        logits = to_classes(g, logits, features, head, name)
    g.output(logits, "logits", ["n", len(heads[0].bias), SIZE, SIZE])
    g.save(path)


def segmenter_at(models, path, half=True, shared=None):
    """Style vectors -> class logits of some pixels (row by row), and the picture: what a painted mask
    is optimised through, in one pass."""
    generator, heads = models
    g = Graph("segmenter-at", half, shared)
    x = g.input("styles", ["n", total_styles(generator)])
    pixels = g.input("pixels", ["p"], TensorProto.INT64)
    logits = image = None
    for (features, layer, name, style), head in zip(levels(g, generator, x), heads):
        logits = to_classes(g, logits, features, head, name)
        image = to_rgb(g, image, features, layer, name, style)
    classes = len(heads[0].bias)
    flat = g.node("Reshape", [logits, g.constant(np.array([0, classes, -1], np.int64), "shape")])
    g.output(g.node("Gather", [flat, pixels], axis=2), "logits", ["n", classes, "p"])
    g.output(image, "image", ["n", 3, SIZE, SIZE])
    g.save(path)


def styled_conv(g, scaled, style, layer, noise_map, spatial, name):
    conv = layer.conv
    weight = array(conv.weight[0]) * conv.scale
    # d = rsqrt(sum_i s_i^2 * sum_k W^2 + eps), before the gain is folded into the weight.
    energy = np.square(weight.astype(np.float64)).sum((2, 3)).T.astype(np.float32)
    power = g.node("MatMul", [g.node("Mul", [style, style]), g.weight(energy, name + "_energy")])
    power = g.node("Add", [power, g.constant(np.array(1e-8, np.float32), "eps")])
    demod = g.node("Reciprocal", [g.node("Sqrt", [power])])
    if conv.up:
        kernel = g.weight(weight.transpose(1, 0, 2, 3) * SQRT2, name)
        y = g.node("ConvTranspose", [scaled, kernel], strides=[2, 2])
        channels = weight.shape[0]
        fir = np.tile(array(conv.blur.kernel)[None, None], (channels, 1, 1, 1))
        y = g.node("Conv", [y, g.weight(fir, name + "_fir")], group=channels, pads=[1, 1, 1, 1])
    else:
        y = g.node("Conv", [scaled, g.weight(weight * SQRT2, name)], pads=[1, 1, 1, 1])
    y = g.node("Mul", [y, g.node("Unsqueeze", [demod, spatial])])
    # Noise and bias are both constant: two small tensors, added once by the runtime.
    shift = g.node("Add", [
        g.weight(noise_map * float(layer.noise.weight) * SQRT2, name + "_noise"),
        g.weight(array(layer.activate.bias).reshape(1, -1, 1, 1) * SQRT2, name + "_bias"),
    ])  # fmt: skip
    return g.node("LeakyRelu", [g.node("Add", [y, shift])], alpha=0.2)


def upsample(g, image, channels):
    """The FIR up-sampling of the skips as one dense ConvTranspose."""
    row = np.array([1, 3, 3, 1], np.float32)
    kernel = np.outer(row, row) / 16
    weight = np.zeros((channels, channels, 4, 4), np.float32)
    for channel in range(channels):
        weight[channel, channel] = kernel
    return g.node(
        "ConvTranspose", [image, g.constant(weight, "fir")], strides=[2, 2], pads=[1, 1, 1, 1]
    )


def mapping(generator, path, half=True):
    g = Graph("mapping", half)
    z = g.input("z", ["n", STYLE_DIM])
    square = g.node("ReduceMean", [g.node("Mul", [z, z])], axes=[1], keepdims=1)
    square = g.node("Add", [square, g.constant(np.array(1e-8, np.float32), "eps")])
    x = g.node("Div", [z, g.node("Sqrt", [square])])
    for i, layer in enumerate(list(generator.style)[1:]):
        weight, bias = layer.folded()
        y = g.linear(x, array(weight) * SQRT2, array(bias) * SQRT2, f"style_{i + 1}")
        x = g.node("LeakyRelu", [y], alpha=0.2)
    g.output(x, "w", ["n", STYLE_DIM])
    g.save(path)


def encoder(inverter, path, half=True):
    """Picture -> w+, all rows alike."""
    g = Graph("encoder", half)
    x = g.input("image", ["n", 3, SIZE, SIZE])
    net = inverter.encoder
    # pixel_unshuffle then conv == conv with stride 2 on the full picture: place the 3x3
    # kernel over 12 half-size planes as a 6x6 kernel over 3 full-size ones.
    side = SIZE // 2
    for i, block in enumerate(net.c):
        first, norm1, _, second, norm2, _ = block
        if i == 0:
            w = array(first.weight)
            out = w.shape[0]
            planes = w.reshape(out, 3, 2, 2, 3, 3).transpose(0, 1, 4, 2, 5, 3)
            kernel = planes.reshape(out, 3, 6, 6)
            x = g.node(
                "Conv",
                [x, g.weight(kernel, "stem"), g.weight(array(first.bias), "stem_b")],
                strides=[2, 2], pads=[2, 2, 2, 2],
            )  # fmt: skip
        else:
            x = g.node("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2])
            side //= 2
            x = conv3(g, x, first, f"c{i}_0")
        x = g.node("LeakyRelu", [group_norm(g, x, norm1, side)], alpha=0.2)
        x = conv3(g, x, second, f"c{i}_3")
        x = g.node("LeakyRelu", [group_norm(g, x, norm2, side)], alpha=0.2)
    x = g.node("Flatten", [x], axis=1)
    x = g.linear(x, array(net.o[1].weight), array(net.o[1].bias), "hidden")
    x = g.node("LeakyRelu", [x], alpha=0.2)
    std, mean = array(inverter.w_std), array(inverter.w_mean)
    weight = array(net.o[3].weight) * std[:, None]
    x = g.linear(x, weight, array(net.o[3].bias) * std + mean, "w")
    x = g.node("Unsqueeze", [x, g.constant(np.array([1], np.int64), "axis")])
    # Broadcasting against ones repeats the row without needing the batch size.
    ones = g.constant(np.ones((1, W_SLOTS, 1), np.float32), "rows")
    g.output(g.node("Mul", [x, ones]), "w_plus", ["n", W_SLOTS, STYLE_DIM])
    g.save(path)


def conv3(g, x, conv, name, gain=1.0, weight=None):
    weight = array(conv.weight) if weight is None else weight
    return g.node(
        "Conv",
        [x, g.weight(weight * gain, name), g.weight(array(conv.bias) * gain, name + "_b")],
        pads=[1, 1, 1, 1],
    )


def group_norm(g, x, norm, side):
    """GroupNorm as InstanceNormalization over merged channels (opset 17 has no other)."""
    groups, channels = norm.num_groups, norm.num_channels
    merged = g.constant(np.array([0, groups, -1], np.int64), "shape")
    back = g.constant(np.array([0, channels, side, side], np.int64), "shape")
    one = g.constant(np.ones(groups, np.float32), "one")
    zero = g.constant(np.zeros(groups, np.float32), "zero")
    y = g.node("Reshape", [x, merged])
    y = g.node("InstanceNormalization", [y, one, zero], epsilon=norm.eps)
    y = g.node("Reshape", [y, back])
    scale = g.weight(array(norm.weight).reshape(1, -1, 1, 1), "scale")
    shift = g.weight(array(norm.bias).reshape(1, -1, 1, 1), "shift")
    return g.node("Add", [g.node("Mul", [y, scale]), shift])


def residual_network(net, path, output, half=True):
    """`ImageEncoder` and `Identity`: picture -> vector."""
    g = Graph(output, half)
    x = g.input("image", ["n", 3, SIZE, SIZE])
    x = lrelu(g, equal_conv(g, x, net.stem, SQRT2, "stem", strides=[2, 2], pads=[1, 1, 1, 1]))
    half_gain = math.sqrt(0.5)
    for i, block in enumerate(net.blocks):
        y = lrelu(g, equal_conv(g, x, block.first, SQRT2, f"b{i}_first", pads=[1, 1, 1, 1]))
        # sqrt(2) of the activation times sqrt(1/2) of the sum: no gain left to apply.
        y = lrelu(g, equal_conv(g, pool(g, y), block.second, 1.0, f"b{i}_second", pads=[1, 1, 1, 1]))
        x = g.node("Add", [y, equal_conv(g, pool(g, x), block.skip, half_gain, f"b{i}_skip")])
    x = g.node("Flatten", [x], axis=1)
    x = g.linear(x, array(net.out.weight), array(net.out.bias), "out")
    g.output(x, output, ["n", net.out.weight.shape[0]])
    g.save(path)


def image_encoder(net, path, half=True):
    residual_network(net, path, "embedding", half)


def identity(net, path, half=True):
    residual_network(net, path, "identity", half)


def perceptual(net, path, half=True):
    """Two pictures -> distance; the weights stand in the file once, for both."""
    g = Graph("perceptual", half)
    layers = [
        (g.weight(array(c.weight) * c.gain * SQRT2, f"c{i}"), g.weight(array(c.bias) * SQRT2, f"c{i}_b"))
        for i, c in enumerate(net.features.convs)
    ]
    channel = g.constant(np.array([1], np.int64), "channel")
    epsilon = g.constant(np.array(1e-8, np.float32), "eps")
    sides = []
    for name in ("a", "b"):
        x, units = g.input(name, ["n", 3, SIZE, SIZE]), []
        for i, (weight, bias) in enumerate(layers):
            x = x if i == 0 else pool(g, x)
            x = lrelu(g, g.node("Conv", [x, weight, bias], pads=[1, 1, 1, 1]))
            energy = g.node("ReduceSum", [g.node("Mul", [x, x]), channel], keepdims=1)
            length = g.node("Sqrt", [g.node("Add", [energy, epsilon])])
            units.append(g.node("Div", [x, length]))
        sides.append(units)
    total = None
    for x, y in zip(*sides):
        difference = g.node("Sub", [x, y])
        square = g.node("ReduceSum", [g.node("Mul", [difference, difference]), channel], keepdims=0)
        mean = g.node("ReduceMean", [square], axes=[1, 2], keepdims=0)
        total = mean if total is None else g.node("Add", [total, mean])
    g.output(total, "distance", ["n"])
    g.save(path)


def equal_conv(g, x, layer, gain, name, **attributes):
    weight, bias = array(layer.weight) * layer.gain * gain, array(layer.bias) * gain
    return g.node("Conv", [x, g.weight(weight, name), g.weight(bias, name + "_b")], **attributes)


def lrelu(g, x):
    return g.node("LeakyRelu", [x], alpha=0.2)


def pool(g, x):
    return g.node("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2])


def text_projection(net, path, half=True):
    g = Graph("text-projection", half)
    x = g.input("sentence", ["n", net.first.weight.shape[1]])
    x = g.linear(x, array(net.first.weight), array(net.first.bias), "first")
    x = g.node("LeakyRelu", [x], alpha=0.2)
    x = g.linear(x, array(net.second.weight), array(net.second.bias), "second")
    g.output(x, "embedding", ["n", net.second.weight.shape[0]])
    g.save(path)

