"""Whether the denominators of a family vanish somewhere in the range of its parameters.

A factor of one parameter is decided by counting its real roots. One of several is a form in coordinates that run from
0 to ∞ over the range: coefficients of one sign, with one on each face that belongs to the range, have no zero there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise, product
from typing import Any

import sympy
from sympy.polys.domains import QQ

from hyperdsl.second.budget import Undecided
from hyperdsl.second.expressions import Expr
from hyperdsl.second.numbers import Element, Numbers
from hyperdsl.second.written import Bounds, End, Written

DEEPEST = 10


def bounded(numbers: Numbers, entries: Iterable[Element], written: Written) -> bool:
    """Whether no entry has a pole in the range; Undecided where neither is shown."""
    if not numbers.parameters:
        return True
    allowed = {factor for value in written.nonzero for factor in _factors(numbers, numbers.element(value).numer)}
    found = {factor for entry in entries for factor in _factors(numbers, entry.denom)}
    return all(_nowhere_zero(factor, written) for factor in sorted(found - allowed, key=sympy.default_sort_key))


def _factors(numbers: Numbers, polynomial: Any) -> Iterator[Expr]:
    """The irreducible factors that are not numbers, each with a leading coefficient of 1."""
    if polynomial.is_ground:
        return
    for factor, _ in polynomial.factor_list()[1]:
        yield factor.monic().as_expr()


def _nowhere_zero(factor: Expr, written: Written) -> bool:
    names = sorted(factor.free_symbols, key=str)
    poly = sympy.Poly(factor, *names)
    bounds = [written.bounds.get(name, Bounds()) for name in names]
    ends = [end for bound in bounds for end in (bound.lower, bound.upper) if end is not None]
    if poly.domain not in (QQ, sympy.ZZ) or not all(end.at.is_Rational for end in ends):
        raise Undecided("it has irrational numbers in a denominator or a range")
    if len(names) == 1:
        return _no_root(poly, bounds[0], [value for value in written.nonzero if value.free_symbols == {names[0]}])
    if not _one_sign(poly, bounds, DEEPEST):
        raise Undecided(f"it is not shown that {factor} has no zero in the range")
    return True


def _no_root(poly: Any, bounds: Bounds, excluded: list[Expr]) -> bool:
    """Whether a polynomial of one parameter has no root in a range."""
    lower, upper = (None if end is None else end.at for end in (bounds.lower, bounds.upper))
    roots = poly.count_roots(lower, upper)
    for end in (bounds.lower, bounds.upper):
        if end is not None and not end.closed and poly.eval(end.at) == 0:
            roots -= 1
    if roots and any(not value.free_symbols.isdisjoint(poly.free_symbols) for value in excluded):
        raise Undecided("its conditions exclude irrational values")
    return not roots


Side = tuple[tuple[Expr, Expr], tuple[Expr, Expr], bool, bool]
"""The ends (n, d) of a side in homogeneous coordinates, and whether each belongs to the box."""


def _one_sign(poly: Any, bounds: list[Bounds], deepest: int) -> bool:
    """Whether the polynomial is shown to have one sign on the box."""
    pending = [(box, 0) for box in product(*map(_sides, bounds))]
    signs = set()
    while pending:
        box, depth = pending.pop()
        sign = _sign_on(poly, box)
        if sign:
            signs.add(sign)
        elif depth < deepest:
            pending += [(half, depth + 1) for half in _halves(box, depth % len(box))]
        else:
            return False
        if len(signs) > 1:
            return False
    return True


def _sides(bounds: Bounds) -> list[Side]:
    """A range as one side, or as two that meet at 0 where it is the whole line."""
    lower = (-1, 0, False) if bounds.lower is None else _coordinates(bounds.lower)
    upper = (1, 0, False) if bounds.upper is None else _coordinates(bounds.upper)
    ends = [lower, upper] if lower[1] or upper[1] else [lower, (0, 1, True), upper]
    return [((x[0], x[1]), (y[0], y[1]), x[2], y[2]) for x, y in pairwise(ends)]


def _coordinates(end: End) -> tuple[Expr, int, bool]:
    return end.at, 1, end.closed


def _halves(box: tuple[Side, ...], k: int) -> list[tuple[Side, ...]]:
    """The box cut across one of its sides; the cut belongs to both."""
    start, end, from_start, to_end = box[k]
    middle = start[0] + end[0], start[1] + end[1]
    halves: tuple[Side, Side] = (start, middle, from_start, True), (middle, end, True, to_end)
    return [(*box[:k], half, *box[k + 1 :]) for half in halves]


def _sign_on(poly: Any, box: tuple[Side, ...]) -> int:
    """1 or −1 where the coefficients in the sides' coordinates show that sign on the whole box, otherwise 0."""
    form = poly
    for name, (start, end, _, _) in zip(poly.gens, box, strict=True):
        form = _along(form, name, start, end)
    terms = {exponents: q for exponents, q in form.terms() if q}
    signs = {1 if q > 0 else -1 for q in terms.values()}
    faces = [
        [None, *([0] if from_start else []), *([poly.degree(name)] if to_end else [])]
        for name, (_, _, from_start, to_end) in zip(poly.gens, box, strict=True)
    ]
    covered = all(
        any(all(at in (None, i) for at, i in zip(face, exponents, strict=True)) for exponents in terms)
        for face in product(*faces)
    )
    return signs.pop() if len(signs) == 1 and covered else 0


def _along(form: Any, name: Expr, start: tuple[Expr, Expr], end: tuple[Expr, Expr]) -> Any:
    """The form with name = (n₀ + n₁t)/(d₀ + d₁t), times the power of the denominator that it needs."""
    degree = form.degree(name)
    above, below = (sympy.Poly(x + y * name, *form.gens) for x, y in zip(start, end, strict=True))
    at = form.gens.index(name)
    found = sympy.Poly(0, *form.gens)
    for exponents, q in form.terms():
        rest = sympy.Poly({(*exponents[:at], 0, *exponents[at + 1 :]): q}, *form.gens)
        found += rest * above ** exponents[at] * below ** (degree - exponents[at])
    return found
