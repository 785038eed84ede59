"""Steps on a grid of a solver's own."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from hyperdsl.runtime.graded import GradedSteps
from hyperdsl.runtime.measuring import Weighed
from hyperdsl.runtime.outcome import SolveError
from hyperdsl.runtime.state import VectorField

POINTS = (0, 1 / 10, 3 / 10, 1)


class Heun(GradedSteps):
    """Heun on a given grid."""

    order = 2
    evaluations_per_step = 2
    grid = POINTS

    def method(self, f: VectorField, s: Tensor, z: Tensor, eps: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        k1 = f(s, z)
        k2 = f(s + eps, z + eps * k1)
        return z + eps * (k1 + k2) / 2, (k1,)


class HyperHeun(Heun):
    """The same with a learned term."""

    residual_power = 3


class Moved(Heun):
    """The same on a grid that is learned."""

    grid = (0, 1 / 3, 2 / 3, 1)

    def __init__(self) -> None:
        super().__init__()
        self.increments = nn.Parameter(torch.zeros(3, dtype=torch.float64))


def f(s: Tensor, z: Tensor) -> Tensor:
    """Nonlinear, with time in it."""
    return torch.sin(3 * s + z) - z * z / 4


def by_hand(z: float, points: tuple[float, ...], start: float, end: float, g: bool = False) -> float:
    """The same steps in plain numbers."""

    def slope(s: float, z: float) -> float:
        return math.sin(3 * s + z) - z * z / 4

    length = end - start
    for low, high in itertools.pairwise(points):
        s, eps = start + length * low, length * (high - low)
        k1 = slope(s, z)
        after = z + eps * (k1 + slope(s + eps, z + eps * k1)) / 2
        z = after + eps**3 * (eps + s + z + 2 * k1) * g  # what `Weighed` gives
    return z


@pytest.mark.parametrize("span", [(0.0, 1.0), (0.5, 2.0), (1.0, -1.0)])
def test_each_step_has_its_own_size_and_its_exact_start(span: tuple[float, float]) -> None:
    z = torch.tensor([[0.3], [-0.6]], dtype=torch.float64)
    expected = torch.tensor([[by_hand(value, POINTS, *span)] for value in (0.3, -0.6)], dtype=torch.float64)
    torch.testing.assert_close(Heun()(f, z, span), expected, rtol=1e-14, atol=1e-14)
    torch.testing.assert_close(Heun().adjoint(f, z, span), expected, rtol=1e-14, atol=1e-14)
    hyper = torch.tensor([[by_hand(value, POINTS, *span, g=True)] for value in (0.3, -0.6)], dtype=torch.float64)
    torch.testing.assert_close(HyperHeun(Weighed())(f, z, span), hyper, rtol=1e-14, atol=1e-14)


def test_times_far_from_zero_stay_exact() -> None:
    """In float32 the start of a span at 1e8 is known to 8 only: steps are differences of exact times all the same."""
    seen: list[float] = []

    def field(s: Tensor, z: Tensor) -> Tensor:
        return torch.ones_like(z)

    solver = Heun()
    times = torch.tensor([1e8, 1e8 + 1], dtype=torch.float64)
    (places,) = solver.places(torch.zeros(1), times, times, 3, {})
    seen = [float(s) - 1e8 for s, _ in places]
    assert seen == pytest.approx([0, 0.1, 0.3], abs=2e-8)
    torch.testing.assert_close(solver(field, torch.zeros(1), (1e8, 1e8 + 1)), torch.ones(1))


def test_odeint_takes_the_whole_grid_between_two_times() -> None:
    z = torch.tensor([0.3], dtype=torch.float64)
    states = Heun().odeint(f, z, [0.0, 0.5, 2.0])
    middle = by_hand(0.3, POINTS, 0.0, 0.5)
    assert states[:, 0].tolist() == pytest.approx([0.3, middle, by_hand(middle, POINTS, 0.5, 2.0)], rel=1e-14)


def test_steps_are_refused() -> None:
    z = torch.zeros(1)
    for call in (
        lambda: Heun()(f, z, (0.0, 1.0), 3),
        lambda: Heun()(f, z, (0.0, 1.0), steps=3),
        lambda: Heun().adjoint(f, z, (0.0, 1.0), steps=3),
        lambda: Heun().odeint(f, z, [0.0, 1.0], steps=1),
    ):
        with pytest.raises(
            TypeError, match="Heun has a grid of its own, of 3 steps over the span, and takes no steps="
        ):
            call()


def test_a_learned_grid_starts_equal_and_stays_in_order() -> None:
    solver, z = Moved(), torch.tensor([0.3], dtype=torch.float64)
    assert solver.fractions() == pytest.approx([0, 1 / 3, 2 / 3, 1], rel=1e-15)
    assert solver(f, z, (0.0, 1.0)).item() == pytest.approx(by_hand(0.3, (0, 1 / 3, 2 / 3, 1), 0.0, 1.0), rel=1e-14)
    with torch.no_grad():
        solver.increments.copy_(torch.tensor([0.0, math.log(2), math.log(3)], dtype=torch.float64))
    assert solver.fractions() == pytest.approx([0, 1 / 6, 1 / 2, 1], rel=1e-15)
    assert solver(f, z, (0.0, 1.0)).item() == pytest.approx(by_hand(0.3, (0, 1 / 6, 1 / 2, 1), 0.0, 1.0), rel=1e-14)
    with torch.no_grad():
        solver.increments.copy_(torch.tensor([-9.0, 8.0, -7.0]))
    points = solver.fractions()
    assert points == sorted(set(points))
    assert (points[0], points[-1]) == (0, 1)


def test_gradients_of_the_points() -> None:
    solver, z = Moved(), torch.tensor([0.3], dtype=torch.float64)
    (found,) = torch.autograd.grad(solver(f, z, (0.0, 1.0)).sum(), solver.increments)
    (again,) = torch.autograd.grad(solver.adjoint(f, z, (0.0, 1.0)).sum(), solver.increments)
    torch.testing.assert_close(again, found)
    shift = 1e-6
    for i in range(3):
        ends = []
        for sign in (1, -1):
            with torch.no_grad():
                solver.increments[i] = sign * shift
                ends.append(solver(f, z, (0.0, 1.0)).item())
                solver.increments[i] = 0.0
        assert float(found[i]) == pytest.approx((ends[0] - ends[1]) / (2 * shift), rel=1e-6)


@pytest.mark.parametrize("kind", [Heun, Moved])
def test_it_compiles_whole(kind: type[GradedSteps]) -> None:
    solver, z = kind(), torch.tensor([0.3], dtype=torch.float64)
    compiled = torch.compile(solver, fullgraph=True, backend="eager")
    assert torch.equal(compiled(f, z, (0.0, 1.0)), solver(f, z, (0.0, 1.0)))


def test_leaving_the_sizes_of_training_is_seen() -> None:
    solver, z = HyperHeun(Weighed()), torch.tensor([0.3], dtype=torch.float64)
    about = '{"eps": [0.1, 0.7], "s": [0.0, 1.0], "steps": [1, 3], "sizes": [0.1, 0.2, 0.7], "states": {}}'
    solver.remember({"trained": about})
    solver(f, z, (0.0, 1.0))
    assert solver.left == ()
    with pytest.warns(UserWarning, match=r"ε = 0\.05 \(0\.1, 0\.2, 0\.7\)"):
        solver(f, z, (0.0, 0.5))


def test_a_learned_grid_is_saved(tmp_path: Path) -> None:
    solver, other = Moved(), Moved()
    with torch.no_grad():
        solver.increments.copy_(torch.tensor([0.0, 1.0, -1.0]))
    solver.save(tmp_path / "weights.safetensors")
    other.load(tmp_path / "weights.safetensors")
    assert other.fractions() == solver.fractions()


def test_a_solution_that_is_not_finite_is_said() -> None:
    with pytest.raises(SolveError):
        Heun()(lambda s, z: z * math.inf, torch.ones(1), (0.0, 1.0))
