"""Linear stability: the factor R(z) = P(z)/Q(z) of a step on z' = λz, and where |R| ≤ 1 (Hairer & Wanner, Solving
ODEs II, §IV.2–3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import zip_longest
from math import factorial

from flint import fmpq, fmpq_poly

from hyperdsl.theory.numbers.algebraic import Algebraic, rational_multiple
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact
from hyperdsl.theory.numbers.isolation import non_positive_until
from hyperdsl.theory.numbers.matrices import ExactMatrix, Vector, dot, vector
from hyperdsl.theory.numbers.roots import between, real_roots
from hyperdsl.theory.runge_kutta.tableau import Row, Tableau

Polynomial = tuple[Exact, ...]
"""Coefficients, the constant one first; the last is not zero."""


@lru_cache(maxsize=64)
def stability_function(tableau: Tableau, row: int = 0) -> tuple[Polynomial, Polynomial]:
    """(P, Q) with R = P/Q, Q(z) = det(I − zA) and P(z) = det(I − zA + z·1·b). Common factors are not removed."""
    return _fraction(tableau, _moments(tableau, row))


@lru_cache(maxsize=64)
def stability_intervals(
    tableau: Tableau, order: int, tolerance: Exact | None = None, row: int = 0
) -> tuple[float | None, float | None]:
    """Lengths of the intervals [−x, 0] and i·[0, y] on which |R| ≤ 1, as nearest doubles; None for a family.

    Only the intervals that begin at 0 count. A method proven to a tolerance has R(z) = Σ z^k/k! + … only up to about
    that tolerance, and such a speck decides the sign of |R|² − 1 near 0; so there its moments up to `order` are
    replaced by the exact 1/k!. An implicit method's coefficients of R and of |R|² − 1 that are `without_specks` zero
    are zero then: whether R is bounded depends on them.
    """
    if tableau.parameters:
        return None, None
    moments = _moments(tableau, row)
    if tolerance is not None:
        moments[: order + 1] = [Exact.of(Fraction(1, factorial(k))) for k in range(min(order + 1, len(moments)))]
    above, below = _fraction(tableau, moments)
    specks = tolerance if tableau.kind != "explicit" else None
    above = without_specks(above, specks, below)
    axes = (_excess(above, below, turns) for turns in (_NEGATIVE_AXIS, _IMAGINARY_AXIS))
    real, imaginary = (_interval(without_specks(excess, specks, below)) for excess in axes)
    return real, imaginary


def without_specks(polynomial: Polynomial, tolerance: Exact | None, below: Polynomial) -> Polynomial:
    """The polynomial without coefficients that are within a hundred thousand times the tolerance, where there is one.

    They are compared in a variable in which the last coefficient of R's denominator, `below`, is about one: those of
    many stages are small by themselves, as γ^s is.
    """
    if tolerance is None:
        return polynomial
    size = len(below) - 1
    unit = Fraction(abs(float(below[-1])) ** (1 / size)).limit_denominator(1000) if size else Fraction(1)
    limit, per_power = tolerance * 100_000, Exact.of(min(max(unit, Fraction(1, 1000)), Fraction(1)))
    return _trimmed([ZERO if abs(q) <= limit * per_power**k else q for k, q in enumerate(polynomial)])


def _moments(tableau: Tableau, row: int) -> list[Exact]:
    """R's Taylor coefficients up to z^s: 1, b·1, b·A·1, …"""
    found = [ONE]
    power = (ONE,) * tableau.stages
    for _ in range(tableau.stages):
        found.append(dot(tableau.weights[row], power))
        power = tuple(dot(a, power) for a in tableau.a)
    return found


def _fraction(tableau: Tableau, moments: Sequence[Exact]) -> tuple[Polynomial, Polynomial]:
    """P has degree at most s, so it is Q times R's Taylor series, cut off after z^s."""
    below = determinant(tableau)
    above = [sum((below[j] * moments[k - j] for j in range(min(k + 1, len(below)))), ZERO) for k in range(len(moments))]
    return _trimmed(above), below


@lru_cache(maxsize=64)
def determinant(tableau: Tableau) -> Polynomial:
    """det(I − zA)."""
    if tableau.kind == "implicit":
        return _trimmed(_reversed_characteristic(tableau))
    product: list[Exact] = [ONE]
    for i in range(tableau.stages):
        shifted = [ZERO, *(coefficient * -tableau.a[i][i] for coefficient in product)]
        product = [p + q for p, q in zip([*product, ZERO], shifted, strict=True)]
    return _trimmed(product)


