"""The PyTorch backend: a spec's package as nn.Modules, its training, its tests and its certificate."""

from __future__ import annotations

from pathlib import Path

from hyperdsl.codegen.files import CERTIFICATE, GeneratedFile
from hyperdsl.codegen.python import formatted, quoted
from hyperdsl.codegen.render import environment
from hyperdsl.codegen.torch.certificate import certificate
from hyperdsl.codegen.torch.runtime import runtime_files
from hyperdsl.codegen.torch.suite import suite_view
from hyperdsl.codegen.torch.training import train_view
from hyperdsl.codegen.torch.views import header_view, package_view
from hyperdsl.plan import Plan
from hyperdsl.semantics.model.spec import Spec

__all__ = ["TEMPLATES", "formatted", "generate"]

TEMPLATES = Path(__file__).parent / "templates"


def generate(spec: Spec, plans: tuple[Plan, ...]) -> tuple[GeneratedFile, ...]:
    """The files of a spec's package; train.py only where there is a corrector to train."""
    package = package_view(spec, plans)
    modules: dict[str, tuple[str, object]] = {
        "__init__.py": ("__init__.py.jinja", package),
        "solver.py": ("solver.py.jinja", package),
        f"test_{spec.source.stem}.py": ("test.py.jinja", suite_view(plans)),
    }
    if package.trained:
        modules["train.py"] = ("train.py.jinja", train_view(plans))
    header = _render("header.py.jinja", header_view(spec))
    files = [GeneratedFile(path, header + _render(template, view)) for path, (template, view) in modules.items()]
    tested = ["outcome", "measuring", *(["known_paths"] if any(plan.path for plan in plans) else [])]
    files += runtime_files([*(part.module for part in package.imports), *tested])
    return (*files, GeneratedFile(CERTIFICATE, certificate(spec, plans)))


def _render(template: str, view: object) -> str:
    return environment(TEMPLATES, quoted).get_template(template).render(view=view)
