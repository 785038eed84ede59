"""Targets of known problems, where and for which parameters they are made, and which of them are left out."""

from __future__ import annotations

import itertools
import math
import warnings

import pytest
import torch
from torch import Tensor

from hyperdsl.training.rows import Columns
from hyperdsl.training.settings import FitWarning, Share, Trajectory
from hyperdsl.training.targets import (
    DRAWS,
    SNAPSHOTS,
    Places,
    Trajectories,
    drawn,
    mixed,
    places_of,
    usable_rows,
    usual_box,
)
from tests.runtime.methods import Adams, Euler, Family
from tests.training.posed import STATES, power, settings, targets


def scalar(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("eps", [0.5, 0.1])
def test_residuals_of_polynomials_are_exact(eps: float) -> None:
    """z = s²: Euler's step misses ε² · 1. z = s³: the family of order 2 misses ε³ (1 − 3α/2)."""
    one = targets(Euler(), power(2)).residuals(eps, scalar(0.7), None, STATES, {}, 1)
    assert torch.allclose(one.target, torch.ones_like(STATES), rtol=1e-12)
    step, s, x, z, dz = one.inputs
    assert dz is not None
    assert x is None
    assert z is STATES
    assert step is not None
    assert s is not None
    assert (float(step), float(s)) == (eps, 0.7)
    assert torch.allclose(dz, scalar(1.4).expand(6, 2))
    assert one.names == ()
    for alpha in (0.5, 1.0):
        two = targets(Family(), power(3)).residuals(eps, scalar(0.7), None, STATES, {"alpha": alpha}, 1)
        assert torch.allclose(two.target, scalar(1 - 1.5 * alpha).expand(6, 2), rtol=1e-10)
        assert (two.names, float(two.parameters()["alpha"])) == (("alpha",), alpha)


def test_residuals_after_an_exact_history() -> None:
    """z = s³: the method of Adams and Bashforth misses ε³ · 5/2, at a state that is one step later."""
    rows = targets(Adams(), power(3)).residuals(0.25, scalar(0.5), None, STATES, {}, 1)
    assert torch.allclose(rows.target, scalar(2.5).expand(6, 2), rtol=1e-11)
    eps, s, _, z, dz = rows.inputs
    assert eps is not None
    assert s is not None
    assert (float(eps), float(s)) == (0.25, 0.75)
    assert z is not None
    assert dz is not None
    assert torch.allclose(z, STATES + 0.75**3 - 0.5**3)
    assert torch.allclose(dz, scalar(3 * 0.75**2).expand(6, 2))


def test_substeps_are_equal_and_see_x() -> None:
    times: list[float] = []

    def f(s: Tensor, x: Tensor, z: Tensor) -> Tensor:
        times.append(float(s))
        return 2 * s * x + 0 * z

    made = targets(Euler(), f, settings=settings(reference=lambda f, s, z, h: z + h * f(s, z)))
    end = made.advance(scalar(1), torch.full((6, 1), 3.0), STATES, scalar(0.5), 4)
    assert times == [1, 1.125, 1.25, 1.375]
    assert torch.allclose(end, STATES + 0.125 * 6 * sum(times))


def test_trajectories_are_solutions() -> None:
    found = targets(Euler(), power(2)).trajectories(STATES, None)
    times = torch.linspace(0, 2, SNAPSHOTS + 1, dtype=torch.float64)
    assert found.x is None
    assert torch.allclose(found.z, STATES + times[:, None, None] ** 2, rtol=1e-12)


def test_solutions_that_do_not_stay_finite_are_left_out() -> None:
    def f(s: Tensor, x: Tensor, z: Tensor) -> Tensor:
        return torch.where(z > 0.9, math.nan, 0.0)

    x = torch.arange(6.0)
    found = targets(Euler(), f).trajectories(STATES, x)
    assert torch.equal(found.z[-1], STATES[:5])
    assert found.x is not None
    assert found.x.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="no solution from 0 to 2 is finite"):
        targets(Euler(), f).trajectories(STATES + 5, x)


