"""Fixed steps: what calls give, what they refuse, and the parameters of a method; implicit formulas."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hyperdsl.runtime.newton import Rule, Solvable, solved
from hyperdsl.runtime.outcome import SolveError, Status
from tests.runtime.methods import Euler, Family, HyperEuler, Ones


def growing(s: Tensor, z: Tensor) -> Tensor:
    return z


def rising(s: Tensor, z: Tensor) -> Tensor:
    """z = s² + c."""
    return 2 * s + 0 * z


Z = torch.tensor([1.0, 2.0], dtype=torch.float64)


def test_steps_are_equal() -> None:
    times: list[float] = []

    def f(s: Tensor, z: Tensor) -> Tensor:
        times.append(float(s))
        return z

    assert torch.equal(Euler()(f, Z, (1, 3), 4), 1.5**4 * Z)
    assert times == [1, 1.5, 2, 2.5]


def test_time_runs_backwards_too() -> None:
    assert torch.equal(Euler()(growing, Z, (1, 0), 2), 0.25 * Z)


def test_states_at_several_times() -> None:
    solution = Euler().odeint(rising, Z, [0, 1, 3], steps=2)
    assert torch.equal(solution, torch.stack([Z, Z + 0.5, Z + 0.5 + 2 * 1 + 2 * 2]))
    assert torch.equal(Euler().odeint(rising, Z, [5.0]), Z[None])


def test_a_step_is_a_call_of_one_step() -> None:
    for alpha in (0.5, 1.0):
        step = Family().step(rising, 1, Z, 0.5, alpha=alpha)
        assert torch.equal(step, Family()(rising, Z, (1, 1.5), 1, alpha=alpha))
        assert torch.equal(step, Z + 1.5**2 - 1)  # order 2 whatever α is


def test_tuples_of_tensors() -> None:
    parts = (Z[:1], Z[1:].reshape(1, 1))
    end = Euler()(lambda s, z: (z[1].reshape(1), -z[0].reshape(1, 1)), parts, (0, 1), 1)
    assert isinstance(end, tuple)
    assert [part.tolist() for part in end] == [[3.0], [[1.0]]]
    several = Euler().odeint(lambda s, z: z, parts, [0.0, 1.0, 2.0])
    assert [tuple(part.shape) for part in several] == [(3, 1), (3, 1, 1)]


def test_a_corrector_reads_one_tensor() -> None:
    solver = HyperEuler(Ones())
    calls: Sequence[Any] = (
        lambda z: solver(growing, z, (0, 1), 1),
        lambda z: solver.odeint(growing, z, [0, 1]),
        lambda z: solver.step(growing, 0, z, 1),
        lambda z: solver.base_step(growing, 0, z, 1),
    )
    for call in calls:
        with pytest.raises(TypeError, match="one tensor, as its corrector reads it, not tuple"):
            call((Z, Z))


def test_a_learned_term_is_added() -> None:
    g = Ones()
    solver = HyperEuler(g)
    assert torch.equal(solver.step(growing, 2, Z, 0.5), 1.5 * Z + 0.25)
    eps, s, x, z, dz = g.given
    assert (eps, s, x, z is Z) == (0.5, 2, None, True)
    assert isinstance(dz, Tensor)
    assert torch.equal(dz, Z)
    assert torch.equal(solver.base_step(growing, 2, Z, 0.5), 1.5 * Z)
    assert torch.equal(solver(growing, Z, (0, 1), 2), 1.5 * (1.5 * Z + 0.25) + 0.25)


def test_an_input_reaches_field_and_corrector() -> None:
    g, x = Ones(), torch.tensor([3.0, 4.0], dtype=torch.float64)
    end = HyperEuler(g)(lambda s, x, z: x * z, Z, (0, 1), 1, x=x)
    assert torch.equal(end, Z + x * Z + 1)
    assert g.given[2] is x


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ({}, TypeError, "Family needs alpha=, a parameter of its method"),
        ({"alpha": 0.5, "beta": 1}, TypeError, "unexpected keyword argument 'beta'"),
        ({"alpha": 0.25}, ValueError, r"alpha = 0\.25 is outside the range \(0\.25, 1\]"),
    ],
)
def test_parameters_of_a_method(given: dict[str, Any], error: type[Exception], text: str) -> None:
    for call in (
        lambda: Family()(growing, Z, (0, 1), 1, **given),
        lambda: Family().odeint(growing, Z, [0, 1], **given),
        lambda: Family().step(growing, 0, Z, 1, **given),
        lambda: Family().base_step(growing, 0, Z, 1, **given),
    ):
        with pytest.raises(error, match=text):
            call()


def test_learned_parameters_are_handed_over() -> None:
    class Trained(Family):
        free = ()
        learned = ("alpha",)

        def __init__(self) -> None:
            super().__init__()
            self.coefficients = nn.Parameter(torch.tensor([0.75], dtype=torch.float64))

    solver = Trained()
    assert solver.values() == {"alpha": 0.75}
    end = solver.step(lambda s, z: 3 * s**2 + 0 * z, 0, Z, 1.0)
    assert torch.allclose(end, Z + 3 * 0.75 / 2)
    end.sum().backward()
    assert solver.coefficients.grad is not None
    assert torch.allclose(solver.coefficients.grad, torch.tensor([3.0], dtype=torch.float64))
    with pytest.raises(TypeError, match="alpha"):
        solver.step(growing, 0, Z, 1, alpha=0.5)
    assert Euler().values() == {}


@pytest.mark.parametrize("steps", [0, -1])
def test_one_step_is_the_least(steps: int) -> None:
    with pytest.raises(ValueError, match=f"steps must be 1 or more, not {steps}"):
        Euler()(growing, Z, (0, 1), steps)
    with pytest.raises(ValueError, match=f"steps must be 1 or more, not {steps}"):
        Euler().odeint(growing, Z, [0, 1], steps=steps)


def test_times_are_a_list() -> None:
    for times, shape in ((torch.zeros(2, 2), r"\(2, 2\)"), (torch.tensor(1.0), r"\(\)"), ([], r"\(0,\)")):
        with pytest.raises(ValueError, match=f"a list of one or more times, not of shape {shape}"):
            Euler().odeint(growing, Z, times)


def test_a_state_that_is_not_finite() -> None:
    def f(s: Tensor, z: Tensor) -> Tensor:
        return torch.full_like(z, math.inf)

    with pytest.raises(SolveError, match="not finite at s = 2 ") as caught:
        Family()(f, Z, (0, 2), 4, alpha=1.0)
    error = caught.value
    assert (error.status, error.s, error.step, error.evaluations) == (Status.NONFINITE, 2, 0.5, 8)
    with pytest.raises(SolveError) as caught:
        Euler().odeint(f, Z, [0, 1, 2], steps=3)
    assert caught.value.evaluations == 6
    assert caught.value.solution.shape == (3, 2)
    assert Euler()(f, Z, (0, 2), 1, check=False).tolist() == [math.inf] * 2
    assert torch.func.vmap(lambda z: Euler()(f, z, (0, 2), 1))(Z).isinf().all()


def test_implicit_formulas_are_solved_to_the_last_digits() -> None:
    calls = 0

    def f(s: Tensor, z: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return -z

    eps = torch.tensor(0.25, dtype=torch.float64)
    (slope,) = solved(Solvable(f, Z, Rule("iteration")), eps, (torch.tensor(1.0), Z, (1.0,)))
    z = Z + eps * slope
    assert torch.allclose(z, Z / 1.25, rtol=4e-15, atol=0)
    assert 20 < calls < 40  # the error is a quarter each time


@pytest.mark.parametrize("rate", [-5.0, -1.0])
def test_implicit_formulas_that_do_not_converge(rate: float) -> None:
    f = Solvable(lambda s, z: rate * z, Z, Rule("iteration"))
    with pytest.raises(SolveError, match="implicit equations were not solved at s = 1") as caught:
        solved(f, torch.tensor(1.0, dtype=torch.float64), (torch.tensor(1.0), Z, (1.0,)))
    assert caught.value.status is Status.NOT_CONVERGED


def test_implicit_formulas_where_f_is_not_finite() -> None:
    f = Solvable(lambda s, z: math.nan * z, Z, Rule("iteration"))
    with pytest.raises(SolveError, match="f or the state is not finite at s = 1") as caught:
        solved(f, torch.tensor(1.0, dtype=torch.float64), (torch.tensor(1.0), Z, (1.0,)))
    assert caught.value.status is Status.NONFINITE
