"""The loss at the end of the span: what it measures, from which states, and what is trained by it."""

from __future__ import annotations

import math
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor

from hyperdsl.training import stepping
from hyperdsl.training.ends import Ends, rows_on_grids, steps_of
from hyperdsl.training.settings import End, FitWarning, Share
from hyperdsl.training.targets import TOGETHER, drawn
from tests.runtime.methods import Euler, Family
from tests.training.posed import STATES, power, settings, targets
from tests.training.test_fit import fit, made, recorded, sample

FABRIC = Fabric(accelerator="cpu", devices=1)


def decay(s: Tensor, z: Tensor) -> Tensor:
    return -z


def posed(solver: Any, f: Any = decay, **changes: Any) -> Any:
    """Ends after one and after four steps from 0 to 2."""
    given = settings(**{"loss": End(), "steps": None, "grids": (1, 4), "trajectories": 6, "substeps": 32} | changes)
    return targets(solver, f, settings=given, steps=(0.5, 2.0))


def objective(made: Any, x: Tensor | None = None) -> Ends:
    starts, given, ends = drawn(made, STATES, x, None)(0)
    assert starts is not None
    assert ends is not None
    return Ends(torch.nn.Identity(), starts, given, ends, made, made.f, FABRIC)


def test_the_loss_is_the_distance_from_the_end() -> None:
    """z' = −z, Euler: after K steps z (1 − 2/K)^K, in the end z e^(−2); of z the deviation is that of the states."""
    loss = objective(posed(Euler()))
    assert torch.allclose(loss.ends, math.exp(-2) * STATES, rtol=1e-9)
    deviation = math.exp(-2) * STATES.std(0, correction=0)
    total = torch.zeros((), dtype=torch.float64)
    for k, steps in enumerate((1, 4)):
        missed = ((1 - 2 / steps) ** steps - math.exp(-2)) * STATES / deviation
        distance = missed.square().mean(1).sqrt()
        found = loss.distances(torch.arange(6), steps, loss.stepping.hyper, {})
        assert torch.allclose(found, distance, rtol=1e-8)
        size = distance.square().mean().sqrt()
        weight = (distance / size + 0.1).rsqrt() / size
        assert torch.allclose(loss.weights[0][k], weight, rtol=1e-8)
        mine = torch.arange(6)[k::2]  # a grid has its share of a batch
        total += (distance * weight)[mine].sum() / 6
    assert float(loss(torch.arange(6))) == pytest.approx(float(total), rel=1e-8)


def test_steps_are_equal_parts_of_the_span() -> None:
    made = posed(Euler())
    found = steps_of(made, 4, STATES)
    assert [float(s) for s, _ in found] == [0, 0.5, 1, 1.5]
    assert {float(eps) for _, eps in found} == {0.5}
    backward = replace(made, start=2.0, end=0.0)
    assert [(float(s), float(eps)) for s, eps in steps_of(backward, 2, STATES)] == [(2, -1), (1, -1)]


def test_ends_are_solved_once_with_the_finest_substeps() -> None:
    calls: list[float] = []

    def counted(s: Tensor, z: Tensor) -> Tensor:
        calls.append(float(s))
        return -z

    made = posed(Euler(), counted, substeps=3)
    starts, x, ends = drawn(made, STATES, None, None)(0)
    assert len(calls) == 4 * 3 * 4  # four stages, three substeps in each of four steps
    assert (made.groups, made.rows) == (1, 6)
    assert x is None
    assert starts is not None
    assert ends is not None
    assert torch.equal(starts, STATES)


def test_many_trajectories_are_solved_in_groups() -> None:
    count = TOGETHER + 1
    made = posed(Euler(), trajectories=count, substeps=1)
    states = torch.linspace(1, 2, count, dtype=torch.float64)[:, None]
    group = drawn(made, states, None, None)
    columns = [group(k) for k in range(made.groups)]
    assert made.groups == 2
    ends = torch.cat([column for *_, column in columns if column is not None])
    assert int(ends.isfinite().sum()) == count
    assert torch.allclose(ends[:count], math.exp(-2) * states, rtol=1e-2)


def test_trajectories_without_an_end_are_left_out() -> None:
    def f(s: Tensor, z: Tensor) -> Tensor:
        return torch.where(z > 0.9, math.nan, -z)

    loss = objective(posed(Euler(), f))
    assert loss.units.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="no solution has a finite end"):
        objective(posed(Euler(), lambda s, z: z * math.nan))


