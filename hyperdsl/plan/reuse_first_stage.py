"""f(s, z) is evaluated once: where several stages are that, the method's first one serves for all.

For nearly every method that is k1, which then is the dz that the corrector reads. A method without such a stage pays
one more evaluation for dz.
"""

from __future__ import annotations

from dataclasses import replace

from hyperdsl.plan.model import DERIVATIVE, Coefficient, StepPlan, Term, Weight
from hyperdsl.semantics.expressions import Binary
from hyperdsl.theory.exact import ONE
from hyperdsl.theory.polynomials import combined


def reuse_first_stage(plan: StepPlan) -> StepPlan:
    """The plan with at most one stage that is f(s, z); terms with a zero coefficient must be gone."""
    same = [stage.name for stage in plan.stages if stage.is_derivative]
    if len(same) < 2:
        return plan
    kept = next(name for name in same if name != DERIVATIVE)
    stages = tuple(
        replace(stage, terms=_merged(stage.terms, same, kept))
        for stage in plan.stages
        if stage.name == kept or stage.name not in same
    )
    seen = dict.fromkeys(kept if name in same else name for name in plan.seen)
    update, error = _merged(plan.update, same, kept), _merged(plan.error, same, kept)
    dense = _merged_weights(plan.dense, same, kept)
    return replace(plan, stages=stages, update=update, error=error, seen=tuple(seen), dense=dense)


def _merged_weights(weights: tuple[Weight, ...], same: list[str], kept: str) -> tuple[Weight, ...]:
    """As `_merged`, for dense output."""
    found: dict[str, Weight] = {}
    for weight in weights:
        name = kept if weight.stage in same else weight.stage
        if name in found:
            polynomial = combined(found[name].polynomial, ONE, weight.polynomial, ONE)
            found[name] = Weight(polynomial, Binary("+", found[name].written, weight.written), name)
        else:
            found[name] = replace(weight, stage=name)
    return tuple(found.values())


def _merged(terms: tuple[Term, ...], same: list[str], kept: str) -> tuple[Term, ...]:
    """The terms with every name in `same` replaced by `kept`, one term a stage."""
    found: dict[str, Coefficient] = {}
    for term in terms:
        name = kept if term.stage in same else term.stage
        found[name] = _sum(found[name], term.coefficient) if name in found else term.coefficient
    return tuple(Term(coefficient, name) for name, coefficient in found.items())


def _sum(x: Coefficient, y: Coefficient) -> Coefficient:
    return Coefficient(x.value + y.value, Binary("+", x.written, y.written))
