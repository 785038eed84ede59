"""Gauss, Radau and Lobatto methods of any order, to as many digits as one likes, made with mpmath from their nodes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal

import mpmath
from mpmath import mp, mpf

from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.tableau import Tableau

Name = Literal["gauss", "radau_iia", "lobatto_iiia", "lobatto_iiib", "lobatto_iiic"]
ORDER_LOST: dict[Name, int] = {
    "gauss": 0,
    "radau_iia": 1,
    "lobatto_iiia": 2,
    "lobatto_iiib": 2,
    "lobatto_iiic": 2,
}
"""What is missing from order 2s."""

_GUARD = 60


def collocation(name: Name, stages: int, digits: int) -> Tableau:
    """The method with coefficients rounded to so many digits after the point."""
    with mp.workdps(digits + _GUARD):
        c = _nodes(ORDER_LOST[name], stages)
        b = _weights(c, [mpf(1)])[0]
        a = _matrix(name, c, b)
        rows = [_rounded(row, digits) for row in a]
        return Tableau(tuple(rows), _rounded(c, digits), (_rounded(b, digits),))


def spec(name: Name, tableau: Tableau, order: int, within: str) -> str:
    """The method in the language."""
    lines = [f"{_decimal(c)} | {', '.join(map(_decimal, row))}" for c, row in zip(tableau.c, tableau.a, strict=True)]
    table = "\n".join([*lines, "--+--", f"| {', '.join(map(_decimal, tableau.weights[0]))}"])
    return f"method {name} {{\norder {order} within {within}\ntableau {{\n{table}\n}}\n}}\n"


def rational_collocation(nodes: Sequence[Fraction]) -> Tableau:
    """Collocation at rational nodes, exactly: Lagrange's polynomials, integrated."""
    c = [Exact.of(node) for node in nodes]
    basis = [lagrange(nodes, j) for j in range(len(nodes))]

    def integrals(end: Fraction) -> tuple[Exact, ...]:
        return tuple(Exact.of(sum((q * end ** (k + 1) / (k + 1) for k, q in enumerate(p)), Fraction(0))) for p in basis)

    return Tableau(tuple(map(integrals, nodes)), tuple(c), (integrals(Fraction(1)),))


def lagrange(nodes: Sequence[Fraction], j: int) -> list[Fraction]:
    """The coefficients of the polynomial that is 1 at the j-th node and 0 at the others."""
    found = [Fraction(1)]
    for i, node in enumerate(nodes):
        if i != j:
            scale = nodes[j] - node
            shifted = zip([Fraction(0), *found], [*found, Fraction(0)], strict=True)
            found = [(low - node * high) / scale for low, high in shifted]
    return found


def _nodes(lost: int, stages: int) -> list[Any]:
    """The roots of P_s − (P_(s−1) or P_(s−2)), moved to 0 .. 1."""

    def polynomial(x: Any) -> Any:
        return mpmath.legendre(stages, x) - (mpmath.legendre(stages - lost, x) if lost else 0)

    points = 12 * stages
    grid = [mpmath.cos(mp.pi * (1 - (k + mpf(1) / 3) / points)) for k in range(points)]
    signs = [(low, high) for low, high in pairwise(grid) if polynomial(low) * polynomial(high) < 0]
    inner = [mpmath.findroot(polynomial, pair, solver="anderson", tol=mpf(10) ** (-2 * mp.dps + 20)) for pair in signs]
    ends: list[Any] = [[], [mpf(1)], [mpf(-1), mpf(1)]][lost]
    found = sorted([x for x in inner if all(abs(x - end) > mpf(10) ** -30 for end in ends)] + ends)
    assert len(found) == stages
    return [(1 + x) / 2 for x in found]


def _weights(c: list[Any], ends: list[Any]) -> list[list[Any]]:
    """The weights of the quadrature with nodes c over 0 .. end, a row each."""
    size = range(len(c))
    powers = mpmath.matrix([[x**k for x in c] for k in size])
    wanted = mpmath.matrix([[end ** (k + 1) / (k + 1) for end in ends] for k in size])
    solved = powers**-1 * wanted
    return [[solved[j, i] for j in size] for i in range(len(ends))]


def _matrix(name: Name, c: list[Any], b: list[Any]) -> list[list[Any]]:
    size = range(len(c))
    a = _weights(c, c)
    match name:
        case "lobatto_iiib":  # D(s) instead of C(s)
            return [[b[j] * (1 - a[j][i] / b[i]) for j in size] for i in size]
        case "lobatto_iiic":  # a_i1 = b_1 and C(s − 1)
            at_first = _at_first(c)
            return [[b[0], *(w - b[0] * x for w, x in zip(row, at_first, strict=True))] for row in _weights(c[1:], c)]
        case _:
            return a


def _at_first(c: list[Any]) -> list[Any]:
    """The values at the first node of Lagrange's polynomials for the others."""
    others = c[1:]
    return [mpmath.fprod((c[0] - y) / (x - y) for y in others if y != x) for x in others]


def _rounded(values: Sequence[Any], digits: int) -> tuple[Exact, ...]:
    scale = 10**digits
    return tuple(Exact.of(Fraction(int(mpmath.nint(value * scale)), scale)) for value in values)


def _decimal(value: Exact) -> str:
    q = value.fraction()
    digits = 0
    while (q * 10**digits).denominator != 1:
        digits += 1
    whole, rest = divmod(abs(int(q * 10**digits)), 10**digits)
    return f"{'-' if q < 0 else ''}{whole}.{rest:0{max(1, digits)}d}"
