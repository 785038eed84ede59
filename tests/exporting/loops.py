"""Solvers to export, models to solve, and what a solver's own call on a path gives."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from hyperdsl.exporting.diffusers import scheduler_files, solve_of
from hyperdsl.runtime.graded import GradedSteps
from hyperdsl.runtime.path import Path as StraightPath
from tests.runtime.methods import Adams, Euler

PREDICTS = {"epsilon": "noise", "sample": "data", "v_prediction": "v", "flow_prediction": "velocity"}
"""What diffusers calls a prediction, and what hyperdsl does."""


class FourLearned(Euler):
    """Four stages with any numbers, their times beyond the ends too, as training may find them."""

    order = 1
    evaluations_per_step = 4
    learned = ("a21", "a31", "a32", "a41", "a42", "a43", "b1", "b2", "b3")

    def __init__(self) -> None:
        super().__init__()
        found = [0.31, -0.2, 0.73, 0.4, -0.15, 0.81, 0.17, 0.22, 0.4]
        self.coefficients = nn.Parameter(torch.tensor(found, dtype=torch.float64))

    def method(self, f: Any, s: Tensor, z: Tensor, eps: Tensor, **learned: Tensor) -> Any:
        a21, a31, a32, a41, a42, a43, b1, b2, b3 = (learned[name] for name in self.learned)
        k1 = f(s, z)
        k2 = f(s + a21 * eps, z + a21 * eps * k1)
        k3 = f(s + (a31 + a32) * eps, z + eps * (a31 * k1 + a32 * k2))
        k4 = f(s + (a41 + a42 + a43) * eps, z + eps * (a41 * k1 + a42 * k2 + a43 * k3))
        return z + eps * (b1 * k1 + b2 * k2 + b3 * k3 + (1 - b1 - b2 - b3) * k4), ()


class Midpoint(Euler):
    """Order 2, of two stages."""

    order = 2
    evaluations_per_step = 2

    def method(self, f: Any, s: Tensor, z: Tensor, eps: Tensor) -> Any:
        k2 = f(s + eps / 2, z + eps / 2 * f(s, z))
        return z + eps * k2, ()


class Graded(GradedSteps, Euler):
    """Euler on a grid that a test sets."""


SOLVERS: list[tuple[Any, int]] = [(Euler(), 5), (Midpoint(), 3), (FourLearned(), 1), (FourLearned(), 2), (Adams(), 5)]


def path_of(bars: Tensor | None, predicts: str) -> tuple[StraightPath, float]:
    """The path of a table of ᾱ, or of flow matching, and what its times are to be multiplied by for the model."""
    if bars is not None:
        return StraightPath.discrete(bars, PREDICTS[predicts]), 1.0  # type: ignore[arg-type]
    return StraightPath(lambda tau: (1 - tau, tau), "velocity", (1, 0)), 1000.0


def solved(solver: Any, steps: int | None, path: StraightPath, factor: float, model: Any, noise: Tensor) -> Tensor:
    """From noise to data by the solver's own call."""
    field = path.field(lambda tau, x: model(x, factor * tau))
    with torch.no_grad():
        z = solver(field, path.start(noise), path.span, **({} if steps is None else {"steps": steps}))
    return path.end(z)


def imported(solver: Any, steps: int | None, folder: Path, about: tuple[str, ...] = ("A test.",)) -> ModuleType:
    """The file of a scheduler called `MadeScheduler`, written with its config to a folder, and imported."""
    for file in scheduler_files("MadeScheduler", "made", solve_of(solver, steps), about):
        (folder / file.path).write_text(file.text, "utf-8")
    spec = importlib.util.spec_from_file_location(f"made_{abs(hash(folder))}", folder / "made.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