def _reversed_characteristic(tableau: Tableau) -> list[Exact]:
    """Coefficients of det(I − zA), by Faddeev and LeVerrier: M ← A·M + q·I, q ← −trace(A·M)/k."""
    size = tableau.stages
    functions = bool(tableau.parameters)
    if any(isinstance(value, Algebraic) for row in tableau.a for value in row):
        return _reversed_characteristic_entrywise(tableau.a)
    matrix = ExactMatrix.of_vectors([vector(row) for row in tableau.a], size, functions=functions)
    found = [ONE]
    product = matrix
    for k in range(1, size + 1):
        rows = product.vectors()
        found.append(sum((_entry(rows, i, i) for i in range(size)), ZERO) / -k)
        shifted = [[_entry(rows, i, j) + (found[-1] if i == j else ZERO) for j in range(size)] for i in range(size)]
        product = matrix @ ExactMatrix.of_vectors([vector(row) for row in shifted], size, functions=functions)
    return found


def _reversed_characteristic_entrywise(a: tuple[Row, ...]) -> list[Exact]:
    """The same, number by number."""
    size, found, product = len(a), [ONE], a
    for k in range(1, size + 1):
        found.append(sum((product[i][i] for i in range(size)), ZERO) / -k)
        shifted = [[q + found[-1] if i == j else q for j, q in enumerate(row)] for i, row in enumerate(product)]
        columns = list(zip(*shifted, strict=True))
        product = tuple(tuple(dot(row, column) for column in columns) for row in a)
    return found


def _entry(rows: list[Vector], i: int, j: int) -> Exact:
    return Exact({d: values[j] for d, values in rows[i].items()})


_NEGATIVE_AXIS, _IMAGINARY_AXIS = 2, 1
"""Directions: quarter turns from the positive real axis."""


def _excess(above: Polynomial, below: Polynomial, turns: int) -> Polynomial:
    """|P|² − |Q|² at distance t from 0 in a direction, as a polynomial in t; not positive where |R| ≤ 1."""
    pairs = zip_longest(_squared_modulus(above, turns), _squared_modulus(below, turns), fillvalue=ZERO)
    return _trimmed([p - q for p, q in pairs])


def _squared_modulus(polynomial: Polynomial, turns: int) -> list[Exact]:
    real, imaginary = ([q * _part_of_power(turns * k + part) for k, q in enumerate(polynomial)] for part in (0, 3))
    return [p + q for p, q in zip(_square(real), _square(imaginary), strict=True)]


def _part_of_power(k: int) -> int:
    """The real part of i^k; of i^(k+3) it is the imaginary part of i^k."""
    return (1, 0, -1, 0)[k % 4]


def _square(coefficients: Sequence[Exact]) -> list[Exact]:
    size = 2 * len(coefficients) - 1
    if all(q.is_rational for q in coefficients):
        square = fmpq_poly([q.terms.get(1, fmpq(0)) for q in coefficients]) ** 2
        return [Exact.of(square[k]) for k in range(size)]
    found = [ZERO] * size
    for i, p in enumerate(coefficients):
        for j, q in enumerate(coefficients):
            found[i + j] += p * q
    return found


def non_negative_until(polynomial: Polynomial) -> float:
    """The largest x such that the polynomial is not negative on [0, x]; `math.inf` where there is none."""
    return _interval(tuple(-q for q in polynomial))


def _interval(excess: Polynomial) -> float:
    """How far from 0 the excess stays non-positive.

    Its roots are isolated, with square roots as those of its norm over Q; between two of these its sign is constant,
    and decided exactly.
    """
    if not excess:
        return math.inf
    if any(isinstance(q, Algebraic) for q in excess):
        return non_positive_until(excess)
    roots = tuple(root for root in real_roots(rational_multiple(excess)) if root.compare(ZERO) > 0)
    for i, point in enumerate(between(roots, Fraction(0))):
        if _at(excess, point).sign() > 0:
            return float(roots[i - 1]) if i else 0.0
    return math.inf


def _at(polynomial: Polynomial, x: Fraction) -> Exact:
    value = ZERO
    for q in reversed(polynomial):
        value = value * x + q
    return value


def _trimmed(coefficients: Sequence[Exact]) -> Polynomial:
    size = max((k + 1 for k, q in enumerate(coefficients) if not q.is_zero), default=0)
    return tuple(coefficients[:size])
