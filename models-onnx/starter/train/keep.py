"""What of a run is worth keeping, in half precision: `python keep.py RUN OUT`."""
import pathlib
import sys

import torch


def half(x):
    if isinstance(x, dict):
        return {k: half(v) for k, v in x.items()}
    return x.half().cpu() if isinstance(x, torch.Tensor) and x.is_floating_point() else x


def main():
    run, out = map(pathlib.Path, sys.argv[1:])
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(run.glob("*.pt")):
        if not path.name.endswith(".resume.pt"):
            torch.save(half(torch.load(path, map_location="cpu", weights_only=True)), out / path.name)
    # Of the rooms, averages are what `export.py` reads.
    for name in ("decoder", "inverter"):
        path = run / f"{name}.resume.pt"
        if path.exists():
            saved = torch.load(path, map_location="cpu", weights_only=True)
            torch.save({"average": half(saved["average"]), "seen": saved["seen"]}, out / path.name)


if __name__ == "__main__":
    main()
