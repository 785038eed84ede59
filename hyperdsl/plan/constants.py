"""Expressions of a tableau without parameters as the exact numbers that they are."""

from __future__ import annotations

from hyperdsl.semantics.model.expressions import Binary, Constant, Expression, Function, Negation, Pi
from hyperdsl.theory.numbers import irrational
from hyperdsl.theory.numbers.exact import Exact

_PI = Exact.parameter("pi")
"""π within the argument of a cosine, from which it can be divided out."""


def folded(expression: Expression) -> Expression:
    """The expression with each part that has no parameter as one exact constant, to be rounded once where it is read.

    ValueError where a part is no number of a tableau.
    """
    match expression:
        case Negation(operand):
            found = folded(operand)
            return Constant(-found.value) if isinstance(found, Constant) else Negation(found)
        case Binary(sign, left, right):
            first, second = folded(left), folded(right)
            whole = Binary(sign, first, second)
            constant = isinstance(first, Constant) and isinstance(second, Constant)
            return Constant(number_of(whole)) if constant else whole
        case Function():
            return Constant(number_of(expression))
        case _:
            return expression


def number_of(expression: Expression) -> Exact:
    """The number; a function is a square root, or the cosine of a rational part of π.

    ValueError where the expression has a parameter, or is no number of a tableau.
    """
    match expression:
        case Constant(value):
            return value
        case Pi():
            return _PI
        case Negation(operand):
            return -number_of(operand)
        case Binary("^", base, exponent):
            return number_of(base) ** int(number_of(exponent).fraction())
        case Binary("+", left, right):
            return number_of(left) + number_of(right)
        case Binary("-", left, right):
            return number_of(left) - number_of(right)
        case Binary("*", left, right):
            return number_of(left) * number_of(right)
        case Binary("/", left, right):
            return number_of(left) / number_of(right)
        case Function("sqrt", operand):
            return irrational.sqrt(number_of(operand))
        case Function("cos", operand):
            return irrational.cos_pi((number_of(operand) / _PI).fraction())
        case _:
            raise ValueError(f"not a number of a tableau: {expression}")
