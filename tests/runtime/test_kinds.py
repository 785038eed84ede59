"""Solvers of all kinds are called in one way: each takes what decides its steps, and says what that is for the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from generated.abm4 import ABM4
from generated.adaptive_adams import Adams8
from generated.adaptive_dopri5 import AdaptiveDopri5
from generated.adaptive_hyper_heun import AdaptiveHyperHeun
from generated.adaptive_per_sample import PerSampleDopri5
from generated.graded import Spaced
from generated.hyper_heun import HyperHeun
from generated.hyper_pece import HyperPECE
from generated.sdirk_fixed import Bdf, Sdirk
from generated.stiff_bdf import StiffBDF
from generated.stiff_radau import Radau
from generated.stiff_rodas import Rodas5p

Z0 = torch.tensor([[1.0, -0.5]], dtype=torch.float64)
FIXED = [
    lambda: HyperHeun((2,)).double(),
    ABM4,
    lambda: HyperPECE((2,)).double(),
    Sdirk,
    Bdf,
]
ADAPTIVE = [AdaptiveDopri5, lambda: AdaptiveHyperHeun((2,)).double(), PerSampleDopri5, Adams8, Rodas5p, StiffBDF, Radau]
Made = Callable[[], Any]


def decay(s: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    return -z


def ways(solver: Any) -> dict[str, Callable[..., Any]]:
    """The calls that take a span, or the times of one."""
    return {
        "call": lambda **given: solver(decay, Z0, (0.0, 1.0), **given),
        "solve": lambda **given: solver.solve(decay, Z0, (0.0, 1.0), **given).z,
        "odeint": lambda **given: solver.odeint(decay, Z0, (0.0, 1.0), **given)[-1],
        "adjoint": lambda **given: solver.adjoint(decay, Z0, (0.0, 1.0), **given, **weights(solver)),
    }


def weights(solver: Any) -> dict[str, Any]:
    return {"weights": ()} if isinstance(solver, AdaptiveDopri5) else {}


@pytest.mark.parametrize("make", FIXED)
def test_fixed_steps_are_counted_and_tolerances_refused(make: Made) -> None:
    solver = make()
    for name, way in ways(solver).items():
        torch.testing.assert_close(way(steps=40), Z0 * torch.e**-1, rtol=0.02, atol=0.0)
        for wrong in ("rtol", "atol"):
            with pytest.raises(TypeError, match=rf"{type(solver).__name__}.*{wrong}.*steps=.*tolerances are for"):
                way(steps=40, **{wrong: 1e-3})
        if name != "odeint":  # which takes one step from each time to the next
            with pytest.raises(TypeError, match=f"{type(solver).__name__} needs steps=: it takes fixed steps"):
                way()


@pytest.mark.parametrize("make", ADAPTIVE)
def test_adaptive_steps_have_tolerances_and_are_not_counted(make: Made) -> None:
    solver = make()
    for way in ways(solver).values():
        torch.testing.assert_close(way(rtol=1e-6, atol=1e-8), Z0 * torch.e**-1, rtol=1e-4, atol=0.0)
        with pytest.raises(TypeError, match=rf"{type(solver).__name__}.*'steps'.*rtol= and atol="):
            way(steps=10)


def test_a_grid_of_its_own_takes_neither() -> None:
    solver = Spaced()
    for way in ways(solver).values():
        torch.testing.assert_close(way(), Z0 * torch.e**-1, rtol=0.05, atol=0.0)
        with pytest.raises(TypeError, match="Spaced has a grid of its own"):
            way(steps=10)
        with pytest.raises(TypeError, match="'rtol': its steps are a grid of its own"):
            way(rtol=1e-3)
