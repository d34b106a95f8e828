"""Goldens of MTCNN.

    python mtcnn_goldens.py networks            float64, seeded weights: ../convert/tests/golden/mtcnn
    python mtcnn_goldens.py faces FACENET       facenet-pytorch's own detector and weights on a photograph, whole and
                                                mirrored beside itself: ../tests/golden/landmarks.json; FACENET is the
                                                folder of the package (it needs torchvision)
"""

import json
import sys
from pathlib import Path

import numpy
import torch

here = Path(__file__).resolve().parent
sys.path += [str(here), str(here.parent / "seeded")]
import seeded  # noqa: E402
from networks import irse, mtcnn  # noqa: E402

FORMS = {"pnet": (mtcnn.PNET, (2, 3, 33, 46)), "rnet": (mtcnn.RNET, (5, 3, 24, 24)), "onet": (mtcnn.ONET, (5, 3, 48, 48))}


def spread(name, shape):
    if len(shape) == 1:
        return (0.2, 0.25) if name.startswith("prelu") else (0.3, 0.0)
    return irse.spread(name, shape)


def networks():
    folder = here.parent / "convert/tests/golden/mtcnn"
    folder.mkdir(parents=True, exist_ok=True)
    for name, (form, shape) in FORMS.items():
        model = mtcnn.Stage(form)
        text = "\n".join(irse.layout(model, seeded.line, spread)) + "\n"
        (here / "layouts" / f"mtcnn-{name}.txt").write_text(text)
        irse.load(model, seeded.read(text))
        picture = torch.from_numpy(seeded.uniform("picture", shape, 1.0, 0.0)).double()
        with torch.no_grad():
            results = model(picture * (127.5 / 128))
            for output, value in zip(("score", "box", "points"), results):
                numpy.save(folder / f"{name}-{output}.npy", value.float().numpy())
                print(name, output, tuple(value.shape), f"{value.min():.3g}..{value.max():.3g}")


def faces(package):
    sys.path.insert(0, str(Path(package).resolve().parent))
    from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
    from facenet_pytorch.models.utils.detect_face import detect_face
    from PIL import Image

    photo = numpy.array(Image.open(here.parents[1] / "tests/samples/astronaut.png").convert("RGB"))
    pictures = {"whole": photo, "twice": numpy.concatenate([photo, photo[:, ::-1]], 1)}
    stages = PNet().eval(), RNet().eval(), ONet().eval()
    found = {}
    with torch.no_grad():
        for name, picture in pictures.items():
            boxes, points = detect_face(picture, 20, *stages, [0.6, 0.7, 0.7], 0.709, torch.device("cpu"))
            order = numpy.argsort(-boxes[0][:, 4].astype(float))
            face = lambda at: {"edges": boxes[0][at, :4].tolist(), "score": float(boxes[0][at, 4]),
                               "points": points[0][at].tolist()}  # fmt: skip
            found[name] = [face(at) for at in order]
            print(name, json.dumps(found[name], indent=1))
    (here.parent / "tests/golden/landmarks.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    networks() if sys.argv[1] == "networks" else faces(sys.argv[2])
