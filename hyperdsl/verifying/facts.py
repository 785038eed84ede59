"""What a solver's class has to say of itself, by its plan: nothing here is shared with what prints classes."""

from __future__ import annotations

import math
from typing import Any

from hyperdsl.codegen.torch.identity import base_digest
from hyperdsl.plan import Plan, Solve, Step
from hyperdsl.plan.multistep import NEWEST, past_steps, taken
from hyperdsl.plan.step import derivative, evaluations
from hyperdsl.runtime.control import Control
from hyperdsl.runtime.newton import NEWTON, Rule
from hyperdsl.semantics.model.left_open import Free
from hyperdsl.theory.numbers.exact import Exact


def facts(plan: Plan) -> dict[str, Any]:
    """The class's attributes by name; those that it may not have are None."""
    return {
        "order": plan.order,
        "evaluations_per_step": plan.evaluations_per_step,
        "residual_power": plan.order + 1 if plan.corrector is not None else None,
        "free": tuple(map(_range, plan.free)),
        "base_digest": base_digest(plan) if plan.training or plan.corrector else None,
        "learned": tuple(learned.name for learned in plan.learned),
        "dense_order": plan.step.dense.order if plan.step.dense and plan.attempt.estimates else None,
        "grid": tuple(map(_number, plan.grid.points)) if plan.grid else None,
        "rule": _rule(plan),
        **_controlled(plan),
        **_history(plan.step),
        **_varying(plan),
    }


def differing(plan: Plan, kind: type) -> tuple[str, Any, Any] | None:
    """The first attribute that is not what it should be: its name, what it is, what it should be."""
    for name, expected in facts(plan).items():
        found = getattr(kind, name, None)
        if found != expected or type(found) is not type(expected):
            return name, found, expected
    return None


def _range(free: Free) -> tuple[str, float, float, str]:
    low, high = free.interval.lower, free.interval.upper
    ends = ("(" if free.interval.lower_open else "[") + (")" if free.interval.upper_open else "]")
    return free.name, -math.inf if low is None else _number(low), math.inf if high is None else _number(high), ends


def _number(value: Exact) -> float:
    """As Python has it where it is written exactly: an integer, or the nearest double."""
    return int(value.fraction()) if value.is_rational and value.fraction().denominator == 1 else float(value)


def _rule(plan: Plan) -> Rule | None:
    """How the step's equations are solved, if it has some; of a pair, whose second part may have some, always."""
    if not plan.split and not any(isinstance(statement, Solve) for statement in plan.step.body):
        return None
    solving = plan.solving
    if solving is None:
        return NEWTON
    return Rule(solving.by, _double(solving.tolerance), solving.iterations)


def _controlled(plan: Plan) -> dict[str, Any]:
    """What a solver with a control says of its errors and steps."""
    control = plan.control
    if control is None:
        return {"error": None, "control": None}
    powers = {estimate.role: estimate.power for estimate in plan.attempt.estimates}
    powers |= {"main": 2} if plan.varying else {}  # the first order of all
    rule = Control(
        rtol=float(control.rtol),
        atol=float(control.atol),
        gains=(float(control.gains[0]), float(control.gains[1]), float(control.gains[2])),
        power=powers["main"],
        safety=float(control.safety),
        shortest=float(control.factor[0]),
        longest=float(control.factor[1]),
        first_step=_double(control.first_step),
        max_steps=control.max_steps,
        embedded_power=powers.get("fallback", 0),
        max_step=_double(control.max_step),
        min_step=_double(control.min_step),
    )
    return {"error": control.error, "control": rule}


def _varying(plan: Plan) -> dict[str, Any]:
    """The numbers of the orders, where they vary."""
    if plan.varying is None:
        return {}
    numbers = plan.varying.numbers
    rows = {"corrections": numbers.corrections, "changes": numbers.changes}
    found = {name: tuple(tuple(map(_number, row)) for row in value) for name, value in rows.items()}
    return {**found, "errors": tuple(map(_number, numbers.errors)), "dense_order": plan.varying.steps}


def _double(value: Exact | None) -> float | None:
    return None if value is None else float(value)


def _history(step: Step) -> dict[str, Any]:
    """What a solver with a history says of it."""
    if step.start is None:
        return {}
    states, slopes = taken(step)
    past, newest = past_steps(step), NEWEST.name in slopes
    found = {"past": past, "states": 1 + len(states), "derivatives": len(slopes), "first_derivative": int(not newest)}
    if past:
        one = evaluations(step.start.step.body) + (derivative(step.start.step) is None)
        found |= {"substeps": step.start.substeps, "begin_evaluations": step.start.substeps * one + newest}
    return found
