"""Events: when they fire, what they must return, which of several, and the gradients of their times."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.runtime.methods import HeunEuler, OwnHeunEuler

Z = torch.tensor([2.0, 3.0], dtype=torch.float64)
BATCH = torch.tensor([[2.0], [3.0], [0.6]], dtype=torch.float64)
CLOSE: dict[str, Any] = {"rtol": 1e-6, "atol": 1e-8, "max_steps": 9999}


def constant(s: Tensor, z: Tensor) -> Tensor:
    return torch.ones_like(z)


def still(s: Tensor, z: Tensor) -> Tensor:
    return torch.zeros_like(z)


def falling(s: Tensor, z: Tensor) -> Tensor:
    return -z


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("end", [2.0, -2.0])
def test_an_event_that_becomes_zero_at_a_steps_end(sign: int, end: float) -> None:
    at = math.copysign(0.5, end)
    solution = HeunEuler().solve(still, Z, (0.0, end), first_step=0.5, event=lambda s, z: sign * (at - s))
    assert solution.s == at
    assert solution.event == 0
    own = OwnHeunEuler().solve(still, BATCH, (0.0, end), first_step=0.5, event=lambda s, z: sign * (at - s))
    assert own.s.tolist() == [at] * 3
    assert own.event.tolist() == [0] * 3


@pytest.mark.parametrize("below", [True, False])
@pytest.mark.parametrize("kind", [bool, lambda value: value, lambda value: 2 * value.double() - 1])
def test_an_event_that_is_a_truth_value(below: bool, kind: Callable[[Tensor], Any]) -> None:
    def event(s: Tensor, z: Tensor) -> Any:
        return kind((z[0] < 1) == below)

    solution = HeunEuler().solve(falling, Z, (0.0, 2.0), event=event, **CLOSE)
    assert solution.s == pytest.approx(math.log(2), abs=1e-5)
    assert HeunEuler().solve(falling, Z, (0.0, 0.5), event=event).event is None


def test_what_an_event_returns_is_looked_at() -> None:
    wrong: list[tuple[Any, type[Exception], str]] = [
        (lambda s, z: z, ValueError, r"event 0 returned the shape \(2,\): a number that changes its sign or a truth"),
        (lambda s, z: None, TypeError, "event 0 returned NoneType"),
        (lambda s, z: "late", TypeError, "event 0 returned str"),
        (lambda s, z: 1j, TypeError, "complex"),
        (lambda s, z: math.nan, ValueError, r"event 0 is not a number \(NaN\) at s = 0"),
        (lambda s, z: torch.where(s > 0.5, math.nan, 1.0), ValueError, "not a number"),
        ([lambda s, z: 1.0, lambda s, z: s * math.nan], ValueError, "event 1 is not a number"),
        (3, TypeError, "an event is a function"),
    ]
    for event, error, text in wrong:
        with pytest.raises(error, match=text):
            HeunEuler().solve(falling, Z, (0.0, 1.0), event=event)
    with pytest.raises(ValueError, match=r"returned the shape \(\).* for each sample, of shape \(3,\)"):
        OwnHeunEuler().solve(falling, BATCH, (0.0, 1.0), event=lambda s, z: z[0, 0])
    with pytest.raises(ValueError, match="not a number"):
        OwnHeunEuler().solve(falling, BATCH, (0.0, 1.0), event=lambda s, z: torch.where(s > 0.5, math.nan, 1.0))


def test_a_solve_goes_on_from_an_events_state() -> None:
    """A ball that bounces: at each start the event is zero, or beyond it by what was rounded."""

    def fall(s: Tensor, z: Tensor) -> Tensor:
        return torch.stack((z[1], -torch.ones_like(z[1])))

    for height in (0.0, 1e-17, -1e-17):
        z, s, times = torch.tensor([height, 1.0], dtype=torch.float64), 0.0, []
        for _ in range(3):
            solution = HeunEuler().solve(fall, z, (s, s + 9), event=lambda s, z: z[0], max_step=0.5)
            s, z = solution.s, solution.z * torch.tensor([1.0, -1.0], dtype=torch.float64)
            times.append(s)
        assert times == pytest.approx([2, 4, 6], rel=1e-12)


def test_the_first_of_several_events() -> None:
    def events(late: float, early: float) -> list[Any]:
        return [lambda s, z: z[0] - late, lambda s, z: s - early, lambda s, z: s - early]

    for end in (2.0, -2.0):
        sign = math.copysign(1, end)
        solution = HeunEuler().solve(constant, Z, (0.0, end), event=events(2 + sign, sign * 0.3), first_step=2.0)
        assert solution.event == 1
        assert solution.s == pytest.approx(sign * 0.3, rel=1e-14)
        other = HeunEuler().solve(constant, Z, (0.0, end), event=events(2 + 0.2 * sign, sign * 0.3), first_step=2.0)
        assert other.event == 0
        assert other.s == pytest.approx(0.2 * sign, rel=1e-14)
    own = OwnHeunEuler().solve(
        falling, BATCH, (0.0, 1.0), event=[lambda s, z: z[:, 0] - 0.5, lambda s, z: z[:, 0] - 1.9], **CLOSE
    )
    assert own.event.tolist() == [1, 1, 0]
    assert own.s.tolist() == pytest.approx([math.log(2 / 1.9), math.log(3 / 1.9), math.log(1.2)], abs=1e-5)


def test_events_see_the_state_as_it_was_given() -> None:
    solution = HeunEuler().solve(
        lambda s, z: (-z[0], z[1]), (Z, Z[:1]), (0.0, 2.0), event=lambda s, z: z[1][0] - 4, **CLOSE
    )
    assert solution.s == pytest.approx(math.log(2), abs=1e-5)
    assert solution.z[0].shape == (2,)


@pytest.mark.parametrize("own", [False, True])
def test_gradients_of_an_events_time_and_state(own: bool) -> None:
    """z' = −z from a to c: s = ln(a/c), and the state there is c whatever a is."""
    a = (BATCH if own else Z[:1]).clone().requires_grad_()
    c = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    solver: Any = OwnHeunEuler() if own else HeunEuler()
    solution = solver.solve(falling, a, (0.0, 1.5), event=lambda s, z: z[..., 0] - c if own else z[0] - c, **CLOSE)
    ended = (a < 2.1).detach()
    by_a, by_c = torch.autograd.grad(solution.event_time.sum(), (a, c), retain_graph=True)
    assert torch.allclose(by_a, torch.where(ended, 1 / a, 0), rtol=1e-5)
    assert float(by_c) == pytest.approx(-2.0 * int(ended.sum()), rel=1e-5)
    by_a, by_c = torch.autograd.grad(solution.z.sum(), (a, c))
    assert torch.allclose(by_a, torch.where(ended, 0, math.exp(-1.5)).to(a), atol=1e-5)
    assert float(by_c) == pytest.approx(int(ended.sum()), rel=1e-5)
    if own:
        assert solution.event.tolist() == [0, -1, 0]
        assert solution.s.tolist() == pytest.approx([math.log(4), 1.5, math.log(1.2)], abs=1e-5)
        assert torch.allclose(solution.z, torch.where(ended, 0.5, 3 * math.exp(-1.5)).to(a), rtol=1e-5)


def test_gradients_that_an_events_time_does_not_have() -> None:
    a = Z.clone().requires_grad_()

    def solved(event: Any) -> Any:
        return HeunEuler().solve(falling, a, (0.0, 2.0), event=event)

    for event in (lambda s, z: z[0] < 1, lambda s, z: float(z[0]) - 1):
        solution = solved(event)
        for value in (solution.event_time, solution.z.sum()):
            with pytest.raises(RuntimeError, match="a time without a gradient"):
                torch.autograd.grad(value, a, retain_graph=True)
    timed = solved(lambda s, z: s - 0.5)
    assert not timed.event_time.requires_grad
    assert torch.allclose(torch.autograd.grad(timed.z.sum(), a)[0], torch.full_like(a, math.exp(-0.5)), rtol=1e-3)
    (first,) = torch.autograd.grad(solved(lambda s, z: z[0] - 1).event_time, a, create_graph=True)
    with pytest.raises(RuntimeError, match="cannot be differentiated again"):
        first.sum().backward()
    with torch.no_grad():
        assert not solved(lambda s, z: z[0] - 1).event_time.requires_grad
