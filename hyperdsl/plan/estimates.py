"""Estimates of a step's error, for a control: an embedded row, the learned term, its doubt, and step doubling."""

from __future__ import annotations

from dataclasses import replace

from hyperdsl.plan.collocation import by_nodes, filter_of
from hyperdsl.plan.corrected import DERIVATIVE, LEARNED, with_derivative
from hyperdsl.plan.passes import merged, nonzero, renamed
from hyperdsl.plan.runge_kutta import stage_names
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
    Term,
    defined,
    exactly,
    state,
)
from hyperdsl.semantics.model.expressions import Binary, Constant
from hyperdsl.semantics.model.spec import Solver, StepSolver
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact

FOLLOWING = "following"
"""The name of f at the end of the step."""

START = "k0"
"""The name of f(s, z) where no stage is that."""

MIDDLE, WHOLE = "middle", "whole"
"""The state after the first half of a doubled step, and the state after one step of the whole size."""

_TWO = Exact.of(2)
_HALF = ONE / _TWO


def controlled(step: Step, solver: StepSolver, difference: Linear) -> Step:
    """The step with the estimates of the solver's control, f(s, z) at its start, and f at its end for the next step.

    `difference` is what the propagated weights have more than the embedded ones. Doubling adds no estimate: `doubled`
    makes a step of three.
    """
    control = solver.control
    if control is None:
        return step
    step, first = _with_start(step)
    following = Evaluate(FOLLOWING, exactly(ONE), step.end)
    step = replace(step, body=(*step.body, following), gives=(FOLLOWING,))
    match control.error:
        case "embedded":
            return replace(step, estimates=(_embedded(solver, difference, step.end, first),))
        case "learned":
            return replace(step, estimates=_learned(step, solver, difference, first))
        case "doubling":
            return step


def _learned(step: Step, solver: StepSolver, difference: Linear, first: str) -> tuple[Estimate, ...]:
    """The learned term, and the embedded row behind it where the control falls back on that.

    For a base of order 1 that is alone, f at the end, which the next step needs anyway, tests what g says of the error:
    the trapezoidal rule, of order 2, sees what g gets wrong.
    """
    power = solver.order + 1
    learned = Estimate((Term(exactly(ONE), LEARNED, power),), power, step.end)
    if solver.control is not None and solver.control.fallback:
        return learned, replace(_embedded(solver, difference, step.base, first), role="fallback")
    if solver.order > 1:
        return (learned,)
    half = exactly(-_HALF)
    trapezoid = (Term(exactly(-ONE), STATE), Term(half, first, 1), Term(half, FOLLOWING, 1))
    return learned, Estimate(nonzero(merged((*step.end, *trapezoid))), power, step.end, "doubt", 2)


def _with_start(step: Step) -> tuple[Step, str]:
    """The step with f(s, z) as a slope among others: where no stage is that, it is the one before the first."""
    step, first = with_derivative(step)
    if first != DERIVATIVE:
        return step, first
    body = tuple(replace(s, name=START) if isinstance(s, Evaluate) and s.name == first else s for s in step.body)
    return renamed(replace(step, body=body), {first: START}), START


def _embedded(solver: StepSolver, difference: Linear, end: Linear, first: str) -> Estimate:
    """The propagated weights less the embedded ones; of implicit methods without those what their nodes give."""
    if isinstance(solver, Solver) and len(solver.tableau.weights) < 2:
        found = by_nodes(solver, first, stage_names(solver.tableau.stages), end)
        assert found is not None  # `check_control` has seen to it
        return found
    order, gamma = solver.facts.embedded[0], filter_of(solver) if isinstance(solver, Solver) else None
    return Estimate(difference, min(solver.order, order) + 1, end, against=order, gamma=gamma)


def doubled(step: Step, order: int) -> Step:
    """Two steps of half the size, and one of the whole size to compare their end with, 2^order times less exact.

    `step` takes f at its start and gives f at its end, and the result does so too. The first half and the whole step
    share that f; the second half evaluates its own.
    """
    (first,), (following,) = step.takes, step.gives
    own = tuple(statement for statement in step.body if following not in defined(statement))
    half = _Part(step, "a", ZERO, STATE, {first: first})
    other = _Part(step, "b", _HALF, MIDDLE, {})
    start = Evaluate(other.name(first), exactly(_HALF), state(MIDDLE))
    end = other.linear(step.end)
    body = (
        *map(half.statement, own),
        Combine(MIDDLE, half.linear(step.end)),
        start,
        *map(other.statement, own),
        *own,
        Combine(WHOLE, step.end),
        Evaluate(FOLLOWING, exactly(ONE), end),
    )
    share = ONE / (_TWO**order - ONE)
    error = (*_times(end, share), Term(exactly(-share), WHOLE))
    return Step(body, end, step.takes, (FOLLOWING,), (Estimate(error, order + 1, end, against=order),))


class _Part:
    """The statements of a step as those of half a step from the state `start` at s + node·ε."""

    def __init__(self, step: Step, suffix: str, node: Exact, start: str, kept: dict[str, str]) -> None:
        self._node, self._start, self._suffix = node, start, suffix
        own = (*step.takes, *(name for statement in step.body for name in defined(statement)))
        self._names = {name: f"{name}{suffix}" for name in own} | kept | {STATE: start}

    def name(self, name: str) -> str:
        return self._names[name]

    def linear(self, linear: Linear) -> Linear:
        return tuple(
            Term(_scaled(term.coefficient, _HALF**term.power), self._names[term.name], term.power) for term in linear
        )

    def statement(self, statement: Statement) -> Statement:
        match statement:
            case Evaluate():
                return self._evaluate(statement)
            case Solve():
                equations = tuple(map(self._evaluate, statement.equations))
                return replace(statement, equations=equations, guess=self.linear(statement.guess))
            case Linearise(matrix, drift, ratio):
                return Linearise(
                    self._names[matrix], self._names[drift], _scaled(ratio, _HALF), self._node, self._start
                )
            case Resolve(name, matrix, of):
                return Resolve(self._names[name], self._names[matrix], self.linear(of))
            case Combine():
                return Combine(self._names[statement.name], self.linear(statement.sum))
            case Learn():
                reads = tuple(self._names[name] for name in statement.reads)
                return Learn(self._names[statement.name], reads, _HALF, self._node, self._start)

    def _evaluate(self, statement: Evaluate) -> Evaluate:
        node = _scaled(statement.node, _HALF)
        if not self._node.is_zero:
            node = Coefficient(node.value + self._node, Binary("+", node.written, Constant(self._node)))
        return replace(statement, name=self._names[statement.name], node=node, of=self.linear(statement.of))


def _times(linear: Linear, factor: Exact) -> Linear:
    return tuple(replace(term, coefficient=_scaled(term.coefficient, factor)) for term in linear)


def _scaled(coefficient: Coefficient, factor: Exact) -> Coefficient:
    if factor == ONE:
        return coefficient
    return Coefficient(coefficient.value * factor, Binary("*", coefficient.written, Constant(factor)))
