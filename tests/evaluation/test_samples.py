"""Pictures of what solvers give, and the distances that stand in them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import pytest
import torch
from torch import Tensor

from hyperdsl.evaluation.contenders import adaptive, fixed
from hyperdsl.evaluation.metrics import energy_distance
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.samples import draw, panels
from hyperdsl.evaluation.solvers import TableauSolver
from hyperdsl.evaluation.work_precision import unseen
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.tableau import Tableau

ZERO, ONE = Exact.of(0), Exact.of(1)
EULER = TableauSolver("euler", Tableau(((ZERO,),), (ZERO,), ((ONE,),)))


def problem(*shape: int, generative: bool = False) -> Problem:
    def sample(batch: int, generator: torch.Generator) -> Tensor:
        return torch.rand(batch, *shape, generator=generator, dtype=torch.float64)

    return Problem(lambda s, z: -z, sample, (0.0, 1.0), shape, generative=generative, samples=20)


def test_panels_have_every_state_and_its_distance() -> None:
    start = unseen(problem(2))
    (two,) = panels(fixed("euler", EULER, [2]), start)
    assert torch.allclose(two.states, start.z0 * torch.tensor([1.0, 0.5, 0.25], dtype=torch.float64)[:, None, None])
    error = (math.exp(-1) - 0.25) * start.z0.norm(dim=1).mean()
    assert two.l2 == pytest.approx(float(error), rel=1e-8)
    assert two.energy_distance == pytest.approx(energy_distance(0.25 * start.z0, start.reference, paired=True))
    assert two.plain() == {"method": "euler", "setting": "K = 2", "l2": two.l2, "energy_distance": two.energy_distance}
    (tight,) = panels(adaptive((1e-9,)), start)
    assert len(tight.states) > 100  # those on the way
    assert tight.l2 < 1e-7


def test_a_method_that_gives_its_end_alone_is_drawn_by_it() -> None:
    start = unseen(problem(2))
    (euler,) = fixed("euler", EULER, [2])
    (panel,) = panels([replace(euler, states=None)], start)
    assert torch.allclose(panel.states, torch.stack((start.z0, 0.25 * start.z0)))


def test_the_distance_of_paired_samples_is_none_for_equal_ones() -> None:
    z = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    assert energy_distance(z, z, paired=True) == pytest.approx(0, abs=1e-6)
    assert energy_distance(z, z) < -0.01  # for independent samples it has no bias, and these are not
    two = energy_distance(torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [2.0]]), paired=True)
    assert two == pytest.approx(2 * 1.0 - 0.5 - 1.0)


@pytest.mark.parametrize(
    "what", [problem(2), problem(3), problem(2, generative=True), problem(5, generative=True), problem(1, 4, 4)]
)
def test_every_kind_of_problem_is_drawn(what: Problem, tmp_path: Path) -> None:
    start = unseen(what)
    found = panels([*fixed("euler", EULER, [1, 2]), *adaptive((1e-3,))], start)
    draw(found, what, start, tmp_path / "samples.png")
    picture = matplotlib.image.imread(tmp_path / "samples.png")
    fourths = [picture[:, k * picture.shape[1] // 4 : (k + 1) * picture.shape[1] // 4, :3] for k in range(4)]
    assert all(float((part < 0.9).mean()) > 1e-3 for part in fourths)  # the exact panel and the three methods


def test_colours_are_drawn_as_colours(tmp_path: Path) -> None:
    what = problem(3, 2, 2)
    start = unseen(what)
    draw(panels(fixed("euler", EULER, [1]), start), what, start, tmp_path / "samples.png")
    assert float(matplotlib.image.imread(tmp_path / "samples.png")[..., :3].std(-1).max()) > 0.1
