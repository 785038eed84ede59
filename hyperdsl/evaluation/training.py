"""Training a generated package's corrector on a problem: what `hyperdsl train` does."""

from __future__ import annotations

import dataclasses
import inspect
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from hyperdsl.evaluation.errors import PackageError, TrainingError
from hyperdsl.evaluation.packages import Package
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.weights import Origin, default_path, save_weights


@dataclass(frozen=True)
class Trained:
    """A trained solver, its history as the package's `fit` returned it, seconds taken, and where the weights are."""

    solver: nn.Module
    history: Any
    seconds: float
    path: Path

    @property
    def mid_range(self) -> float:
        """δ at the geometric mean of the range of ε; nan where nothing was measured."""
        return mid_range(self.history.delta)


def mid_range(delta: Mapping[float, float]) -> float:
    """The value at the ε that lies nearest to the geometric mean of the smallest and the largest; nan for none."""
    if not delta:
        return float("nan")
    sizes = sorted(abs(eps) for eps in delta)
    middle = (sizes[0] * sizes[-1]) ** 0.5
    return delta[min(delta, key=lambda eps: max(abs(eps) / middle, middle / abs(eps)))]


def state_dtype(problem: Problem) -> torch.dtype:
    """The dtype of the states that the problem's sampler gives."""
    return problem.draw(1, torch.Generator().manual_seed(0))[0].dtype


def build_solver(package: Package, problem: Problem, solver: str | None = None, seed: int = 0) -> nn.Module:
    """The package's solver for the problem's shapes and dtype, its corrector started from `seed`."""
    cls = package.choose(solver)
    wanted = inspect.signature(cls).parameters
    given: dict[str, object] = {}
    if "state_shape" in wanted:
        given["state_shape"] = problem.state_shape
    if "input_shape" in wanted:
        if problem.input_shape is None:
            raise PackageError(f"the corrector of {cls.__name__} reads x, which {problem.name} has not")
        given["input_shape"] = problem.input_shape
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return cls(**given).to(state_dtype(problem))


def box_tensors(problem: Problem) -> tuple[Tensor, Tensor] | None:
    """The problem's box as tensors of the state's shape."""
    if problem.box is None:
        return None
    dtype, shape = state_dtype(problem), problem.state_shape
    assert len(problem.box[0]) == prod(shape)  # Problem checks it
    lower, upper = (torch.tensor(ends, dtype=dtype).reshape(shape) for ends in problem.box)
    return lower, upper


def train_package(
    package: Package,
    problem: Problem,
    *,
    solver: str | None = None,
    output: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    seed: int | None = None,
    progress: bool = True,
) -> Trained:
    """Trains the corrector with the package's own `fit` and saves its weights, by default below runs/.

    `overrides` replaces fields of the package's settings, plain values standing for dtypes and shares of states;
    `seed` None means the spec's. PackageError where there is nothing to train or a setting is unknown, TrainingError
    where the problem does not allow the training.
    """
    train = package.train()
    cls = package.choose(solver)
    if cls not in train.SETTINGS:
        raise PackageError(f"{cls.__name__} has no training: its corrector is external, or it has none")
    settings = _replaced(train.SETTINGS[cls], _typed(overrides or {}, train))
    used = settings.seed if seed is None else seed
    model = build_solver(package, problem, solver, used)
    fit: Callable[..., Any] = train.fit
    start = time.perf_counter()
    try:
        history = fit(
            model,
            problem.f,
            problem.sample,
            problem.span,
            seed=used,
            progress=progress,
            settings=settings,
            box=box_tensors(problem),
        )
    except (TypeError, ValueError, RuntimeError) as error:
        raise TrainingError(f"{cls.__name__} cannot be trained on {problem.name}: {error}") from error
    seconds = time.perf_counter() - start
    path = output or default_path(package, problem.name, cls.__name__)
    save_weights(path, model, Origin(package.spec_sha256, cls.__name__, problem.name, used, _plain(settings)))
    return Trained(model, history, seconds, path)


def _typed(overrides: Mapping[str, object], train: ModuleType) -> dict[str, object]:
    """Plain values in the types of the package's settings: a dtype by its name, shares as triples."""
    typed = dict(overrides)
    if isinstance(dtype := typed.get("dtype"), str):
        typed["dtype"] = getattr(torch, dtype)
    if isinstance(states := typed.get("states"), tuple):
        typed["states"] = tuple(train.Share(*share) for share in states)
    return typed


def _replaced(settings: Any, overrides: Mapping[str, object]) -> Any:
    known = {field.name for field in dataclasses.fields(settings)}
    unknown = [name for name in overrides if name not in known]
    if unknown:
        raise PackageError(f"training has no setting {unknown[0]}; it has {', '.join(sorted(known))}")
    changes = dict(overrides)
    if "eps" in changes or "steps" in changes:  # one range in one unit: the other gives way
        changes = {"eps": None, "steps": None} | changes
    return dataclasses.replace(settings, **changes)


def _plain(settings: Any) -> dict[str, object]:
    """A settings object as JSON's types; functions by their names, dtypes as torch writes them."""
    fields = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    return {name: getattr(value, "__name__", value) if callable(value) else value for name, value in fields.items()}
