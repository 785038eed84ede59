"""certificate.json: what was proven of a package's solvers, and of which files."""

from __future__ import annotations

import json
import math

from hyperdsl.codegen.files import GENERATOR, JSON_KEY
from hyperdsl.codegen.torch.trained import trained_spec
from hyperdsl.plan import AnyPlan
from hyperdsl.semantics.control_model import Control
from hyperdsl.semantics.model import AnySolver, Corrector, External, HistorySolver, Multistep, Solver, Spec
from hyperdsl.theory.multistep import LinearMultistep


def certificate(spec: Spec, plans: tuple[AnyPlan, ...]) -> str:
    """The certificate's text. Files are named by their base names; an infinite number is the string "inf"."""
    content = {
        JSON_KEY: GENERATOR,
        "spec": spec.source.name,
        "sha256": spec.source.sha256,
        "imports": [{"file": source.name, "sha256": source.sha256} for source in spec.imports],
        "solvers": [_solver(plan) for plan in plans],
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _solver(plan: AnyPlan) -> dict[str, object]:
    about = _single_step(plan.solver) if isinstance(plan.solver, Solver) else _history(plan.solver)
    return {
        "name": plan.solver.name,
        "base": plan.solver.base.name,
        **about,
        "corrector": _corrector(plan.solver),
        "training": None if plan.solver.training is None else plan.solver.training.name,
        "residual_power": plan.solver.residual_power,
        "evaluations_per_step": plan.evaluations_per_step,
    }


def _history(solver: HistorySolver) -> dict[str, object]:
    """A multistep method's facts, or those of both formulas of a predictor-corrector pair."""
    base = solver.base
    if isinstance(base, Multistep):
        about: dict[str, object] = {"kind": "multistep", **_formula(base.formula)}
    else:
        about = {
            "kind": "predictor_corrector",
            "mode": base.mode,
            "order": base.formula.order,
            "predictor": {"name": base.predictor, **_formula(base.formula.predictor)},
            "corrector_formula": {"name": base.corrector, **_formula(base.formula.corrector)},
        }
    start = {"method": solver.start.method.name, "order": solver.start.method.facts.order}
    return {**about, "proof": "exact", "start": {**start, "substeps": solver.start.substeps}}


def _formula(formula: LinearMultistep) -> dict[str, object]:
    constant = formula.error_constant
    return {
        "explicit": formula.explicit,
        "steps": formula.steps,
        "order": formula.order,
        "error_constant": None if constant is None else str(constant),
        "zero_stable": formula.is_zero_stable,
    }


def _single_step(solver: Solver) -> dict[str, object]:
    method, facts = solver.base, solver.facts
    return {
        "base_parameters": {name: str(value) for name, value in solver.fixed},
        "free_parameters": [free.name for free in solver.free],
        "learned_parameters": {learned.name: str(learned.start) for learned in solver.learned},
        **({"trained": trained_spec(solver)} if solver.learned else {}),
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
        "dense_order": solver.dense.order if solver.dense else None,
        "control": _control(solver.control),
    }


def _corrector(solver: AnySolver) -> str | None:
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
