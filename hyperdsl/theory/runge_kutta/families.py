"""Families of methods: which denominators of a tableau may vanish in a region of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Protocol

from flint import fmpq_poly

from hyperdsl.theory.numbers.exact import Exact, NotExact
from hyperdsl.theory.numbers.functions import Monomial, RationalFunction, factors, terms
from hyperdsl.theory.numbers.roots import RealRoot, real_roots
from hyperdsl.theory.runge_kutta.tableau import Row


@dataclass(frozen=True)
class Interval:
    """The range of a parameter; a bound that is None is infinite, an open one is left out."""

    lower: Exact | None = None
    upper: Exact | None = None
    lower_open: bool = False
    upper_open: bool = False


@dataclass(frozen=True)
class Region:
    """A box of parameter values without the zeros of some expressions. A parameter without an interval is any real."""

    intervals: Mapping[str, Interval] = field(default_factory=dict)
    nonzero: tuple[Exact, ...] = ()

    def interval(self, name: str) -> Interval:
        return self.intervals.get(name, Interval())


@dataclass(frozen=True)
class Excluded:
    """A denominator that vanishes in the region, or was not proven not to."""

    factor: Exact
    """An irreducible polynomial with coprime integer coefficients."""
    zeros: tuple[str, ...]
    """Where it vanishes in the region, in increasing order; empty where it depends on several parameters."""

    def __str__(self) -> str:
        if not self.zeros:
            return f"{self.factor} = 0"
        (name,) = self.factor.parameters
        return " or ".join(f"{name} {'' if zero.startswith('≈') else '= '}{zero}" for zero in self.zeros)

    @property
    def remedy(self) -> tuple[str, ...]:
        """Conditions that leave the zeros out, such as `alpha != 1/2`; on the factor where its zeros have no text."""
        if not self.zeros or any(zero.startswith("≈") for zero in self.zeros):
            return (f"{self.factor} != 0",)
        (name,) = self.factor.parameters
        return tuple(f"{name} != {zero}" for zero in self.zeros)


class Coefficients(Protocol):
    """A method of any kind, by all of its coefficients."""

    @property
    def rows(self) -> tuple[Row, ...]: ...


def excluded_in_region(tableau: Coefficients, region: Region) -> tuple[Excluded, ...]:
    """The irreducible factors of the coefficients' denominators that are not proven non-zero on the region.

    A factor of one parameter is decided exactly. One of several is proven non-zero by the signs of its Bernstein
    coefficients on ever smaller boxes; where that does not succeed it is reported, on the side of caution. So is one
    that has square roots among its coefficients (see `Exact.denominators`).
    """
    assured = {factor for expression in region.nonzero for factor in numerator_factors(expression)}
    found = {factor for row in tableau.rows for value in row for factor in value.denominators()}
    judged = (_judged(factor, region) for factor in sorted(found - assured, key=str))
    return tuple(excluded for excluded in judged if excluded is not None)


def numerator_factors(expression: Exact) -> list[Exact]:
    """The irreducible factors of the numerator; none where square roots and parameters meet."""
    function = expression.terms.get(1)
    if len(expression.terms) != 1 or not isinstance(function, RationalFunction):
        return []
    one = function.denominator.context().constant(1)
    return [Exact({1: RationalFunction(factor, one)}) for factor in factors(function.numerator)]


def _judged(factor: Exact, region: Region) -> Excluded | None:
    if len(factor.parameters) == 1:
        zeros = tuple(map(str, zeros_in_region(factor, region)))
        return Excluded(factor, zeros) if zeros else None
    return None if has_strict_sign(factor, region) else Excluded(factor, ())


def zeros_in_region(factor: Exact, region: Region) -> tuple[RealRoot, ...]:
    """Where a polynomial of one parameter vanishes in the region, in increasing order."""
    (name,) = factor.parameters
    coefficients = dict(terms(factor.terms[1].numerator))
    degrees = {monomial[0][1] if monomial else 0: q for monomial, q in coefficients.items()}
    polynomial = fmpq_poly([degrees.get(k, 0) for k in range(max(degrees) + 1)])
    inside = [root for root in real_roots(polynomial) if _inside(root, region.interval(name))]
    return tuple(root for root in inside if not _left_out(root, name, region))


def has_strict_sign(factor: Exact, region: Region) -> bool:
    """Whether a polynomial of several parameters is proven to be positive everywhere in the region, or negative."""
    names = sorted(factor.parameters)
    coefficients = dict(terms(factor.terms[1].numerator))
    return len(names) <= _MOST_PARAMETERS and _has_strict_sign(coefficients, names, region)


def _inside(root: RealRoot, interval: Interval) -> bool:
    above = -1 if interval.lower is None else -root.compare(interval.lower)
    below = -1 if interval.upper is None else root.compare(interval.upper)
    return (above < 0 or (above == 0 and not interval.lower_open)) and (
        below < 0 or (below == 0 and not interval.upper_open)
    )


def _left_out(root: RealRoot, name: str, region: Region) -> bool:
    """Whether one of the region's conditions is about this value of the parameter, as `gamma != 1 - sqrt(2)/2` is."""
    value = root.closed_form
    if value is None:
        return False
    conditions = [expression for expression in region.nonzero if expression.parameters == {name}]
    return any(_numerator_vanishes(expression, name, value) for expression in conditions)


