"""Known methods on n equal parts of a step, as the tableaux that `learned(n)` starts from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import mpmath
import pytest

from hyperdsl import compiler
from hyperdsl.semantics.model.spec import Method
from hyperdsl.semantics.solvers.equal_grid import STARTS, on_equal_grid, starts_of
from hyperdsl.theory.runge_kutta.tableau import Tableau

Field = Callable[[float, float], float]

FIELDS: tuple[Field, ...] = (
    lambda t, z: math.sin(3 * z + t) - z,
    lambda t, z: math.exp(-t) * z * z / (1 + z * z) + t,
    lambda t, z: (1 + t) * math.cos(2 * z) - t * t,
)


def library(name: str) -> Method:
    method = compiler.library_method(name)
    assert method is not None
    return method


def tableau(start: str, evaluations: int) -> Tableau:
    return on_equal_grid(start, evaluations, library)


def rows(found: Tableau) -> list[str]:
    """The stages and the end, each as its slopes."""
    states = (*found.a, found.weights[0])
    return [", ".join(str(q) for q in row[: min(i, found.stages)]) for i, row in enumerate(states)]


def end(found: Tableau, f: Field, z: float) -> float:
    """One step over [0, 1] by a plain Runge–Kutta loop."""
    slopes: list[float] = []
    for c, row in zip(found.c, found.a, strict=True):
        slopes.append(f(float(c), z + math.fsum(float(q) * k for q, k in zip(row, slopes, strict=False))))
    return z + math.fsum(float(q) * k for q, k in zip(found.weights[0], slopes, strict=True))


def adams(f: Field, z: float, steps: int) -> float:
    """Adams–Bashforth 2, its first step Euler's."""
    before = f(0.0, z)
    z = z + before / steps
    for i in range(1, steps):
        slope = f(i / steps, z)
        z, before = z + (3 * slope - before) / (2 * steps), slope
    return z


def dpm_solver(f: Field, z: float, times: Sequence[float]) -> float:
    """DPM-Solver++(2M) as its paper writes it, in α, σ and λ with their infinities, by mpmath."""
    alpha = [mpmath.mpf(t) for t in times]
    sigma = [1 - t for t in alpha]
    ratios = [mpmath.inf if s == 0 else a / s for a, s in zip(alpha, sigma, strict=True)]
    lambdas = [mpmath.ninf if r == 0 else mpmath.log(r) if r != mpmath.inf else r for r in ratios]
    state = mpmath.mpf(z)
    predictions: list[mpmath.mpf] = []
    for i in range(1, len(times)):
        predictions.append(state + sigma[i - 1] * f(float(alpha[i - 1]), float(state)))
        h, wanted = lambdas[i] - lambdas[i - 1], predictions[-1]
        if 1 < i < len(times) - 1:  # the last step is of first order
            r = (lambdas[i - 1] - lambdas[i - 2]) / h
            wanted = (1 + 1 / (2 * r)) * predictions[-1] - 1 / (2 * r) * predictions[-2]
        state = sigma[i] / sigma[i - 1] * state - alpha[i] * mpmath.expm1(-h) * wanted
    return float(state)


def test_which_methods_take_so_many_evaluations() -> None:
    assert starts_of(5) == ("euler", "ab2", "dpmpp_2m")
    assert starts_of(6) == ("euler", "ab2", "dpmpp_2m", "midpoint", "heun")
    assert starts_of(8) == tuple(STARTS)


def test_the_rows_of_three_evaluations() -> None:
    assert rows(tableau("euler", 3)) == ["", "1/3", "1/3, 1/3", "1/3, 1/3, 1/3"]
    assert rows(tableau("ab2", 3)) == ["", "1/3", "1/6, 1/2", "1/6, 1/3, 1/2"]
    assert rows(tableau("dpmpp_2m", 3)) == rows(tableau("euler", 3))  # its first two steps and its last are Euler's


def test_the_rows_of_four_evaluations_where_the_logarithms_cancel() -> None:
    """λ is −log 3, 0, log 3 at 1/4, 1/2, 3/4, so that w = 1/2: x − x₋ = (v₂ − v₁)/2 enters with a quarter."""
    assert rows(tableau("dpmpp_2m", 4)) == ["", "1/4", "1/4, 1/4", "1/4, 1/8, 3/8", "1/4, 1/8, 3/8, 1/4"]


def test_logarithms_are_decimals_of_60_digits() -> None:
    """The third step of five: w = log(9/4)/(2 log(8/3)), and 1/4 of w (v₂ − v₁) · 3/5 · … is what it adds."""
    with mpmath.workdps(80):
        weight = mpmath.log(mpmath.mpf(9) / 4) / (2 * mpmath.log(mpmath.mpf(8) / 3)) / 3
        # x − x₋ = z − z₋ + 3/5 v₂ − 4/5 v₁ = 3/5 (v₂ − v₁)
        expected = mpmath.mpf(1) / 5 + weight * 3 / 5
        found = tableau("dpmpp_2m", 5).a[3][2].fraction()
        assert 10**60 % found.denominator == 0
        assert abs(mpmath.mpf(found.numerator) / found.denominator - expected) < mpmath.mpf(10) ** -60


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("evaluations", [4, 8, 16])
def test_each_is_consistent(start: str, evaluations: int) -> None:
    """c = A·1 exactly, and Σ b = 1 up to the last decimals."""
    found = tableau(start, evaluations)
    assert found.stages == evaluations
    assert found.is_consistent
    assert abs(float(sum(found.weights[0][1:], found.weights[0][0]) - 1)) < 1e-58


@pytest.mark.parametrize("f", FIELDS)
@pytest.mark.parametrize("steps", [2, 3, 5, 9, 16])
def test_they_are_the_methods(f: Field, steps: int) -> None:
    for z in (-0.7, 0.2, 1.3):
        assert end(tableau("ab2", steps), f, z) == pytest.approx(adams(f, z, steps), rel=1e-13)
        times = [i / steps for i in range(steps + 1)]
        assert end(tableau("dpmpp_2m", steps), f, z) == pytest.approx(dpm_solver(f, z, times), rel=1e-12)


@pytest.mark.parametrize(("start", "steps"), [("euler", 8), ("midpoint", 4), ("heun", 4), ("rk4", 2)])
def test_one_step_methods_take_equal_steps(start: str, steps: int) -> None:
    one = library(start).tableau
    f = FIELDS[0]
    z = 0.3
    for i in range(steps):
        z = end(one, lambda t, y, i=i: f((i + t) / steps, y) / steps, z)  # type: ignore[misc]
    assert end(tableau(start, 8), f, 0.3) == pytest.approx(z, rel=1e-13)
