"""Stages that only the embedded error reads are evaluated after the new state, which a single step does without."""

from __future__ import annotations

from dataclasses import replace

from hyperdsl.plan.drop_unused_stages import drop_unused_stages
from hyperdsl.plan.model import StepPlan


def defer_error_stages(plan: StepPlan) -> StepPlan:
    """The plan with those stages in `after`."""
    before = drop_unused_stages(replace(plan, error=())).stages
    return replace(plan, stages=before, after=tuple(stage for stage in plan.stages if stage not in before))
