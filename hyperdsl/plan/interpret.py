"""Runs a step on values: the reference for generated code, of any back end.

Values are whatever has + and *: tensors, arrays, floats. The order of operations is that of the code which the PyTorch
backend prints for fixed steps, so that the results are the same to the last bit.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from hyperdsl.plan.constants import number_of
from hyperdsl.plan.passes import needed
from hyperdsl.plan.step import (
    STATE,
    Coefficient,
    Combine,
    Evaluate,
    Learn,
    Linear,
    Linearise,
    Resolve,
    Solve,
    Statement,
    Step,
)
from hyperdsl.semantics.model.expressions import Binary, Expression, Negation, Variable, variables
from hyperdsl.theory.numbers.exact import ONE

Value: TypeAlias = Any
"""A number, an array or a tensor: the interpreter asks for arithmetic only."""

VectorField: TypeAlias = Callable[[Value, Value], Value]
"""f(s, z); a step of an additive method reads its attributes `explicit` and `implicit` too."""

Network: TypeAlias = Callable[..., Value]
"""g(ε, s, z, *reads)."""

Lineariser: TypeAlias = Callable[[VectorField, Value, Value, Value], tuple[Callable[[Value], Value], Value]]
"""(f, s, z, size) to what solves (I − size·∂f/∂z) x = r for x, and ∂f/∂s."""

ITERATIONS = 60
"""Rounds of the functional iteration that solves equations: it has ended where ε‖A‖‖∂f/∂z‖ is below a half."""


@dataclass(frozen=True)
class Outcome:
    """The state at the end of a step, what the next step takes, and the errors by the step's estimates."""

    end: Value
    given: tuple[Value, ...]
    errors: tuple[Value, ...]


class Interpreter:
    """A step, with numbers for its free and learned parameters, ready to be run.

    Equations are solved by functional iteration in a fixed number of rounds, whatever the step asks for: it needs no
    derivatives, and converges only where the equations are not stiff.
    """

    def __init__(self, step: Step, parameters: Mapping[str, Value] | None = None) -> None:
        """KeyError where a parameter of the step has no value."""
        given = parameters or {}
        errors = tuple(estimate.error for estimate in step.estimates)
        self.step = step
        self._run = [_statement(one, given) for one in needed(step, step.end, *errors, also=step.gives)]
        self._end = _combination(step.end, given)
        self._errors = [_combination(error, given) for error in errors]

    def __call__(
        self,
        f: VectorField,
        s: Value,
        z: Value,
        eps: Value,
        taken: Sequence[Value] = (),
        g: Network | None = None,
        linearise: Lineariser | None = None,
    ) -> Outcome:
        """One step of size ε from z at s, with what it takes in the order of `Step.takes`.

        ValueError where that is not as many values as it takes, or where there is no g, or nothing to linearise f
        with, and the step has that.
        """
        if len(taken) != len(self.step.takes):
            raise ValueError(f"the step takes {len(self.step.takes)} values of the step before, not {len(taken)}")
        if g is None and self.step.learns:
            raise ValueError("the step has a learned term, and there is no g")
        if linearise is None and any(isinstance(statement, Linearise) for statement in self.step.body):
            raise ValueError("the step linearises f, and nothing to do that with is given")
        known = {STATE: z, **dict(zip(self.step.takes, taken, strict=True))}
        problem = _Problem(f, s, eps, g, linearise)
        for run in self._run:
            run(known, problem)
        errors = tuple(error(known, eps) for error in self._errors)
        return Outcome(self._end(known, eps), tuple(known[name] for name in self.step.gives), errors)


Stepper: TypeAlias = Callable[[VectorField, Value, Value, Value], Value]
"""(f, s, z, ε) -> the state at s + ε."""


def stepper(step: Step, parameters: Mapping[str, Value] | None = None) -> Stepper:
    """The function that takes a step which needs nothing of the step before and has no learned term.

    ValueError for any other step.
    """
    if step.takes or step.learns:
        raise ValueError("the step takes values of the step before, or has a learned term")
    run = Interpreter(step, parameters)
    return lambda f, s, z, eps: run(f, s, z, eps).end


@dataclass(frozen=True)
class _Problem:
    """What the statements of one step share."""

    f: VectorField
    s: Value
    eps: Value
    g: Network | None
    linearise: Lineariser | None


_Known: TypeAlias = dict[str, Value]
_Sum: TypeAlias = Callable[[_Known, Value], Value]


def _statement(statement: Statement, parameters: Mapping[str, Value]) -> Callable[[_Known, _Problem], None]:
    """What gives the statement's names their values."""
    match statement:
        case Evaluate():
            return _evaluation(statement, parameters)
        case Combine(name, linear):
            total = _combination(linear, parameters)

            def combine(known: _Known, problem: _Problem) -> None:
                known[name] = total(known, problem.eps)

            return combine
        case Solve():
            return _solution(statement, parameters)
        case Linearise():
            return _linearisation(statement, parameters)
        case Resolve():
            return _resolution(statement, parameters)
        case Learn():
            return _learned(statement)


