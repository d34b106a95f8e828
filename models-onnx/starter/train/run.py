"""What all trainings share: the clock, the log, the average, and checkpoints to go on from."""
import argparse
import copy
import json
import os
import pathlib
import time

import torch


def arguments(parser=None, minutes=30.0, batch=16, rate=2e-3):
    parser = parser or argparse.ArgumentParser()
    parser.add_argument("data", nargs="+", help="folders of shards")
    parser.add_argument("--out", required=True, help="folder for checkpoints and the log")
    parser.add_argument("--resume", action="store_true", help="go on from what is in OUT")
    parser.add_argument("--start", help="a checkpoint of `export.py` to start from")
    parser.add_argument("--minutes", type=float, default=minutes, help="wall-clock time of this run")
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--rate", type=float, default=rate)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    return args


def device():
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def speed(step, fraction, warm=100, fall=0.35):
    """1 after a short start, then down to 0.02 in the last part of a run."""
    return min(1.0, (step + 1) / warm) * max(0.02, min(1.0, (1 - fraction) / fall))


class Run:
    """A training of `net`: `for _ in run.steps(…)` gives steps until the time is over; `run.step(loss)` learns.

    `speeds` are factors of the rate of parts of `net`, by the beginnings of their names; `beside` is what else a
    checkpoint has to hold, by name.
    """

    def __init__(self, name, args, net, speeds=None, ema=0.997, beside=None):
        self.name, self.args, self.ema = name, args, ema
        self.out = pathlib.Path(args.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.device = device()
        self.net = net.to(self.device)
        self.average = copy.deepcopy(self.net).requires_grad_(False)
        groups = {}
        for part, p in self.net.named_parameters():
            if p.requires_grad:
                factor = next((f for start, f in (speeds or {}).items() if part.startswith(start)), 1.0)
                groups.setdefault(factor, []).append(p)
        self.adam = torch.optim.Adam([{"params": p, "factor": f} for f, p in groups.items()], betas=(0.9, 0.99))
        self.beside = beside or {}
        # Half precision where the hardware is made for it.
        self.half = torch.autocast("cuda", torch.bfloat16, enabled=self.device.type == "cuda")
        self.number = self.seen = 0
        self.seconds = 0.0
        if args.resume:
            saved = torch.load(self.path, map_location=self.device, weights_only=True)
            self.net.load_state_dict(saved["net"])
            self.average.load_state_dict(saved["average"])
            self.adam.load_state_dict(saved["adam"])
            self.number, self.seen, self.seconds = saved["step"], saved["seen"], saved["seconds"]
            for part, thing in self.beside.items():
                thing.load_state_dict(saved[part])
        self.log = open(self.out / f"{name}.jsonl", "a", buffering=1)
        # Without paths: they say nothing elsewhere.
        told = {k: v for k, v in vars(args).items() if k not in ("data", "out", "held_out", "decoder", "start")}
        self.log.write(json.dumps({"config": told, "device": self.device.type, "torch": torch.__version__}) + "\n")

    @property
    def path(self):
        return self.out / f"{self.name}.resume.pt"

    def steps(self, measure, every=120.0, save_every=120.0):
        # A run of some minutes on a GPU is looked at as often as one of an hour.
        every = min(every, max(5.0, self.args.minutes * 60 / 12))
        started, next_look, next_save = time.time(), every / 2, save_every
        first = self.number
        while True:
            elapsed = time.time() - started
            fraction = elapsed / (self.args.minutes * 60)
            if elapsed >= next_look or fraction >= 1:
                next_look = elapsed + every
                with torch.no_grad():
                    row = dict(minutes=round((self.seconds + elapsed) / 60, 1), step=self.number, seen=self.seen,
                               **{k: round(float(v), 4) for k, v in measure(self.average).items()})  # fmt: skip
                self.log.write(json.dumps(row) + "\n")
                print(self.name, row, flush=True)
            if elapsed >= next_save or fraction >= 1:
                next_save = elapsed + save_every
                self.save(self.seconds + elapsed)
            if fraction >= 1:
                return
            rate = self.args.rate * speed(self.number - first, fraction)
            for group in self.adam.param_groups:
                group["lr"] = rate * group["factor"]
            yield fraction

    def step(self, loss, count):
        self.adam.zero_grad()
        loss.backward()
        self.learn(count)

    def learn(self, count):
        """A step along gradients that are there, of a batch of `count`."""
        self.adam.step()
        self.number += 1
        self.seen += count
        keep = min(self.ema, (1 + self.number) / (10 + self.number))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.net.parameters()), 1 - keep)
            for ours, theirs in zip(self.average.buffers(), self.net.buffers()):
                ours.copy_(theirs)

    def save(self, seconds):
        state = dict(net=self.net.state_dict(), average=self.average.state_dict(), adam=self.adam.state_dict(),
                     step=self.number, seen=self.seen, seconds=seconds,
                     **{part: thing.state_dict() for part, thing in self.beside.items()})  # fmt: skip
        torch.save(state, f"{self.path}.part")
        os.replace(f"{self.path}.part", self.path)


def record(logs, pack):
    """Puts the logs of trainings, each of whose lines gets the name of its training, into a pack."""
    rows = [dict(training=log.stem, **json.loads(line)) for log in logs for line in log.read_text().splitlines()]
    (pathlib.Path(pack) / "training.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
