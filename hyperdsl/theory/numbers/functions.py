"""Rational functions over Q in named parameters: the coefficients of exact numbers that depend on parameters."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from flint import Ordering, fmpq, fmpq_mpoly_ctx, fmpz

from hyperdsl.theory.numbers.budget import MOST_DEGREE, MOST_TERMS, OutOfReach, spend

Polynomial = Any
"""A flint fmpq_mpoly, in lexicographic order of its parameters' sorted names."""

Scalar = Any
"""A flint fmpq, or a RationalFunction that is not constant."""


class RationalFunction:
    """A quotient of two coprime polynomials, the denominator's leading coefficient 1: one form for each function.

    Results that are constant come back as plain fmpq, so `RationalFunction` always depends on a parameter.
    """

    __slots__ = ("denominator", "numerator")

    def __init__(self, numerator: Polynomial, denominator: Polynomial) -> None:
        self.numerator = numerator
        self.denominator = denominator

    @staticmethod
    def parameter(name: str) -> RationalFunction:
        """The parameter itself, as a function."""
        context = fmpq_mpoly_ctx.get((name,), Ordering.lex)
        return RationalFunction(context.gen(0), context.constant(1))

    @property
    def parameters(self) -> frozenset[str]:
        """Names of the parameters that occur."""
        return _used(self.numerator) | _used(self.denominator)

    def __add__(self, other: Scalar) -> Scalar:
        if isinstance(other, fmpq):
            return RationalFunction(self.numerator + other * self.denominator, self.denominator)
        a, b, c, d = _together(self, other)
        return _add(a, b, c, d)

    __radd__ = __add__

    def __neg__(self) -> RationalFunction:
        return RationalFunction(-self.numerator, self.denominator)

    def __sub__(self, other: Scalar) -> Scalar:
        return self + -other

    def __rsub__(self, other: Scalar) -> Scalar:
        return -self + other

    def __mul__(self, other: Scalar | int) -> Scalar:
        if isinstance(other, fmpq | int):
            return RationalFunction(self.numerator * other, self.denominator) if other else fmpq(0)
        a, b, c, d = _together(self, other)
        return _product(a, b, c, d)

    __rmul__ = __mul__

    def __truediv__(self, other: Scalar) -> Scalar:
        return self * (1 / other)

    def __rtruediv__(self, other: Scalar | int) -> Scalar:
        return _monic(self.denominator * other, self.numerator) if other else fmpq(0)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RationalFunction):
            return False
        a, b, c, d = _together(self, other)
        return bool(a == c and b == d)

    def __hash__(self) -> int:
        return hash((frozenset(terms(self.numerator)), frozenset(terms(self.denominator))))

    def __str__(self) -> str:
        """Both parts with integer coefficients: `(2*alpha - 1)/(2*alpha)`."""
        numerator, denominator = _integral(self.numerator, self.denominator)
        above = polynomial_text(numerator)
        if denominator.is_one():
            return above
        below = polynomial_text(denominator)
        above = f"({above})" if len(numerator) > 1 else above
        bare = len(denominator) == 1 and "*" not in below
        return f"{above}/{below}" if bare else f"{above}/({below})"

    @property
    def is_sum(self) -> bool:
        """Whether the text is a sum, which a factor beside it must put in parentheses."""
        return bool(self.denominator.is_one()) and len(self.numerator) > 1


Monomial = tuple[tuple[str, int], ...]
"""((name, exponent), …), exponents ≥ 1."""


def terms(polynomial: Polynomial) -> Iterator[tuple[Monomial, Any]]:
    """Each monomial and its coefficient, the leading one first."""
    names = polynomial.context().names()
    for exponents, coefficient in polynomial.terms():
        yield tuple((name, int(e)) for name, e in zip(names, exponents, strict=True) if e), coefficient


def factors(polynomial: Polynomial) -> list[Polynomial]:
    """The distinct irreducible factors over Q, each with coprime integer coefficients and a positive leading one."""
    return [primitive(factor) for factor, _ in polynomial.factor()[1]]


def primitive(polynomial: Polynomial) -> Polynomial:
    """The multiple with coprime integer coefficients and a positive leading coefficient."""
    coefficients = polynomial.coeffs()
    common, divisor = fmpz(1), fmpz(0)
    for q in coefficients:
        common = common.lcm(q.q)
    for q in coefficients:
        divisor = divisor.gcd((q * common).p)
    sign = 1 if coefficients[0] > 0 else -1
    return polynomial * (fmpq(common, divisor) * sign)


