"""Neural ODE classifiers of MNIST and Fashion-MNIST and the solvers trained for them: what studies of images share."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import nn

from hyperdsl.evaluation.classifier import (
    SPAN,
    Classifier,
    ConvField,
    Recipe,
    classifier_problem,
    encoded,
    train_classifier,
)
from hyperdsl.evaluation.contenders import Contender, adaptive, fixed
from hyperdsl.evaluation.digits import DigitsModel, digits_data
from hyperdsl.evaluation.files import trained_once
from hyperdsl.evaluation.image_sets import FASHION_MNIST, MNIST, Images, ImageSet, load
from hyperdsl.evaluation.metrics import mape
from hyperdsl.evaluation.packages import Package
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.solvers import torchdiffeq_solve
from hyperdsl.evaluation.training import build_solver, train_package
from hyperdsl.evaluation.weights import load_weights
from hyperdsl.evaluation.work_precision import Start, measure, timed
from hyperdsl.evidence.packages import package, spec_text
from hyperdsl.evidence.study import Found, Part, Settings
from hyperdsl.reporting.methods import library

SPEC = "image_solvers"
HYPER = {
    "HyperEuler": "HyperEuler, conv g",
    "RelativeHyperEuler": "HyperEuler, relative g",
    "BilinearHyperEuler": "HyperEuler, bilinear g",
}
"""The solvers of any number of steps by their names in the spec, and what tables call them."""
LEARNED = {
    "TwoEvaluations": "learned(2)",
    "TwoCorrected": "learned(2) + g",
    "FourEvaluations": "learned(4)",
    "FourCorrected": "learned(4) + g",
}
"""Those whose one step is the whole solve."""
METHODS = ("euler", "midpoint", "kutta3", "rk4", "kutta5")
BATCHES = (1, 64, 256)
MIDDLE = 64
"""The batch whose multiply-accumulates and evaluations stand in tables; errors are those of the test set in batches."""
REPEATS = 5
Steps: TypeAlias = Mapping[str, Sequence[int]]
"""Numbers of steps by the library's methods, and those of hypersolvers under "hyper"."""
REFERENCE = 1e-5
HIDDEN = 16
"""Of f, and so of the bilinear corrector that starts from it."""
CHOICE = (
    "f, which knows nothing of the solvers, is two 3×3 convolutions with 16 hidden channels and a tanh between them "
    "(4,640 parameters, 226k MACs) on states of 16 channels of 7×7, trained for one epoch (Fashion-MNIST: two) with "
    "RK4 in two steps inside. Its loss has a kinetic penalty of 0.03 mean |f(0, z(0))|², which keeps f calm; "
    "with less of it all methods need more evaluations."
)
SOLVERS_FEW = {"iterations": 2, "trajectories": 8, "batch": 8, "substeps": 1}


class IdxModel(Classifier):
    """The classifier of 28×28 pixels, with states of 16 channels of 7×7."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, stride=2, padding=1)
        )
        self.field = ConvField(16, HIDDEN)
        self.decode = nn.Sequential(nn.Flatten(), nn.Linear(16 * 7 * 7, 10))


@dataclass(frozen=True)
class Task:
    """A set of images to classify: `data` gives those to train on and to test with, `build` an untrained classifier."""

    title: str
    data: Callable[[], tuple[Images, Images]]
    build: Callable[[], Classifier]
    recipe: Recipe


def _idx(which: ImageSet, epochs: int) -> Task:
    recipe = Recipe(epochs, learning_rate=1e-2, kinetic=0.03, shift=0, turn=0)
    return Task(which.title, lambda: (load(which), load(which, "t10k")), IdxModel, recipe)


TASKS = {"mnist": _idx(MNIST, 1), "fashion_mnist": _idx(FASHION_MNIST, 2)}
SMALLEST = {"digits": Task("digits", digits_data, partial(DigitsModel, HIDDEN), Recipe(epochs=1))}


def tasks(settings: Settings) -> Mapping[str, Task]:
    """What there is to classify: where the settings are the smallest, digits, which need no network."""
    return SMALLEST if settings.smallest else TASKS


@dataclass(frozen=True)
class Prepared:
    """A classifier, its test images, and its solvers by their names in the spec."""

    model: Classifier
    test: Images
    solvers: Mapping[str, nn.Module]


@lru_cache(1)
def prepared(name: str, seed: int, settings: Settings) -> Prepared:
    """Trains f and then its solvers, where a run with the same settings has not done so before."""
    task, folder = tasks(settings)[name], settings.runs / "image_classifiers"
    train, test = task.data()
    solve = partial(library("rk4"), steps=2)

    def trained() -> Classifier:
        label, progress = f"{task.title}, seed {seed},", settings.progress
        return train_classifier(task.build, train, seed, task.recipe, solve=solve, label=label, progress=progress)

    model = trained_once(task.build, trained, folder / name, seed, task.recipe)
    problem = classifier_problem(model, train.images, name)
    made = package(SPEC, settings.runs)
    few = SOLVERS_FEW if settings.smallest else {}
    solvers = {
        one: _solver(made, one, problem, seed, folder / name, few, str(task.recipe), settings.progress)
        for one in (*HYPER, *LEARNED)
    }
    return Prepared(model, test, solvers)


@torch.no_grad()
def _start(model: Classifier, test: Images) -> Start:
    """z(0) of the test images and their ends by dopri5 at 1e-5.

    In single precision: double takes torch four times as long, and what is measured is much farther off.
    """
    z0 = encoded(model, test.images)
    exact = [torchdiffeq_solve(model.field, part, SPAN, tolerance=REFERENCE) for part in torch.split(z0, MIDDLE)]
    return Start(model.field, z0, SPAN, torch.cat(exact))


def _solver(
    made: Package,
    name: str,
    problem: Problem,
    seed: int,
    folder: Path,
    few: Mapping[str, object],
    recipe: str,
    progress: bool,
) -> nn.Module:
    """The package's solver trained for this f, with its weights from `folder` where it was before."""
    key = hashlib.sha256(f"{made.spec_sha256} {few} {recipe}".encode()).hexdigest()[:12]
    path = folder / f"{name}_{seed}_{key}.safetensors"
    if path.exists():
        solver = build_solver(made, problem, name, seed)
        load_weights(path, solver, made)
        return solver
    told: dict[str, Any] = {"seed": seed, "output": path, "overrides": few, "progress": progress}
    told["cache"] = folder / "cache"  # the hypersolvers share their targets
    return train_package(made, problem, solver=name, **told).solver


