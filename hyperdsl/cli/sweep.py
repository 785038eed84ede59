"""hyperdsl sweep"""

from __future__ import annotations

import hashlib
import json as json_module
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hyperdsl import __version__
from hyperdsl.cli.evaluate import tableau
from hyperdsl.cli.inputs import Json, finish, out, say, spec_files, stop
from hyperdsl.cli.names import one_of, unknown
from hyperdsl.cli.packages import ProblemName, Threads, find, guarded, need_torch, shows_progress
from hyperdsl.files import replace_file
from hyperdsl.source import SpecFile

if TYPE_CHECKING:
    from hyperdsl.semantics.model.spec import Spec
    from hyperdsl.semantics.model.sweep import Sweep
    from hyperdsl.sweeps.points import Cost, Network, Point
    from hyperdsl.sweeps.run import Task
    from hyperdsl.sweeps.store import Store

Spec_ = Annotated[Path, typer.Argument(metavar="SPEC", help="A spec that declares a sweep.", show_default=False)]
Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="Which sweep, where there are several.", show_default=False)
]
Trials = Annotated[int | None, typer.Option(min=1, help="Networks in all, in place of the sweep's `trials`.")]
Jobs = Annotated[int, typer.Option(min=1, help="Processes that work on the sweep.")]
Storage = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|URL",
        help="A journal, by default runs/sweeps/PACKAGE/PROBLEM/NAME.log, or for several machines a database: "
        "postgresql://USER@HOST/NAME, grpc://HOST:PORT for Optuna's proxy of one, or any other URL that Optuna takes.",
    ),
]
Grace = Annotated[
    float, typer.Option(min=1, help="Seconds of silence after which another machine's process counts as lost.")
]
Costs = Annotated[
    Literal["macs", "evaluations", "milliseconds"],
    typer.Option(
        "--cost",
        parser=one_of("macs", "evaluations", "milliseconds"),
        metavar="macs|evaluations|milliseconds",
        help="What is minimised beside the error, g's share included.",
    ),
]
Methods = Annotated[str, typer.Option(metavar="NAME,NAME,...", help="Methods of the library to compare with.")]
Plot = Annotated[Path | None, typer.Option(metavar="FILE", help="Write a plot of all points and the front.")]
Write = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="Write specs: FILE.hyper gets the variant at the front's knee, a folder all variants of the front.",
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME.SETTING=VALUE", help="Override a setting of the training in every trial."),
]
Cache = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Where the reference's data are kept and found again.")
]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]


def sweep(
    spec: Spec_,
    problem: ProblemName,
    name: Name = None,
    trials: Trials = None,
    jobs: Jobs = 1,
    storage: Storage = None,
    grace: Grace = 60.0,
    cost: Costs = "macs",
    methods: Methods = "euler,rk4",
    overrides: Set = None,
    plot: Plot = None,
    write: Write = None,
    cache: Cache = Path("runs/cache"),
    threads: Threads = 1,
    quiet: Quiet = False,
    json: Json = False,
    markdown: Markdown = False,
) -> None:
    """Train variants of a hypersolver over the ranges of a spec's sweep; show the Pareto front of error and cost.

    A sweep that was ended goes on when the same command is given again; a second command joins in a running one, from
    another machine where both name a database by --storage.
    """
    need_torch("optuna", "filelock")
    from hyperdsl.evaluation.solvers import TableauSolver
    from hyperdsl.sweeps import report as sweep_report
    from hyperdsl.sweeps import run as sweeps
    from hyperdsl.sweeps.points import front, knee, points

    target = None if write is None else _target(write)
    _require_outputs(plot, target, cache)
    beside = {word: TableauSolver(word, tableau(word)) for word in methods.replace(" ", "").split(",") if word}
    order = _Order(spec, name, problem, trials, storage, grace, cost, tuple(overrides or ()), cache, threads, quiet)
    store, task = order.begin()
    workers = [get_context("spawn").Process(target=_work, args=(order,), daemon=True) for _ in range(jobs - 1)]
    try:
        for worker in workers:
            worker.start()
        guarded(lambda: sweeps.run(store, task, progress=shows_progress(quiet)))
        for worker in workers:
            worker.join()
        networks, failures = guarded(lambda: (store.networks(), store.failures()))
    finally:
        store.close()
    for reason in dict.fromkeys(failures):
        print(f"hyperdsl: a network could not be trained: {reason}", file=sys.stderr)
    if not networks:
        stop("no network could be trained")
    found = points(networks)
    best, plain = guarded(lambda: sweeps.side_by_side(store, task, front(found, cost), beside))
    away = sum(not sweeps.is_here(store, task, point) for point in best)
    if away:
        print(f"hyperdsl: {away} points keep the times of another machine, where their weights are", file=sys.stderr)
    result = _Result(found, best, plain, knee(best, cost))
    title = f"{task.solver} on {task.problem.name}: error against {_COSTS[cost]}, the front of {len(networks)} networks"
    if json:
        print(json_module.dumps(_json(result, order, store, task, len(failures)), indent=2))
    elif markdown:
        print(sweep_report.markdown_table(best, plain, cost), end="")
    else:
        out().print(sweep_report.table(best, plain, cost, title))
        _print_knee(result.knee, store, task)
    if plot is not None:
        figure = plot
        guarded(lambda: sweep_report.plot(found, best, plain, cost, figure, title))
    if target is not None:
        goal = target
        guarded(lambda: _write_specs(result, store, task, goal))


