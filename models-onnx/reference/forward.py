"""Times one pass of converted graphs against PyTorch eager, on the pack that bundle.py's files became, and what a preview
is of a whole pass.

    python forward.py PACK_FOLDER [threads…]

Each side runs in a process of its own, by turns; medians. Memory is what matters elsewhere (pentimento-autodiff's BENCH.md).
"""

import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "networks"), str(HERE.parent / "seeded")]
SHAPES = {"synthesis": ("styles", (1, 9088)), "encoder": ("image", (1, 3, 1024, 1024)), "image-encoder": ("image", (1, 3, 1024, 1024))}
PREVIEW = "a quarter of the side"
RUNS = 7


def value(role):
    import seeded

    name, shape = SHAPES["synthesis" if role == "preview" else role]
    return seeded.uniform(name, shape, 1.0, 0.5 if name == "styles" else 0.0)


def median(run):
    run(), run()
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def ours(folder, role, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.enable_mem_pattern = False
    session = onnxruntime.InferenceSession(f"{folder}/{role}.onnx", options, providers=["CPUExecutionProvider"])
    given = {session.get_inputs()[0].name: value(role)}
    return median(lambda: session.run(None, given))


def eager(role, threads):
    import clip
    import encoders
    import stylegan2
    import torch
    from torch.nn.functional import interpolate

    torch.set_num_threads(threads)
    x = torch.from_numpy(value(role))
    if role == "synthesis":
        generator = stylegan2.Generator(1024).eval()
        sizes = [v.shape[1] for v in generator.styles(torch.zeros(1, 18, 512))]
        run = lambda: generator.synthesise(list(x.split(sizes, 1)))
    elif role == "encoder":
        encoder = encoders.Encoder(deltas=True).eval()
        run = lambda: encoder(interpolate(x, (256, 256), mode="bilinear", antialias=True))
    else:
        model = clip.vit_b32().eval()
        for value_ in model.state_dict().values():
            value_.fill_(0.01) if value_.is_floating_point() else None
        run = lambda: model.encode_image(interpolate(x, (224, 224), mode="bicubic", antialias=True))
    with torch.no_grad():
        return median(run)


if sys.argv[1] == "one":
    side, folder, role, threads = sys.argv[2:]
    print(ours(folder, role, int(threads)) if side == "ours" else eager(role, int(threads)))
else:
    folder, *threads = sys.argv[1:]
    print("| graph | threads | ms | eager's ms | time |\n|---|---|---|---|---|")
    for role in SHAPES:
        for count in threads or ["1", "2"]:
            one = lambda side: float(
                subprocess.run(
                    [sys.executable, __file__, "one", side, folder, role, count], check=True, capture_output=True, text=True
                ).stdout
            )
            pairs = [(one("ours"), one("eager")) for _ in range(2)]
            a, b = (statistics.median(side) for side in zip(*pairs))
            print(f"| {role} | {count} | {a:.0f} | {b:.0f} | **{a / b:.2f}** |", flush=True)
    print("\n| preview | threads | ms | share of a whole pass |\n|---|---|---|---|")
    for count in threads or ["1", "2"]:
        pairs = [[ours(folder, role, int(count)) for role in ("preview", "synthesis")] for _ in range(2)]
        a, b = (statistics.median(side) for side in zip(*pairs))
        print(f"| {PREVIEW} | {count} | {a:.0f} | **{a / b:.2f}** |", flush=True)
