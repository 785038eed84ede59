"""Exact numbers, expressions and linear combinations as Python text."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from hyperdsl.codegen.expressions import ATOM, PRODUCT, SIGN, Notation, spelled
from hyperdsl.plan import Coefficient, Linear, Weight
from hyperdsl.semantics.model.expressions import Expression, Negation
from hyperdsl.theory.numbers.exact import ONE, Exact

_LARGEST_INTEGER = 2**53
"""Up to here integers are doubles, so that p / q in Python is the double nearest to the rational number."""


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


def weighted_sum(terms: Linear) -> str:
    """Σ coefficient·name, its signs between the terms; "0" without terms."""
    text = ""
    for term in terms:
        sign, factor = _signed(term.coefficient)
        product = f"{factor} * {term.name}" if factor else term.name
        text = f"{text} {sign} {product}" if text else f"{'-' if sign == '-' else ''}{product}"
    return text or "0"


def scaled(coefficient: Coefficient, factor: str) -> tuple[str, str]:
    """The sign of coefficient·factor and its size as text."""
    sign, size = _signed(coefficient)
    return sign, f"{size} * {factor}" if size else factor


def factor(coefficient: Coefficient) -> str:
    """A coefficient with its sign, by itself."""
    if coefficient.value.parameters:
        return written_text(coefficient.written)
    return number(coefficient.value)


def coefficients_text(weight: Weight, width: int) -> str:
    """The coefficients of θ, θ², …, `width` of them, in a weight of dense output: a row of Python numbers."""
    found = [number(q) for q in weight.polynomial[1:]]
    return tuple_text(found + ["0"] * (width - len(found)))


def written_text(expression: Expression) -> str:
    """The expression as the user wrote it, in Python."""
    return spelled(expression, PYTHON)


def _signed(coefficient: Coefficient) -> tuple[str, str]:
    """Sign and size of a coefficient, the size as a factor; "" for one."""
    value = coefficient.value
    if value.parameters:
        negative = isinstance(coefficient.written, Negation)
        written = coefficient.written.operand if isinstance(coefficient.written, Negation) else coefficient.written
        return "-" if negative else "+", spelled(written, PYTHON, PRODUCT)
    sign = "-" if value.sign() < 0 else "+"
    return sign, "" if abs(value) == ONE else number(abs(value))


def _python_constant(value: Exact) -> tuple[str, int]:
    text = number(value)
    return text, PRODUCT if "/" in text else SIGN if text.startswith("-") else ATOM


def _quotient(fraction: Fraction) -> str:
    if fraction.denominator == 1:
        return str(fraction.numerator)
    return f"{fraction.numerator} / {fraction.denominator}"


PYTHON = Notation(str, _python_constant, "**", tight=False)
