"""certificate.json: what was proven of a package's solvers, and of which files."""

from __future__ import annotations

import json
import math

from hyperdsl.codegen.files import GENERATOR, JSON_KEY
from hyperdsl.plan import StepPlan
from hyperdsl.semantics.model import Control, Corrector, External, Solver, Spec


def certificate(spec: Spec, plans: tuple[StepPlan, ...]) -> str:
    """The certificate's text. Files are named by their base names; an infinite number is the string "inf"."""
    content = {
        JSON_KEY: GENERATOR,
        "spec": spec.source.name,
        "sha256": spec.source.sha256,
        "imports": [{"file": source.name, "sha256": source.sha256} for source in spec.imports],
        "solvers": [_solver(plan) for plan in plans],
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _solver(plan: StepPlan) -> dict[str, object]:
    solver, method, facts = plan.solver, plan.solver.base, plan.solver.facts
    return {
        "name": solver.name,
        "base": method.name,
        "base_parameters": {name: str(value) for name, value in solver.fixed},
        "free_parameters": [free.name for free in solver.free],
        "kind": solver.tableau.kind,
        "stages": solver.tableau.stages,
        "claimed_order": method.claimed_order,
        "order": facts.order,
        "order_autonomous": facts.report.order_autonomous,
        "claimed_embedded_orders": list(method.claimed_embedded),
        "embedded_orders": list(facts.embedded),
        "stage_order": facts.stage_order,
        "fsal": facts.fsal,
        "proof": "exact" if method.tolerance is None else "tolerance",
        "tolerance": None if method.tolerance is None else str(method.tolerance),
        "conditions": facts.conditions,
        "principal_error": _number(facts.principal_error),
        "real_stability": _number(facts.real_stability),
        "imaginary_stability": _number(facts.imaginary_stability),
        "corrector": _corrector(solver),
        "residual_power": solver.residual_power,
        "dense_order": solver.dense.order if solver.dense else None,
        "control": _control(solver.control),
        "evaluations_per_step": plan.evaluations_per_step,
    }


def _corrector(solver: Solver) -> str | None:
    match solver.corrector:
        case None:
            return None
        case External():
            return "external"
        case Corrector(name=name):
            return name


def _control(control: Control | None) -> dict[str, object] | None:
    """The rule's settings; exact numbers as text."""
    if control is None:
        return None
    return {
        "name": control.name,
        "error": [control.error, "embedded"] if control.fallback else [control.error],
        "rtol": str(control.rtol),
        "atol": str(control.atol),
        "gains": [str(gain) for gain in control.gains],
        "safety": str(control.safety),
        "factor": [str(end) for end in control.factor],
        "first_step": None if control.first_step is None else str(control.first_step),
        "max_steps": control.max_steps,
        "per_sample": control.per_sample,
    }


def _number(value: float | None) -> float | str | None:
    return "inf" if value is not None and math.isinf(value) else value
