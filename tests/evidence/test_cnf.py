"""What the study of flows in the plane measures: samples off the density, and solvers that are trained once."""

from __future__ import annotations

from pathlib import Path

import torch

from hyperdsl.evaluation.problems import CLASSICAL
from hyperdsl.evidence.cnf_measuring import strays
from hyperdsl.evidence.packages import package, trained_solver


def test_a_hundredth_of_the_density_itself_strays_and_all_of_another() -> None:
    points, others, third = torch.rand(3, 2000, 2, generator=torch.Generator().manual_seed(0))
    assert 0.002 < strays(third, points, others) < 0.02
    half = torch.cat((third[:1000], third[1000:] + torch.tensor([3.0, 0.0])))
    assert 0.5 < strays(half, points, others) < 0.52
    assert strays(torch.full((4, 2), torch.nan), points, others) == 1


def test_a_solver_is_trained_once_for_each_recipe(tmp_path: Path) -> None:
    made, problem = package("cnf", tmp_path), CLASSICAL["pendulum"]
    few = {"iterations": 2, "trajectories": 64}
    first, seconds = trained_solver(made, problem, "HyperHeun2", 0, tmp_path, few)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.glob("HyperHeun2*")}
    again, same = trained_solver(made, problem, "HyperHeun2", 0, tmp_path, few)
    assert (same, {path: path.stat().st_mtime_ns for path in tmp_path.glob("HyperHeun2*")}) == (seconds, written)
    weights = list(again.corrector.parameters())
    assert weights
    assert all(torch.equal(a, b) for a, b in zip(first.corrector.parameters(), weights, strict=True))
    other, _ = trained_solver(made, problem, "HyperHeun2", 0, tmp_path, few | {"iterations": 3})
    assert not all(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))
