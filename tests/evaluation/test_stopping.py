"""Solves that end when their time is up, by a clock that the test moves."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hyperdsl.evaluation.cost import cost_of
from hyperdsl.evaluation.problems import CLASSICAL
from hyperdsl.evaluation.scipy_methods import scipy_solve, scipy_states
from hyperdsl.evaluation.solvers import reference_solution
from hyperdsl.evaluation.stiff import STIFF
from hyperdsl.evaluation.stopping import OutOfTimeError, Stop


class Ticking:
    """A clock that every look moves on by a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


PENDULUM = CLASSICAL["pendulum"]
Z = torch.tensor([[1.0, 0.0]], dtype=torch.float64)


def test_an_evaluation_after_the_end_is_none() -> None:
    stop = Stop(10.5, Ticking())
    with stop.watching(PENDULUM) as problem:
        for _ in range(10):
            assert torch.equal(problem.f(0.0, Z), PENDULUM.f(0.0, Z))
        with pytest.raises(OutOfTimeError):
            problem.f(0.0, Z)
    assert stop.calls == 10
    assert problem.whole_name == "pendulum"


def test_an_earlier_end_holds_inside_alone_and_no_later_one_does() -> None:
    stop = Stop(100.0, clock := Ticking())
    with stop.within(3.5):
        stop.check()
        with stop.within(1000.0):
            stop.check()
            with pytest.raises(OutOfTimeError):
                stop.check()
    stop.check()
    assert stop.left == 101.0 - clock.now
    with pytest.raises(OutOfTimeError), stop.within(0.0):
        stop.check()
    stop.check()


def test_a_module_stays_what_it_is_and_its_hook_goes() -> None:
    class Field(nn.Module):
        def forward(self, s: Tensor, z: Tensor) -> Tensor:
            return -z

    f = Field()
    stop = Stop(3.5, Ticking())
    with stop.watching(replace(PENDULUM, f=f)) as problem:
        assert problem.f is f
        copy.deepcopy(f).double()(torch.tensor(0.0), Z)
        f(torch.tensor(0.0), Z)
        f(torch.tensor(0.0), Z)
        with pytest.raises(OutOfTimeError):
            f(torch.tensor(0.0), Z)
    assert stop.calls == 3
    f(torch.tensor(0.0), Z)


def test_what_else_f_has_is_there_and_it_can_be_copied() -> None:
    class Field:
        given_jacobian = staticmethod(lambda s, z: torch.eye(2))

        def __call__(self, s: float, z: Tensor) -> Tensor:
            return -z

    with Stop(100.0, Ticking()).watching(replace(PENDULUM, f=Field())) as problem:
        copied: Any = copy.deepcopy(problem.f)
        assert torch.equal(copied.given_jacobian(0.0, Z), torch.eye(2))
        assert torch.equal(copied(0.0, Z), -Z)
        assert not hasattr(problem.f, "on_straight_path")


@pytest.mark.parametrize("method", ["radau", "bdf", "lsoda"])
def test_scipy_ends_within_f_and_within_its_jacobian(method: str) -> None:
    robertson = STIFF["robertson"].problem()
    z0 = robertson.draw(1, torch.Generator())[0]
    stop = Stop(30.0, Ticking())
    with stop.watching(robertson) as problem, pytest.raises(OutOfTimeError):
        scipy_solve(problem.f, z0, problem.span, method=method, rtol=1e-6, atol=1e-10, jacobian=problem.jacobian)
    assert 0 < stop.calls <= 30


def test_a_reference_ends() -> None:
    with Stop(200.0, Ticking()).watching(PENDULUM) as problem, pytest.raises(OutOfTimeError):
        reference_solution(problem.f, Z, problem.span)


def test_a_cost_is_that_of_what_was_done() -> None:
    stop = Stop(100.0, Ticking())
    with stop.watching(replace(PENDULUM, f=lambda s, z: z * z)) as problem:

        def solve(f) -> Tensor:  # type: ignore[no-untyped-def]
            for _ in range(20):
                z = f(torch.tensor(0.0), Z)
            return z

        whole = cost_of(solve, problem.f)
        with stop.within(4.5):
            some = cost_of(solve, problem.f)
    assert (whole.macs, whole.whole) == (40, True)
    assert (some.macs, some.evaluations, some.whole) == (8, 4, False)


def test_states_of_a_stiff_problem_end_where_its_solution_does() -> None:
    robertson = STIFF["robertson"].problem()
    z0 = robertson.draw(1, torch.Generator())[0]
    f, jacobian = robertson.f, robertson.jacobian
    states = scipy_states(f, z0, [0.0, 20.0, 40.0], method="lsoda", tolerance=1e-8, jacobian=jacobian)
    end = scipy_solve(f, z0, (0.0, 40.0), method="lsoda", rtol=1e-8, atol=1e-16, jacobian=jacobian).z
    assert states.shape == (3, 1, 3)
    torch.testing.assert_close(states[0], z0)
    torch.testing.assert_close(states[-1], end, rtol=1e-6, atol=1e-12)
