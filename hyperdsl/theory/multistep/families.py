"""The families of multistep formulas that come from interpolation, and which formula is one of them.

With backward differences ∇ (Hairer, Nørsett & Wanner I, §III.1) the formula of k steps is

    BDF       Σ_{j=1..k} (1/j)·∇^j z[n+1] = h·f[n+1],                   of order k,
    Adams–Bashforth    z[n+1] − z[n] = h·Σ_{j<k} γ_j·∇^j f[n],          of order k,
    Adams–Moulton      z[n+1] − z[n] = h·Σ_{j≤k} γ*_j·∇^j f[n+1],       of order k + 1,

where γ_j and γ*_j are the integrals of (−1)^j·C(−x, j) over [0, 1] and over [−1, 0].
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from fractions import Fraction
from functools import cache
from math import comb, factorial

from hyperdsl.theory.multistep.formulas import LinearMultistep
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact
from hyperdsl.theory.numbers.polynomials import Polynomial, integral, times, value


class Family(Enum):
    """A family of formulas, one for each number of steps."""

    BDF = "backward differentiation"
    BASHFORTH = "Adams–Bashforth"
    MOULTON = "Adams–Moulton"


def family_of(formula: LinearMultistep) -> Family | None:
    """The family that has just this formula, coefficient by coefficient; None where none has it."""
    return next((family for family in Family if formula == member(family, formula.steps)), None)


@cache
def member(family: Family, steps: int) -> LinearMultistep:
    """The family's formula of so many steps."""
    match family:
        case Family.BDF:
            return backward_differentiation(steps)
        case Family.BASHFORTH:
            return adams_bashforth(steps)
        case Family.MOULTON:
            return adams_moulton(steps)


def backward_differentiation(steps: int) -> LinearMultistep:
    """BDF of k steps, divided by its leading coefficient 1 + 1/2 + … + 1/k."""
    alpha = _differences([Exact.of(Fraction(1, j)) if j else ZERO for j in range(steps + 1)])
    leading = alpha[-1]
    return LinearMultistep(tuple(a / leading for a in alpha), (*[ZERO] * steps, ONE / leading))


def adams_bashforth(steps: int) -> LinearMultistep:
    """The explicit formula that integrates the interpolation of the last k derivatives."""
    beta = _differences([adams_constant(j, 0) for j in range(steps)])
    return LinearMultistep(_adams_alpha(steps), (*beta, ZERO))


def adams_moulton(steps: int) -> LinearMultistep:
    """The implicit formula that integrates the interpolation of the new and the last k derivatives."""
    beta = _differences([adams_constant(j, -1) for j in range(steps + 1)])
    return LinearMultistep(_adams_alpha(steps), beta)


@cache
def adams_constant(j: int, start: int) -> Exact:
    """∫ (−1)^j·C(−x, j) dx from `start` to start + 1: γ_j from 0 on, γ*_j from −1 on."""
    whole = integral(rising(j))
    return (value(whole, Exact.of(start + 1)) - value(whole, Exact.of(start))) / Exact.of(factorial(j))


@cache
def rising(count: int) -> Polynomial:
    """x(x + 1)…(x + count − 1), which is count!·(−1)^count·C(−x, count)."""
    return times(rising(count - 1), (Exact.of(count - 1), ONE)) if count else (ONE,)


def _differences(weights: Sequence[Exact]) -> tuple[Exact, ...]:
    """Σ_j weights[j]·∇^j of the newest value as weights of the values, the newest last."""
    newest_first = [
        sum((weight * Exact.of((-1) ** i * comb(j, i)) for j, weight in enumerate(weights) if j >= i), ZERO)
        for i in range(len(weights))
    ]
    return tuple(reversed(newest_first))


def _adams_alpha(steps: int) -> tuple[Exact, ...]:
    return (*[ZERO] * (steps - 1), -ONE, ONE)