def _evaluation(statement: Evaluate, parameters: Mapping[str, Value]) -> Callable[[_Known, _Problem], None]:
    node, state = _factor(statement.node, parameters), _combination(statement.of, parameters)
    starts = statement.node.value.is_zero

    def evaluate(known: _Known, problem: _Problem) -> None:
        s = problem.s if starts else problem.s + _times(node, problem.eps)
        field = problem.f if statement.field == "f" else getattr(problem.f, statement.field)
        known[statement.name] = field(s, state(known, problem.eps))

    return evaluate


def _solution(statement: Solve, parameters: Mapping[str, Value]) -> Callable[[_Known, _Problem], None]:
    rounds = [_evaluation(equation, parameters) for equation in statement.equations]
    first = [_evaluation(replace(one, of=statement.guess), parameters) for one in statement.equations]

    def solve(known: _Known, problem: _Problem) -> None:
        for evaluate in first:
            evaluate(known, problem)
        for _ in range(ITERATIONS):
            for evaluate in rounds:
                evaluate(known, problem)

    return solve


def _linearisation(statement: Linearise, parameters: Mapping[str, Value]) -> Callable[[_Known, _Problem], None]:
    ratio, node = _factor(statement.ratio, parameters), float(statement.node)

    def linearise(known: _Known, problem: _Problem) -> None:
        assert problem.linearise is not None  # a step without it was refused
        s = problem.s + node * problem.eps if node else problem.s
        found = problem.linearise(problem.f, s, known[statement.state], _times(ratio, problem.eps))
        known[statement.matrix], known[statement.drift] = found

    return linearise


def _resolution(statement: Resolve, parameters: Mapping[str, Value]) -> Callable[[_Known, _Problem], None]:
    right = _combination(statement.of, parameters)

    def resolve(known: _Known, problem: _Problem) -> None:
        known[statement.name] = known[statement.matrix](right(known, problem.eps))

    return resolve


def _learned(statement: Learn) -> Callable[[_Known, _Problem], None]:
    size, node = (None if statement.size == ONE else float(statement.size)), float(statement.node)

    def learn(known: _Known, problem: _Problem) -> None:
        assert problem.g is not None  # a step without g was refused
        s = problem.s + node * problem.eps if node else problem.s
        reads = (known[name] for name in statement.reads)
        known[statement.name] = problem.g(_times(size, problem.eps), s, known[statement.state], *reads)

    return learn


def _combination(linear: Linear, parameters: Mapping[str, Value]) -> _Sum:
    """Σ states + ε (Σ slopes) + Σ ε^power·term; one slope alone is added as (coefficient·ε)·slope."""

    factors = [(term.power, _factor(term.coefficient, parameters), term.name) for term in linear]
    states, slopes = ([(factor, name) for power, factor, name in factors if power == given] for given in (0, 1))
    others = [(power, factor, name) for power, factor, name in factors if power > 1]

    def total(known: _Known, eps: Value) -> Value:
        sums = [_sum(states, known)] if states else []
        if len(slopes) == 1:
            factor, name = slopes[0]
            sums.append(_times(factor, eps) * known[name])
        elif slopes:
            sums.append(eps * _sum(slopes, known))
        sums += [_times(factor, eps**power) * known[name] for power, factor, name in others]
        return _added(sums)

    return total


def _sum(pairs: list[tuple[Value, str]], known: _Known) -> Value:
    return _added([_times(factor, known[name]) for factor, name in pairs])


def _added(values: list[Value]) -> Value:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def _times(factor: Value | None, value: Value) -> Value:
    """The product; no operation for a factor of one, which is None."""
    return value if factor is None else factor * value


def _factor(coefficient: Coefficient, parameters: Mapping[str, Value]) -> Value | None:
    if coefficient.value.parameters:
        return _value(coefficient.written, parameters)
    return None if coefficient.value == ONE else float(coefficient.value)


def _value(expression: Expression, parameters: Mapping[str, Value]) -> Value:
    """The expression as it is written, with these values for its parameters."""
    match expression:
        case _ if not variables(expression):
            return float(number_of(expression))
        case Variable(name):
            return parameters[name]
        case Negation(operand):
            return -_value(operand, parameters)
        case Binary("^", base, exponent) if not variables(exponent):
            return _value(base, parameters) ** int(number_of(exponent).fraction())
        case Binary(sign, left, right):
            return _OPERATIONS[sign](_value(left, parameters), _value(right, parameters))
        case _:
            raise ValueError(f"not an expression of a tableau: {expression}")


_OPERATIONS: dict[str, Callable[[Value, Value], Value]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
