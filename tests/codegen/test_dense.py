"""The generated dense output has the order that was proven, and costs its extra stages only where it is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import median
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

Build = Callable[[str], ModuleType]

SPEC = """
method family(alpha) {
    where 0 < alpha <= 1
    order 2(1)
    tableau {
        0     |
        alpha | alpha
        ------+---------------------------
              | 1 - 1/(2*alpha), 1/(2*alpha)
              | 1, 0
    }
    dense 2 {
        1 | 1 - 1/(2*alpha), 1/(2*alpha)
        --+------------------------------------------------------
          | theta - theta^2/(2*alpha) + (1/alpha - 1)*(theta^3 - theta^2),
            theta^2/(2*alpha) - (theta^3 - theta^2)/alpha, theta^3 - theta^2
    }
}
control pair {
    error embedded
    rtol 1e3
    max_steps 4
}
control own {
    error embedded
    rtol 1e3
    max_steps 4
    per_sample yes
}
"""
SOLVERS = {
    "Bosh": ("bosh3", "pair", 3, 0),
    "Dopri": ("dopri5", "pair", 4, 0),
    "Tsit": ("tsit5", "pair", 4, 0),
    "Dop": ("dop853", "pair", 7, 3),
    "Cash": ("cash_karp", "pair", 3, 0),
    "Family": ("family(alpha = 3/10 .. 1)", "pair", 2, 0),
    "OwnTsit": ("tsit5", "own", 4, 0),
    "OwnDop": ("dop853", "own", 7, 3),
}
"""Base, control, order of the dense output (3 is Hermite's), evaluations that it costs."""


@pytest.fixture(scope="module")
def module(build: Build) -> ModuleType:
    text = SPEC
    for name, (base, control, _, _) in SOLVERS.items():
        text += f"solver {name} {{\n    base {base}\n    control {control}\n}}\n"
    return build(text)


def field(s: Tensor, z: Tensor) -> Tensor:
    """z = 1/(1/z0 − sin s)."""
    return z * z * torch.cos(s.reshape(-1, 1) if s.ndim else s)


def error(solver: Any, name: str, z0: Tensor, eps: float, theta: float) -> float:
    """The error inside one step of size ε."""
    more = {"alpha": 0.4} if name == "Family" else {}
    solution = solver.solve(field, z0, (0.1, 0.1 + eps), first_step=eps, **more)
    s = 0.1 + theta * eps
    exact = 1 / (1 / z0 + math.sin(0.1) - math.sin(s))
    return float((solution.dense(s) - exact).abs().max())


@pytest.mark.parametrize("name", sorted(SOLVERS))
def test_dense_output_has_its_order(module: ModuleType, name: str) -> None:
    solver, order = getattr(module, name)(), SOLVERS[name][2]
    slopes = []
    large = 0.25 if order > 4 else 0.1
    for z in (0.6, 0.75, 0.9, -0.8, 1.0):
        z0 = torch.tensor([[z], [0.9 * z]], dtype=torch.float64)
        for theta in (0.3, 0.55, 0.8):
            errors = [error(solver, name, z0, eps, theta) for eps in (large, large / 2)]
            slopes.append(math.log2(errors[0] / errors[1]))
    assert order + 0.7 <= median(slopes) <= order + 1.6, slopes


@pytest.mark.parametrize("name", sorted(SOLVERS))
def test_extra_stages_are_evaluated_where_they_are_asked_for(module: ModuleType, name: str) -> None:
    solver, extra = getattr(module, name)(), SOLVERS[name][3]
    more = {"alpha": 0.4} if name == "Family" else {}
    z0 = torch.tensor([[0.5], [0.25]], dtype=torch.float64)
    counts = [
        solver.solve(field, z0, (0.0, 0.5), first_step=0.5, dense=dense, **more).statistics.evaluations
        for dense in (False, True)
    ]
    known = "Dopri" in name or "Tsit" in name or "Bosh" in name  # f at the end belongs to the step
    assert counts[1] - counts[0] == extra + (0 if known else 1)


@pytest.mark.parametrize("name", ["Dopri", "Dop", "OwnTsit", "OwnDop"])
def test_dense_output_meets_the_steps_and_has_gradients(module: ModuleType, name: str) -> None:
    solver = getattr(module, name)()
    z0 = torch.tensor([[0.5], [0.25]], dtype=torch.float64, requires_grad=True)
    solution = solver.solve(field, z0, (0.0, 1.0), rtol=1e-6, max_steps=500)
    assert torch.allclose(solution.dense(1.0), solution.z, rtol=0, atol=1e-14)
    assert torch.equal(solution.dense(0.0), z0)
    (slope,) = torch.autograd.grad(solution.dense(0.7).sum(), z0)
    exact = 1 / (1 - z0.detach() * math.sin(0.7)) ** 2
    assert torch.allclose(slope, exact, rtol=1e-4)
    float32 = solver.solve(field, z0.detach().float(), (0.0, 1.0), rtol=1e-4, max_steps=500).dense(0.7)
    assert float32.dtype == torch.float32
    complex_ = solver.solve(field, z0.detach() + 0j, (0.0, 1.0), rtol=1e-4, max_steps=500).dense([0.2, 0.7])
    assert complex_.shape == (2, 2, 1)
