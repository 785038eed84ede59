"""certificate.json: what was proven of a package's solvers, and of which files."""

from __future__ import annotations

import json
import posixpath

from hyperdsl.codegen.files import GENERATOR, JSON_KEY
from hyperdsl.codegen.torch.trained import is_written_back, trained_spec
from hyperdsl.plan import Plan
from hyperdsl.semantics.model.spec import Corrector, External, Spec
from hyperdsl.semantics.summary import grid_summary, path_summary


def certificate(spec: Spec, plans: tuple[Plan, ...]) -> str:
    """The certificate's text. Files are named by their base names; an infinite number is the string "inf"."""
    content = {
        JSON_KEY: GENERATOR,
        "spec": spec.source.name,
        "sha256": spec.source.sha256,
        "imports": [{"file": source.name, "sha256": source.sha256} for source in spec.imports],
        "solvers": [_solver(plan) for plan in plans],
        "sources": sources(spec),
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def sources(spec: Spec) -> dict[str, str]:
    """The texts that the package was made from, by their paths relative to the spec: what `verify` reads anew."""
    folder = posixpath.dirname(spec.source.path) or "."
    return {posixpath.relpath(source.path, folder): source.original for source in (spec.source, *spec.imports)}


def _solver(plan: Plan) -> dict[str, object]:
    return {
        "name": plan.name,
        "base": plan.base,
        **plan.facts,
        **({"grid": grid_summary(plan.grid)} if plan.grid else {}),
        **({"trained": trained_spec(plan)} if is_written_back(plan) else {}),
        "corrector": _corrector(plan),
        "corrector_output": plan.corrector.output if isinstance(plan.corrector, Corrector) else None,
        "training": None if plan.training is None else plan.training.name,
        "residual_power": plan.residual_power,
        "evaluations_per_step": plan.evaluations_per_step,
        **({"path": path_summary(plan.path)} if plan.path else {}),
    }


def _corrector(plan: Plan) -> str | None:
    match plan.corrector:
        case None:
            return None
        case External():
            return "external"
        case Corrector(name=name):
            return name
