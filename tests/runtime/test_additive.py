"""f = explicit + implicit: what is taken for a pair, what is evaluated and solved, gradients, stiff problems."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hyperdsl.runtime.adaptive import EmbeddedSteps
from hyperdsl.runtime.additive import AdditiveSteps, Split, split
from hyperdsl.runtime.control import Control
from hyperdsl.runtime.fixed import FixedSteps
from hyperdsl.runtime.newton import increments, solved
from hyperdsl.runtime.outcome import SolveError
from hyperdsl.runtime.stiff import StiffSteps

GAMMA = 1 - 2**0.5 / 2
DELTA = -(2**0.5) / 2


class Ars222(AdditiveSteps, FixedSteps):
    """As it is generated."""

    order, evaluations_per_step = 2, 4

    def method(self, f: Split, s: Tensor, z: Tensor, eps: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        e1 = f.explicit(s, z)
        (i2,) = solved(f.implicit, eps, (s + GAMMA * eps, z + eps * GAMMA * e1, (GAMMA,)))
        e2 = f.explicit(s + GAMMA * eps, z + eps * GAMMA * (e1 + i2))
        known = z + eps * (DELTA * e1 + (1 - DELTA) * e2 + (1 - GAMMA) * i2)
        (i3,) = solved(f.implicit, eps, (s + eps, known, (GAMMA,)))
        return known + eps * GAMMA * i3, ()


class Heun(AdditiveSteps, StiffSteps, EmbeddedSteps):
    """Heun with the trapezoidal rule, the error that of Euler with backward Euler."""

    order, evaluations_per_step, error = 2, 5, "embedded"
    control = Control(1e-5, 1e-7, (0.4, 0.3, 0.0), 2, 0.9, 0.2, 10.0, None, 10000)

    def advance(self, f: Split, s: Any, z: Tensor, eps: Tensor, dz: Tensor) -> Any:
        i1, e1 = eps * f.implicit(s, z), eps * f.explicit(s, z)
        (i2,) = increments(f.implicit, eps, (s + eps, z.add(e1).add(i1, alpha=0.5), (0.5,)))
        e2 = eps * f.explicit(s + eps, z.add(e1).add(i1, alpha=0.5).add(i2, alpha=0.5))
        return z + 0.5 * (e1 + e2 + i1 + i2), (), (e1, e2, i1, i2)

    def estimate(self, f: Split, s: Any, z: Tensor, eps: Tensor, end: Tensor, stages: tuple[Tensor, ...]) -> Any:
        e1, e2, i1, i2 = stages
        return (0.5 * (e2 - e1) + 0.5 * (i1 - i2)), None, ()


def explicit(s: Tensor, z: Tensor) -> Tensor:
    return torch.stack((torch.cos(s) * z[..., 1], torch.sin(z[..., 0])), -1)


def implicit(s: Tensor, z: Tensor) -> Tensor:
    return -(z**3) / 3 - (1 + s) * z.flip(-1) / 4


PAIR = (explicit, implicit)
START = torch.tensor([[1.0, 0.5], [0.3, -0.8]], dtype=torch.float64)


class Counting:
    def __init__(self, f: Any) -> None:
        self.f, self.calls = f, 0

    def __call__(self, *arguments: Any) -> Any:
        self.calls += 1
        return self.f(*arguments)


def test_order_is_measured_on_a_nonlinear_split_problem() -> None:
    solver = Ars222()
    exact = solver(PAIR, START, (0.0, 1.0), steps=256)
    errors = [float((solver(PAIR, START, (0.0, 1.0), steps=n) - exact).abs().max()) for n in (8, 16, 32)]
    slopes = [float(torch.log2(torch.tensor(a / b))) for a, b in itertools.pairwise(errors)]
    assert all(abs(slope - 2) < 0.2 for slope in slopes), slopes


@pytest.mark.parametrize(
    ("f", "error", "text"),
    [
        (explicit, TypeError, "pair"),
        (3, TypeError, "pair"),
        ((explicit,), ValueError, "not 1"),
        ((explicit, implicit, implicit), ValueError, "not 3"),
        ((explicit, 2.0), TypeError, "implicit part is float"),
        ((None, implicit), TypeError, "explicit part is NoneType"),
        ((explicit, lambda s, z: z[..., 0]), ValueError, "shape"),
        (Split(explicit, 2.0), TypeError, "implicit part is float"),  # type: ignore[arg-type]  # what is refused
    ],
)
def test_what_is_no_pair_is_refused(f: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        Ars222()(f, START, (0.0, 1.0), steps=2)
    with pytest.raises(error, match=text):
        Heun().solve(f, START, (0.0, 1.0))


def test_pair_may_be_a_list_or_an_object_with_parts() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.explicit, self.implicit = nn.Linear(2, 2), nn.Linear(2, 2)

    class Parts:
        explicit, implicit = staticmethod(explicit), staticmethod(implicit)

    expected = Ars222()(PAIR, START, (0.0, 1.0), steps=4)
    assert torch.equal(Ars222()([explicit, implicit], START, (0.0, 1.0), steps=4), expected)
    assert torch.equal(Ars222()(Parts(), START, (0.0, 1.0), steps=4), expected)
    assert torch.equal(split(PAIR)(START[0, 0], START), explicit(START[0, 0], START) + implicit(START[0, 0], START))


def test_a_split_is_a_pair_for_type_checkers() -> None:
    """Of methods whose arguments have types, which `Any` would take from them."""
    times = torch.linspace(0, 1, 3, dtype=torch.float64)
    pair: Any = PAIR
    assert torch.equal(
        Ars222().odeint(Split(explicit, implicit), START, times, steps=2), Ars222().odeint(pair, START, times, steps=2)
    )
    found = Heun().solve(Split(explicit, implicit), START, (0.0, 1.0))
    assert torch.equal(found.z, Heun().solve(pair, START, (0.0, 1.0)).z)


def test_linear_implicit_part_has_one_matrix_and_one_factorisation() -> None:
    stiff = torch.tensor([[-1e6, 1e3], [0.0, -3.0]], dtype=torch.float64)
    explicit_part, implicit_part = Counting(explicit), Counting(lambda s, z: z @ stiff.mT)
    solver: Any = Ars222()
    solution = solver.solve((explicit_part, implicit_part), START, (0.0, 1.0), steps=8, dense=False)
    assert (solution.statistics.jacobians, solution.statistics.factorisations) == (1, 1)
    assert explicit_part.calls == 2 * 8
    assert bool(solution.z.isfinite().all())
    assert float(solution.z[:, 0].abs().max()) < 2e-3  # on the slow manifold of z' = −1e6 z + 1e3 y + …


def test_jacobian_is_that_of_the_implicit_part() -> None:
    asked = Counting(lambda s, z: torch.diag_embed(-(z**2)) - (1 + s) / 4 * torch.eye(2, dtype=z.dtype).flip(0))
    found = Ars222()(PAIR, START, (0.0, 1.0), steps=4, jacobian=asked)
    assert asked.calls
    assert torch.allclose(found, Ars222()(PAIR, START, (0.0, 1.0), steps=4), rtol=1e-13, atol=1e-13)


def test_states_of_several_tensors_and_inputs() -> None:
    parts = (START[:, 0], START[:, 1])

    def of(f: Any) -> Any:
        return lambda s, x, z: tuple((x * f(s, torch.stack(z, -1))).unbind(-1))

    found = Ars222()((of(explicit), of(implicit)), parts, (0.0, 1.0), steps=4, x=torch.ones(()))
    assert torch.allclose(torch.stack(found, -1), Ars222()(PAIR, START, (0.0, 1.0), steps=4), rtol=1e-13)


@pytest.mark.parametrize("way", ["call", "adjoint", "adaptive", "adaptive adjoint"])
def test_gradients_are_those_of_differences(way: str) -> None:
    weight = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    z = START.clone().requires_grad_()
    solver: Any = Heun() if "adaptive" in way else Ars222()
    solve = solver.adjoint if "adjoint" in way else solver
    more: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-5} if "adaptive" in way else {"steps": 6}

    def end(z: Tensor, weight: Tensor) -> Tensor:
        pair = (lambda s, z: weight * explicit(s, z), lambda s, z: implicit(s, z) * weight)
        total: Tensor = solve(pair, z, (0.0, 0.1), **more).square().sum()
        return total

    found = torch.autograd.grad(end(z, weight), [z, weight])
    h, tolerance = (1e-3, 5e-3) if "adaptive" in way else (1e-5, 1e-7)
    with torch.no_grad():
        side = torch.zeros_like(z)
        side[0, 1] = h
        by_z = float((end(z + side, weight) - end(z - side, weight)) / (2 * h))
        by_weight = float((end(z, weight + h) - end(z, weight - h)) / (2 * h))
    assert float(found[0][0, 1]) == pytest.approx(by_z, rel=tolerance)
    assert float(found[1]) == pytest.approx(by_weight, rel=tolerance)


@torch.no_grad()
def test_adaptive_steps_do_not_feel_the_stiffness_of_the_implicit_part() -> None:
    """A fast decay to cos s, and a slow explicit part: the steps are those of the slow part."""
    start = torch.tensor([1.0, 0.0], dtype=torch.float64)

    def fast(rate: float) -> Any:
        return lambda s, z: torch.stack((-rate * (z[0] - torch.cos(s)) - torch.sin(s), torch.zeros_like(z[1])))

    def slow(s: Tensor, z: Tensor) -> Tensor:
        return torch.stack((torch.zeros_like(z[0]), z[0] - z[1]))

    taken: list[Any] = []
    solver: Any = Heun()
    for rate in (10.0, 1e5):
        solution = solver.solve((slow, fast(rate)), start, (0.0, 1.0))
        taken.append(solution.statistics.accepted)
        assert abs(float(solution.z[0]) - float(torch.cos(torch.tensor(1.0)))) < 1e-3
    assert taken[1] < 4 * taken[0]


@torch.no_grad()
def test_what_is_evaluated_at_the_end_is_not_evaluated_again_at_the_next_start() -> None:
    explicit_part = Counting(explicit)
    solver: Any = Heun()
    solution = solver.solve((explicit_part, implicit), START, (0.0, 1.0), rtol=1e-4, atol=1e-4)
    tried = solution.statistics.accepted + solution.statistics.rejected
    assert explicit_part.calls <= 2 * tried + 4  # one within a step, one at its end, and those of the first step's size


@torch.no_grad()
def test_jumps_reach_both_parts() -> None:
    """f is evaluated on one side of a stop and then on the other."""

    def jumps(s: Tensor, z: Tensor) -> Tensor:
        return torch.where(s < 0.5, 1.0, -1.0) * torch.ones_like(z)

    found = Heun()((jumps, lambda s, z: 2 * jumps(s, z)), START, (0.0, 1.0), stops=[0.5])
    assert torch.allclose(found, START, atol=1e-12)


def test_failure_is_told() -> None:
    with pytest.raises(SolveError):
        Heun()((lambda s, z: z * z, lambda s, z: torch.zeros_like(z)), START.abs(), (0.0, 5.0), max_steps=300)
    with pytest.raises(SolveError):
        Ars222()((explicit, lambda s, z: z * float("nan")), START, (0.0, 1.0), steps=2)


def test_steps_that_are_judged_by_numbers_are_not_transformed() -> None:
    with pytest.raises(RuntimeError, match="or take a solver of fixed steps"):
        torch.func.grad(lambda z: Heun()(PAIR, z, (0.0, 1.0)).sum())(START)
    by_function = torch.func.grad(lambda z: Ars222()(PAIR, z, (0.0, 1.0), steps=3).sum())(START)
    start = START.clone().requires_grad_()
    (by_graph,) = torch.autograd.grad(Ars222()(PAIR, start, (0.0, 1.0), steps=3).sum(), start)
    torch.testing.assert_close(by_function, by_graph)
