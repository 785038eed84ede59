"""Solves on a grid of equal steps: callbacks, events and dense output, of one-step methods and of histories."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hyperdsl.runtime.outcome import SolveError, Status
from tests.runtime.methods import Adams, AdamsAtEnd, Euler, Family, HeunEuler, HyperEuler, Ones

SOLVERS = [Euler(), HyperEuler(Ones()), Adams(), AdamsAtEnd()]
Z = torch.tensor([1.0, 2.0], dtype=torch.float64)


def falling(s: Tensor, z: Tensor) -> Tensor:
    return -z


def cubic(s: Tensor, z: Tensor) -> Tensor:
    return 3 * s**2 + 0 * z


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("z", [Z, Z.float()])
def test_a_solve_is_a_call(solver: Any, z: Tensor) -> None:
    solution = solver.solve(falling, z, (1.0, -0.5), 6)
    assert torch.equal(solution.z, solver(falling, z, (1.0, -0.5), 6))
    assert (solution.s, solution.status, solution.step) == (-0.5, Status.SUCCESS, -0.25)
    assert (solution.statistics.accepted, solution.statistics.rejected, len(solution.pieces)) == (6, 0, 6)
    assert solver.solve(falling, z, (1.0, -0.5), 6, dense=False).pieces == ()


@pytest.mark.parametrize("solver", SOLVERS)
def test_evaluations_are_counted(solver: Any) -> None:
    calls: list[float] = []

    def f(s: Tensor, z: Tensor) -> Tensor:
        calls.append(float(s))
        return -z

    for dense, more in ((False, 0), (True, 5)):
        calls.clear()
        solution = solver.solve(f, Z, (0.0, 1.0), 4, dense=dense)
        assert solution.statistics.evaluations == len(calls)
        calls.clear()
        solver(f, Z, (0.0, 1.0), 4)
        assert solution.statistics.evaluations == len(calls) + more


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_callback_sees_every_step(solver: Any) -> None:
    for span in ((0.0, 1.0), (torch.tensor(1.0), 0.0)):
        for call in (solver, solver.solve):
            seen: list[tuple[Any, Tensor, Any]] = []
            call(falling, Z.float(), span, 4, callback=lambda *step, seen=seen: seen.append(step))
            grid = solver.odeint(falling, Z.float(), torch.linspace(float(span[0]), span[1], 5))
            assert [s for s, _, _ in seen] == ([0.25, 0.5, 0.75, 1] if span[1] else [0.75, 0.5, 0.25, 0])
            assert all(torch.equal(z, state) for (_, z, _), state in zip(seen, grid[1:], strict=True))
            assert {eps for _, _, eps in seen} == {0.25 if span[1] else -0.25}
    times: list[float] = []
    solver.odeint(falling, Z, [0.0, 0.5, 1.0], steps=2, callback=lambda s, z, eps: times.append(s))
    assert times == [0.25, 0.5, 0.75, 1.0]


def test_a_callback_sees_the_state_as_it_was_given() -> None:
    seen: list[Any] = []
    Euler()(lambda s, z: (-z[0], z[1]), (Z, Z[:1]), (0.0, 1.0), 1, callback=lambda s, z, eps: seen.append(z))
    assert [tuple(part.shape) for part in seen[0]] == [(2,), (1,)]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_dense_output_is_of_order_three(sign: float) -> None:
    """s³, whose values and slopes at the grid points Heun's method on a grid of its own has exactly up to an error."""
    solution = Family().solve(cubic, 0 * Z, (0.0, sign), 1, alpha=2 / 3)
    times = torch.linspace(0, sign, 7, dtype=torch.float64)
    assert torch.allclose(solution.dense(times), times[:, None] ** 3 + 0 * Z, atol=1e-12)  # of order 3 for f of s
    assert torch.equal(solution.dense(sign), solution.z)
    with pytest.raises(ValueError, match="outside the solution"):
        solution.dense(2 * sign)


