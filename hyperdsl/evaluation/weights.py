"""Weights of trained correctors: safetensors files that say what they belong to."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import nn

from hyperdsl.evaluation.errors import WeightsError
from hyperdsl.evaluation.packages import Package
from hyperdsl.semantics.reading.names import file_fault
from hyperdsl.training.trained import VERSIONS, remember, save

_OF_0_1 = ("spec_sha256", "solver", "problem", "seed", "settings")
"""What the metadata of every file have that hyperdsl 0.1 wrote."""


@dataclass(frozen=True)
class Origin:
    """What weights were trained from, and how well; "" and None where the file does not say.

    `settings` and the `overrides` in them are whatever JSON can hold, `delta` is δ by ε; `versions` are those of what
    trained, `seconds` what it took, of a training that was taken up again since then.
    """

    spec_sha256: str
    solver: str
    problem: str
    seed: int | None
    settings: Mapping[str, Any]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    delta: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=lambda: dict(VERSIONS))
    seconds: float | None = None

    def metadata(self) -> dict[str, str]:
        """Strings only, as safetensors wants them."""
        return {
            "spec_sha256": self.spec_sha256,
            "solver": self.solver,
            "problem": self.problem,
            **({} if self.seed is None else {"seed": str(self.seed)}),
            "settings": json.dumps(dict(self.settings), sort_keys=True, default=str),
            "overrides": json.dumps(dict(self.overrides), sort_keys=True, default=str),
            "delta": json.dumps(dict(self.delta)),
            "versions": json.dumps(dict(self.versions)),
            **({} if self.seconds is None else {"seconds": f"{self.seconds:.3g}"}),
        }


def default_path(package: Package, problem: str, solver: str) -> Path:
    """runs/PACKAGE/PROBLEM/SOLVER.safetensors, from the current folder, with the problem's whole name in it."""
    return Path("runs") / package.name / file_name(problem) / f"{solver}.safetensors"


def file_name(problem: str) -> str:
    """The name of a problem as that of a folder: an identifier as it is, any other with a digest of the whole name.

    So no two problems have one folder, whatever characters and letters in upper case a file system tells apart.
    """
    if re.fullmatch(r"[a-z_][a-z0-9_]{0,63}", problem) and not file_fault(problem):
        return problem
    readable = re.sub(r"[^A-Za-z0-9]+", "_", problem).strip("_")[-48:]
    return f"{readable}-{hashlib.sha256(problem.encode()).hexdigest()[:8]}"


def save_weights(path: Path, solver: nn.Module, origin: Origin) -> None:
    """Writes the solver's weights with their origin to `path`, whole or not at all."""
    about: Mapping[str, str] = getattr(solver, "about", {})
    remember(solver, {**about, **origin.metadata()})
    save(solver, path)


def read_origin(path: Path) -> Origin:
    """The origin of a weights file; WeightsError where it is none, OSError where it cannot be read."""
    path.open("rb").close()  # an OSError that names the file, before safetensors' own errors
    try:
        with safe_open(path, "pt") as file:
            stored = file.metadata() or {}
        if "identity" not in stored:
            stored = {name: stored[name] for name in _OF_0_1} | stored  # a KeyError names what is missing
        seed, seconds = stored.get("seed"), stored.get("seconds")
        return Origin(
            stored.get("spec_sha256", ""),
            stored.get("solver", ""),
            stored.get("problem", ""),
            None if seed is None else int(seed),
            **{name: json.loads(stored.get(name, "{}")) for name in ("settings", "overrides", "delta", "versions")},
            seconds=None if seconds is None else float(seconds),
        )
    except (SafetensorError, KeyError, ValueError) as error:
        raise WeightsError(f"{path} is not a weights file of hyperdsl: {error}") from error


def of_today(path: Path) -> bool:
    """Whether weights say what they belong to, which those of 0.1 did not; WeightsError where it is no such file."""
    read_origin(path)
    with safe_open(path, "pt") as file:
        return "identity" in file.metadata()


def of_another_version(origin: Origin, package: Package) -> list[str]:
    """A sentence where the spec was another text when the weights were trained; whether they fit, `load` tests."""
    if origin.spec_sha256 in ("", package.spec_sha256):
        return []
    before, now = origin.spec_sha256[:12], package.spec_sha256[:12]
    return [f"The weights were trained with another version of {package.name}'s spec ({before}, now {now})."]


def load_weights(path: Path, solver: nn.Module, package: Package) -> Origin:
    """Loads `path` into `solver`, once it is sure that they belong together; gives the weights' origin.

    They do where solver, residual power, coefficients, and the corrector's inputs, output and layers are the same.
    """
    origin, name = read_origin(path), type(solver).__name__
    if origin.solver not in ("", name):
        raise WeightsError(f"{path} holds weights of {origin.solver}, not of {name}")
    try:
        solver.load(path)  # type: ignore[operator]  # every generated solver with a corrector has it
    except (RuntimeError, KeyError, ValueError) as error:
        raise WeightsError(f"{path} does not fit {name} on this problem: {error}") from error
    return origin
