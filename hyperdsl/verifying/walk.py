"""A plan's step on formal values: what the generated one has to compute, with the doubles nearest to its coefficients.

It reads the step language itself, and shares nothing with what prints steps.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from hyperdsl.plan.constants import number_of
from hyperdsl.plan.passes import needed
from hyperdsl.plan.step import (
    STATE,
    Coefficient,
    Combine,
    Estimate,
    Evaluate,
    Learn,
    Linear,
    Linearise,
    Resolve,
    Solve,
    Statement,
    Step,
    Weight,
    defined,
)
from hyperdsl.semantics.model.expressions import Binary, Constant, Expression, Function, Negation, Variable, variables
from hyperdsl.theory.numbers.exact import ZERO, Exact
from hyperdsl.verifying.formal import EPS, THETA, TIME, Formal, World, formal, known, parameter

_EPS, _TIME, _THETA, _STATE = parameter(EPS), parameter(TIME), parameter(THETA), known(STATE)
_DENSE = "theta"
"""What weights of dense output call their variable."""

_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


@dataclass(frozen=True)
class Start:
    """Where a step starts, and its size."""

    s: Formal = _TIME
    z: Formal = _STATE
    eps: Formal = _EPS


class Walk:
    """The values of a step's names, as far as they have been asked for; `taken` are those that the step takes."""

    def __init__(
        self,
        world: World,
        step: Step,
        parameters: Mapping[str, Formal],
        taken: Mapping[str, Formal],
        start: Start | None = None,
    ) -> None:
        self.world, self.step, self.parameters, self.start = world, step, parameters, start or Start()
        self.values: dict[str, Formal] = {STATE: self.start.z, **taken}
        self.evaluated: dict[str, str] = {}
        """What the world calls the evaluation that a statement is."""

    def run(self, *sums: Linear, also: Iterable[str] = ()) -> None:
        """Make all that these sums and names depend on."""
        for statement in needed(self.step, *sums, also=also):
            if not self.values.keys() >= {*defined(statement)}:
                self._make(statement)

    def total(self, linear: Linear) -> Formal:
        """The value of a sum."""
        self.run(linear)
        return self._sum(linear)

    def error(self, estimate: Estimate) -> Formal:
        """The value of an estimate, without what stiffness adds where it is filtered."""
        total = self.total(estimate.error)
        if estimate.gamma is None:
            return total
        slope = self.start.eps * self.values[self.step.takes[0]] if estimate.doubtful else None
        return self.world.filtered(self.world.f, self.start.eps, self.coefficient(estimate.gamma), total, slope)

    def value(self, name: str) -> Formal:
        """The value of a name."""
        self.run(also=(name,))
        return self.values[name]

    def dense(self) -> Formal:
        """Dense output less z: ε Σ weights(θ)·slopes."""
        assert self.step.dense is not None
        parts = [self.start.eps * self._weight(weight) * self.value(weight.name) for weight in self.step.dense.weights]
        return sum(parts, formal(0))

    def _make(self, statement: Statement) -> None:
        match statement:
            case Evaluate(name):
                field = self.world.f.of(statement.field)
                self.values[name] = field(self._time(statement.node), self._sum(statement.of), name)
                (self.evaluated[name],) = self.values[name].terms
            case Linearise():
                self._linearise(statement)
            case Resolve(name, matrix, of):
                self.values[name] = self.world.resolved(self.values[matrix], self._sum(of))
            case Combine(name, linear):
                self.values[name] = self._sum(linear)
            case Solve():
                self._solve(statement)
            case Learn(name):
                self.values[name] = self._learned(statement)

    def _solve(self, statement: Solve) -> None:
        """Equations that read one another: each is its time, what is known of its state, and its weights."""
        names, equations = defined(statement), []
        field = self.world.f.of(statement.equations[0].field)
        for equation in statement.equations:
            own = {term.name: self.coefficient(term.coefficient) for term in equation.of if term.name in names}
            start = self._sum(tuple(term for term in equation.of if term.name not in names))
            equations.append((self._time(equation.node), start, tuple(own.get(name, formal(0)) for name in names)))
        for name, slope in zip(names, self.world.solved(field, self.start.eps, *equations), strict=True):
            self.values[name] = slope
            (self.evaluated[name],) = slope.terms

    def _linearise(self, statement: Linearise) -> None:
        s = self.start.s + formal(_nearest(statement.node)) * self.start.eps
        size = self.coefficient(statement.ratio) * self.start.eps
        matrix, drift = self.world.linear(self.world.f, s, self.values[statement.state], size)
        self.values |= {statement.matrix: matrix, statement.drift: drift}

    def _learned(self, statement: Learn) -> Formal:
        size, node = formal(_nearest(statement.size)), formal(_nearest(statement.node))
        reads = [self.values[name] for name in statement.reads]
        s = self.start.s + node * self.start.eps
        return self.world.g(size * self.start.eps, s, None, self.values[statement.state], *reads, **self.parameters)

    def _sum(self, linear: Linear) -> Formal:
        parts = [
            self.coefficient(term.coefficient) * self.start.eps**term.power * self.values[term.name] for term in linear
        ]
        return sum(parts, formal(0))

    def _time(self, node: Coefficient) -> Formal:
        return self.start.s + self.coefficient(node) * self.start.eps

    def coefficient(self, coefficient: Coefficient) -> Formal:
        """The double nearest to it, or the expression that gives it at run time."""
        if not coefficient.value.parameters:
            return formal(_nearest(coefficient.value))
        _same(coefficient.written, coefficient.value)
        return formal(_written(coefficient.written, self.parameters, _nearest))

    def _weight(self, weight: Weight) -> Formal:
        """θ and its powers with the doubles nearest to their coefficients, or as written where those are no numbers."""
        if not any(q.parameters for q in weight.polynomial):
            parts = [formal(_nearest(q)) * _THETA**power for power, q in enumerate(weight.polynomial)]
            return sum(parts, formal(0))
        theta = Exact.parameter(_DENSE)
        _same(weight.written, sum((q * theta**power for power, q in enumerate(weight.polynomial)), ZERO))
        return formal(_written(weight.written, {**self.parameters, _DENSE: _THETA}, _nearest))


def _nearest(value: Exact) -> int | float:
    """Integers as they are, as Python writes them; otherwise the nearest double."""
    if value.is_rational and value.fraction().denominator == 1 and abs(value.fraction()) < Fraction(2**53):
        return int(value.fraction())
    return float(value)


def _same(written: Expression, value: Exact) -> None:
    """RuntimeError where an expression is not the coefficient that it is written for: a fault of hyperdsl."""
    names = {name: Exact.parameter(name) for name in variables(written)}
    if _written(written, names, lambda number: number) != value:
        raise RuntimeError(f"{written} is not {value}")


def _written(expression: Expression, parameters: Mapping[str, Any], number: Callable[[Exact], Any]) -> Any:
    """The expression as Python computes it where numbers are written so."""
    match expression:
        case Variable(name):
            return parameters[name]
        case Constant(value):
            return number(value)
        case Negation(operand):
            return -_written(operand, parameters, number)
        case Binary("^", base, exponent) if not variables(exponent):
            return _written(base, parameters, number) ** int(number_of(exponent).fraction())
        case Binary(sign, left, right):
            return _OPERATIONS[sign](_written(left, parameters, number), _written(right, parameters, number))
        case Function():
            return number(number_of(expression))
        case _:
            raise RuntimeError(f"not an expression of a tableau: {expression}")
