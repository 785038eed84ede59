"""Trainings whose targets are known exactly: a reference, and what makes the targets of a solver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from hyperdsl.runtime.state import VectorField
from hyperdsl.training.protocol import AnySolver
from hyperdsl.training.settings import Field, Settings
from hyperdsl.training.targets import Targets

STATES = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(6, 2)


def rk4(f: Field, s: Tensor, z: Tensor, h: Tensor) -> Tensor:
    """A step of order 4, exact where f is a cubic in s."""
    k1 = f(s, z)
    k2 = f(s + h / 2, z + h / 2 * k1)
    k3 = f(s + h / 2, z + h / 2 * k2)
    return z + h / 6 * (k1 + 2 * k2 + 2 * k3 + f(s + h, z + h * k3))


def power(k: int) -> Callable[[Tensor, Tensor], Tensor]:
    """f with z = s^k + c."""
    return lambda s, z: k * s ** (k - 1) + 0 * z


def settings(**changes: Any) -> Settings:
    """Small ones."""
    given: dict[str, Any] = {"reference": rk4, "substeps": 2, "iterations": 10, "batch": 8}
    return Settings(**given | changes)


def targets(solver: AnySolver, f: VectorField, **changes: Any) -> Targets:
    """From 0 to 2, in 4 to 20 steps."""
    given: dict[str, Any] = {
        "solver": solver,
        "f": f,
        "dtype": torch.float64,
        "settings": settings(),
        "start": 0.0,
        "end": 2.0,
        "steps": (0.1, 0.5),
        "generator": torch.Generator().manual_seed(0),
        "trained": torch.float64,
        "sampler": None,
        "ranges": (),
    }
    return Targets(**given | changes)