def test_states_lie_on_trajectories_and_leave_room() -> None:
    made, fed = targets(Euler(), power(2)), targets(Euler(), lambda s, x, z: 2 * s + 0 * z)
    found = fed.trajectories(STATES, STATES[:, 0])  # x tells where a trajectory starts
    for part in range(8):
        s, x, z = fed.states(found, 0.5, 5, part, 8)
        assert 1.5 * part / 8 <= float(s) <= 1.5 * (part + 1) / 8
        assert x is not None
        assert torch.allclose(z[:, 0], x + s**2)
    drawn_times = [float(made.states(Trajectories(found.z, None), 1.9, 1)[0]) for _ in range(50)]
    assert 0 <= min(drawn_times) < 0.02
    assert 0.08 < max(drawn_times) <= 0.1
    histories = targets(Adams(), power(2))
    late = max(float(histories.states(Trajectories(found.z, None), 0.5, 1)[0]) for _ in range(50))
    assert 0.9 < late <= 1  # two steps are left


def test_training_for_one_number_of_steps_is_on_its_grid() -> None:
    made = targets(Euler(), power(2), settings=settings(steps=(4, 4)), steps=(0.5, 0.5))
    found = made.trajectories(STATES, None)
    assert made.grids == (0.5,)
    times = [float(made.states(found, 0.5, 1)[0]) for _ in range(100)]
    assert {round(s, 12) for s in times} == {0, 0.5, 1, 1.5}
    two = targets(Adams(), power(2), settings=settings(steps=(4, 4)), steps=(0.5, 0.5))
    assert {round(float(two.states(found, 0.5, 1)[0]), 12) for _ in range(100)} == {0, 0.5, 1}
    assert targets(Euler(), power(2)).grids == ()
    assert targets(Euler(), power(2), steps=(0.5, 0.5), settings=settings(steps=None, eps=(0.5, 0.5))).grids == ()


def test_draws_are_a_latin_hypercube() -> None:
    made = targets(Family(), power(2), ranges=(("alpha", 0.25, 1.0), ("beta", -3.0, 5.0), ("fixed", 0.5, 0.5)))
    draws = made.draws(16)
    assert len(draws) == 16
    parts: dict[str, list[int]] = {}
    for name, low, high in made.ranges[:2]:
        parts[name] = [math.floor((values[name] - low) / (high - low) * 16) for values in draws]
        assert sorted(parts[name]) == list(range(16))
    assert parts["alpha"] != parts["beta"]
    assert {values["fixed"] for values in draws} == {0.5}
    many = [made.parameters()["alpha"] for _ in range(200)]
    assert 0.25 <= min(many) < 0.3
    assert 0.95 < max(many) <= 1


def test_so_many_rows_are_made() -> None:
    small = targets(Euler(), power(2))
    assert (small.groups, small.rows) == (32, 32)
    large = targets(Euler(), power(2), settings=settings(iterations=3000, batch=256))
    assert (large.groups, large.rows) == (256, 250)
    rolled = targets(Euler(), power(2), settings=settings(iterations=3000, batch=256, loss=Trajectory(4)))
    assert (rolled.groups, rolled.rows) == (64, 1000)


def test_room_for_steps() -> None:
    made = targets(Euler(), power(2))
    assert [made.room(eps, 8) for eps in (0.1, 0.25, 0.5, 2 / 3, 1.5)] == [8, 8, 4, 3, 1]


def test_groups_have_their_own_steps_whoever_makes_them() -> None:
    groups = targets(Euler(), power(2)).groups

    def made(*numbers: int) -> dict[int, Columns]:
        group = drawn(targets(Euler(), power(2)), STATES, None, None)
        return {k: group(k) for k in numbers}

    again = made(groups - 1, 0, 5)
    for k, columns in made(5, 0, groups - 1).items():
        for column, same in zip(columns, again[k], strict=True):
            assert (column is None) == (same is None)
            assert column is None or same is None or torch.equal(column, same)
        eps, s, x, z, _, target = columns
        assert x is None
        assert eps is not None
        assert s is not None
        assert z is not None
        assert target is not None
        part = math.log(float(eps[0]) / 0.1) / math.log(5)
        assert k / groups <= part <= (k + 1) / groups
        assert len(set(eps.tolist())) == len(set(s.tolist())) == 1
        assert torch.allclose(target, torch.ones_like(target), rtol=1e-6)
        assert z.shape == (32, 2)