def _numerator_vanishes(expression: Exact, name: str, value: Exact) -> bool:
    try:
        return expression.substitute({name: value}).is_zero
    except (ZeroDivisionError, NotExact):  # a pole, or roots that do not go together: not shown to be zero
        return False


# Strict signs on boxes. A side runs between two ends in homogeneous coordinates (n : d): the value n/d, or (±1 : 0)
# for ±∞. With u = (n₀x + n₁y)/(d₀x + d₁y), x, y ≥ 0, a polynomial times a positive power of the denominator is a form
# in x and y whose coefficients are, up to positive binomials, its Bernstein coefficients.

_MOST_PARAMETERS = 4
_MOST_BOXES = 300
_DEEPEST = 14


@dataclass(frozen=True)
class _End:
    """An end of a side, and whether it belongs to the box."""

    n: Exact
    d: Exact
    closed: bool


_Box = tuple[tuple[_End, _End], ...]
_Form = dict[tuple[int, ...], Exact]
"""Coefficients of x^(degree − i)·y^i, by the exponents i of each parameter."""


def _has_strict_sign(coefficients: Mapping[Monomial, object], names: list[str], region: Region) -> bool:
    """Whether a polynomial is proven to be positive everywhere in the region's box, or negative everywhere."""
    polynomial = {
        tuple(dict(monomial).get(name, 0) for name in names): Exact.of(q)  # type: ignore[arg-type]
        for monomial, q in coefficients.items()
    }
    pending = [(box, 0) for box in product(*(_sides(region.interval(name)) for name in names))]
    signs: set[int] = set()
    for _ in range(_MOST_BOXES):
        if not pending:
            return True
        box, depth = pending.pop()
        sign = _sign_on(polynomial, box)
        if sign:
            signs.add(sign)
        else:
            pending += [(half, depth + 1) for half in _halves(box, depth % len(names))]
        if len(signs) > 1 or depth > _DEEPEST:
            return False
    return False


def _sides(interval: Interval) -> list[tuple[_End, _End]]:
    """The interval as one side, or two that meet at 0 where it is the whole line."""
    zero, one = Exact.of(0), Exact.of(1)
    lower = _End(-one, zero, False) if interval.lower is None else _End(interval.lower, one, not interval.lower_open)
    upper = _End(one, zero, False) if interval.upper is None else _End(interval.upper, one, not interval.upper_open)
    middle = _End(zero, one, True)
    return [(lower, middle), (middle, upper)] if lower.d.is_zero and upper.d.is_zero else [(lower, upper)]


def _halves(box: _Box, k: int) -> list[_Box]:
    """The box cut across its k-th side; the cut belongs to both halves."""
    start, end = box[k]
    middle = _End(start.n + end.n, start.d + end.d, True)
    return [(*box[:k], side, *box[k + 1 :]) for side in ((start, middle), (middle, end))]


def _sign_on(polynomial: _Form, box: _Box) -> int:
    """1 or −1 where the signs of the coefficients prove it on the whole box, otherwise 0.

    Coefficients that are all ≥ 0, one of them > 0, prove a form positive inside the box; each face that belongs to
    the box needs a positive coefficient of its own.
    """
    degrees = tuple(map(max, zip(*polynomial, strict=True)))
    form = polynomial
    for k, (side, degree) in enumerate(zip(box, degrees, strict=True)):
        form = _transformed(form, k, side, degree)
    signs = {exponents: q.sign() for exponents, q in form.items()}
    if len(set(signs.values()) - {0}) != 1:
        return 0
    support = [exponents for exponents, sign in signs.items() if sign]
    corners = [
        [None, *([0] if start.closed else []), *([degree] if end.closed else [])]
        for (start, end), degree in zip(box, degrees, strict=True)
    ]
    covered = all(
        any(all(at in (None, i) for at, i in zip(face, exponents, strict=True)) for exponents in support)
        for face in product(*corners)
    )
    return max(signs.values(), key=abs) if covered else 0


def _transformed(form: _Form, k: int, side: tuple[_End, _End], degree: int) -> _Form:
    """The form in the homogeneous coordinates of its k-th parameter's side."""
    start, end = side
    rows = [_power_product((start.n, end.n), i, (start.d, end.d), degree - i) for i in range(degree + 1)]
    result: _Form = {}
    for exponents, q in form.items():
        for i, r in enumerate(rows[exponents[k]]):
            key = (*exponents[:k], i, *exponents[k + 1 :])
            result[key] = result.get(key, Exact.of(0)) + q * r
    return result


def _power_product(u: tuple[Exact, Exact], i: int, v: tuple[Exact, Exact], j: int) -> list[Exact]:
    """Coefficients of (u₀x + u₁y)^i·(v₀x + v₁y)^j, by the exponent of y."""
    found = [Exact.of(1)]
    for low, high in [u] * i + [v] * j:
        shifted = zip([*found, Exact.of(0)], [Exact.of(0), *found], strict=True)
        found = [low * p + high * q for p, q in shifted]
    return found
