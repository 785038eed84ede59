"""The learned term: the base's end + ε^(p+1) g, for a base of any kind."""

from __future__ import annotations

from dataclasses import replace

from hyperdsl.plan.step import Evaluate, Learn, Step, Term, derivative, exactly, state
from hyperdsl.semantics.model.spec import Corrector, External
from hyperdsl.theory.numbers.exact import ONE, ZERO

DERIVATIVE = "dz"
"""The name of f(s, z) in a step whose base does not evaluate it."""

LEARNED = "g"


def corrected(step: Step, slopes: tuple[str, ...], corrector: Corrector | External, power: int) -> Step:
    """The step with ε^power g added to its end; g reads f(s, z) first if it reads dz, then the `slopes`."""
    inputs = ("dz",) if isinstance(corrector, External) else corrector.inputs
    reads: tuple[str, ...] = ()
    if "dz" in inputs:
        step, first = with_derivative(step)
        reads = (first,)
    if "stages" in inputs:
        reads = tuple(dict.fromkeys((*reads, *slopes)))
    end = (*step.end, Term(exactly(ONE), LEARNED, power))
    return replace(step, body=(*step.body, Learn(LEARNED, reads)), end=end)


def with_derivative(step: Step) -> tuple[Step, str]:
    """The step with f(s, z) among its statements, and its name: nearly every method has it as its first stage."""
    name = derivative(step)
    if name is not None:
        return step, name
    return replace(step, body=(Evaluate(DERIVATIVE, exactly(ZERO), state()), *step.body)), DERIVATIVE