_COSTS = {"macs": "multiply-accumulates", "evaluations": "evaluations of f", "milliseconds": "milliseconds"}


@dataclass(frozen=True)
class _Result:
    """All points, the front, methods beside it, and the front's knee."""

    found: Sequence[Point]
    best: Sequence[Point]
    plain: Sequence[Point]
    knee: Point | None


@dataclass(frozen=True)
class _Order:
    """What the command line asks for: all that a process needs to work on the sweep."""

    spec: Path
    name: str | None
    problem: str
    trials: int | None
    storage: str | None
    grace: float
    cost: Cost
    overrides: tuple[str, ...]
    cache: Path | None
    threads: int
    quiet: bool

    def begin(self) -> tuple[Store, Task]:
        """The sweep's store, which is to be closed, and its task; ends the run where something is wrong."""
        import torch

        from hyperdsl.sweeps.storages import storage
        from hyperdsl.sweeps.store import Store, default_storage

        torch.set_num_threads(self.threads)
        checked, chosen = _chosen(self.spec, self.name)
        task = _task(self, checked, chosen)
        default = default_storage(task.name, task.problem, chosen.name)
        study = f"{task.name}/{self.problem}/{chosen.name}"
        identity = {
            "version of hyperdsl": __version__,
            "version of the spec": checked.source.sha256,
            "version of an import": [source.sha256 for source in checked.imports],
            "name": chosen.name,
            "problem": self.problem,
            "version of the problem": _digest(self.problem),
            "cost": self.cost,
            "--set": sorted(self.overrides),
        }
        total = self.trials or chosen.trials
        return guarded(
            lambda: Store(storage(self.storage, default, study, self.grace), chosen, self.cost, total, identity)
        ), task


def _work(order: _Order) -> None:
    """One of several processes."""
    from hyperdsl.sweeps.run import run

    try:
        store, task = order.begin()
        try:
            guarded(lambda: run(store, task, progress=False))
        finally:
            store.close()
    except typer.Exit as ended:
        sys.exit(ended.exit_code)


def _chosen(path: Path, name: str | None) -> tuple[Spec, Sweep]:
    """The sound spec and its sweep of that name, or its only one."""
    from hyperdsl import compiler

    if path.is_dir():
        stop(f"`{path}` is a folder: name one spec")
    checked = compiler.check(spec_files([path]))
    say(checked.diagnostics)
    finish(checked.diagnostics)
    spec = checked.specs[0]
    names = ", ".join(sweep.name for sweep in spec.sweeps)
    found = [sweep for sweep in spec.sweeps if name in (None, sweep.name)]
    if not spec.sweeps:
        stop(f"`{path}` declares no sweep")
    if not found:
        unknown(f"`{path}` has no sweep `{name}`", name or "", (sweep.name for sweep in spec.sweeps))
    if len(found) > 1:
        stop(f"`{path}` has several sweeps, name one: {names}")
    return spec, found[0]


