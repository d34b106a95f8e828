"""Writes the iterates that `tests/autodiff/optimisers.rs` compares with: PyTorch's own optimisers, in double precision.

Developers only: python models-onnx/autodiff/tests/optimisers.py
"""

from pathlib import Path

import numpy as np
import torch

STEPS = 10
GOLDEN = Path(__file__).parent / "golden"


def valley(x):
    """Rosenbrock's."""
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


A = torch.tensor([[np.sin(1 + 5 * i + j) for j in range(5)] for i in range(8)], dtype=torch.float64)
B = torch.tensor([np.cos(i) for i in range(8)], dtype=torch.float64)


def squares(x):
    """Of what is left of a system of eight equations in five unknowns."""
    return 0.5 * ((A @ x - B) ** 2).sum()


def walk(name, function, start, make):
    x = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimiser = make([x])
    places = []

    def closure():
        optimiser.zero_grad()
        loss = function(x)
        loss.backward()
        return loss

    for _ in range(STEPS):
        optimiser.step(closure)
        places.append(x.detach().numpy().copy())
    np.save(GOLDEN / f"{name}.npy", np.array(places))
    print(name, places[0], places[-1], function(x).item())


def lbfgs(search, rate=1.0):
    # One iteration per step, in which a search may try 25 places; memory stays. Nothing settles.
    return lambda x: torch.optim.LBFGS(
        x,
        lr=rate,
        max_iter=1,
        max_eval=26,
        history_size=4,
        tolerance_grad=0,
        tolerance_change=0,
        line_search_fn=search,
    )


GOLDEN.mkdir(exist_ok=True)
valley_start, squares_start = [-1.2, 1.0, 0.5], [0.0] * 5
walk("adam", valley, valley_start, lambda x: torch.optim.Adam(x, lr=0.1))
walk(
    "adam_settings",
    valley,
    valley_start,
    lambda x: torch.optim.AdamW(x, lr=0.05, betas=(0.5, 0.9), eps=1e-3, weight_decay=0.3),
)
for function, start, what in [(valley, valley_start, "valley"), (squares, squares_start, "squares")]:
    walk(f"lbfgs_wolfe_{what}", function, start, lbfgs("strong_wolfe"))
walk("lbfgs_fixed_squares", squares, squares_start, lbfgs(None))
walk("lbfgs_fixed_valley", valley, [0.9, 0.85, 0.7], lbfgs(None, 0.5))
