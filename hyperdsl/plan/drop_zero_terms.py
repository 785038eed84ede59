"""Terms whose coefficient is exactly zero are not computed."""

from __future__ import annotations

from dataclasses import replace

from hyperdsl.plan.model import StepPlan, Term


def drop_zero_terms(plan: StepPlan) -> StepPlan:
    """The plan without the products that are zero."""
    stages = tuple(replace(stage, terms=_nonzero(stage.terms)) for stage in plan.stages)
    dense = tuple(weight for weight in plan.dense if weight.polynomial)
    return replace(plan, stages=stages, update=_nonzero(plan.update), error=_nonzero(plan.error), dense=dense)


def _nonzero(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    return tuple(term for term in terms if not term.coefficient.value.is_zero)
