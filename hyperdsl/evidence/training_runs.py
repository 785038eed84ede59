"""Training the digits classifier itself, with z(1) by one method or another: what is seen on the way, and when."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from hyperdsl.evaluation.classifier import SPAN, Recipe, moved
from hyperdsl.evaluation.digits import STATE_SHAPE, DigitsModel, digits_data
from hyperdsl.evaluation.image_sets import Images
from hyperdsl.evaluation.report import plain
from hyperdsl.evaluation.solvers import torchdiffeq_solve
from hyperdsl.evidence.packages import package
from hyperdsl.reporting.methods import library
from hyperdsl.runtime.field import Counted
from hyperdsl.training.given import seeded
from hyperdsl.training.tracking import Refresh, Tracked, TrackingWarning

FINE, LATER = 210, 63  # iterations: the test loss is looked at each LATER ones, more often before FINE
REFERENCE = 1e-5
DOPRI5 = "dopri5, 1e-3"
PLAIN = ("euler, K = 2", "midpoint, K = 1", "midpoint, K = 2", "rk4, K = 1")
TRACKED = ("tracked HyperEuler, K = 2", "tracked HyperEuler, K = 4")
METHODS = (DOPRI5, *PLAIN, *TRACKED)


@dataclass(frozen=True)
class Setting:
    """What is trained: f's hidden channels, the weight of the kinetic penalty; iterations between the first looks."""

    name: str
    hidden: int
    kinetic: float
    every: int


SETTINGS = (
    Setting("the recipe (16 channels, kinetic 0.3)", 16, Recipe().kinetic, 7),
    Setting("demanding (64 channels, kinetic 1)", 64, 1.0, 21),
)


@dataclass(frozen=True)
class Look:
    """Test loss and accuracy (%) by the exact solution and by the training's own solver, at an iteration.

    `cpu` are the process's own seconds, which other work on the machine does not touch.
    """

    iteration: int
    seconds: float
    cpu: float
    loss: float
    accuracy: float
    own_loss: float
    own_accuracy: float


@dataclass(frozen=True)
class Run:
    """One training: evaluations of f forward an iteration, those of refreshes included, and what was seen."""

    method: str
    setting: str
    seed: int
    evaluations: float
    looks: list[Look]
    refreshes: list[Refresh] = field(default_factory=list)

    def reached(self, level: float) -> float:
        """CPU seconds until the exact test loss is seen at the level; inf where it never is."""
        return next((look.cpu for look in self.looks if look.loss <= level), inf)

    def json(self) -> dict[str, Any]:
        """What was looked at and the refreshes as columns, of four digits."""
        found = asdict(self)
        for name in ("looks", "refreshes"):
            found[name] = {
                key: [
                    plain(float(f"{row[key]:.4g}") if isinstance(row[key], float) else row[key]) for row in found[name]
                ]
                for key in (found[name][0] if found[name] else ())
            }
        return found

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Run:
        """Of what `json` gave."""
        kinds: dict[str, Callable[..., Any]] = {"looks": Look, "refreshes": Refresh}
        rows = {name: [make(**row) for row in _rows(found[name])] for name, make in kinds.items()}
        return cls(**{**found, **rows})


def _rows(columns: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """Columns as rows, with numbers for the strings that JSON has for those that are not finite."""
    for row in zip(*columns.values(), strict=True):
        yield {key: float(value) if isinstance(value, str) else value for key, value in zip(columns, row, strict=True)}


def trained(method: str, seed: int, setting: Setting, epochs: int, runs: Path) -> Run:
    """The classifier trained from `seed`, looked at with the clocks stopped."""
    train, test = digits_data(seed)
    recipe = replace(Recipe(), kinetic=setting.kinetic, epochs=epochs)
    with seeded(seed), warnings.catch_warnings():
        warnings.simplefilter("ignore", TrackingWarning)  # the study counts what they would say
        model = DigitsModel(setting.hidden)
        with seeded(seed):  # g's first weights are no part of the model's random numbers
            f = Counted(model.field)
            solve = _solver(method, f, runs)
        looks: list[Look] = []
        spent, evaluations, start = [0.0, 0.0], 0, _clocks()
        for done in _iterations(model, solve, train, recipe):
            if done % (setting.every if done <= FINE else LATER) == 0:
                spent = [before + now - then for before, now, then in zip(spent, _clocks(), start, strict=True)]
                evaluations, random = f.evaluations, torch.get_rng_state()
                looks.append(_looked(model, solve, test, done, *spent))
                f.evaluations = evaluations
                torch.set_rng_state(random)
                start = _clocks()
    refreshes = solve.history if isinstance(solve, Tracked) else []
    return Run(method, setting.name, seed, evaluations / looks[-1].iteration, looks, refreshes)


def _solver(method: str, f: Callable[..., Tensor], runs: Path) -> Any:
    """What takes z(0) to z(1)."""
    if method == DOPRI5:
        return partial(torchdiffeq_solve, f, span=SPAN)
    name, steps = method.split(", K = ")
    if method in TRACKED:
        return Tracked(package("training", runs).choose()(STATE_SHAPE), f, SPAN, int(steps))
    return partial(library(name), f, span=SPAN, steps=int(steps))


def _iterations(model: DigitsModel, solve: Any, train: Images, recipe: Recipe) -> Iterator[int]:
    """Trains the model; yields the number of iterations done after each."""
    batches = -(-len(train.images) // recipe.batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs * batches)
    for epoch in range(recipe.epochs):
        for k, rows in enumerate(torch.randperm(len(train.images)).chunk(batches)):
            z0 = model.encode(moved(train.images[rows], recipe))
            loss = functional.cross_entropy(model.decode(solve(z0)), train.classes[rows])
            loss = loss + recipe.kinetic * model.field(torch.zeros(()), z0).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if isinstance(solve, Tracked):
                solve.update(z0)
            yield epoch * batches + k + 1


@torch.no_grad()
def _looked(model: DigitsModel, solve: Any, test: Images, iteration: int, *seconds: float) -> Look:
    z0 = model.encode(test.images)
    found = []
    for end in (torchdiffeq_solve(model.field, z0, SPAN, tolerance=REFERENCE), solve(z0)):
        found += [float(functional.cross_entropy(model.decode(end), test.classes)), model.accuracy(end, test.classes)]
    return Look(iteration, *seconds, *found)


def _clocks() -> tuple[float, float]:
    """Wall-clock and CPU seconds."""
    return time.perf_counter(), time.process_time()
