"""What `solver` and `hypersolver` declarations mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from hyperdsl.diagnostics import catalogue, did_you_mean
from hyperdsl.semantics.methods.additives import prove as prove_additive
from hyperdsl.semantics.methods.proofs import prove
from hyperdsl.semantics.methods.rosenbrocks import prove as prove_rosenbrock
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.model.additive import Additive
from hyperdsl.semantics.model.control import Control
from hyperdsl.semantics.model.left_open import Grid
from hyperdsl.semantics.model.path import PathModel
from hyperdsl.semantics.model.rosenbrock import Rosenbrock
from hyperdsl.semantics.model.solving import Solving
from hyperdsl.semantics.model.training import AdversarialLoss
from hyperdsl.semantics.reading.names import check_class_name
from hyperdsl.semantics.reading.report import Report, exactly
from hyperdsl.semantics.reading.settings import Settings
from hyperdsl.semantics.reading.substitute import dense_with, shared_dense_with, stage_dense_with, substituted
from hyperdsl.semantics.solvers.bases import read_base
from hyperdsl.semantics.solvers.controls import check_control
from hyperdsl.semantics.solvers.grids import check_grid, read_grid, refuse_grid
from hyperdsl.semantics.solvers.parameters import Chosen
from hyperdsl.semantics.solvers.precision import check_precision
from hyperdsl.semantics.solvers.solving import read_solving
from hyperdsl.semantics.solvers.starts import default_start
from hyperdsl.semantics.solvers.trainings import to_the_end
from hyperdsl.semantics.solvers.varying import read_varying
from hyperdsl.semantics.tables.solvers import HYPERSOLVER, INPUTS, SOLVER
from hyperdsl.syntax import nodes as n


class Names(Protocol):
    """Where the parts of a solver are found; None for a part that has been reported."""

    def base(self, name: n.Name) -> m.Base | None: ...
    def corrector(self, name: n.Name) -> m.Corrector | None: ...
    def training(self, name: n.Name) -> m.Training | None: ...
    def control(self, name: n.Name) -> Control | None: ...
    def path(self, name: n.Name) -> PathModel | None: ...
    def default_training(self) -> m.Training: ...
    def library_method(self, name: str) -> m.Method: ...


@dataclass(frozen=True)
class _Parts:
    """What a declaration of a solver names, as far as it was found; `chosen` and `placed` name its control and path."""

    base: Chosen | None
    corrector: m.Corrector | m.External | None
    training: m.Training | None
    control: Control | None
    chosen: n.Name | None
    grid: Grid | None
    path: PathModel | None
    placed: n.Name | None
    solving: Solving | None

    @property
    def learns(self) -> bool:
        """Whether the base or the grid has something to learn."""
        return bool(self.base and self.base.learned) or bool(self.grid and self.grid.learned)

    def complete(self, hyper: bool) -> bool:
        """Whether nothing is missing that was asked for or is needed."""
        if self.base is None or (self.chosen and self.control is None) or (self.placed and self.path is None):
            return False
        learns = hyper or self.learns
        return not (hyper and self.corrector is None) and not (learns and self.training is None)


@exactly
def read_solver(report: Report, declaration: n.Declaration, names: Names) -> m.AnySolver | None:
    """The solver; None where something is wrong, which has been reported."""
    before = len(report.found)
    hyper = declaration.word.text == "hypersolver"
    check_class_name(report, declaration.name)
    if declaration.parameters:
        report(catalogue.BAD_PARAMETER, declaration.parameters[0], problem="a solver has no parameters of its own")
    kind = "a hypersolver" if hyper else "a solver"
    settings = Settings(report, kind, declaration.body, HYPERSOLVER if hyper else SOLVER)
    parts = _parts(report, settings, declaration.name, names, hyper=hyper)
    base = parts.base
    if base is None or report.failed_since(before) or not parts.complete(hyper):
        return None
    if isinstance(base.method, m.Method):
        solver: m.AnySolver = _single_step(report, settings, declaration, parts, base, base.method)
    elif isinstance(base.method, Rosenbrock):
        solver = _rosenbrock(report, settings, declaration, parts, base, base.method)
    elif isinstance(base.method, Additive):
        solver = _additive(report, settings, declaration, parts, base, base.method)
    elif parts.chosen and parts.control:
        varying = read_varying(report, settings, declaration, base.method, parts.control)
        if varying is None:
            return None
        solver = replace(varying, path=parts.path, solving=parts.solving)
    elif isinstance(base.method, m.Multistep | m.PredictorCorrector):
        solver = _with_history(report, settings, declaration, parts, base.method, names)
    else:  # `read_base` has refused it
        raise AssertionError(base.method.name)
    if isinstance(parts.corrector, m.Corrector):
        _check_inputs(report, settings, parts.corrector, base)
        if parts.placed and parts.corrector.start == "field":
            what = "correctors that start from the field of a path are"
            report(catalogue.NOT_YET, parts.placed, what=what, help="leave `start field` out of the corrector")
    if report.failed_since(before):
        return None
    check_precision(report, declaration.name, solver)
    return solver


def _parts(report: Report, settings: Settings, name: n.Name, names: Names, *, hyper: bool) -> _Parts:
    """The parts by their names; a training that nothing needs is reported."""
    base = read_base(report, settings, name, names.base, names.library_method)
    corrector = _corrector(report, settings, name, names) if hyper else None
    given = "training" in settings.by_word
    chosen = _one_name(report, settings, "control")
    control = names.control(chosen) if chosen else None
    placed = _one_name(report, settings, "path")
    path = names.path(placed) if placed else None
    grid, solving = read_grid(report, settings), read_solving(report, settings, base.method) if base else None
    parts = _Parts(base, corrector, None, control, chosen, grid, path, placed, solving)
    learns = hyper or parts.learns
    if given or learns:
        parts = replace(parts, training=_training(report, settings, names, parts.grid))
    if base and given and not learns:
        _check_untrained(report, settings)
    return parts


def _single_step(
    report: Report,
    settings: Settings,
    declaration: n.Declaration,
    parts: _Parts,
    base: Chosen,
    method: m.Method,
) -> m.Solver:
    """The solver on a Runge–Kutta method, with what does not go with it reported."""
    solver = _solver(report, declaration, base, method, parts)
    if parts.chosen and parts.control:
        check_control(report, parts.chosen, parts.control, solver)
    _check_open(report, settings, solver)
    return solver


def _additive(
    report: Report,
    settings: Settings,
    declaration: n.Declaration,
    parts: _Parts,
    base: Chosen,
    method: Additive,
) -> m.AdditiveSolver:
    """The solver on an additive method, with what does not go with it yet reported."""
    values = dict(base.fixed)
    pair = method.pair.substitute(values) if values else method.pair
    solver = m.AdditiveSolver(
        name=declaration.name.text,
        place=report.place(declaration.name),
        base=method,
        pair=pair,
        entries=tuple(substituted(one, values) for one in method.entries) if values else method.entries,
        facts=prove_additive(pair, method.claimed_order, method.tolerance) if values else method.facts,
        fixed=base.fixed,
        free=base.free,
        corrector=parts.corrector,
        training=parts.training,
        control=parts.control,
        solving=parts.solving,
        grid=parts.grid,
        dense=shared_dense_with(method.dense, values) if method.dense else None,
        learned=base.learned,
    )
    if parts.placed:
        problem = f"`{method.name}` takes f in two parts, and a path makes one field of a model"
        report(catalogue.BAD_PARTS, parts.placed, problem=problem, help="take a base that is not additive")
    if parts.chosen and parts.control:
        check_control(report, parts.chosen, parts.control, solver)
    _check_open(report, settings, solver)
    return solver


def _rosenbrock(
    report: Report,
    settings: Settings,
    declaration: n.Declaration,
    parts: _Parts,
    base: Chosen,
    method: Rosenbrock,
) -> m.RosenbrockSolver:
    """The solver on a Rosenbrock method, with what does not go with it reported."""
    values = dict(base.fixed)
    tableau = method.tableau.substitute(values) if values else method.tableau
    solver = m.RosenbrockSolver(
        name=declaration.name.text,
        place=report.place(declaration.name),
        base=method,
        tableau=tableau,
        facts=prove_rosenbrock(tableau, method.claimed_order, method.tolerance) if values else method.facts,
        fixed=base.fixed,
        corrector=parts.corrector,
        training=parts.training,
        control=parts.control,
        grid=parts.grid,
        path=parts.path,
        dense=stage_dense_with(method.dense, values) if method.dense else None,
        free=base.free,
        learned=base.learned,
    )
    if parts.chosen and parts.control:
        check_control(report, parts.chosen, parts.control, solver)
        if isinstance(parts.corrector, m.Corrector) and "stages" in parts.corrector.inputs:
            at = settings.by_word["corrector"].values[0]
            advice = "leave `stages` out of the corrector's inputs, or the control out of the solver"
            what = "correctors that read the stages of adaptive Rosenbrock steps are"
            report(catalogue.NOT_YET, at, what=what, help=advice)
    _check_open(report, settings, solver)
    return solver


def _with_history(
    report: Report,
    settings: Settings,
    declaration: n.Declaration,
    parts: _Parts,
    method: m.Multistep | m.PredictorCorrector,
    names: Names,
) -> m.HistorySolver:
    """The solver on a method with a history, with what does not go with it yet reported."""
    start = method.start or m.Start(names.library_method(default_start(method.formula)), 1)
    name = declaration.name
    refuse_grid(report, settings, method)
    place, path, solving = report.place(name), parts.path, parts.solving
    return m.HistorySolver(name.text, place, method, start, parts.corrector, parts.training, path, solving)


def _solver(
    report: Report,
    declaration: n.Declaration,
    base: Chosen,
    method: m.Method,
    parts: _Parts,
) -> m.Solver:
    values = dict(base.fixed)
    tableau = method.tableau.substitute(values) if values else method.tableau
    return m.Solver(
        name=declaration.name.text,
        place=report.place(declaration.name),
        base=method,
        tableau=tableau,
        entries=substituted(method.entries, values) if values else method.entries,
        facts=prove(tableau, method.claimed_order, method.tolerance) if values else method.facts,
        fixed=base.fixed,
        free=base.free,
        learned=base.learned,
        corrector=parts.corrector,
        training=parts.training,
        control=parts.control,
        grid=parts.grid,
        dense=dense_with(method.dense, values) if method.dense else None,
        path=parts.path,
        solving=parts.solving,
    )


def _one_name(report: Report, settings: Settings, word: str) -> n.Name | None:
    setting = settings.get(word, block=True)
    if setting and setting.block:
        help_ = f"declare `{word} mine {{ ... }}` by itself, and write `{word} mine` here"
        report(catalogue.WRONG_VALUE, setting.word, word=word, wants="a name, not a block", help=help_)
        return None
    value = settings.single(setting, "a name") if setting else None
    if value is not None and not isinstance(value, n.Name):
        report(catalogue.WRONG_VALUE, value, word=word, wants="a name")
        return None
    return value


def _corrector(report: Report, settings: Settings, owner: n.Name, names: Names) -> m.Corrector | m.External | None:
    if "corrector" not in settings.by_word:
        settings.require("corrector", owner, "corrector external")
    name = _one_name(report, settings, "corrector")
    if name is None:
        return None
    return m.External() if name.text == "external" else names.corrector(name)


def _training(report: Report, settings: Settings, names: Names, grid: Grid | None) -> m.Training | None:
    if "training" not in settings.by_word:
        default = names.default_training()
        return to_the_end(default) if grid and grid.learned else default
    name = _one_name(report, settings, "training")
    return names.training(name) if name else None


def _check_untrained(report: Report, settings: Settings) -> None:
    """Report the training of a plain solver without learned parameters, which has nothing to train."""
    word = settings.by_word["training"].word
    advice = "a training is for a corrector, or for what is learned of the base, `alpha = learned(1/2)`, or of the grid"
    report(catalogue.UNKNOWN_SETTING, word, kind=settings.kind, word=word.text, help=advice)


def _check_open(report: Report, settings: Settings, solver: m.StepSolver) -> None:
    """What does not go with the solver's grid, and what cannot be trained together with parameters of the base yet."""
    check_grid(report, settings, solver)
    if not solver.learned:
        return
    if solver.free:
        at = settings.by_word["base"].values[0]
        advice = "give numbers for those that are free, or learn them all"
        report(catalogue.NOT_YET, at, what="free and learned parameters of one base are", help=advice)
    if solver.training and any(isinstance(phase.loss, AdversarialLoss) for phase in solver.training.phases):
        at = settings.by_word["training"].values[0]
        advice = "worst cases would move with the base: train it by `loss residual`, `trajectory(...)` or `end`"
        report(catalogue.NOT_YET, at, what="adversarial training of a base with learned parameters is", help=advice)


def _check_inputs(report: Report, settings: Settings, corrector: m.Corrector, base: Chosen) -> None:
    """Whether the corrector reads only what there is: parameters of the base are named as inputs."""
    known = (*INPUTS, *(free.name for free in base.free), *(learned.name for learned in base.learned))
    for name in corrector.inputs:
        if name not in known:
            problem = f"`{corrector.name}` reads `{name}`, which `{base.method.name}` does not offer"
            advice = did_you_mean(name, known) or f"it offers {', '.join(known)}"
            report(catalogue.BAD_INPUT, settings.by_word["corrector"].values[0], problem=problem, help=advice)
