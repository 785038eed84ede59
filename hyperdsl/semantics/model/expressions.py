"""Expressions after names are resolved and numbers are exact: what plan, codegen and evaluation read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hyperdsl.theory.numbers.exact import Exact

Operator = Literal["+", "-", "*", "/", "^"]
FunctionName = Literal["sqrt", "sin", "cos", "tan", "exp", "log", "tanh", "abs"]


@dataclass(frozen=True)
class Constant:
    """An exact number."""

    value: Exact


@dataclass(frozen=True)
class Pi:
    """The number π, which problems may use."""


@dataclass(frozen=True)
class Variable:
    """A parameter of a family or problem, a state of a problem, or its time `s`."""

    name: str


@dataclass(frozen=True)
class Negation:
    operand: Expression


@dataclass(frozen=True)
class Binary:
    """`left operator right`; in a tableau the right side of `^` is an integer `Constant`."""

    operator: Operator
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Function:
    name: FunctionName
    operand: Expression


Expression = Constant | Pi | Variable | Negation | Binary | Function


def variables(expression: Expression) -> frozenset[str]:
    """The names of the variables that occur in `expression`."""
    match expression:
        case Variable(name):
            return frozenset({name})
        case Negation(operand) | Function(_, operand):
            return variables(operand)
        case Binary(_, left, right):
            return variables(left) | variables(right)
        case _:
            return frozenset()
