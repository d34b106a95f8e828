"""Random weights that need no file: each tensor follows from its name, the same here and in src/lib.rs.

    python seeded.py        compares with the numbers that stand in the Rust tests
"""

import numpy

GOLDEN = [1050088464, 1056802262, 3194521400, 1056501482]


def uniform(name, shape, scale, offset):
    """Values between offset - scale and offset + scale: SplitMix64, started by the FNV-1a hash of the name."""
    state = 0xCBF29CE484222325
    for byte in name.encode():
        state = (state ^ byte) * 0x100000001B3 % 2**64
    count = int(numpy.prod(shape, dtype=numpy.int64))
    with numpy.errstate(over="ignore"):
        x = numpy.uint64(state) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        x ^= x >> numpy.uint64(31)
    unit = (x >> numpy.uint64(40)).astype(numpy.float32) / numpy.float32(8388608) - numpy.float32(1)
    return (unit * numpy.float32(scale) + numpy.float32(offset)).reshape(shape)


def line(name, shape, scale, offset):
    """A tensor's line of a layout. Scales have few digits, so that both languages read the same number."""
    sizes = "x".join(map(str, shape)) or "-"
    return f"{name} {sizes} {scale:.6g} {offset:.6g}"


def read(text):
    """The tensors of a layout: {name: values}."""
    lines = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    sizes = lambda word: () if word == "-" else tuple(map(int, word.split("x")))
    return {name: uniform(name, sizes(word), float(scale), float(offset)) for name, word, scale, offset in lines}


if __name__ == "__main__":
    assert [int(v) for v in uniform("conv1.weight", (4,), 0.5, 0.25).view(numpy.uint32)] == GOLDEN
    print("the same")