def power_size(polynomial: Polynomial, exponent: int) -> int:
    """The number of monomials that a power's degrees leave room for."""
    return prod(int(degree) * exponent + 1 for degree in polynomial.degrees())


def polynomial_text(polynomial: Polynomial) -> str:
    """A polynomial as one would write it: `6*u*v - 4*u - 4*v + 3`."""
    text = ""
    for monomial, coefficient in terms(polynomial):
        powers = [name if e == 1 else f"{name}^{e}" for name, e in monomial]
        size = abs(coefficient)
        part = "*".join([*([str(size)] if size != 1 or not powers else []), *powers])
        sign = "-" if coefficient < 0 else "+"
        text += f" {sign} {part}" if text else f"{'-' if coefficient < 0 else ''}{part}"
    return text or "0"


def _used(polynomial: Polynomial) -> frozenset[str]:
    names = polynomial.context().names()
    return frozenset(name for name, degree in zip(names, polynomial.degrees(), strict=True) if degree > 0)


def _together(x: RationalFunction, y: RationalFunction) -> tuple[Polynomial, Polynomial, Polynomial, Polynomial]:
    """Both functions' parts in one ring, whose parameters are those of both."""
    a, b, c, d = x.numerator, x.denominator, y.numerator, y.denominator
    here, there = a.context(), c.context()
    if here is there:
        return a, b, c, d
    names = tuple(sorted({*here.names(), *there.names()}))
    ring = fmpq_mpoly_ctx.get(names, Ordering.lex)
    return (
        a.project_to_context(ring),
        b.project_to_context(ring),
        c.project_to_context(ring),
        d.project_to_context(ring),
    )


def _guard(a: Polynomial, b: Polynomial, c: Polynomial, d: Polynomial) -> None:
    """Refuse an operation on a/b and c/d whose products would be too large."""
    products = max(len(a), len(b)) * max(len(c), len(d))
    degree = max(sum(map(int, p.degrees())) for p in (a, b)) + max(sum(map(int, p.degrees())) for p in (c, d))
    if products > MOST_TERMS or degree > MOST_DEGREE:
        raise OutOfReach("an expression in parameters of too many terms or too high a degree")
    spend(10 + products)


def _add(a: Polynomial, b: Polynomial, c: Polynomial, d: Polynomial) -> Scalar:
    """a/b + c/d; only the gcd of the denominators can cancel (Henrici 1956)."""
    _guard(a, b, c, d)
    if b == d:
        return _quotient(a + c, b)
    common = b.gcd(d)
    if common.is_one():
        return _collapsed(a * d + b * c, b * d)
    left, right = b / common, d / common
    above = a * right + c * left
    shared = above.gcd(common)
    return _collapsed(above / shared, left * (d / shared))


def _product(a: Polynomial, b: Polynomial, c: Polynomial, d: Polynomial) -> Scalar:
    """(a/b)·(c/d), cancelled crosswise."""
    _guard(a, b, c, d)
    if not d.is_one():
        shared = a.gcd(d)
        a, d = a / shared, d / shared
    if not b.is_one():
        shared = c.gcd(b)
        c, b = c / shared, b / shared
    return _collapsed(a * c, b * d)


def _quotient(a: Polynomial, b: Polynomial) -> Scalar:
    shared = a.gcd(b)
    return _collapsed(a / shared, b / shared)


def _monic(numerator: Polynomial, denominator: Polynomial) -> Scalar:
    leading = denominator.leading_coefficient()
    return _collapsed(numerator / leading, denominator / leading)


def _collapsed(numerator: Polynomial, denominator: Polynomial) -> Scalar:
    """The function of two coprime polynomials, or its value where it is constant."""
    if numerator.is_constant() and denominator.is_constant():
        return numerator.leading_coefficient() if numerator else fmpq(0)
    return RationalFunction(numerator, denominator)


def _integral(numerator: Polynomial, denominator: Polynomial) -> tuple[Polynomial, Polynomial]:
    """Both parts times the rational number that makes their coefficients coprime integers."""
    common, divisor = fmpz(1), fmpz(0)
    coefficients = [*numerator.coeffs(), *denominator.coeffs()]
    for q in coefficients:
        common = common.lcm(q.q)
    for q in coefficients:
        divisor = divisor.gcd((q * common).p)
    scale = fmpq(common, divisor)
    return numerator * scale, denominator * scale
