"""Sweeps: variants of a hypersolver trained one after another, each measured at every number of steps.

A network is trained once and measured at all K: measuring costs a hundredth of training, and a network with its K is
one curve of error against cost. Several processes may work on one sweep; see `store`.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn
from tqdm import tqdm

from hyperdsl.evaluation.contenders import Contender, fixed
from hyperdsl.evaluation.errors import EvaluationError
from hyperdsl.evaluation.packages import Package, load_package
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.solvers import TableauSolver
from hyperdsl.evaluation.training import build_solver, train_package
from hyperdsl.evaluation.weights import load_weights
from hyperdsl.evaluation.work_precision import Start, measure, unseen
from hyperdsl.sweeps.points import Network, Point, front
from hyperdsl.sweeps.space import values_of
from hyperdsl.sweeps.storages import reached
from hyperdsl.sweeps.store import Store
from hyperdsl.training.files import write_whole

QUICK, THOROUGH = 3, 30
"""Repeats of a timing: where milliseconds are only told, and where they count."""
WAIT = 0.5
"""Seconds between looks at what other processes do."""

Write = Callable[[Mapping[str, str]], str]
"""Gives the variant with these values as the text of a spec."""
Compile = Callable[[Path], Path]
"""Generates the package of a variant's spec beside it and gives its folder."""


@dataclass(frozen=True)
class Task:
    """What every network of a sweep is trained and measured on.

    `name` is that of the spec and its package. `overrides` and `cache` are `train_package`'s.
    """

    name: str
    solver: str
    problem: Problem
    steps: Sequence[int]
    write: Write
    compile: Compile
    overrides: Mapping[str, object]
    cache: Path | None


def run(store: Store, task: Task, progress: bool = True) -> None:
    """Tries networks until the sweep's total is reached, other processes' work on it included.

    A network that cannot be trained or compiled is noted as such. NotConvergedError where the problem has no reference
    solution, SweepError where the storage answers no more.
    """
    start = unseen(task.problem)
    with (
        reached(store.storage.shown),
        tqdm(total=store.total, disable=not progress, desc="networks", unit="net") as bar,
    ):
        bar.update(_done(store))
        while True:
            claimed = store.claim()
            if claimed is not None:
                trial, choice = claimed
                values = values_of(choice)
                bar.set_postfix_str(", ".join(values.values()))
                try:
                    with store.at_work(trial):
                        network = train(store, task, values, start)
                    store.finish(trial, network)
                except EvaluationError as error:
                    store.fail(trial, str(error))
            elif store.busy():
                time.sleep(WAIT)
            bar.update(_done(store) - bar.n)
            if claimed is None and not store.busy():
                return


def _done(store: Store) -> int:
    return len(store.networks()) + len(store.failures())


def train(store: Store, task: Task, values: Mapping[str, str], start: Start) -> Network:
    """The variant with these values, trained and measured. EvaluationError where that cannot be done."""
    began = time.perf_counter()
    text = task.write(values)
    key = json.dumps([text, store.study.user_attrs["identity"]], sort_keys=True)
    name = hashlib.sha256(key.encode()).hexdigest()[:12]
    spec = spec_path(store.folder, name, task)
    write_whole(spec, text.encode())
    package = load_package(task.compile(spec))
    trained = train_package(
        package,
        task.problem,
        solver=task.solver,
        output=weights_path(store.folder, name, task),
        overrides=task.overrides,
        progress=False,
        cache=task.cache,
    )
    contenders = fixed(task.solver, trained.solver, task.steps)
    rows = measure(contenders, start, repeats=THOROUGH if store.cost == "milliseconds" else QUICK)
    order = _order(trained.solver)
    delta = trained.mid_range if math.isfinite(trained.mid_range) else math.inf
    seconds = time.perf_counter() - began
    return Network(dict(values), order, delta, seconds, name, dict(zip(task.steps, rows, strict=True)))


def spec_path(folder: Path, network: str, task: Task) -> Path:
    """The spec of a network's variant."""
    return folder / network / f"{task.name}.hyper"


def weights_path(folder: Path, network: str, task: Task) -> Path:
    """The weights of a network."""
    return folder / network / f"{task.solver}.safetensors"


def _order(solver: Any) -> int:
    order = solver.order
    assert isinstance(order, int)  # every generated solver has it
    return order


def side_by_side(
    store: Store, task: Task, best: Sequence[Point], methods: Mapping[str, TableauSolver]
) -> tuple[list[Point], list[Point]]:
    """The front's points, measured anew, and methods without a corrector, all taking turns: times can be compared.

    The front is then that of the new measurements; networks whose weights are on another machine keep theirs.
    """
    start = unseen(task.problem)
    kept = [point for point in best if is_here(store, task, point)]
    away = [replace(point, row=replace(point.row, method=task.solver)) for point in best if point not in kept]
    contenders: list[Contender] = []
    for index, point in enumerate(kept):
        assert point.network is not None
        solver = load(store, task, point.network)
        contenders += fixed(str(index), solver, [point.steps])
    for name, method in methods.items():
        contenders += fixed(name, method, task.steps)
    rows = measure(contenders, start, repeats=THOROUGH)
    own = [
        replace(point, row=replace(row, method=task.solver)) for point, row in zip(kept, rows[: len(kept)], strict=True)
    ]
    counts = [steps for _ in methods for steps in task.steps]
    plain = [Point(None, steps, row) for steps, row in zip(counts, rows[len(kept) :], strict=True)]
    return front([*own, *away], store.cost), plain


def is_here(store: Store, task: Task, point: Point) -> bool:
    """Whether the point's network was trained where its weights can be read."""
    return point.network is not None and weights_path(store.folder, point.network.folder, task).exists()


def load(store: Store, task: Task, network: Network) -> nn.Module:
    """A network that has been trained, ready to solve. OSError or EvaluationError where its files are not there."""
    spec = spec_path(store.folder, network.folder, task)
    package: Package = load_package(spec.with_suffix(""))
    solver = build_solver(package, task.problem, task.solver)
    load_weights(weights_path(store.folder, network.folder, task), solver, package)
    return solver
