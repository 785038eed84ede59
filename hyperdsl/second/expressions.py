"""From the syntax tree to sympy's expressions, node by node; no text is parsed but digits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy

from hyperdsl.second.budget import Undecided
from hyperdsl.syntax import nodes as n

Expr = Any
"""A sympy expression; sympy has no types."""


def rational(text: str) -> Expr:
    """The number that digits, a point and an exponent write."""
    mantissa, _, exponent = text.lower().partition("e")
    whole, _, part = mantissa.partition(".")
    power = int(exponent or 0) - len(part)
    digits = sympy.Integer(int(whole + part))
    return digits * sympy.Integer(10) ** power


def symbols(names: tuple[str, ...]) -> dict[str, Expr]:
    """A real symbol for each name."""
    return {name: sympy.Symbol(name, real=True) for name in names}


def expression(node: object, names: Mapping[str, Expr]) -> Expr:
    """The expression with the names put in; Undecided where it has no value."""
    value = _expression(node, names)
    if value.has(sympy.zoo, sympy.oo, sympy.nan, sympy.I):
        raise Undecided("a coefficient is not a real number")
    return value


def _expression(node: object, names: Mapping[str, Expr]) -> Expr:
    match node:
        case n.Number(text):
            return rational(text)
        case n.Name(text) if text in names:
            return names[text]
        case n.Negate(operand):
            return -_expression(operand, names)
        case n.Binary(operator, left, right):
            return _combined(operator, _expression(left, names), _expression(right, names))
        case n.Call(n.Name("sqrt"), (argument,)):
            return sympy.sqrt(_expression(argument.value, names))
        case n.Call(n.Name("cos"), (argument,)):
            return sympy.cos(_expression(argument.value, {**names, "pi": sympy.pi}))
        case _:
            raise Undecided("it has an expression that the second prover cannot read")


def _combined(operator: n.Operator, left: Expr, right: Expr) -> Expr:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
        case "^":
            return left**right
