"""What `solver` and `hypersolver` declarations mean."""

from __future__ import annotations

from typing import Protocol

from hyperdsl.diagnostics import catalogue, did_you_mean
from hyperdsl.semantics.methods.proofs import prove
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.model.control import Control
from hyperdsl.semantics.reading.names import check_class_name
from hyperdsl.semantics.reading.report import Report, exactly
from hyperdsl.semantics.reading.settings import Settings
from hyperdsl.semantics.reading.substitute import dense_with, substituted
from hyperdsl.semantics.solvers.bases import ChosenBase, read_base
from hyperdsl.semantics.solvers.controls import check_control
from hyperdsl.semantics.solvers.correctors import INPUTS
from hyperdsl.semantics.solvers.precision import check_precision
from hyperdsl.semantics.solvers.starts import default_start
from hyperdsl.syntax import nodes as n


class Names(Protocol):
    """Where the parts of a solver are found; None for a part that has been reported."""

    def base(self, name: n.Name) -> m.Base | None: ...
    def corrector(self, name: n.Name) -> m.Corrector | None: ...
    def training(self, name: n.Name) -> m.Training | None: ...
    def control(self, name: n.Name) -> Control | None: ...
    def default_training(self) -> m.Training: ...
    def library_method(self, name: str) -> m.Method: ...


@exactly
def read_solver(report: Report, declaration: n.Declaration, names: Names) -> m.AnySolver | None:
    """The solver; None where something is wrong, which has been reported."""
    before = len(report.found)
    name = declaration.name
    hyper = declaration.word.text == "hypersolver"
    check_class_name(report, name)
    if declaration.parameters:
        report(catalogue.BAD_PARAMETER, declaration.parameters[0], problem="a solver has no parameters of its own")
    kind = "a hypersolver" if hyper else "a solver"
    known = ("base", "corrector", "training", "control") if hyper else ("base", "training", "control")
    settings = Settings(report, kind, declaration.body, known)
    base = read_base(report, settings, name, names.base)
    corrector = _corrector(report, settings, name, names) if hyper else None
    given = "training" in settings.by_word
    training = _training(report, settings, names) if hyper or given or (base and base.learned) else None
    chosen = _one_name(report, settings, "control")
    control = names.control(chosen) if chosen else None
    if base and given and not (hyper or base.learned):
        _check_untrained(report, settings)
    if base is None or (hyper and (corrector is None or training is None)) or report.failed_since(before):
        return None
    if (chosen and control is None) or (base.learned and training is None):
        return None
    solver: m.AnySolver
    if isinstance(base.method, m.Method):
        solver = _solver(report, declaration, base, base.method, corrector, training, control)
        if chosen and control:
            check_control(report, chosen, control, solver)
        if solver.learned:
            _check_learned(report, settings, solver)
    else:
        start = base.method.start or m.Start(names.library_method(default_start(base.method.formula.order)), 1)
        place = report.place(name)
        solver = m.HistorySolver(name.text, place, base.method, start, corrector, training)
        if chosen:
            report(catalogue.NOT_YET, chosen, what="step-size control of methods with a history is")
        if training and any(not isinstance(phase.loss, m.ResidualLoss) for phase in training.phases):
            at = settings.by_word["training"].values[0]
            report(catalogue.NOT_YET, at, what="losses but `residual` on methods with a history are")
    if isinstance(corrector, m.Corrector):
        _check_inputs(report, settings, corrector, base)
    if report.failed_since(before):
        return None
    check_precision(report, name, solver)
    return solver


def _solver(
    report: Report,
    declaration: n.Declaration,
    base: ChosenBase,
    method: m.Method,
    corrector: m.Corrector | m.External | None,
    training: m.Training | None,
    control: Control | None,
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
        corrector=corrector,
        training=training,
        control=control,
        dense=dense_with(method.dense, values) if method.dense else None,
    )


def _one_name(report: Report, settings: Settings, word: str) -> n.Name | None:
    setting = settings.get(word)
    value = settings.single(setting, "a name") if setting else None
    if value is not None and not isinstance(value, n.Name):
        report(catalogue.WRONG_VALUE, value, word=word, wants="a name")
        return None
    return value


def _corrector(report: Report, settings: Settings, owner: n.Name, names: Names) -> m.Corrector | m.External | None:
    settings.require("corrector", owner, "corrector external")
    name = _one_name(report, settings, "corrector")
    if name is None:
        return None
    return m.External() if name.text == "external" else names.corrector(name)


def _training(report: Report, settings: Settings, names: Names) -> m.Training | None:
    if "training" not in settings.by_word:
        return names.default_training()
    name = _one_name(report, settings, "training")
    return names.training(name) if name else None


def _check_untrained(report: Report, settings: Settings) -> None:
    """Report the training of a plain solver without learned parameters, which has nothing to train."""
    word = settings.by_word["training"].word
    advice = "a training is for a corrector, or for learned parameters of the base: `alpha = learned(1/2)`"
    report(catalogue.UNKNOWN_SETTING, word, kind=settings.kind, word=word.text, help=advice)


def _check_learned(report: Report, settings: Settings, solver: m.Solver) -> None:
    """What cannot be trained together with parameters of the base yet."""
    if solver.free:
        at = settings.by_word["base"].values[0]
        report(catalogue.NOT_YET, at, what="free and learned parameters of one base are")
    if solver.control:
        at = settings.by_word["control"].values[0]
        report(catalogue.NOT_YET, at, what="step-size control of a base with learned parameters is")
    if solver.training and any(isinstance(phase.loss, m.AdversarialLoss) for phase in solver.training.phases):
        at = settings.by_word["training"].values[0]
        report(catalogue.NOT_YET, at, what="adversarial training of a base with learned parameters is")


def _check_inputs(report: Report, settings: Settings, corrector: m.Corrector, base: ChosenBase) -> None:
    """Whether the corrector reads only what there is: parameters of the base are named as inputs."""
    known = (*INPUTS, *(free.name for free in base.free), *(learned.name for learned in base.learned))
    for name in corrector.inputs:
        if name not in known:
            problem = f"`{corrector.name}` reads `{name}`, which `{base.method.name}` does not offer"
            advice = did_you_mean(name, known) or f"it offers {', '.join(known)}"
            report(catalogue.BAD_INPUT, settings.by_word["corrector"].values[0], problem=problem, help=advice)
