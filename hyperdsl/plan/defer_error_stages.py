"""Stages that only the embedded error reads are evaluated after the new state, which a single step does without; those
that only dense output reads are evaluated where it is asked for."""

from __future__ import annotations

from dataclasses import replace

from hyperdsl.plan.drop_unused_stages import drop_unused_stages
from hyperdsl.plan.model import StepPlan


def defer_error_stages(plan: StepPlan) -> StepPlan:
    """The plan with those stages in `after` and in `between`."""
    judged = drop_unused_stages(replace(plan, dense=())).stages
    before = drop_unused_stages(replace(plan, dense=(), error=())).stages
    return replace(
        plan,
        stages=before,
        after=tuple(stage for stage in judged if stage not in before),
        between=tuple(stage for stage in plan.stages if stage not in judged),
    )