def _task(order: _Order, spec: Spec, sweep: Sweep) -> Task:
    from hyperdsl import compiler
    from hyperdsl.cli.overrides import read_overrides
    from hyperdsl.sweeps.run import Task

    changed = read_overrides(order.overrides)
    for number in sweep.numbers:
        if {"lr": "learning_rate"}.get(number.word, number.word) in changed:
            stop(f"the sweep varies `{number.word}`, which --set would hold fast")
    write, problem = compiler.variants(order.spec, sweep.name).text, find(order.problem, quiet=order.quiet)
    return Task(spec.source.stem, sweep.solver, problem, sweep.steps, write, compile_variant, changed, order.cache)


def compile_variant(spec: Path) -> Path:
    """A variant's package, beside its spec; ValueError where the spec is not sound."""
    from hyperdsl import compiler
    from hyperdsl.diagnostics import has_errors
    from hyperdsl.evaluation.errors import PackageError

    checked = compiler.check([SpecFile(spec, spec.as_posix())])
    if has_errors(checked.diagnostics):
        raise PackageError(f"{spec}: {checked.diagnostics[0].message}")
    compiler.compile_checked(checked, spec.parent)
    return spec.with_suffix("")


def _digest(problem: str) -> str:
    """The sha256 of the file that defines the problem; "" for a built-in one."""
    in_file, colon, _ = problem.partition(".hyper:")
    if colon:
        return hashlib.sha256(Path(f"{in_file}.hyper").read_bytes()).hexdigest()
    module = sys.modules.get(problem.partition(":")[0])
    file = getattr(module, "__file__", None)
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""


def _print_knee(knee: Point | None, store: Store, task: Task) -> None:
    from hyperdsl.sweeps.run import spec_path, weights_path

    if knee is None or knee.network is None:
        out().print("every solution diverged: there is no front")
        return
    network = knee.network
    values = ", ".join(f"{word} {value}" for word, value in network.values.items())
    out().print(f"the knee of the front: {values} at K = {knee.steps}", markup=False)
    out().print(f"  spec:    {spec_path(store.folder, network.folder, task)}", markup=False)
    out().print(f"  weights: {weights_path(store.folder, network.folder, task)}", markup=False)


def _json(result: _Result, order: _Order, store: Store, task: Task, failed: int) -> dict[str, object]:
    from hyperdsl.sweeps.report import as_json

    def described(point: Point) -> dict[str, object]:
        return as_json(point, store, task)

    return {
        "spec": order.spec.as_posix(),
        "sweep": store.sweep.name,
        "problem": order.problem,
        "cost": order.cost,
        "storage": store.storage.shown,
        "networks": len(store.networks()),
        "failed": failed,
        "front": [described(point) for point in result.best],
        "knee": described(result.knee) if result.knee else None,
        "methods": [described(point) for point in result.plain],
        "points": [described(point) for point in result.found],
    }


def _require_outputs(plot: Path | None, target: Path | None, cache: Path | None) -> None:
    """End the run where a file or folder of these cannot be written."""
    from hyperdsl.evaluation.plots import endings
    from hyperdsl.training.outputs import require_folder, require_plot, require_writable

    if plot is not None:
        guarded(lambda: require_plot(plot, endings()))
    if target is not None and target.suffix:
        guarded(partial(require_writable, target))
    for folder in (cache, target if target and not target.suffix else None):
        if folder is not None:
            guarded(partial(require_folder, folder))


def _target(path: Path) -> Path:
    """A place for specs: FILE.hyper, or a folder."""
    if path.suffix == ".hyper" and not path.stem.isidentifier():
        stop(f"`{path.name}` cannot name a package: use letters, digits and underscores")
    if path.suffix and path.suffix != ".hyper":
        stop(f"`--write {path}` is neither FILE.hyper nor a folder")
    return path


def _write_specs(result: _Result, store: Store, task: Task, target: Path) -> None:
    """The specs of the front's networks as they were trained, so that their weights fit."""
    from hyperdsl.sweeps.run import weights_path

    chosen: dict[str, Network] = {}
    for point in [result.knee] if target.suffix else result.best:
        if point is not None and point.network is not None:
            chosen.setdefault(point.network.folder, point.network)
    for count, network in enumerate(chosen.values(), 1):
        path = target if target.suffix else target / f"{store.sweep.name}_{count}.hyper"
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, task.write(network.values).encode())
        weights = weights_path(store.folder, network.folder, task)
        print(f"wrote {path}, whose weights are {weights}", file=sys.stderr)