@pytest.mark.parametrize("solver", SOLVERS[:1] + SOLVERS[2:])
@pytest.mark.parametrize("end", [2.0, -2.0])
def test_an_event_ends_the_solve_at_its_time(solver: Any, end: float) -> None:
    seen: list[tuple[float, float]] = []
    rising = math.copysign(1.0, end)
    solution = solver.solve(
        lambda s, z: torch.ones_like(z),
        Z,
        (0.0, end),
        5,
        event=[lambda s, z: z[0] - 9, lambda s, z: z[0] - 1 - rising / 3],
        callback=lambda s, z, eps: seen.append((s, eps)),
    )
    assert solution.event == 1
    assert solution.s == pytest.approx(rising / 3, abs=1e-12)
    assert torch.allclose(solution.z, Z + rising / 3)
    assert seen[-1] == (solution.s, solution.s) == (solution.s, seen[0][1])
    assert len(seen) == 1
    assert solution.statistics.accepted == 1
    assert torch.allclose(solution.dense([0.0, rising / 4]), Z + torch.tensor([[0.0], [rising / 4]]))


@pytest.mark.parametrize("solver", [Euler(), Adams()])
def test_events_are_those_of_adaptive_steps(solver: Any) -> None:
    """Zero at the start, truth values, and what is wrong."""
    for event in (lambda s, z: z[0] < 0.5, lambda s, z: (z[0] - 1) * (z[0] - 0.5)):
        found = solver.solve(falling, Z, (0.0, 2.0), 400, event=event)
        wanted = HeunEuler().solve(falling, Z, (0.0, 2.0), event=event, rtol=1e-5, atol=1e-5)
        assert found.event == wanted.event == 0
        assert found.s == pytest.approx(wanted.s, abs=5e-3)
    with pytest.raises(ValueError, match=r"not a number \(NaN\)"):
        solver.solve(falling, Z, (0.0, 1.0), 4, event=lambda s, z: math.nan)
    assert solver.solve(falling, Z, (0.0, 1.0), 4, event=lambda s, z: z[0] + 1).event is None


def test_gradients_of_an_events_time_and_state() -> None:
    a = torch.tensor([2.0, 1.0], dtype=torch.float64, requires_grad=True)
    solution = Adams().solve(falling, a, (0.0, 2.0), 400, event=lambda s, z: z[0] - 1)
    (by_a,) = torch.autograd.grad(solution.event_time, a, retain_graph=True)
    assert torch.allclose(by_a, torch.tensor([0.5, 0.0], dtype=torch.float64), atol=1e-4)  # s = log a
    (by_a,) = torch.autograd.grad(solution.z[1], a)
    assert torch.allclose(by_a, torch.tensor([-0.25, 0.5], dtype=torch.float64), atol=1e-4)  # a₁/a₀


def test_gradients_of_ends_and_weights() -> None:
    end, net = torch.tensor(1.0, requires_grad=True), nn.Linear(2, 2).double()
    for solver in (Euler(), Adams()):
        values = [call(lambda s, z: net(z), Z, (0.0, end), 4) for call in (solver, lambda *a, s=solver: s.solve(*a).z)]
        one, other = (torch.autograd.grad(value.sum(), (end, net.weight)) for value in values)
        assert all(map(torch.equal, one, other))


@pytest.mark.parametrize("solver", [Euler(), Adams()])
def test_a_state_that_is_not_finite_is_said(solver: Any) -> None:
    with pytest.raises(SolveError, match="not finite") as caught:
        solver.solve(lambda s, z: z / 0, Z, (0.0, 1.0), 3)
    assert caught.value.status is Status.NONFINITE
    solution = solver.solve(lambda s, z: z / 0, Z, (0.0, 1.0), 3, throw=False)
    assert (solution.status, solution.s) == (Status.NONFINITE, 1.0)
    with pytest.raises(ValueError, match="steps must be 1 or more"):
        solver.solve(falling, Z, (0.0, 1.0), 0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'alpha'"):
        solver.solve(falling, Z, (0.0, 1.0), 2, alpha=0.5)
