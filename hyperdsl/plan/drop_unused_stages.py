"""Stages that neither the result, nor its error, nor dense output, nor the corrector, nor a stage in use reads are not
evaluated.

Without step-size control the last stage of dopri5 is such a stage: only its embedded weights read it.
"""

from __future__ import annotations

from dataclasses import replace

from hyperdsl.plan.model import Stage, StepPlan


def drop_unused_stages(plan: StepPlan) -> StepPlan:
    """The plan without the evaluations that change nothing."""
    used = {term.stage for term in (*plan.update, *plan.error)} | {weight.stage for weight in plan.dense}
    used |= set(plan.seen)
    kept: list[Stage] = []
    for stage in reversed(plan.stages):  # a stage reads earlier ones only
        if stage.name in used:
            kept.append(stage)
            used |= {term.stage for term in stage.terms}
    return replace(plan, stages=tuple(reversed(kept)))
