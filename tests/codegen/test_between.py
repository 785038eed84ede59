"""The cubic between steps where f is stiff: slopes at its ends that are not those of errors."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

Build = Callable[[str], ModuleType]
SPEC = """
control joint {
    error embedded
    rtol 1e-3
    atol 1e-5
}
control each {
    error embedded
    rtol 1e-3
    atol 1e-5
    per_sample yes
}
solver Pair {
    base ark437l2sa1
    control joint
}
solver PairEach {
    base ark437l2sa1
    control each
}
solver Rosenbrock {
    base rodas3
    control joint
}
solver RosenbrockEach {
    base rodas3
    control each
}
solver Esdirk {
    base esdirk437l2sa
    control joint
}
solver Krylov {
    base esdirk437l2sa
    control joint
    solve krylov
}
solver Accurate {
    base kvaerno43
    control joint
}
solver Gauss { base gauss4 }
solver Fixed { base ros3p }
"""
ALL = ["Pair", "PairEach", "Rosenbrock", "RosenbrockEach", "Esdirk", "Krylov", "Accurate", "Gauss", "Fixed"]
TIMES = torch.linspace(0, 1, 301, dtype=torch.float64)
EXACT = torch.stack((torch.exp(-2 * TIMES), torch.exp(-TIMES)), -1)
START = torch.ones(1, 2, dtype=torch.float64)


@pytest.fixture(scope="module")
def stiff(build: Build) -> ModuleType:
    return build(SPEC)


def kaps(stiffness: float) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    """Both parts of Kaps' problem, whose solution is (exp(−2 s), exp(−s)) however stiff it is."""

    def mild(s: Tensor, z: Tensor) -> Tensor:
        a, b = z.unbind(-1)
        return torch.stack((-2 * a, a - b - b * b), -1)

    def hard(s: Tensor, z: Tensor) -> Tensor:
        a, b = z.unbind(-1)
        return torch.stack((stiffness * (b * b - a), torch.zeros_like(b)), -1)

    return mild, hard


def solved(module: ModuleType, name: str, stiffness: float, z: Tensor = START) -> Any:
    mild, hard = kaps(stiffness)
    f: Any = (mild, hard) if name.startswith("Pair") else lambda s, z: mild(s, z) + hard(s, z)
    steps = {"steps": 20} if name in ("Gauss", "Fixed") else {}
    return getattr(module, name)().solve(f, z, (0.0, 1.0), **steps)


@pytest.mark.parametrize("name", ALL)
def test_states_between_steps_are_as_good_where_f_is_stiff(stiff: ModuleType, name: str) -> None:
    """By f at the ends they are off by 3,800 (a pair), 370 (Rosenbrock) and .3 (ESDIRK), the ends by 1e-3."""
    solution = solved(stiff, name, 1e8)
    assert float((solution.z[0] - EXACT[-1]).abs().max()) < 2e-3
    assert float((solution.dense(TIMES)[:, 0] - EXACT).abs().max()) < 2e-2


@pytest.mark.parametrize("name", ALL)
def test_slopes_are_those_of_f_where_it_is_not(stiff: ModuleType, name: str) -> None:
    solution, (mild, hard) = solved(stiff, name, 1.0), kaps(1.0)
    for piece in solution.pieces:
        z, end = (one.reshape(-1, 2) for one in (piece.z, piece.end))
        for state, slope in ((z, piece.slope), (end, piece.following)):
            f = mild(state, state) + hard(state, state)
            assert torch.allclose(slope.reshape(-1, 2), f, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["Pair", "PairEach", "Rosenbrock", "RosenbrockEach", "Esdirk"])
def test_slopes_after_a_stop_are_those_of_after_it(stiff: ModuleType, name: str) -> None:
    def jumping(s: Tensor, z: Tensor) -> Tensor:
        return (torch.where(s < 0.5, 0.0, 10.0) * torch.ones_like(z.mT)).mT

    f: Any = (lambda s, z: -z, jumping) if name.startswith("Pair") else lambda s, z: jumping(s, z) - z
    states = getattr(stiff, name)().solve(f, START, (0.0, 1.0), stops=[0.5]).dense(TIMES)[:, 0, 0]
    after = (TIMES - 0.5).clamp_min(0)
    assert torch.allclose(states, torch.exp(-TIMES) + 10 * (1 - torch.exp(-after)), rtol=0, atol=2e-2)


@pytest.mark.parametrize("name", ["Pair", "PairEach", "Rosenbrock", "RosenbrockEach", "Esdirk", "Fixed"])
def test_gradients_between_steps_forget_what_was_beside_the_slow_solution(stiff: ModuleType, name: str) -> None:
    """States hang on z0 along the slow solution, (2, 1), and not across it, where d's differences reach 100."""
    z = START.clone().requires_grad_()
    later = slice(30, None)
    (gradient,) = torch.autograd.grad(solved(stiff, name, 1e8, z).dense(TIMES[later])[:, 0].sum(-1).mean(), z)
    along = float((2 * EXACT[later, 0] + EXACT[later, 1]).mean())
    assert torch.allclose(gradient[0], torch.tensor([0.0, along], dtype=torch.float64), rtol=0, atol=1e-2)
