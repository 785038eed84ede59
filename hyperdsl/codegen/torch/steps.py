"""A plan's stages as lines of Python, with ε called what the surrounding code calls it."""

from __future__ import annotations

from hyperdsl.codegen.torch.expressions import scaled, weighted_sum
from hyperdsl.plan import Coefficient, Stage, StepPlan, Term

STEP, SINGLE = "eps", "h"


def step_lines(plan: StepPlan, step: str = STEP) -> tuple[tuple[str, ...], str]:
    """`k2 = f(s + 1 / 2 * eps, z + 1 / 2 * eps * k1)`, a line a stage, and the new state."""
    return tuple(_line(stage, step) for stage in plan.stages), advanced(plan.update, step)


def _line(stage: Stage, step: str) -> str:
    return f"{stage.name} = f({_time(stage.node, step)}, {advanced(stage.terms, step)})"


def advanced(terms: tuple[Term, ...], step: str) -> str:
    """z + ε Σ terms."""
    match terms:
        case ():
            return "z"
        case (Term(coefficient, stage),):
            sign, size = scaled(coefficient, step)
            return f"z {sign} {size} * {stage}"
        case _:
            return f"z + {step} * ({weighted_sum(terms)})"


def _time(node: Coefficient, step: str) -> str:
    if node.value.is_zero:
        return "s"
    sign, size = scaled(node, step)
    return f"s {sign} {size}"
