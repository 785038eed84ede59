"""Properties of a tableau that are equations between its coefficients: Butcher's simplifying assumptions, symplectic,
symmetric and stiffly accurate methods (Butcher 1964; Hairer, Nørsett & Wanner I, §II.7; Hairer, Lubich & Wanner,
Geometric Numerical Integration, §§IV.2, V.2; Hairer & Wanner II, §IV.3)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count

from hyperdsl.theory.conditions import vanishes
from hyperdsl.theory.numbers.exact import ONE, Exact
from hyperdsl.theory.numbers.matrices import dot
from hyperdsl.theory.runge_kutta.merging import irreducible
from hyperdsl.theory.runge_kutta.tableau import Row, Tableau

_MOST_TRIES = 10**4

Largest = int | float
"""A natural number, or `math.inf`."""


@dataclass(frozen=True)
class Assumptions:
    """The largest p, q and r with B(p), C(q) and D(r), c read throughout; `math.inf` where they hold for all.

    B(p): Σ b_i c_i^(k−1) = 1/k; C(q): Σ_j a_ij c_j^(k−1) = c_i^k/k; D(r): Σ_i b_i c_i^(k−1) a_ij = b_j (1 − c_j^k)/k;
    for all k up to p, q, r and all stages.
    """

    b: Largest
    c: Largest
    d: Largest


def simplifying_assumptions(
    tableau: Tableau, tolerance: Exact | None = None, row: int = 0, highest: int | None = None
) -> Assumptions:
    """B, C and D of a row of weights (to the tolerance; with parameters, identically), looked at up to `highest`."""
    weights, columns = tableau.weights[row], tuple(zip(*tableau.a, strict=True))

    def b(k: int, powers: Row, next_powers: Row) -> Iterator[Exact]:
        yield dot(weights, powers) - Fraction(1, k)

    def c(k: int, powers: Row, next_powers: Row) -> Iterator[Exact]:
        for a, power in zip(tableau.a, next_powers, strict=True):
            yield dot(a, powers) - power / k

    def d(k: int, powers: Row, next_powers: Row) -> Iterator[Exact]:
        scaled = tuple(x * y for x, y in zip(weights, powers, strict=True))
        for column, weight, power in zip(columns, weights, next_powers, strict=True):
            yield dot(scaled, column) - weight * (ONE - power) / k

    return Assumptions(*(_largest(tableau, defects, tolerance, highest) for defects in (b, c, d)))


def is_symplectic(tableau: Tableau, tolerance: Exact | None = None) -> bool | None:
    """b_i a_ij + b_j a_ji = b_i b_j for all stages: quadratic first integrals are kept (Sanz-Serna 1988; Lasagni 1988).

    The condition is necessary for irreducible methods, so superfluous stages are left out first; no explicit method
    fulfils it. None for a family of which it does not hold for all parameters: it may hold for some.
    """
    if tableau.kind == "explicit":
        return False
    tableau = irreducible(tableau)
    a, b = tableau.a, tableau.weights[0]
    pairs = ((i, j) for i in range(tableau.stages) for j in range(i + 1))
    holds = all(vanishes(b[i] * a[i][j] + b[j] * a[j][i] - b[i] * b[j], tolerance) for i, j in pairs)
    return holds or (None if tableau.parameters else False)


def is_symmetric(tableau: Tableau, tolerance: Exact | None = None) -> bool | None:
    """The adjoint method, of tableau b_j − a_ij, b_j, 1 − c_i, is the method itself, its stages in another order.

    For irreducible methods that is necessary, so superfluous stages are left out first. No explicit method is
    symmetric: R(z)·R(−z) = 1 holds for no polynomial that is not constant. None where so many stages are alike that
    not all orders of them can be tried, and for a family of which it does not hold for all parameters.
    """
    if tableau.kind == "explicit":
        return False
    tableau = irreducible(tableau)
    a, b, c = tableau.a, tableau.weights[0], tableau.c
    size = tableau.stages
    like = [
        [j for j in range(size) if vanishes(c[i] + c[j] - ONE, tolerance) and vanishes(b[i] - b[j], tolerance)]
        for i in range(size)
    ]

    tries = count()

    def fits(order: list[int], j: int) -> bool:
        if next(tries) > _MOST_TRIES:
            raise _TooManyError
        i = len(order)
        extended = [*order, j]
        return all(
            vanishes(a[j][extended[k]] + a[i][k] - b[k], tolerance)
            and vanishes(a[extended[k]][j] + a[k][i] - b[i], tolerance)
            for k in range(i + 1)
        )

    def completed(order: list[int]) -> bool:
        """Whether the stages after these can be paired, too."""
        if len(order) == size:
            return True
        return any(j not in order and fits(order, j) and completed([*order, j]) for j in like[len(order)])

    try:
        return completed([]) or (None if tableau.parameters else False)
    except _TooManyError:
        return None


class _TooManyError(Exception):
    """More orders of the stages than are tried."""


def is_stiffly_accurate(tableau: Tableau, tolerance: Exact | None = None) -> bool | None:
    """A stage that counts is the new state (to the tolerance): its row of A is b and its node 1.

    Stages that the weights do not depend on are left out: what embedded rows alone read, and an explicit stage at the
    end of the step, which is the new state of any method. None for a family of which that holds for some parameters at
    most, and no number shows that it holds for none.
    """
    reduced = irreducible(tableau)
    if reduced.kind == "explicit":
        return False
    wanted = (*reduced.weights[0], ONE)
    defects = []
    for row, c in zip(reduced.a, reduced.c, strict=True):
        differences = (value - other for value, other in zip((*row, c), wanted, strict=True))
        defects.append([difference for difference in differences if not vanishes(difference, tolerance)])
    if not all(defects):
        return True
    return None if any(all(defect.parameters for defect in stage) for stage in defects) else False


def _largest(
    tableau: Tableau,
    defects: Callable[[int, Row, Row], Iterator[Exact]],
    tolerance: Exact | None,
    highest: int | None,
) -> Largest:
    """The largest k up to which no defect is left, `highest` at most.

    What holds up to k = 2s + 1 holds for all k: the square of Π (x − c_i) has at most degree 2s, is zero at the nodes
    and has a positive integral over every interval, so that the integrals of C and D are over no interval at all.
    """
    powers: Row = (ONE,) * tableau.stages
    last = 2 * tableau.stages + 1
    for k in range(1, last + 1 if highest is None else min(last, highest) + 1):
        next_powers = tuple(c * power for c, power in zip(tableau.c, powers, strict=True))
        if not all(vanishes(defect, tolerance) for defect in defects(k, powers, next_powers)):
            return k - 1
        powers = next_powers
    return math.inf if highest is None or last <= highest else highest
