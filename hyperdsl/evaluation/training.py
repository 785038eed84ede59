"""Training a generated package on a problem: what `hyperdsl train` does."""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from hyperdsl.evaluation.errors import PackageError, TrainingError
from hyperdsl.evaluation.files import remove_oldest
from hyperdsl.evaluation.packages import Package
from hyperdsl.evaluation.problems import Problem, on_path
from hyperdsl.evaluation.weights import Origin, default_path, save_weights
from hyperdsl.training.alone import Alone
from hyperdsl.training.changes import SettingsError, changed, plain_settings
from hyperdsl.training.given import seeded
from hyperdsl.training.learned import changes_method
from hyperdsl.training.learned import written as written_spec
from hyperdsl.training.outcome import Outcome
from hyperdsl.training.outputs import require_writable

if TYPE_CHECKING:
    from hyperdsl.training.alone import Launched

CACHE_BYTES = 4 * 2**30
"""What a cache may hold after a training; what was used longest ago goes first."""


@dataclass(frozen=True)
class Trained:
    """A trained solver, its history as the package's `fit` returned it, seconds taken, and where the weights are.

    `written` is the spec of the method that training found, where its base or its grid has something to learn.
    """

    solver: nn.Module
    history: Any
    seconds: float
    path: Path
    written: str | None = None

    @property
    def outcome(self) -> Outcome:
        """Whether training helped, and at which ε."""
        return Outcome(self.history.delta)

    @property
    def mid_range(self) -> float:
        """δ at the geometric mean of the range of ε; nan where nothing was measured."""
        return mid_range(self.history.delta)


TRANSIENT = (
    "; in a training that is a step of the base or a substep of its `reference`: where a transient is too short for "
    "them, raise `steps` and `substeps`, or train on the slow motion after it, from states and a span of a problem of "
    "one's own"
)
"""What to do where equations of a training's steps are not solved."""


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
    """The package's solver for the problem's shapes and dtype, its corrector started from `seed` or from its f.

    ValueError where f does not have the layers that the corrector starts from.
    """
    cls = package.choose(solver)
    wanted = inspect.signature(cls).parameters
    given: dict[str, object] = {}
    if "state_shape" in wanted:
        given["state_shape"] = problem.state_shape
    if "input_shape" in wanted:
        if problem.input_shape is None:
            raise PackageError(f"the corrector of {cls.__name__} reads x, which {problem.name} has not")
        given["input_shape"] = problem.input_shape
    if "field" in wanted:
        given["field"] = problem.f
    with seeded(seed):
        return cls(**given).to(state_dtype(problem))


def box_tensors(problem: Problem) -> tuple[Tensor, Tensor] | None:
    """The problem's box as tensors of the state's shape."""
    if problem.box is None:
        return None
    dtype, shape = state_dtype(problem), problem.state_shape
    assert len(problem.box[0]) == prod(shape)  # Problem checks it
    lower, upper = (torch.tensor(ends, dtype=dtype).reshape(shape) for ends in problem.box)
    return lower, upper


