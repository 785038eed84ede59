"""Exact numbers of any real number field: roots of roots, and cos(π·q) for every q of bounded denominator.

`irrational` makes them. They mix freely with other exact numbers, in a field that holds both, but
not with parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache

import flint
from flint import arb, fmpq, fmpq_poly

from hyperdsl.theory.numbers import fields
from hyperdsl.theory.numbers.budget import NotExact, spend
from hyperdsl.theory.numbers.exact import Exact, Number, coerced, guard_digits, irrational_hash, sum_text, term_text
from hyperdsl.theory.numbers.fields import Field, Poly
from hyperdsl.theory.numbers.radicals import Terms, norm

_RATIONALS = fields.rational_field()
_START_BITS = 64


class Algebraic(Exact):
    """An irrational element of a number field, without parameters. Its `terms` do not exist."""

    __slots__ = ("field", "poly")

    def __init__(self, field: Field, poly: Poly) -> None:
        """The polynomial at the field's θ; it is reduced and not constant."""
        self.field = field
        self.poly = poly

    @property
    def terms(self) -> Terms:
        raise NotExact(f"{self} is not a sum of square roots")

    @property
    def is_zero(self) -> bool:
        return False

    @property
    def is_rational(self) -> bool:
        return False

    @property
    def parameters(self) -> frozenset[str]:
        return frozenset()

    def fraction(self) -> Fraction:
        raise NotExact(f"{self} is not a rational number")

    def denominators(self) -> tuple[Exact, ...]:
        return ()

    def __add__(self, other: Exact | Number) -> Exact:
        value = coerced(other)
        if value is None:
            return NotImplemented
        field, x, y = _together(self, value)
        spend()
        return from_field(field, x + y)

    __radd__ = __add__

    def __neg__(self) -> Exact:
        return Algebraic(self.field, -self.poly)

    def __mul__(self, other: Exact | Number) -> Exact:
        value = coerced(other)
        if value is None:
            return NotImplemented
        field, x, y = _together(self, value)
        spend(field.degree)
        return from_field(field, field.times(x, y))

    __rmul__ = __mul__

    def _inverse(self) -> Exact:
        return Algebraic(self.field, self.field.inverse(self.poly))

    def _guard_power(self, exponent: int) -> None:
        guard_digits((*self.poly.coeffs(), *self.field.modulus.coeffs()), exponent)

    def coefficients(self) -> Iterable[fmpq]:
        return list(self.poly.coeffs())

    def substitute(self, values: Mapping[str, Exact]) -> Exact:
        return self

    def __eq__(self, other: object) -> bool:
        value = coerced(other)
        if value is None:
            return NotImplemented
        if value.is_rational or value.parameters:
            return False
        with flint.ctx.workprec(_START_BITS):
            if not self.ball().overlaps(value.ball()):
                return False
        _, x, y = _together(self, value)
        return bool(x == y)

    def __hash__(self) -> int:
        return irrational_hash(self)

    def ball(self) -> arb:
        return self.field.ball(self.poly)

    def __str__(self) -> str:
        return sum_text(term_text(name, q) for name, q in self.field.named_terms(self.poly))


def square_root_of(x: Exact) -> Exact:
    """√x of an irrational x > 0."""
    if x.sign() < 0:
        raise NotExact(f"sqrt({x}) is not a real number")
    denested = _denested(x)
    if denested is not None:
        return denested
    field, (poly,) = in_common_field([x])
    _, root, larger = _square_root(field, tuple(poly.coeffs()), f"sqrt({x})")
    return from_field(larger, root)


@lru_cache(maxsize=1024)
def _square_root(field: Field, coefficients: tuple[fmpq, ...], text: str) -> tuple[Poly, Poly, Field]:
    return fields.square_root(field, fmpq_poly(list(coefficients)), text)


def _denested(x: Exact) -> Exact | None:
    """√(a + b√d) where it is a sum of square roots of rationals, which is so where a² − b²d is a square."""
    if isinstance(x, Algebraic) or len(x.terms) > 2 or 1 not in x.terms:
        return None
    a = x.terms[1]
    (d,) = set(x.terms) - {1}
    difference = a * a - x.terms[d] ** 2 * d
    if difference < 0 or not (difference.p.is_square() and difference.q.is_square()):
        return None
    half = fmpq(difference.p.isqrt(), difference.q.isqrt()) / 2
    larger, smaller = (Exact.sqrt(Exact.of(a / 2 + sign * half)) for sign in (1, -1))
    return larger + smaller if x.terms[d] > 0 else larger - smaller


def cosine_of(q: Fraction) -> Exact:
    """cos(π·q), 0 ≤ q < 2, of a denominator ≥ 3."""
    field = fields.cosine_field(q.denominator)
    return from_field(field, fields.cosine(field, q.numerator))


def rational_multiple(polynomial: Sequence[Exact]) -> Poly:
    """A polynomial over Q of which this one, of sums of square roots and not zero, is a factor: its norm."""
    radicands = {d for q in polynomial for d in q.terms}
    return norm({d: fmpq_poly([q.terms.get(d, fmpq(0)) for q in polynomial]) for d in radicands})


def in_common_field(values: Sequence[Exact]) -> tuple[Field, list[Poly]]:
    """A field that holds these numbers, and each one as a polynomial in its θ; NotExact where one has parameters."""
    if any(value.parameters for value in values):
        raise NotExact("roots of roots and cosines do not go together with parameters")
    sources: dict[Field, None] = {}
    for value in values:
        sources.update(dict.fromkeys(_fields_of(value)))
    field, images = fields.common_field(tuple(sources)) if sources else (_RATIONALS, ())
    places = dict(zip(sources, images, strict=True))
    return field, [_placed(value, field, places) for value in values]


def _fields_of(value: Exact) -> list[Field]:
    if isinstance(value, Algebraic):
        return [value.field]
    return [fields.quadratic_field(d) for d in value.terms if d != 1]


def _placed(value: Exact, field: Field, places: Mapping[Field, Poly]) -> Poly:
    if isinstance(value, Algebraic):
        return value.poly if value.field is field else field.at(value.poly, places[value.field])
    total = fmpq_poly([0])
    for d, q in value.terms.items():
        total += q if d == 1 else q * places[fields.quadratic_field(d)]
    return total


def _together(x: Algebraic, y: Exact) -> tuple[Field, Poly, Poly]:
    if isinstance(y, Algebraic) and x.field is y.field:
        return x.field, x.poly, y.poly
    if y.is_rational:
        return x.field, x.poly, fmpq_poly([y.terms.get(1, fmpq(0))])
    field, (left, right) = in_common_field([x, y])
    return field, left, right


def from_field(field: Field, poly: Poly) -> Exact:
    """A polynomial in the field's θ, of less than the field's degree, as a number."""
    return Algebraic(field, poly) if poly.degree() > 0 else Exact.of(poly[0])
