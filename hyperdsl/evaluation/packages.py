"""Generated packages, loaded from their folder wherever it lies."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import itertools
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeGuard

from torch import nn

from hyperdsl.diagnostics import did_you_mean_path
from hyperdsl.evaluation.errors import PackageError, similar

_numbers = itertools.count()


@dataclass(frozen=True)
class Package:
    """A generated package: its solver classes by name, its train module where it has one, its certificate."""

    name: str
    folder: Path
    solvers: Mapping[str, type[nn.Module]]
    certificate: Mapping[str, Any]
    module: ModuleType

    @property
    def spec_sha256(self) -> str:
        """The digest of the spec that the package was made from; "" where the certificate does not say."""
        return str(self.certificate.get("sha256", ""))

    def training_name(self, solver: str | None = None) -> str | None:
        """What the spec calls the solver's training; None for the defaults. PackageError as `choose` has it."""
        name = self._entry(solver).get("training")
        return None if name is None or name == "default" else str(name)

    def control_name(self, solver: str | None = None) -> str | None:
        """What the spec calls the solver's step-size control; None where it has none. PackageError as for `choose`."""
        control = self._entry(solver).get("control")
        return str(control["name"]) if isinstance(control, dict) else None

    def _entry(self, solver: str | None) -> Mapping[str, Any]:
        """What the certificate says of a solver."""
        chosen = self.choose(solver).__name__
        entries = self.certificate.get("solvers", ())
        return next((entry for entry in entries if entry.get("name") == chosen), {})

    def train(self) -> ModuleType:
        """The package's `train` module; PackageError where it has none."""
        if not (self.folder / "train.py").exists():
            raise PackageError(f"{self.name} has no train.py: it has no corrector to train")
        return importlib.import_module(f"{self.module.__name__}.train")

    def choose(self, solver: str | None = None) -> type[nn.Module]:
        """The solver class of this name, or the only one. PackageError says which there are."""
        names = ", ".join(self.solvers)
        if solver is None and len(self.solvers) == 1:
            return next(iter(self.solvers.values()))
        if solver is None:
            raise PackageError(f"{self.name} has several solvers, name one with --solver: {names}")
        if solver not in self.solvers:
            raise PackageError(f"{self.name} has no solver {solver}{similar(solver, self.solvers)}; it has {names}")
        return self.solvers[solver]


def load_package(folder: Path | str) -> Package:
    """Imports the generated package in `folder` under a name of its own, so that equal names do not meet.

    PackageError where the folder is none or cannot be imported.
    """
    path = Path(folder).resolve()
    if not (path / "__init__.py").is_file() or not (path / "solver.py").is_file():
        advice = did_you_mean_path(path)
        near = f" ({advice})" if advice else ""
        raise PackageError(f"{folder} is not a generated package{near}: it has no __init__.py and solver.py")
    module = _imported(path, f"_hyperdsl_package_{next(_numbers)}_{path.name}")
    solver_module = importlib.import_module(f"{module.__name__}.solver")
    solvers = {
        name: value
        for name, value in vars(solver_module).items()
        if inspect.isclass(value) and value.__module__ == solver_module.__name__ and _is_solver(value)
    }
    if not solvers:
        raise PackageError(f"{folder} holds no solver")
    return Package(path.name, path, solvers, _certificate(path), module)


def _is_solver(value: type[object]) -> TypeGuard[type[nn.Module]]:
    return issubclass(value, nn.Module) and hasattr(value, "evaluations_per_step")


def _imported(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path / "__init__.py", submodule_search_locations=[str(path)])
    assert spec is not None
    assert spec.loader is not None  # a .py file always has both
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        for loaded in [key for key in sys.modules if key == name or key.startswith(f"{name}.")]:
            del sys.modules[loaded]
        raise PackageError(f"{path.name} cannot be imported: {type(error).__name__}: {error}") from error
    return module


def _certificate(path: Path) -> Mapping[str, Any]:
    try:
        certificate = json.loads((path / "certificate.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise PackageError(f"{path.name} has no readable certificate.json: {error}") from error
    if not isinstance(certificate, dict):
        raise PackageError(f"{path.name}: certificate.json does not hold an object")
    return certificate
