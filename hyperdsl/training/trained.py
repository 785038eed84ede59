"""What a training leaves with its solver, and so with its weights: what they were trained for, and what came of it."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hyperdsl import __version__
from hyperdsl.runtime.ranges import TRAINED
from hyperdsl.runtime.weights import save_weights
from hyperdsl.training.changes import plain_settings
from hyperdsl.training.protocol import is_graded
from hyperdsl.training.rows import real
from hyperdsl.training.settings import History, Settings

VERSIONS = {"hyperdsl": __version__, "torch": torch.__version__, "lightning-fabric": version("lightning-fabric")}
COMPONENTS = 64
"""Of a state: where there are more, their spread is told of all together."""


def told(
    solver: nn.Module,
    settings: Settings,
    history: History,
    ranges: Sequence[Sequence[float]],
    span: tuple[float, float],
    states: Tensor,
    timeless: bool,
    exact: bool = False,
) -> dict[str, str]:
    """A training's facts as texts, as weights' metadata take them; `ranges` are those of ε, one for each phase.

    `states` are [n, *state_shape]. Where g and f read nothing of s, there is no range of s. `exact`: the ranges are
    lists of all ε that training was for.
    """
    sizes = [abs(end) for pair in ranges for end in pair]
    trained = {
        "eps": [min(sizes), max(sizes)],
        "s": None if timeless else sorted(span),
        "steps": [1, solver.count if is_graded(solver) else round(abs(span[1] - span[0]) / min(sizes))],
        "states": spread_of(states),
    }
    if exact:
        found = sorted({*sizes})
        grids = sorted(round(abs(span[1] - span[0]) / size) for size in found)
        trained |= {"sizes": found, "grids": [solver.count] if is_graded(solver) else grids}
    return {
        TRAINED: json.dumps(trained),
        "solver": type(solver).__name__,
        "seed": str(settings.seed),
        "settings": json.dumps(plain_settings(settings), sort_keys=True, default=str),
        "delta": json.dumps({f"{eps:.6g}": value for eps, value in history.delta.items()}),
        "outcome": history.outcome.verdict,
        "versions": json.dumps(VERSIONS),
        **_spec(solver),
    }


def trained_grids(solver: Any) -> list[int]:
    """The numbers of steps that a solver's weights were trained for exactly; none where they are for a range."""
    found: list[int] = json.loads(getattr(solver, "about", {}).get(TRAINED, "{}")).get("grids", [])
    return found


def spread_of(states: Tensor) -> dict[str, list[float]]:
    """The mean and the standard deviation of each component of states [n, ...], of large ones of all together."""
    table = real(states).flatten(1).double()
    if table.shape[1] > COMPONENTS:
        table = table.reshape(-1, 1)
    return {"mean": table.mean(0).tolist(), "deviation": table.std(0, correction=0).tolist()}


def remember(solver: nn.Module, about: Mapping[str, str]) -> None:
    """Have the solver know this of its weights; what no spec made just holds it."""
    own: Any = getattr(solver, "remember", None)
    if own is not None:
        own(about)
    else:
        solver.about = dict(about)  # type: ignore[assignment]  # torch types attributes as tensors and modules


def save(solver: nn.Module, path: Path) -> None:
    """Write the solver's weights with what is known of them; as `solver.save`, for any module."""
    about: Any = getattr(solver, "about", {})
    save_weights(solver, path, about)


def _spec(solver: nn.Module) -> dict[str, str]:
    """The hash of the spec that the solver's package was made of, where its certificate is at hand."""
    package = type(solver).__module__.rpartition(".")[0]
    try:
        certificate = json.loads(pkgutil.get_data(package, "certificate.json") or "")
        return {"spec_sha256": str(certificate["sha256"])}
    except (OSError, ImportError, ValueError, KeyError, TypeError):
        return {}
