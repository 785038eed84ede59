"""What bounds steps: tolerances of every form, the longest and the shortest step, times to step on; callbacks."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from hyperdsl.runtime.outcome import Status
from tests.runtime.methods import CONTROL, HeunEuler, OwnHeunEuler

Z = torch.ones(3, 2, dtype=torch.float64)
SPAN = (0.0, 1.0)
SOLVERS: list[Any] = [HeunEuler(), OwnHeunEuler()]


def falling(s: Tensor, z: Tensor) -> Tensor:
    return -z


@pytest.mark.parametrize("solver", SOLVERS)
def test_tolerances_are_numbers_or_broadcast_to_the_state(solver: Any) -> None:
    plain = solver.solve(falling, Z, SPAN, rtol=1e-4, atol=1e-6)
    for rtol in (torch.tensor(1e-4), [1e-4, 1e-4], torch.full((3, 1), 1e-4), torch.full((3, 2), 1e-4).double()):
        same = solver.solve(falling, Z, SPAN, rtol=rtol, atol=[[1e-6]])
        assert torch.allclose(same.z, plain.z, rtol=1e-9)
    steps = [
        torch.as_tensor(solver.solve(falling, Z, SPAN, rtol=rtol, atol=1e-6).statistics.accepted).amax()
        for rtol in ([1e-2, 1e-2], [1e-2, 1e-5], [1e-5, 1e-5])
    ]
    assert steps[0] < steps[1] <= steps[2]
    with pytest.raises(ValueError, match=r"rtol has the shape \(3,\), which does not broadcast to .*\(3, 2\)"):
        solver(falling, Z, SPAN, rtol=[1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match="atol must be positive everywhere"):
        solver(falling, Z, SPAN, atol=[1e-3, -1.0])
    with pytest.raises(ValueError, match="rtol must be positive everywhere"):
        solver(falling, Z, SPAN, rtol=torch.tensor([1e-3, math.nan]))
    for none in ("small", True, [None, 1.0]):
        with pytest.raises(TypeError, match="rtol must be a number"):
            solver(falling, Z, SPAN, rtol=none)


def test_tolerances_of_the_parts_of_a_state() -> None:
    def f(s: Tensor, z: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        return -z[0], -z[1]

    z = (Z[0], Z[:2])
    plain = HeunEuler().solve(f, z, SPAN, rtol=1e-4)
    same = HeunEuler().solve(f, z, SPAN, rtol=[1e-4, [1e-4, 1e-4]], atol=(1e-6, 1e-6))
    assert torch.equal(plain.z[1], same.z[1])
    tight = HeunEuler().solve(f, z, SPAN, rtol=[1e-2, 1e-5])
    assert tight.statistics.accepted > plain.statistics.accepted
    for wrong in ([1e-3], [1e-3] * 3, torch.tensor([1e-3, 1e-3])):
        with pytest.raises(ValueError, match="one for each part of the state"):
            HeunEuler()(f, z, SPAN, rtol=wrong)
    with pytest.raises(ValueError, match="part 1 of the state"):
        HeunEuler()(f, z, SPAN, rtol=[1e-3, [1e-3] * 5])


@pytest.mark.parametrize("solver", SOLVERS)
def test_no_step_is_longer_than_the_longest(solver: Any) -> None:
    sizes: list[Tensor] = []
    for end in (1.0, -1.05):
        solution = solver.solve(
            falling, Z, (0.0, end), rtol=0.5, atol=0.5, max_step=0.25, first_step=1.0,
            callback=lambda s, z, eps: sizes.append(torch.as_tensor(eps).abs().max()),
        )  # fmt: skip
        assert float(torch.stack(sizes).max()) <= 0.25 * (1 + 1e-12)
        assert int(torch.as_tensor(solution.statistics.accepted).max()) == (4 if end == 1 else 5)


@pytest.mark.parametrize("solver", SOLVERS)
def test_steps_below_the_shortest_are_a_failure(solver: Any) -> None:
    def stiff(s: Tensor, z: Tensor) -> Tensor:
        return -1e4 * z

    solution = solver.solve(stiff, Z, SPAN, min_step=0.05, throw=False)
    statuses = solution.status if isinstance(solution.status, list) else [solution.status]
    assert set(statuses) == {Status.STEP_TOO_SMALL}
    assert int(torch.as_tensor(solution.statistics.rejected).max()) <= 3
    short = solver.solve(falling, Z, (0.0, 0.01), min_step=0.05)
    assert float(torch.as_tensor(short.s, dtype=torch.float64).max()) == 0.01
    many, few = (
        int(torch.as_tensor(solver.solve(falling, Z, SPAN, first_step=1e-6, min_step=least).statistics.accepted).max())
        for least in (None, 0.01)
    )
    assert few < many


def test_bounds_are_looked_at() -> None:
    for name in ("max_step", "min_step"):
        with pytest.raises(ValueError, match=f"{name} must be positive"):
            HeunEuler()(falling, Z, SPAN, **{name: 0.0})
        with pytest.raises(TypeError, match=f"{name} must be a number"):
            HeunEuler()(falling, Z, SPAN, **{name: "long"})
    with pytest.raises(ValueError, match=r"max_step must be at least min_step, not 0\.1 < 0\.2"):
        CONTROL.changed(max_step=0.1, min_step=0.2)
    with pytest.raises(TypeError, match="max_steps is a number of steps"):
        HeunEuler()(falling, Z, SPAN, max_steps=2.5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("strict", [True, False])
def test_f_may_jump_at_a_stop(solver: Any, dtype: torch.dtype, strict: bool) -> None:
    seen: list[Tensor] = []

    def jumping(s: Tensor, z: Tensor) -> Tensor:
        seen.append(s)
        rate = torch.where(s < 0.3 if strict else s <= 0.3, 1.0, -5.0).to(dtype)
        return rate.reshape(-1, 1) * torch.ones_like(z)

    z = torch.zeros(3, 2, dtype=dtype)
    for stops in ([0.3], torch.tensor([5.0, 0.3, -1.0, 0.3], dtype=torch.float64)):
        solution = solver.solve(jumping, z, SPAN, stops=stops)
        assert torch.allclose(solution.z, torch.full_like(z, 0.3 - 3.5), rtol=3e-7)
        assert not torch.as_tensor(solution.statistics.rejected).any()
        assert torch.allclose(solution.dense([0.2, 0.3, 0.5])[:, 0, 0], torch.tensor([0.2, 0.3, -0.7]).to(dtype))
        back = solver.solve(jumping, z, (1.0, 0.0), stops=stops)
        assert torch.allclose(back.z, torch.full_like(z, 3.5 - 0.3), rtol=3e-7)
        times = solver.odeint(jumping, z, [0.0, 0.3, 1.0], stops=stops)
        assert torch.allclose(times[:, 0, 0], torch.tensor([0.0, 0.3, -3.2]).to(dtype), rtol=3e-7)
        ends = solver(jumping, z, (0.0, 0.3), stops=stops), solver(jumping, z, (0.3, 0.4), stops=stops)
        assert torch.allclose(ends[0], torch.full_like(z, 0.3), rtol=3e-7)
        assert torch.allclose(ends[1], torch.full_like(z, -0.5), rtol=3e-7)
    assert not any(bool((s.to(dtype) == torch.tensor(0.3, dtype=dtype)).any()) for s in seen)
    assert bool(solver.solve(jumping, z, SPAN).statistics.rejected.max() if solver.each else True)


def test_stops_are_looked_at() -> None:
    for wrong, error, text in (
        ([math.nan], ValueError, "must be finite"),
        (0.3, ValueError, "a list of times"),
        (torch.zeros(1, 2), ValueError, "a list of times"),
        ("soon", TypeError, "times are real numbers"),
    ):
        with pytest.raises(error, match=text):
            HeunEuler()(falling, Z, SPAN, stops=wrong)
    assert torch.equal(HeunEuler()(falling, Z, SPAN, stops=[]), HeunEuler()(falling, Z, SPAN))


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_callback_sees_every_step(solver: Any) -> None:
    seen: list[tuple[Any, Tensor, Any]] = []
    solution = solver.solve(falling, Z, (1.0, 0.0), callback=lambda *step: seen.append(step))
    assert len(seen) == int(torch.as_tensor(solution.statistics.accepted).max())
    s, z, _ = seen[-1]
    assert torch.equal(torch.as_tensor(s), torch.as_tensor(solution.s))
    assert torch.equal(z, solution.z)
    sizes = sum(torch.as_tensor(eps) for _, _, eps in seen)
    assert torch.allclose(torch.as_tensor(sizes).double(), torch.tensor(-1.0).double())
    states, counted = solver.odeint(falling, Z, [1.0, 0.0], return_statistics=True)
    assert torch.equal(states[-1], solution.z)
    assert torch.equal(torch.as_tensor(counted.accepted), torch.as_tensor(solution.statistics.accepted))
