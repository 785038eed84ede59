"""Linear multistep methods as steps that take past states and slopes.

States are called z, z1, … and slopes f0, f1, …, from the newest on.
"""

from __future__ import annotations

from hyperdsl.plan.passes import drop_zeros
from hyperdsl.plan.step import STATE, Coefficient, Evaluate, Linear, Solve, Step, Term, exactly, names, state
from hyperdsl.theory.multistep.formulas import LinearMultistep
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact

NEWEST = Evaluate("f0", exactly(ZERO), state())
"""f at the start of the step."""


def multistep(formula: LinearMultistep) -> tuple[Step, tuple[str, ...]]:
    """The step of a formula used alone, and the slopes that it has at hand: not that which it is solved for."""
    known = past_terms(formula)
    if formula.explicit:
        step = Step((NEWEST,), known)
    else:
        at_end = Evaluate("fn", exactly(ONE), (*known, Term(new_weight(formula), "fn", 1)))
        forward = (*state(), Term(exactly(ONE), NEWEST.name, 1))
        step = Step((NEWEST, Solve((at_end,), forward, "iteration")), at_end.of)
    return with_past(step, (known,), None)


def with_past(step: Step, formulas: tuple[Linear, ...], slope: str | None) -> tuple[Step, tuple[str, ...]]:
    """The step with what these sums read of the past as what it takes and gives, and the slopes among that and f0.

    `slope` names the slope that the next step takes as its f0; None where a step evaluates f0 itself.
    """
    found = frozenset[str]().union(*map(names, formulas))
    states = numbered("z", 1, max((int(name[1:] or 0) for name in found if name[0] == "z"), default=0))
    oldest = max((int(name[1:]) for name in found if name[0] == "f"), default=0)
    past = numbered("f", 0 if slope else 1, oldest)
    given = (*(STATE, *states)[: len(states)], *(slope or NEWEST.name, *past)[: len(past)])
    kept = Step(step.body, step.end, (*states, *past), given)
    return drop_zeros(kept), past if slope else (NEWEST.name, *past)


def taken(step: Step) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The states and the slopes that a step takes of its history, beside the newest state."""
    states = tuple(name for name in step.takes if name.startswith(STATE))
    return states, tuple(name for name in step.takes if name not in states)


def past_steps(step: Step) -> int:
    """Steps that the first states of a history take: as far back as the formula reads."""
    states, slopes = taken(step)
    return max(len(states), len(slopes) - (NEWEST.name in slopes))


def past_terms(formula: LinearMultistep) -> Linear:
    """What the formula takes of known states and slopes, the newest first."""
    k = formula.steps
    states = [_term(-formula.alpha[k - 1 - j], f"z{j}" if j else STATE, 0) for j in range(k)]
    slopes = [_term(formula.beta[k - 1 - j], f"f{j}", 1) for j in range(k)]
    return tuple(term for term in (*states, *slopes) if not term.coefficient.value.is_zero)


def new_weight(formula: LinearMultistep) -> Coefficient:
    """The weight of f at the new state."""
    return exactly(formula.beta[formula.steps])


def numbered(letter: str, first: int, last: int) -> tuple[str, ...]:
    """The names from `first` to `last`."""
    return tuple(f"{letter}{j}" for j in range(first, last + 1))


def _term(value: Exact, name: str, power: int) -> Term:
    return Term(exactly(value), name, power)