def test_trajectories_that_the_base_loses_are_left_out_with_a_warning() -> None:
    def f(s: Tensor, z: Tensor) -> Tensor:
        return torch.where(z.abs() > 0.99, torch.where(s == 0, math.inf, 0.0), -z)

    made = posed(Euler(), f)
    starts, _, _ = drawn(made, STATES, None, None)(0)
    assert starts is not None
    with pytest.warns(FitWarning, match="does not reach a finite end from 2 of 6 training states"):
        loss = Ends(torch.nn.Identity(), starts, None, math.exp(-2) * starts, made, f, FABRIC)
    assert loss.units.tolist() == [1, 2, 3, 4]


def test_free_parameters_are_drawn_for_each_batch() -> None:
    made = replace(posed(Family(), power(3)), ranges=(("alpha", 0.25, 1.0),))
    loss = objective(made)
    values = [float(draw["alpha"]) for draw in loss.draws]
    assert len({*values}) == len(loss.weights) == 16
    for unit in (0, 5):  # z = s³ after one step of 2: off by 8 (1 − 3α/2)
        found = loss.distances(torch.tensor([unit]), 1, loss.stepping.hyper, loss.draws[unit])
        missed = abs(8 * (1 - 1.5 * values[unit])) * loss.scale.norm()
        assert float(found) == pytest.approx(float(missed), rel=1e-8)


def test_scaling_is_fitted_at_the_points_of_the_grids() -> None:
    rows = rows_on_grids(posed(Euler(), power(2)), STATES, None)
    eps, s, x, z = rows.where
    assert x is None
    assert sorted({*zip(eps.tolist(), s.tolist(), strict=True)}) == [(0.5, 0), (0.5, 0.5), (0.5, 1), (0.5, 1.5), (2, 0)]
    assert torch.allclose(rows.target, torch.ones_like(rows.target))
    assert torch.allclose(z, STATES.repeat(5, 1) + s[:, None] ** 2)


def test_recomputed_steps_have_the_same_bits(train: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for memory in (2**30, 0):
        monkeypatch.setattr(stepping, "MEMORY", memory)
        loss = recorded(train, monkeypatch, "Ends", made(train, "Ended"))
        assert loss.stepping.recomputed == (memory == 0)
        loss(loss.units[:32]).backward()
        found.append([weight.grad for weight in loss.g.parameters()])
    assert all(map(torch.equal, *found))


@pytest.mark.parametrize(
    ("name", "most"),
    [("Ended", 0.6), ("HyperAlpha", 0.6), ("HyperLearned", 0.6), ("Learned", 0.99)],  # one parameter gains little
)
def test_ends_come_closer(train: ModuleType, name: str, most: float) -> None:
    given = replace(train.SETTINGS[train.Ended], iterations=120, grids=(4, 8))
    solver = made(train, name)
    history = fit(train, solver, settings=given)
    assert sum(history.loss[-10:]) < most * sum(history.loss[:10])
    assert list(history.delta) == [0.5, 1.0]
    assert "grids" in solver.about["trained"]


@pytest.mark.parametrize("loss", [None, End()])
@pytest.mark.parametrize("name", ["Fixed", "Learned"])
def test_labels_are_inputs_that_stay_integers(train: ModuleType, name: str, loss: End | None) -> None:
    """Here f alone reads x, a class; g does not."""
    seen: set[torch.dtype] = set()
    rates = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)

    def f(s: Tensor, x: Tensor, z: Tensor) -> Tensor:
        seen.add(x.dtype)
        return -rates.to(z.dtype)[x][:, None] * torch.sin(2 * z)

    def draw(batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        return sample(batch, generator), torch.randint(3, (batch,), generator=generator)

    given = replace(train.SETTINGS[train.Ended], iterations=40, loss=loss, grids=(1, 2))
    history = fit(train, made(train, name), f, draw, span=(0.0, 1.0), settings=given)
    assert min(history.delta.values()) < 0.99
    assert seen == {torch.int64}


def test_one_step_over_the_span_needs_no_more_than_the_ends(train: ModuleType) -> None:
    """As many solutions as starting states, each once, for training on trajectories, and a few to measure on."""
    evaluations: list[int] = []

    def f(s: Tensor, z: Tensor) -> Tensor:
        evaluations.append(len(z))
        return -z

    given = replace(train.SETTINGS[train.Fixed], steps=(1, 1), states=(Share("trajectory", 1),), trajectories=64)
    fit(train, made(train, "Learned"), f, settings=replace(given, iterations=1, batch=64))
    substeps = given.substeps * 4
    training, unseen = 64 * substeps, 128 * substeps
    assert sum(evaluations) < 2 * training + 3 * unseen + 40 * 128


def test_a_range_has_no_end(train: ModuleType) -> None:
    with pytest.raises(ValueError, match="is for numbers of steps"):
        fit(train, made(train, "HyperEuler"), settings=replace(train.SETTINGS[train.HyperEuler], loss=End()))
