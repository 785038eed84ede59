"""Problems whose f is a diffusion model: trained and measured on the solver's straight path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hyperdsl.evaluation.packages import load_package
from hyperdsl.evaluation.problems import Problem, on_path
from hyperdsl.evaluation.training import build_solver, train_package
from hyperdsl.evaluation.work_precision import compare

PACKAGE = load_package(Path("generated/vp_sampler"))
SOLVER: Any = PACKAGE.solvers["VpSampler"]


def model(tau: Tensor, x: Tensor) -> Tensor:
    """The noise in x, where the data are two wide bells around ±1 in each coordinate, and equally likely."""
    alpha, sigma = SOLVER.path.schedule(tau)
    variance = sigma**2 + (alpha / 2) ** 2
    found: Tensor = sigma / variance * (x - alpha * torch.tanh(alpha * x / variance))
    return found


def noise(batch: int, generator: torch.Generator) -> Tensor:
    return torch.randn(batch, 2, generator=generator, dtype=torch.float64)


PROBLEM = Problem(model, noise, (0.0, 1.0), (2,))


def test_a_model_is_measured_on_the_path() -> None:
    solver: Any = build_solver(PACKAGE, PROBLEM, "VpHeun")
    rows = compare(PROBLEM, "VpHeun", solver, {}, [2, 4], samples=4, tolerances=(1e-3,))
    assert [row.evaluations for row in rows[:2]] == [4, 8]
    assert rows[1].l2 < rows[0].l2
    assert rows[2].l2 < rows[1].l2  # dopri5
    straight = on_path(PROBLEM, solver)
    assert straight.span == solver.path.span
    assert on_path(straight, solver) is straight
    start = straight.draw(4, torch.Generator().manual_seed(0))[0]
    assert torch.equal(start, solver.path.start(noise(4, torch.Generator().manual_seed(0))))


@pytest.mark.filterwarnings("ignore")  # of so short a training
def test_a_package_is_trained_on_models(tmp_path: Path) -> None:
    small = {"iterations": 2, "batch": 8, "substeps": 1}
    trained = train_package(
        PACKAGE, PROBLEM, solver="VpSampler", output=tmp_path / "g.safetensors", overrides=small, progress=False
    )
    solver: Any = trained.solver
    low, high = solver.path.span
    ranges = json.loads(solver.about["trained"])
    assert ranges["eps"] == pytest.approx([(high - low) / 16, (high - low) / 4])
    assert ranges["s"] == pytest.approx([low, high])
