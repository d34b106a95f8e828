"""Goldens of a generator with classifiers of its pixels: layouts of seeded weights, and what PyTorch makes of them in
double precision. The generator is the one that `stylegan2_golden.py` calls 64.

    python segmenter_golden.py        writes layouts/segmenter.txt and ../convert/tests/golden/encoders
"""

import sys
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "networks"), str(HERE.parent / "seeded")]
import editgan  # noqa: E402
import seeded  # noqa: E402
import stylegan2  # noqa: E402
from encoder_goldens import filled, save  # noqa: E402

# Fewer than 32 classes make narrower layers; the goldens named pixels have the wide ones.
CLASSES = 20
CLASSIFIERS = 3


@torch.no_grad()
def main():
    generator = stylegan2.Generator(64, base=1024, mapping=3, styles=24, most=32)
    text = (HERE.parent / "convert/tests/golden/stylegan2/64.layout").read_text()
    stylegan2.load(generator, seeded.read(text))
    maps = []
    for layer, _ in generator.layers():
        if isinstance(layer, stylegan2.StyledConv):
            layer.register_forward_hook(lambda _layer, _inputs, output: maps.append(output))
    w = torch.from_numpy(seeded.uniform("w_plus", (2, generator.slots, 24), 1.0, 0.0)).double()
    # The second of two pictures: the batch must not be taken for one.
    styles = generator.styles(w)
    generator.synthesise(styles)
    maps = [generator.input.input, *(x[1:] for x in maps)]

    features = sum(x.shape[1] for x in maps)
    names = [f"{index}.model_state_dict.module." for index in range(CLASSIFIERS)]
    ensemble = {name: editgan.PixelClassifier(features, CLASSES) for name in names}
    filled("segmenter", ensemble, editgan.spread)
    ensemble = list(ensemble.values())
    for mode in ("bilinear", "nearest"):
        logits = editgan.segment(ensemble, maps, 64, mode)
        save(f"segmenter-{mode}-logits", logits[:, ::4, ::4])
        save(f"segmenter-{mode}-classes", logits.argmax(0))
    # For a test that must fail: the mean of probabilities instead of logits.
    save("segmenter-probabilities", editgan.segment(ensemble, maps, 64, probabilities=True).argmax(0))


if __name__ == "__main__":
    main()