def contenders(solvers: Mapping[str, nn.Module], steps: Steps) -> list[Contender]:
    """dopri5, the library's methods and the trained solvers, at their numbers of steps."""
    found = adaptive()
    for name in METHODS:
        found += fixed(name, library(name), steps.get(name, ()))
    for name, label in HYPER.items():
        found += fixed(label, solvers[name], steps["hyper"])
    for name, label in LEARNED.items():
        found += fixed(label, solvers[name], (1,))
    return found


def measured(name: str, seed: int, settings: Settings, steps: Steps) -> Found:
    """A row for each contender on the whole test set, and the exact accuracy."""
    found = prepared(name, seed, settings)
    accuracy = partial(found.model.accuracy, classes=found.test.classes)
    start = _start(found.model, found.test)
    rows = measure(contenders(found.solvers, steps), start, batch=MIDDLE, repeats=1, accuracy=accuracy, split=MIDDLE)
    kept = ("method", "setting", "evaluations", "macs", "mape", "l2", "accuracy")
    return {
        "accuracy": accuracy(start.reference),
        "untouched": {"accuracy": accuracy(start.z0), "mape": mape(start.z0, start.reference)},
        "rows": [{key: value for key, value in asdict(row).items() if key in kept} for row in rows],
    }


def clocked(name: str, seed: int, settings: Settings, steps: Steps) -> Found:
    """The milliseconds of each contender by batch and "method setting", of the process's own time."""
    found = prepared(name, seed, settings)
    z0 = encoded(found.model, found.test.images[: max(BATCHES)])
    start, all_ = Start(found.model.field, z0, SPAN, z0), contenders(found.solvers, steps)
    repeats = 1 if settings.smallest else REPEATS
    return {str(batch): timed(all_, start, batch, repeats, clock=time.process_time) for batch in BATCHES}


def parts(settings: Settings, steps: Steps) -> list[Part]:
    """Errors and times for each set of images and seed."""
    spec, found = hashlib.sha256(spec_text(SPEC).encode()).hexdigest(), []
    for name, task in tasks(settings).items():
        for seed in settings.seeds:
            recipe, told = f"{spec} {task.recipe} {steps}", (name, seed, settings, steps)
            found.append(Part(f"{name}/{seed}", partial(measured, *told), recipe))
            found.append(Part(f"{name}/{seed}/times", partial(clocked, *told), f"{recipe} {REPEATS}"))
    return found


def together(name: str, found: Mapping[str, Found], settings: Settings) -> list[Found]:
    """What was found of a set of images, a seed each, with the times in the rows."""
    seeds = []
    for seed in settings.seeds:
        part, times = found[f"{name}/{seed}"], found[f"{name}/{seed}/times"]
        rows = [
            row
            | {"milliseconds": {batch: taken[f"{row['method']} {row['setting']}"] for batch, taken in times.items()}}
            for row in part["rows"]
        ]
        seeds.append({**part, "rows": rows})
    return seeds
