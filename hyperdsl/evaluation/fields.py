"""Vector fields from checked expressions, built node by node: no text of a user is ever evaluated."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, assert_never

import torch
from torch import Tensor

from hyperdsl.semantics.model.expressions import (
    Binary,
    Constant,
    Expression,
    Function,
    Negation,
    Operator,
    Pi,
    Variable,
)
from hyperdsl.theory.numbers.exact import Exact

Value: TypeAlias = Tensor | float
Scope: TypeAlias = Mapping[str, Value]
Node: TypeAlias = Callable[[Scope], Value]

_LARGEST_EXPONENT = 2**31


def field_of(
    derivatives: Sequence[Expression], states: Sequence[str], inputs: Sequence[str], constants: Mapping[str, float]
) -> Callable[..., Tensor]:
    """The field with these right-hand sides, in the order of `states`: f(s, z), or f(s, x, z) where it has inputs.

    z is [*batch, len(states)] and x is [*batch, len(inputs)]; `s` is the time in every expression.
    """
    nodes = [_node(derivative, constants) for derivative in derivatives]

    def evaluate(s: Value, z: Tensor, scope: dict[str, Value]) -> Tensor:
        scope.update(zip(states, z.unbind(-1), strict=True), s=s)
        zero = torch.zeros_like(z[..., 0])  # gives constant right-hand sides the batch's shape
        return torch.stack([zero + node(scope) for node in nodes], -1).to(z.dtype)

    def autonomous_or_not(s: Value, z: Tensor) -> Tensor:
        return evaluate(s, z, {})

    def with_inputs(s: Value, x: Tensor, z: Tensor) -> Tensor:
        return evaluate(s, z, dict(zip(inputs, x.unbind(-1), strict=True)))

    return with_inputs if inputs else autonomous_or_not


def _node(expression: Expression, constants: Mapping[str, float]) -> Node:
    match expression:
        case Constant(value):
            return _always(float(value))
        case Pi():
            return _always(math.pi)
        case Variable(name):
            return _always(constants[name]) if name in constants else lambda scope: scope[name]
        case Negation(operand):
            inner = _node(operand, constants)
            return lambda scope: -inner(scope)
        case Binary("^", base, Constant(exponent)) if _is_small_integer(exponent):
            inner, power = _node(base, constants), int(exponent.fraction())
            return lambda scope: _tensor(inner(scope)) ** power
        case Binary(operator, left, right):
            return _binary(operator, _node(left, constants), _node(right, constants))
        case Function(name, operand):
            inner, function = _node(operand, constants), _FUNCTIONS[name]
            return lambda scope: function(_tensor(inner(scope)))
        case _:
            assert_never(expression)


def _is_small_integer(value: Exact) -> bool:
    """Whether torch takes it for an integer exponent; larger ones are even as doubles, too."""
    return value.is_rational and value.fraction().denominator == 1 and abs(value) <= _LARGEST_EXPONENT


def _always(value: float) -> Node:
    return lambda scope: value


def _binary(operator: Operator, left: Node, right: Node) -> Node:
    match operator:
        case "+":
            return lambda scope: left(scope) + right(scope)
        case "-":
            return lambda scope: left(scope) - right(scope)
        case "*":
            return lambda scope: left(scope) * right(scope)
        case "/":
            return lambda scope: _tensor(left(scope)) / right(scope)
        case "^":
            return lambda scope: torch.pow(_tensor(left(scope)), right(scope))
        case _:
            assert_never(operator)


def _tensor(value: Value) -> Tensor:
    """Numbers as 0-d float64 tensors, which leave the dtype of a batch alone and divide by zero to infinity."""
    return value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)


_FUNCTIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "sqrt": torch.sqrt,
    "sin": torch.sin,
    "cos": torch.cos,
    "tan": torch.tan,
    "exp": torch.exp,
    "log": torch.log,
    "tanh": torch.tanh,
    "abs": torch.abs,
}