def test_a_group_has_rows_of_several_parameters() -> None:
    made = targets(Family(), power(3), ranges=(("alpha", 0.25, 1.0),))
    columns = drawn(made, STATES, None, None)(3)
    alpha, target = columns[-2:]
    assert alpha is not None
    assert target is not None
    assert len(set(alpha.tolist())) == DRAWS
    assert torch.allclose(target, (1 - 1.5 * alpha)[:, None].expand_as(target), atol=1e-6)


def test_rollouts_go_as_far_as_there_is_room() -> None:
    rolled = settings(loss=Trajectory(8))
    made = targets(Euler(), power(2), settings=rolled)
    group = drawn(made, STATES, None, None)
    counts = set()
    for k in range(0, made.groups, 5):
        columns = group(k)
        eps, s, _, z, paths = columns[0], columns[1], columns[2], columns[3], columns[-1]
        assert eps is not None
        assert s is not None
        assert z is not None
        assert paths is not None
        count = made.room(float(eps[0]), 8)
        counts.add(count)
        assert paths.shape == (32, 8, 2)
        assert paths[:, count:].isnan().all()
        for j in range(count):
            end = s[0] + (j + 1) * eps[0]
            assert float(end) < 2 + 1e-9
            assert torch.allclose(paths[:, j], z + end**2 - s[0] ** 2, rtol=1e-9)
    assert {4, 8} <= counts


def test_a_sampler_moves_the_states() -> None:
    made = targets(Euler(), power(2), sampler=lambda s, z, generator: z * 0 + 100)
    columns = drawn(made, STATES, None, None)(0)
    assert columns[3] is not None
    assert torch.equal(columns[3], torch.full((32, 2), 100.0, dtype=torch.float64))


SHARES = (Share("trajectory", 0.5), Share("noise", 0.25, 0.1), Share("box", 0.25))


def test_shares_of_states_are_moved() -> None:
    z = torch.zeros(1000, 2, dtype=torch.float64)
    trajectories = torch.stack(
        [torch.randn(50, generator=generator()), 10 * torch.randn(50, generator=generator(1))], 1
    )
    low, high = torch.tensor([5.0, -3.0]).double(), torch.tensor([6.0, -2.0]).double()
    states = mixed(z, SHARES, places_of(trajectories[None].double(), SHARES, (low, high)), generator())
    assert not states[:500].any()
    noise, box = states[500:750], states[750:]
    assert torch.allclose(noise.std(0), 0.1 * trajectories.std(0).double(), rtol=0.2)
    assert torch.allclose(noise.mean(0) / noise.std(0), torch.zeros(2).double(), atol=0.3)
    assert ((box >= low) & (box <= high)).all()
    assert torch.allclose(box.mean(0), (low + high) / 2, atol=0.1)
    assert not noise.eq(0).any()


@pytest.mark.parametrize("count", [1, 3, 7, 10])
def test_every_state_has_a_share(count: int) -> None:
    z = torch.arange(2.0 * count).reshape(count, 2)
    tenths = tuple(Share("trajectory", 0.1) for _ in range(10))  # whose sum is less than 1
    assert torch.equal(mixed(z, tenths, places_of(torch.stack([z, z]), tenths, None), generator()), z)


def test_only_what_the_shares_ask_for_is_computed() -> None:
    z = torch.randn(3, 20, 2, generator=generator())
    assert places_of(z, (Share("trajectory", 1.0),), None) == Places()
    noise = places_of(z, (Share("noise", 1.0, 0.1),), None)
    assert noise.box is None
    assert noise.deviation is not None
    assert torch.equal(noise.deviation, z.flatten(0, 1).std(0))
    box = places_of(z, (Share("box", 1.0),), None)
    assert box.deviation is None
    assert box.box is not None
    assert all(torch.equal(one, other) for one, other in zip(box.box, usual_box(z), strict=True))


