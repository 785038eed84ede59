"""Weights of trained correctors: safetensors files that say what they belong to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from hyperdsl import __version__
from hyperdsl.evaluation.errors import WeightsError
from hyperdsl.evaluation.files import save_safetensors
from hyperdsl.evaluation.packages import Package

VERSIONS = {"hyperdsl": __version__, "torch": torch.__version__, "lightning-fabric": version("lightning-fabric")}


@dataclass(frozen=True)
class Origin:
    """What weights were trained from, and how well.

    `settings` and the `overrides` in them are whatever JSON can hold, `delta` is δ by ε; `versions` are those of what
    trained.
    """

    spec_sha256: str
    solver: str
    problem: str
    seed: int
    settings: Mapping[str, Any]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    delta: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=lambda: dict(VERSIONS))

    def metadata(self) -> dict[str, str]:
        """Strings only, as safetensors wants them."""
        return {
            "spec_sha256": self.spec_sha256,
            "solver": self.solver,
            "problem": self.problem,
            "seed": str(self.seed),
            "settings": json.dumps(dict(self.settings), sort_keys=True, default=str),
            "overrides": json.dumps(dict(self.overrides), sort_keys=True, default=str),
            "delta": json.dumps(dict(self.delta)),
            "versions": json.dumps(dict(self.versions)),
        }


def default_path(package: Package, problem: str, solver: str) -> Path:
    """runs/PACKAGE/PROBLEM/SOLVER.safetensors, from the current folder; no two problems share a folder."""
    return Path("runs") / package.name / folder_name(problem) / f"{solver}.safetensors"


def folder_name(problem: str) -> str:
    """A problem's whole name as one folder's: `one:problem` is `one-problem`, and what is no file name is quoted."""
    return quote(problem.replace(":", "-"), safe="()=,")


def save_weights(path: Path, solver: nn.Module, origin: Origin) -> None:
    """Writes the solver's state dict with its origin to `path`, whole or not at all."""
    save_safetensors(path, solver.state_dict(), origin.metadata())


def read_origin(path: Path) -> Origin:
    """The origin of a weights file; WeightsError where it is none, OSError where it cannot be read."""
    path.open("rb").close()  # an OSError that names the file, before safetensors' own errors
    try:
        with safe_open(path, "pt") as file:
            stored = file.metadata() or {}
        return Origin(
            stored["spec_sha256"],
            stored["solver"],
            stored["problem"],
            int(stored["seed"]),
            json.loads(stored["settings"]),
            *(json.loads(stored.get(name, "{}")) for name in ("overrides", "delta", "versions")),
        )
    except (SafetensorError, KeyError, ValueError) as error:
        raise WeightsError(f"{path} is not a weights file of hyperdsl: {error}") from error


def load_weights(path: Path, solver: nn.Module, package: Package) -> Origin:
    """Loads `path` into `solver`, once it is sure that they belong together; gives the weights' origin."""
    origin, name = read_origin(path), type(solver).__name__
    if origin.solver != name:
        raise WeightsError(f"{path} holds weights of {origin.solver}, not of {name}")
    if origin.spec_sha256 != package.spec_sha256:
        raise WeightsError(
            f"{path} was trained with another version of {package.name}'s spec "
            f"({origin.spec_sha256[:12]}, now {package.spec_sha256[:12]}): train again"
        )
    try:
        solver.load(path)  # type: ignore[operator]  # every generated solver with a corrector has it
    except (RuntimeError, KeyError, ValueError) as error:
        raise WeightsError(f"{path} does not fit {name} on this problem: {error}") from error
    return origin
