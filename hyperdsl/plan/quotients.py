"""Exact numbers that depend on parameters, as the expressions that compute them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from flint import fmpq

from hyperdsl.semantics.model.expressions import Binary, Constant, Expression, Negation, Variable
from hyperdsl.semantics.model.sums import product, quotient
from hyperdsl.theory.numbers.exact import ONE, Exact
from hyperdsl.theory.numbers.functions import Monomial, Polynomial, RationalFunction, terms


def expression_of(value: Exact) -> Expression:
    """The number itself, or the quotient of polynomials in its parameters that it is, times square roots."""
    if not value.parameters:
        return Constant(value)
    return _sum(
        product(_scalar(q), Constant(Exact({radicand: fmpq(1)})) if radicand > 1 else Constant(ONE))
        for radicand, q in sorted(value.terms.items())
    )


def _scalar(q: RationalFunction | fmpq) -> Expression:
    if not isinstance(q, RationalFunction):
        return Constant(Exact({1: q}))
    return quotient(_polynomial(q.numerator), _polynomial(q.denominator))


def _polynomial(polynomial: Polynomial) -> Expression:
    return _sum(_term(monomial, Exact.of(q)) for monomial, q in terms(polynomial))


def _term(monomial: Monomial, q: Exact) -> Expression:
    if not monomial:
        return Constant(q)
    powers: Iterable[Expression] = (
        Variable(name) if n == 1 else Binary("^", Variable(name), Constant(Exact.of(n))) for name, n in monomial
    )
    power = reduce(product, powers)
    return Negation(power) if q == -ONE else product(Constant(q), power)


def _sum(parts: Iterable[Expression]) -> Expression:
    """The sum, a negative number taken away where another stands before it."""
    first, *others = parts
    return reduce(_added, others, first)


def _added(found: Expression, part: Expression) -> Expression:
    match part:
        case Negation(operand):
            return Binary("-", found, operand)
        case Constant(value) if value.sign() < 0:
            return Binary("-", found, Constant(-value))
        case Binary("*", Constant(value), power) if value.sign() < 0:
            return Binary("-", found, product(Constant(-value), power))
        case _:
            return Binary("+", found, part)
