"""First same as last: a stage that is f at the new state is the next step's f(s, z), and is not evaluated again.

That holds only where the propagated state is exactly the stage's argument, so never where g is added to it. A method
whose error reads no such stage gains nothing by it: f at the new state is then evaluated once a step is accepted.
"""

from __future__ import annotations

from dataclasses import replace

from hyperdsl.plan.model import Stage, StepPlan
from hyperdsl.theory.exact import ONE


def carry_last_stage(plan: StepPlan) -> StepPlan:
    """The plan with that stage named, if there is one."""
    if plan.solver.corrector is not None:
        return plan
    return replace(plan, carried=next((stage.name for stage in plan.after if _ends_the_step(stage, plan)), ""))


def _ends_the_step(stage: Stage, plan: StepPlan) -> bool:
    return stage.node.value == ONE and _values(stage) == {term.stage: term.coefficient.value for term in plan.update}


def _values(stage: Stage) -> dict[str, object]:
    return {term.stage: term.coefficient.value for term in stage.terms}