def test_complex_states_are_moved_in_both_parts() -> None:
    z = torch.zeros(400, 1, dtype=torch.complex64)
    low, high = torch.tensor([[1.0, -2.0]]), torch.tensor([[2.0, -1.0]])
    box = mixed(z, (Share("box", 1.0),), Places(box=(low, high)), generator())
    assert box.dtype == torch.complex64
    assert ((box.real >= 1) & (box.real <= 2) & (box.imag >= -2) & (box.imag <= -1)).all()


def test_targets_that_are_not_finite_or_outliers_are_left_out() -> None:
    target = torch.ones(10, 2)
    target[3, 1], target[5, 0], target[7] = math.nan, math.inf, 1001.0
    target[8] = 999.0
    with pytest.warns(FitWarning, match="of 10 training states 2 have no finite solution, and 1 a target over 1000"):
        assert usable_rows(target).tolist() == [0, 1, 2, 4, 6, 8, 9]


def test_the_usual_box_is_around_most_of_trajectories_and_of_starts() -> None:
    z = torch.empty(65, 512, 2).uniform_(-1, 1, generator=generator())
    z[0] = torch.empty(512, 2).uniform_(-3, 3, generator=generator())
    z[1, :100] = 1e6  # a fast transient of some
    z[:, :, 1] += 10
    low, high = usual_box(z)
    assert torch.allclose(low, torch.tensor([-3.0, 7.0]), atol=0.15)
    assert torch.allclose(high, torch.tensor([3.0, 13.0]), atol=0.15)
    z[0] = torch.tensor([0.0, 10.0])  # all start in one place: trajectories say where states are
    low, high = usual_box(z)
    assert torch.allclose(low, torch.tensor([-1.0, 9.0]), atol=0.05)
    assert torch.allclose(high, torch.tensor([1.0, 11.0]), atol=0.05)
    alone = torch.tensor([[[1.0]], [[2.0]]])
    assert [float(end) for end in usual_box(alone)] == [1.0, 2.0]


def test_outliers_are_kept_where_they_are_asked_for() -> None:
    target = torch.ones(10, 2)
    target[3, 1], target[5, 0], target[7] = math.nan, math.inf, 1e15
    with pytest.warns(FitWarning, match="of 10 training states 2 have no finite solution, and 0 a target"):
        assert usable_rows(target, outliers=True).tolist() == [0, 1, 2, 4, 6, 7, 8, 9]


def test_usable_targets_are_no_cause_for_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert usable_rows(torch.ones(4, 2)).tolist() == [0, 1, 2, 3]
        mostly_zero = torch.zeros(4, 2)
        mostly_zero[0] = 5
        assert usable_rows(mostly_zero).tolist() == [0, 1, 2, 3]  # a median of zero says nothing of scale


def test_targets_that_are_not_finite_are_left_out_whatever_the_median() -> None:
    target = torch.zeros(4, 2)
    target[1], target[2] = math.nan, math.inf
    with pytest.warns(FitWarning, match="of 4 training states 2 have no finite solution, and 0 a target"):
        assert usable_rows(target).tolist() == [0, 3]


def test_without_a_finite_target_there_is_no_training() -> None:
    with pytest.raises(ValueError, match="no target is finite"):
        usable_rows(torch.full((3, 2), math.nan))


def test_snapshots_are_as_far_apart_as_substeps_are_long() -> None:
    for substeps, steps in itertools.product((2, 32), ((0.1, 0.5), (0.01, 0.02))):
        made = targets(Euler(), power(2), settings=settings(substeps=substeps), steps=steps)
        assert 2 / SNAPSHOTS / made.between <= steps[1] / substeps
        assert made.between == 1 or 2 / SNAPSHOTS / (made.between - 1) > steps[1] / substeps
