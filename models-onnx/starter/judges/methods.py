"""What ways of editing are worth: 20 prompts, 50 held-out portraits each, judged by networks that know no pack.

  python methods.py portraits --held HELD --out EDITS
  python methods.py judge EDITS --held HELD --out TABLES

The first writes the portraits and the prompts; whoever edits adds a folder of pictures for each method; the second prints
a table for each. README.md says what lies where.
"""
import argparse
import json
import pathlib

import numpy as np
import torch

from common import ALONG, Heads, save_sheet
from edits import EDITS, heads, judged
from evaluate import Held
from judges import load
from report import markdown

PROMPTS = [
    "blue hair", "blond hair", "black hair", "pink hair", "green hair", "red hair", "bald", "long hair", "short hair",
    "an afro", "sunglasses", "glasses", "no glasses", "beard", "a moustache", "clean shaven", "smiling", "older",
    "a young person", "a hat",
]  # fmt: skip
SHOWN = 12  # portraits of each prompt in the sheet


def portraits(held, out):
    """Writes `portraits.npy` and `prompts.json`."""
    data = Heads(held)
    asked = {prompt: about for prompt, *about in EDITS}
    index = {prompt: heads(data, *asked[prompt]).tolist() for prompt in PROMPTS}
    faces = sorted({face for own in index.values() for face in own})
    row = {face: at for at, face in enumerate(faces)}
    told = [
        {"prompt": prompt, "file": prompt.replace(" ", "-"), "attribute": asked[prompt][0], "reach": asked[prompt][1],
         "along": ALONG.get(asked[prompt][0], ()), "portraits": [row[face] for face in index[prompt]]}
        for prompt in PROMPTS
    ]  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / "portraits.npy", np.ascontiguousarray(data.batch(torch.tensor(faces)).numpy()))
    (out / "prompts.json").write_text(json.dumps({"faces": faces, "prompts": told}, indent=1) + "\n")
    print(f"{len(faces)} portraits, {sum(len(own) for own in index.values())} edits")


def judge(folder, told, judges, held):
    """{prompt: what the method did}, their means, and pictures of a sheet."""
    before, table, tiles = np.load(folder / "before.npy"), {}, []
    for about in told["prompts"]:
        path, own = folder / f"{about['file']}.npy", about["portraits"]
        if not path.exists():
            continue
        after, index = np.load(path), torch.tensor(told["faces"])[own]
        if after.shape[0] != len(own):
            raise SystemExit(f"{path}: {after.shape[0]} pictures for {len(own)} portraits")
        table[about["prompt"]] = judged(judges, held, index, before[own], after, about["attribute"], about["reach"])
        tiles += [before[own][:SHOWN], after[:SHOWN]]
    if not table:
        raise SystemExit(f"{folder}: no edited pictures")
    numbers = [name for name, value in next(iter(table.values())).items() if isinstance(value, float)]
    table["mean"] = {name: float(np.mean([row[name] for row in table.values()])) for name in numbers}
    return table, np.concatenate(tiles)


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    writing, judging = commands.add_parser("portraits"), commands.add_parser("judge")
    judging.add_argument("edits", type=pathlib.Path)
    judging.add_argument("--judges", default=str(pathlib.Path(__file__).parent / "judges.pt"))
    for command in (writing, judging):
        command.add_argument("--held", required=True)
        command.add_argument("--out", required=True, type=pathlib.Path)
    args = parser.parse_args()
    if args.command == "portraits":
        return portraits(args.held, args.out)
    told = json.loads((args.edits / "prompts.json").read_text())
    judges = load(args.judges)[0]
    held = Held(args.held, judges)
    args.out.mkdir(parents=True, exist_ok=True)
    result = {}
    for folder in sorted(path.parent for path in args.edits.glob("*/before.npy")):
        result[folder.name], sheet = judge(folder, told, judges, held)
        save_sheet(sheet, args.out / f"edits-{folder.name}.png", SHOWN)
    text = markdown("Edits", result)
    print(text, flush=True)
    (args.out / "edits.md").write_text(text)
    (args.out / "edits.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