def start_fabric(
    *, accelerator: str = "cpu", devices: int | None = None, precision: str | None = None, log: Path | None = None
) -> Launched:
    """What trains: this process alone, `devices` of them, or those that torchrun or `fabric run` started.

    `log` is a folder for TensorBoard's files and a CSV file. Every process goes on from here.
    """
    under_fabric = os.environ.get("LT_CLI_USED") == "1"
    world = int(os.environ.get("WORLD_SIZE", "1"))
    count = devices or int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # torchrun's
    if not under_fabric and accelerator == "cpu" and count == world == 1 and precision is None and log is None:
        return Alone(torch.device("cpu"))
    from lightning_fabric import Fabric
    from lightning_fabric.loggers.csv_logs import CSVLogger
    from lightning_fabric.loggers.tensorboard import TensorBoardLogger

    loggers = [TensorBoardLogger(log, "tensorboard"), CSVLogger(log, "csv")] if log else None
    if under_fabric:
        fabric = Fabric(loggers=loggers)  # `fabric run` says the rest
    else:
        strategy = "ddp" if count > 1 or world > 1 else "auto"
        nodes = max(world // count, 1)
        chosen: Any = precision  # Fabric checks it
        fabric = Fabric(
            accelerator=accelerator,
            devices=count,
            num_nodes=nodes,
            strategy=strategy,
            precision=chosen,
            loggers=loggers,
        )
    fabric.launch()
    return fabric


def checkpoint_of(path: Path) -> Path:
    """Where a training is kept whose weights go to `path`: beside them."""
    return (
        path.with_suffix(".checkpoint") if path.suffix == ".safetensors" else path.with_name(f"{path.name}.checkpoint")
    )


def _told(changes: Mapping[str, object]) -> dict[str, object]:
    """Overrides as they are kept with the weights: a reference method by its name."""
    return {name: getattr(value, "__name__", value) if callable(value) else value for name, value in changes.items()}


def _set_control(model: Any, changes: Mapping[str, object]) -> None:
    if not hasattr(model, "control"):
        raise PackageError(f"{type(model).__name__} has no control to set {next(iter(changes))} of")
    model.control = replace(model.control, **changes)


def train_package(
    package: Package,
    problem: Problem,
    *,
    solver: str | None = None,
    output: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    control: Mapping[str, object] | None = None,
    seed: int | None = None,
    progress: bool = True,
    fabric: Launched | None = None,
    cache: Path | None = None,
) -> Trained:
    """Trains what there is to learn with the package's own `fit` and saves its weights, by default below runs/.

    A training that was ended, at whatever moment, goes on from its checkpoint beside `output` to the same weights.
    `overrides` replaces fields of the package's settings, plain values standing for dtypes, losses and shares of
    states, `then` for a sequence of such mappings, one for each further phase, and `control` those of an adaptive
    solver's control; `seed` None means the spec's. `fabric` and `cache` are `fit`'s; of several processes, the first
    saves. PackageError where there is nothing to train, a setting is unknown or the weights cannot be written,
    TrainingError where the problem does not allow the training.
    """
    train = package.train()
    cls = package.choose(solver)
    path = output or default_path(package, problem.whole_name, cls.__name__)
    checkpoint = checkpoint_of(path)
    try:
        require_writable(path)
        require_writable(checkpoint)
    except ValueError as error:
        raise PackageError(str(error)) from error
    if cls not in train.SETTINGS:
        raise PackageError(f"{cls.__name__} has no training: its corrector is external, or it has none")
    changes = dict(overrides or {})
    try:
        settings = changed(train.SETTINGS[cls], changes)
    except SettingsError as error:
        raise PackageError(str(error)) from error
    used = settings.seed if seed is None else seed
    model = build_solver(package, problem, solver, used)
    problem = on_path(problem, model)
    if control:
        _set_control(model, control)
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
            fabric=fabric,
            checkpoint=checkpoint,
            cache=cache,
        )
    except (TypeError, ValueError, RuntimeError) as error:
        status = getattr(getattr(error, "status", None), "value", None)
        advice = TRANSIENT if status == "not_converged" else ""
        raise TrainingError(f"{cls.__name__} cannot be trained on {problem.name}: {error}{advice}") from error
    seconds = time.perf_counter() - start
    for logger in fabric.loggers if fabric else ():
        logger.finalize("success")
    if fabric is None or fabric.is_global_zero:
        if cache:
            remove_oldest(cache, CACHE_BYTES)
        delta = {f"{eps:.6g}": value for eps, value in history.delta.items()}
        settled = plain_settings(settings) | ({"control": dict(control)} if control else {})
        about = (package.spec_sha256, cls.__name__, problem.whole_name, used, settled, _told(changes), delta)
        save_weights(path, model, Origin(*about, seconds=seconds))
        checkpoint.unlink(missing_ok=True)
    written = written_spec(model, package.folder) if changes_method(model) else None
    return Trained(model, history, seconds, path, written)
