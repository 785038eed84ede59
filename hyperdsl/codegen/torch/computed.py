"""What the spec's step gives on one problem of numbers, for a package's tests: computed from the plan, not by torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from hyperdsl.plan import Coefficient, Dense, Linear, Plan, Solve, Step, Term
from hyperdsl.plan.interpret import Interpreter, Outcome, Value
from hyperdsl.plan.step import STATE, state
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.numbers.polynomials import value

S, Z, EPS, THETA = 0.25, 0.5, 0.375, 0.5
"""The step from Z at S, and the part of it at which dense output is tried."""

_FIELDS = {"main": "error", "fallback": "embedded", "doubt": "doubt"}
"""What an attempt calls an estimate."""


@dataclass(frozen=True)
class ComputedView:
    """Numbers as Python text: where the step ends without g and with it, and the estimates of its error by name.

    Of a solver with a history `states` and `slopes` are those of the steps before, the newest first, `kept` the slopes
    of the next step; `first` is where the one-step method ends, "" where there is none.
    """

    parameters: tuple[tuple[str, str], ...]
    base: str
    end: str
    errors: tuple[tuple[str, str], ...] = ()
    dense: str = ""
    states: tuple[str, ...] = ()
    slopes: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    first: str = ""


def computed_view(plan: Plan, parameters: Mapping[str, float]) -> ComputedView:
    """The numbers for these values of the free and learned parameters."""
    step, history = plan.step, plan.step.start is not None
    states = [name for name in step.takes if name.startswith(STATE)]
    slopes = [name for name in step.takes if name not in states]
    past = {name: Z - j / 16 for j, name in enumerate(states, 1)}
    past |= {name: field(S - EPS * j, Z - j / 16) for j, name in enumerate(slopes, int(history))}

    def run(step: Step, **further: float) -> Outcome:
        taken = tuple(past[name] for name in step.takes)
        return Interpreter(step, {**parameters, **further})(field, S, Z, EPS, taken, weighed, linearised)

    alone = replace(step, estimates=(), gives=step.gives if history else ())
    exact = not any(isinstance(statement, Solve) for statement in step.body)  # a control solves equations as it needs
    judged = replace(plan.attempt, estimates=tuple(one for one in plan.attempt.estimates if one.gamma is None))
    roles = [_FIELDS[estimate.role] for estimate in judged.estimates]
    return ComputedView(
        parameters=tuple((free.name, repr(parameters[free.name])) for free in plan.free),
        base=repr(run(replace(alone, end=step.base)).end),
        end=repr(run(alone).end),
        errors=tuple(zip(roles, map(repr, run(judged).errors), strict=True)) if roles else (),
        dense=repr(run(replace(alone, end=_between(step.dense)), theta=THETA).end) if exact and step.dense else "",
        states=tuple(repr(past[name]) for name in states),
        slopes=tuple(repr(past[name]) for name in slopes),
        kept=tuple(map(repr, run(alone).given[len(states) :])),
        first=repr(Interpreter(step.start.step)(field, S, Z, EPS).end) if step.start else "",
    )


class _Problem:
    """The problem: f(s, z), and its parts where it is a sum, as in the tests."""

    def __call__(self, s: Value, z: Value) -> Value:
        return (1 + s * z) / (1 + z * z)

    def explicit(self, s: Value, z: Value) -> Value:
        return self(s, z) / 4 + (s - z) / 8

    def implicit(self, s: Value, z: Value) -> Value:
        return self(s, z) * 0.75 - (s - z) / 8


field = _Problem()


def linearised(f: object, s: Value, z: Value, size: Value) -> tuple[Callable[[Value], Value], Value]:
    """What solves (1 − size·∂f/∂z) x = r, and ∂f/∂s, of the problem."""
    slope = (s * (1 + z * z) - 2 * z * (1 + s * z)) / (1 + z * z) ** 2
    return lambda r: r / (1 - size * slope), z / (1 + z * z)


def weighed(eps: Value, s: Value, z: Value, *seen: Value) -> Value:
    """A g that tells all that it reads apart, as in the tests."""
    return eps + s + z + sum(k * slope for k, slope in enumerate(seen, 2))


def _between(dense: Dense) -> Linear:
    """Dense output at THETA as where a step ends."""
    theta = Exact.of(Fraction(THETA))
    terms = [(Coefficient(value(one.polynomial, theta), one.written), one.name) for one in dense.weights]
    return (*state(), *(Term(coefficient, name, 1) for coefficient, name in terms))
