"""Exact numbers and expressions as Python text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from hyperdsl.plan import Coefficient, Term, Weight
from hyperdsl.semantics.expressions import Binary, Constant, Expression, Function, Negation, Pi, Variable, variables
from hyperdsl.theory.exact import ONE, Exact

_LARGEST_INTEGER = 2**53
"""Up to here integers are doubles, so that p / q in Python is the double nearest to the rational number."""

PI = Exact.parameter("pi")
"""π within the argument of a cosine, from which it can be divided out."""

_SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(5)
"""How tightly a text binds, loosest first."""

_LEVELS = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "^": _POWER}


def number(value: Exact) -> str:
    """The double nearest to `value`: as a quotient or integer where one is exact, else in its shortest decimals."""
    if value.is_rational:
        fraction = value.fraction()
        if max(abs(fraction.numerator), fraction.denominator) < _LARGEST_INTEGER:
            return _quotient(fraction)
    return repr(float(value))


def tuple_text(parts: Sequence[str]) -> str:
    """A Python tuple of these."""
    return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"


def weighted_sum(terms: tuple[Term, ...]) -> str:
    """Σ coefficient·stage, its signs between the terms; "0" without terms."""
    text = ""
    for term in terms:
        sign, factor = _signed(term.coefficient)
        product = f"{factor} * {term.stage}" if factor else term.stage
        text = f"{text} {sign} {product}" if text else f"{'-' if sign == '-' else ''}{product}"
    return text or "0"


def scaled(coefficient: Coefficient, factor: str) -> tuple[str, str]:
    """The sign of coefficient·factor and its size as text."""
    sign, size = _signed(coefficient)
    return sign, f"{size} * {factor}" if size else factor


def coefficients_text(weight: Weight, width: int) -> str:
    """The coefficients of θ, θ², …, `width` of them, in a weight of dense output: a row of Python numbers."""
    found = [number(q) for q in weight.polynomial[1:]]
    found += ["0"] * (width - len(found))
    return f"({found[0]},)" if width == 1 else f"({', '.join(found)})"


def written_text(expression: Expression, notation: Notation | None = None) -> str:
    """The expression as the user wrote it, in Python unless another notation is asked for."""
    return _expression(expression, _SUM, notation or PYTHON)


def _signed(coefficient: Coefficient) -> tuple[str, str]:
    """Sign and size of a coefficient, the size as a factor; "" for one."""
    value = coefficient.value
    if value.parameters:
        negative = isinstance(coefficient.written, Negation)
        written = coefficient.written.operand if isinstance(coefficient.written, Negation) else coefficient.written
        return "-" if negative else "+", _expression(written, _PRODUCT, PYTHON)
    sign = "-" if value.sign() < 0 else "+"
    return sign, "" if abs(value) == ONE else number(abs(value))


def _python_constant(value: Exact) -> tuple[str, int]:
    text = number(value)
    return text, _PRODUCT if "/" in text else _SIGN if text.startswith("-") else _ATOM


def _exact_constant(value: Exact) -> tuple[str, int]:
    text = str(value)
    return text, _ATOM if text.isdigit() else _SUM


@dataclass(frozen=True)
class Notation:
    """How an expression is spelled: names, numbers with how tightly their text binds, and the sign of a power.

    `tight`: no spaces around products.
    """

    variable: Callable[[str], str]
    constant: Callable[[Exact], tuple[str, int]]
    power: str
    tight: bool


PYTHON = Notation(str, _python_constant, "**", tight=False)
SPEC = Notation("{{{}}}".format, _exact_constant, "^", tight=True)
"""The language, numbers exact and names in braces for `str.format`."""


def _quotient(fraction: Fraction) -> str:
    if fraction.denominator == 1:
        return str(fraction.numerator)
    return f"{fraction.numerator} / {fraction.denominator}"


def _expression(expression: Expression, around: int, notation: Notation) -> str:
    """The expression as the user wrote it, in parentheses where something that binds like `around` needs them."""
    text, level = _text(expression, notation)
    return f"({text})" if level < around else text


def _text(expression: Expression, notation: Notation) -> tuple[str, int]:
    """The text and how tightly it binds."""
    match expression:
        case Variable(name):
            return notation.variable(name), _ATOM
        case Constant(value):
            return notation.constant(value)
        case Negation(operand):
            return f"-{_expression(operand, _SIGN, notation)}", _SIGN
        case Binary("^", base, exponent):
            power = f"{_expression(base, _ATOM, notation)}{notation.power}{_expression(exponent, _SIGN, notation)}"
            return power, _POWER
        case Binary(operator, left, right):
            level = _LEVELS[operator]
            between = operator if notation.tight and level == _PRODUCT else f" {operator} "
            return f"{_expression(left, level, notation)}{between}{_expression(right, level + 1, notation)}", level
        case Function() if not variables(expression):
            return notation.constant(_value(expression))
        case _:
            raise ValueError(f"not an expression of a tableau: {expression}")


def _value(expression: Expression) -> Exact:
    """The number that a function of numbers is: a square root, or the cosine of a rational part of π."""
    match expression:
        case Constant(value):
            return value
        case Pi():
            return PI
        case Negation(operand):
            return -_value(operand)
        case Binary("^", base, exponent):
            return _value(base) ** int(_value(exponent).fraction())
        case Binary("+", left, right):
            return _value(left) + _value(right)
        case Binary("-", left, right):
            return _value(left) - _value(right)
        case Binary("*", left, right):
            return _value(left) * _value(right)
        case Binary("/", left, right):
            return _value(left) / _value(right)
        case Function("sqrt", operand):
            return Exact.sqrt(_value(operand))
        case Function("cos", operand):
            return Exact.cos_pi((_value(operand) / PI).fraction())
        case _:
            raise ValueError(f"not a number of a tableau: {expression}")
