"""The PyTorch backend: a spec's package as nn.Modules, its training, its tests and its certificate."""

from __future__ import annotations

from pathlib import Path

from hyperdsl.codegen.files import GeneratedFile
from hyperdsl.codegen.render import environment
from hyperdsl.codegen.torch.certificate import certificate
from hyperdsl.codegen.torch.suite import suite_view
from hyperdsl.codegen.torch.training import train_view
from hyperdsl.codegen.torch.views import origin, package_view
from hyperdsl.plan import StepPlan
from hyperdsl.semantics.model import Spec

TEMPLATES = Path(__file__).parent / "templates"


def generate(spec: Spec, plans: tuple[StepPlan, ...]) -> tuple[GeneratedFile, ...]:
    """The files of a spec's package; train.py only where there is a corrector to train."""
    package = package_view(spec, plans)
    files = [
        GeneratedFile("__init__.py", _render("__init__.py.jinja", package)),
        GeneratedFile("solver.py", _render("solver.py.jinja", package)),
        GeneratedFile("certificate.json", certificate(spec, plans)),
        GeneratedFile(f"test_{spec.source.stem}.py", _render("test.py.jinja", suite_view(spec, plans))),
    ]
    if package.hypersolvers:
        training = train_view(spec, tuple(plan.solver for plan in plans))
        header = str(environment(TEMPLATES).get_template("macros.jinja").module.header(origin(spec)))  # type: ignore[attr-defined]  # macros are attributes
        files.append(GeneratedFile("train.py", header + _render("train.py.jinja", training)))
    return tuple(files)


def _render(template: str, view: object) -> str:
    return environment(TEMPLATES).get_template(template).render(view=view)
