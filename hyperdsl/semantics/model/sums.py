"""Expressions put together as a reader would write them: without zeros, and without factors of one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from hyperdsl.semantics.model.expressions import Binary, Constant, Expression
from hyperdsl.theory.numbers.exact import ONE, ZERO


def is_zero(expression: Expression) -> bool:
    """Whether it is the number zero."""
    return isinstance(expression, Constant) and expression.value.is_zero


def total(terms: Iterable[Expression]) -> Expression:
    """The sum of the terms."""
    kept = [term for term in terms if not is_zero(term)]
    start: Expression = kept[0] if kept else Constant(ZERO)
    return reduce(lambda found, term: Binary("+", found, term), kept[1:], start)


def less(start: Expression, terms: Iterable[Expression]) -> Expression:
    """What is left of a start without the terms."""
    return reduce(lambda found, term: found if is_zero(term) else Binary("-", found, term), terms, start)


def product(left: Expression, right: Expression) -> Expression:
    """left · right."""
    if is_zero(left) or is_zero(right):
        return Constant(ZERO)
    if left == Constant(ONE):
        return right
    return left if right == Constant(ONE) else Binary("*", left, right)


def quotient(above: Expression, below: Expression) -> Expression:
    """above / below."""
    return above if below == Constant(ONE) else Binary("/", above, below)
