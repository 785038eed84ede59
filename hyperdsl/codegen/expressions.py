"""Expressions as the user wrote them, as text in any notation: precedence and parentheses are the same in all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hyperdsl.plan.constants import number_of
from hyperdsl.semantics.model.expressions import (
    Binary,
    Constant,
    Expression,
    Function,
    FunctionName,
    Negation,
    Pi,
    Variable,
    variables,
)
from hyperdsl.theory.numbers.exact import Exact

SUM, PRODUCT, SIGN, POWER, ATOM = range(5)
"""How tightly a text binds, loosest first."""

_LEVELS = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "^": POWER}


@dataclass(frozen=True)
class Notation:
    """How an expression is spelled: names, numbers with how tightly their text binds, and the sign of a power.

    `tight`: no spaces around products. `call` spells functions as they are written, which tableaux have as the number
    that they are, and `pi` that number.
    """

    variable: Callable[[str], str]
    constant: Callable[[Exact], tuple[str, int]]
    power: str
    tight: bool
    call: Callable[[FunctionName, Expression], tuple[str, int]] | None = None
    pi: str = ""


def _exact_constant(value: Exact) -> tuple[str, int]:
    text = str(value)
    return text, ATOM if text.isdigit() else SUM


SPEC = Notation("{{{}}}".format, _exact_constant, "^", tight=True)
"""The language, numbers exact and names in braces for `str.format`."""


def spelled(expression: Expression, notation: Notation, around: int = SUM) -> str:
    """The expression in a notation, in parentheses where something that binds like `around` needs them."""
    text, level = _text(expression, notation)
    return f"({text})" if level < around else text


def _text(expression: Expression, notation: Notation) -> tuple[str, int]:
    """The text and how tightly it binds."""
    match expression:
        case Variable(name):
            return notation.variable(name), ATOM
        case Constant(value):
            return notation.constant(value)
        case Negation(operand):
            return f"-{spelled(operand, notation, SIGN)}", SIGN
        case Binary("^", base, exponent):
            return f"{spelled(base, notation, ATOM)}{notation.power}{spelled(exponent, notation, SIGN)}", POWER
        case Binary(operator, left, right):
            level = _LEVELS[operator]
            between = operator if notation.tight and level == PRODUCT else f" {operator} "
            return f"{spelled(left, notation, level)}{between}{spelled(right, notation, level + 1)}", level
        case Pi() if notation.pi:
            return notation.pi, ATOM
        case Function(name, operand) if notation.call:
            return notation.call(name, operand)
        case Function() if not variables(expression):
            return notation.constant(number_of(expression))
        case _:
            raise ValueError(f"not an expression of a tableau: {expression}")
