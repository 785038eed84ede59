"""Values put in for parameters, in coefficients as they are written."""

from __future__ import annotations

from collections.abc import Mapping

from hyperdsl.semantics.model import expressions as e
from hyperdsl.semantics.model.additive import AdditiveDense
from hyperdsl.semantics.model.entries import Entries
from hyperdsl.semantics.model.rosenbrock import RosenbrockDense
from hyperdsl.semantics.model.spec import Dense
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.numbers.polynomials import Polynomial, trimmed


def substituted(entries: Entries, values: Mapping[str, Exact]) -> Entries:
    """The coefficients with `values` put in; what became a number is written as that number."""

    def row(expressions: tuple[e.Expression, ...]) -> tuple[e.Expression, ...]:
        return tuple(_put_in(expression, values) for expression in expressions)

    return Entries(tuple(map(row, entries.a)), row(entries.c), tuple(map(row, entries.weights)))


def dense_with(dense: Dense, values: Mapping[str, Exact]) -> Dense:
    """Dense output with `values` put in; it keeps the order that is proven for all values."""
    weights = _weights_with(dense.weights, values)
    return Dense(dense.order, dense.tableau.substitute(values), substituted(dense.entries, values), weights)


def shared_dense_with(dense: AdditiveDense, values: Mapping[str, Exact]) -> AdditiveDense:
    """The same of an additive method's."""
    written = tuple(_put_in(one, values) for one in dense.written)
    return AdditiveDense(dense.order, _weights_with(dense.weights, values), written)


def stage_dense_with(dense: RosenbrockDense, values: Mapping[str, Exact]) -> RosenbrockDense:
    """The same of a Rosenbrock method's."""
    return RosenbrockDense(dense.order, _weights_with(dense.weights, values))


def _weights_with(weights: tuple[Polynomial, ...], values: Mapping[str, Exact]) -> tuple[Polynomial, ...]:
    return tuple(trimmed([q.substitute(values) for q in weight]) for weight in weights)


def _put_in(expression: e.Expression, values: Mapping[str, Exact]) -> e.Expression:
    match expression:
        case e.Variable(name) if name in values:
            return e.Constant(values[name])
        case e.Negation(operand):
            put = _put_in(operand, values)
            return e.Constant(-put.value) if isinstance(put, e.Constant) else e.Negation(put)
        case e.Function(name, operand):
            return e.Function(name, _put_in(operand, values))
        case e.Binary(operator, left, right):
            return _folded(operator, _put_in(left, values), _put_in(right, values))
        case _:
            return expression


def _folded(operator: e.Operator, left: e.Expression, right: e.Expression) -> e.Expression:
    """A binary expression, or its value where both sides are numbers."""
    if not isinstance(left, e.Constant) or not isinstance(right, e.Constant):
        return e.Binary(operator, left, right)
    x, y = left.value, right.value
    match operator:
        case "+":
            return e.Constant(x + y)
        case "-":
            return e.Constant(x - y)
        case "*":
            return e.Constant(x * y)
        case "/":
            return e.Constant(x / y)
        case "^":
            return e.Constant(x ** int(y.fraction()))
