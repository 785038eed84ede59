"""A- and L-stability, decided exactly (Hairer & Wanner II, §IV.3).

A method is A-stable when its stability function R has no pole in Re z < 0 and |R| ≤ 1 on the imaginary axis. The first
is Hurwitz's problem for its denominator, solved by Routh's scheme; the second is the sign of Nørsett's E-polynomial
E(y) = |Q(iy)|² − |P(iy)|² between its real roots.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact
from hyperdsl.theory.numbers.polynomials import Polynomial, degree, divided, greatest_common_divisor, trimmed
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.stability.linear import stability_function, stability_intervals, without_specks


@dataclass(frozen=True)
class LinearStability:
    """Whether a method is A- and L-stable, and |R(∞)|, `math.inf` where R grows without bound."""

    a_stable: bool
    l_stable: bool
    at_infinity: float


def linear_stability(tableau: Tableau, order: int, tolerance: Exact | None = None) -> LinearStability | None:
    """A- and L-stability; None for a family.

    For a method proven to a tolerance, coefficients of R are taken `without_specks`, as they are for stability
    intervals.
    """
    if tableau.parameters:
        return None
    above, below = stability_function(tableau)
    if tolerance is None:
        common = greatest_common_divisor(above, below)
        above, below = divided(above, common)[0], divided(below, common)[0]
    else:
        above, below = without_specks(above, tolerance, below), without_specks(below, tolerance, below)
    at_infinity = _at_infinity(above, below)
    if math.isinf(at_infinity):
        return LinearStability(False, False, at_infinity)
    bounded = stability_intervals(tableau, order, tolerance)[1] == math.inf
    a_stable = bounded and has_roots_on_the_right_only(below)
    return LinearStability(a_stable, a_stable and degree(above) < degree(below), at_infinity)


def has_roots_on_the_right_only(p: Polynomial) -> bool:
    """Whether every root of a non-zero polynomial has a positive real part (Routh 1877)."""
    mirrored = [q * (-1) ** k for k, q in enumerate(p)]
    rows = [list(reversed(mirrored))[start::2] for start in (0, 1)]
    leading = rows[0][0].sign()
    for _ in range(degree(p)):
        first, second = rows
        if not second or second[0].sign() != leading:
            return False
        ratio = first[0] / second[0]
        padded = [*second[1:], *[ZERO] * (len(first) - len(second))]
        rows = [second, list(trimmed([x - ratio * y for x, y in zip(first[1:], padded, strict=True)]))]
        if rows[1] and rows[1][0].is_zero:
            return False
    return True


def _at_infinity(above: Polynomial, below: Polynomial) -> float:
    if degree(above) != degree(below):
        return math.inf if degree(above) > degree(below) else 0.0
    value: Exact = abs(above[-1] / below[-1])
    return 1.0 if value == ONE else float(value)
