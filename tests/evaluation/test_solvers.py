"""Comparison solvers and references against scipy and each other."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from hyperdsl.evaluation.errors import NotConvergedError
from hyperdsl.evaluation.problems import CLASSICAL
from hyperdsl.evaluation.solvers import TableauSolver, reference_solution, torchdiffeq_solve
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.tableau import Tableau


def tableau(a: list[str], c: str, *weights: str) -> Tableau:
    def row(text: str) -> tuple[Exact, ...]:
        values = [Exact.of(Fraction(part)) for part in text.split()]
        return (*values, *[Exact.of(0)] * (len(c.split()) - len(values)))

    return Tableau(tuple(map(row, a)), row(c), tuple(map(row, weights)))


EULER = tableau([""], "0", "1")
MIDPOINT = tableau(["", "1/2"], "0 1/2", "0 1")
RK4 = tableau(["", "1/2", "0 1/2", "0 0 1"], "0 1/2 1/2 1", "1/6 1/3 1/3 1/6")
BOSH3 = tableau(["", "1/2", "0 3/4", "2/9 1/3 4/9"], "0 1/2 3/4 1", "2/9 1/3 4/9 0", "7/24 1/4 1/3 1/8")


def field(s: Tensor, z: Tensor) -> Tensor:
    x, y = z.unbind(-1)
    return torch.stack((y * torch.cos(s), -torch.sin(x) + s * y / 3), -1)


def scipy_end(f, z: Tensor, span: tuple[float, float]) -> np.ndarray:  # type: ignore[no-untyped-def]
    def right(s: float, y: np.ndarray) -> np.ndarray:
        state = torch.tensor(y).view(z.shape)
        return f(torch.tensor(s, dtype=torch.float64), state).flatten().numpy()

    solution = solve_ivp(right, span, z.flatten().numpy(), method="DOP853", rtol=1e-13, atol=1e-14)
    return solution.y[:, -1].reshape(z.shape)


def test_states_whose_squares_are_not_finite_are_no_reference() -> None:
    """Explicit steps of a stiff equation end at 1e181, where any change is nothing beside a norm of squares."""
    with pytest.raises(NotConvergedError, match="8 steps"):
        reference_solution(lambda s, z: -1e6 * (z - torch.cos(s)), torch.ones(2, 1), (0.0, 1.0), most_steps=8)


@pytest.mark.parametrize(("table", "order"), [(EULER, 1), (MIDPOINT, 2), (BOSH3, 3), (RK4, 4)])
def test_a_tableau_converges_at_its_order_on_a_non_autonomous_field(table: Tableau, order: int) -> None:
    z0 = torch.tensor([[0.4, 1.1], [-0.8, 0.3]], dtype=torch.float64)
    exact = torch.tensor(scipy_end(field, z0, (0.2, 1.7)))
    solver = TableauSolver("method", table)
    errors = [float((solver(field, z0, (0.2, 1.7), steps) - exact).norm()) for steps in (32, 64)]
    assert abs(math.log2(errors[0] / errors[1]) - order) < 0.15


def test_a_stage_that_nothing_uses_is_not_evaluated() -> None:
    calls = []

    def counted(s: Tensor, z: Tensor) -> Tensor:
        calls.append(float(s))
        return field(s, z)

    solver = TableauSolver("bosh3", BOSH3)
    solver(counted, torch.ones(1, 2, dtype=torch.float64), steps=2)
    assert solver.evaluations_per_step == 3
    np.testing.assert_allclose(calls, [0, 0.25, 0.375, 0.5, 0.75, 0.875])


def test_only_explicit_methods_with_numbers_can_be_run() -> None:
    with pytest.raises(ValueError, match="not an explicit method"):
        TableauSolver("backward", tableau(["1"], "1", "1"))
    alpha = Exact.parameter("alpha")
    with pytest.raises(ValueError, match="numbers for coefficients"):
        TableauSolver("family", Tableau(((Exact.of(0),),), (Exact.of(0),), ((alpha,),)))


def test_inputs_reach_the_field() -> None:
    z0, x = torch.ones(3, 1), torch.tensor([[1.0], [2.0], [3.0]])
    end = TableauSolver("euler", EULER)(lambda s, x, z: x * z, z0, steps=1, x=x)
    assert torch.equal(end, 1 + x)
    exact = torchdiffeq_solve(lambda s, x, z: x * z, z0, (0.0, 1.0), x, tolerance=1e-6)
    torch.testing.assert_close(exact, torch.exp(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", CLASSICAL)
def test_references_agree_with_scipy(name: str) -> None:
    problem = CLASSICAL[name]
    z0, _ = problem.draw(4, torch.Generator().manual_seed(5))
    span = (problem.span[0], problem.span[1] / 2)
    reference = reference_solution(problem.f, z0, span)
    assert reference.error <= 1e-11
    expected = scipy_end(problem.f, z0, span)
    assert np.abs(reference.z.numpy() - expected).max() < 3e-9 * np.abs(expected).max()


def test_references_run_backwards_and_leave_a_module_alone() -> None:
    module = torch.nn.Linear(2, 2)

    class Field(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = module

        def forward(self, s: Tensor, z: Tensor) -> Tensor:
            return torch.tanh(self.linear(z))

    f, z0 = Field(), torch.randn(3, 2, generator=torch.Generator().manual_seed(0))
    end = reference_solution(f, z0, (0.0, 1.0)).z
    assert end.dtype == torch.float64
    assert module.weight.dtype == torch.float32
    back = reference_solution(f, end, (1.0, 0.0)).z
    torch.testing.assert_close(back, z0.double(), rtol=1e-9, atol=1e-9)


def test_a_reference_that_does_not_exist_is_refused() -> None:
    with pytest.raises(NotConvergedError, match="was asked for"):
        reference_solution(lambda s, z: z * z, torch.full((1, 1), 2.0), (0.0, 1.0), most_steps=64)
