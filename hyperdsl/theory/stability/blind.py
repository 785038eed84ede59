"""Problems on which the difference of two rows of weights, an estimate of the error, is zero whatever the step.

Fehlberg's pairs of order 6 and 8 are the best known (Hairer, Nørsett & Wanner, Solving ODEs I, §II.4): they see no
error where f reads the time alone. Several Rosenbrock pairs see none where f is linear.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hyperdsl.theory.conditions import vanishes
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact
from hyperdsl.theory.numbers.matrices import dot
from hyperdsl.theory.runge_kutta.tableau import Row, Tableau

ROUNDED = 100_000
"""Of a method that is proven to a tolerance, so much of that counts as zero."""


def is_blind_to_linear(tableau: Tableau, tolerance: Exact | None) -> bool:
    """Whether the first two rows of weights give the same state on every z' = λz: (b − b̂)·A^k·1 = 0 for k < s."""
    difference, power = _difference(tableau.weights), (ONE,) * tableau.stages
    for _ in range(tableau.stages):
        if not _all_vanish((dot(difference, power),), tolerance):
            return False
        power = tuple(dot(row, power) for row in tableau.a)
    return True


def is_blind_to_time(weights: Sequence[Row], c: Row, sums: Row, tolerance: Exact | None) -> bool:
    """Whether they do on every z' = g(s): Σ (b − b̂)_i over stages at the same time is 0, and so is Σ (b − b̂)_i·γ_i.

    sums: the γ_i by which stages have ε·g'(s), zero but for Rosenbrock methods.
    """
    difference = _difference(weights)
    at: dict[Exact, Exact] = {}
    for time, weight in zip(c, difference, strict=True):
        known = next((one for one in at if _all_vanish((one - time,), tolerance)), time)
        at[known] = at.get(known, ZERO) + weight
    return _all_vanish((*at.values(), dot(difference, sums)), tolerance)


def _difference(weights: Sequence[Row]) -> Row:
    return tuple(p - q for p, q in zip(weights[0], weights[1], strict=True))


def _all_vanish(values: Iterable[Exact], tolerance: Exact | None) -> bool:
    limit = None if tolerance is None else tolerance * ROUNDED
    return all(vanishes(value, limit) for value in values)
