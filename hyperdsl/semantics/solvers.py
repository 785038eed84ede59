"""What `solver` and `hypersolver` declarations mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hyperdsl.diagnostics import catalogue, did_you_mean
from hyperdsl.semantics import model as m
from hyperdsl.semantics.controls import check_control
from hyperdsl.semantics.correctors import INPUTS
from hyperdsl.semantics.families import check_denominators, contains, range_text
from hyperdsl.semantics.multisteps import unstable_root
from hyperdsl.semantics.names import check_class_name
from hyperdsl.semantics.numbers import ExactReader
from hyperdsl.semantics.precision import check_precision
from hyperdsl.semantics.proofs import prove
from hyperdsl.semantics.report import Report, exactly
from hyperdsl.semantics.settings import Settings, ends
from hyperdsl.semantics.starts import default_start
from hyperdsl.semantics.substitute import dense_with, substituted
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.exact import Exact
from hyperdsl.theory.families import Interval, Region


class Names(Protocol):
    """Where the parts of a solver are found; None for a part that has been reported."""

    def base(self, name: n.Name) -> m.Base | None: ...
    def corrector(self, name: n.Name) -> m.Corrector | None: ...
    def training(self, name: n.Name) -> m.Training | None: ...
    def control(self, name: n.Name) -> m.Control | None: ...
    def default_training(self) -> m.Training: ...
    def library_method(self, name: str) -> m.Method: ...


@dataclass(frozen=True)
class _Base:
    """The base with its parameters put in, fixed or left free."""

    method: m.Base
    fixed: tuple[tuple[str, Exact], ...]
    free: tuple[m.Free, ...]


@exactly
def read_solver(report: Report, declaration: n.Declaration, names: Names) -> m.AnySolver | None:
    """The solver; None where something is wrong, which has been reported."""
    before = len(report.found)
    name = declaration.name
    learned = declaration.word.text == "hypersolver"
    check_class_name(report, name)
    if declaration.parameters:
        report(catalogue.BAD_PARAMETER, declaration.parameters[0], problem="a solver has no parameters of its own")
    kind = "a hypersolver" if learned else "a solver"
    known = ("base", "corrector", "training", "control") if learned else ("base", "control")
    settings = Settings(report, kind, declaration.body, known)
    base = _base(report, settings, name, names)
    corrector = _corrector(report, settings, name, names) if learned else None
    training = _training(report, settings, names) if learned else None
    chosen = _one_name(report, settings, "control")
    control = names.control(chosen) if chosen else None
    if base is None or (learned and (corrector is None or training is None)) or report.failed_since(before):
        return None
    if chosen and control is None:
        return None
    solver: m.AnySolver
    if isinstance(base.method, m.Method):
        solver = _solver(report, declaration, base, base.method, corrector, training, control)
        if chosen and control:
            check_control(report, chosen, control, solver)
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
    base: _Base,
    method: m.Method,
    corrector: m.Corrector | m.External | None,
    training: m.Training | None,
    control: m.Control | None,
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


def _base(report: Report, settings: Settings, owner: n.Name, names: Names) -> _Base | None:
    """The method after `base`, with its parameters: `rk4`, `second_order(alpha = 1/2)`."""
    setting = settings.require("base", owner, "base rk4")
    value = settings.single(setting, "the name of a method") if setting else None
    name = value.name if isinstance(value, n.Call) else value
    if name is None:
        return None
    if not isinstance(name, n.Name):
        report(catalogue.WRONG_VALUE, name, word="base", wants="the name of a method")
        return None
    method = names.base(name)
    if method is None:
        return None
    arguments = value.arguments if isinstance(value, n.Call) else ()
    if not isinstance(method, m.Method):
        return _history_base(report, name, method, arguments)
    if method.tableau.kind != "explicit":
        report(catalogue.NOT_YET, name, what="solvers with an implicit Runge–Kutta base are")
        return None
    return _with_parameters(report, name, method, arguments)


def _history_base(
    report: Report, name: n.Name, method: m.Multistep | m.PredictorCorrector, arguments: tuple[n.Argument, ...]
) -> _Base | None:
    for argument in arguments:
        report(catalogue.BAD_PARAMETER, argument, problem=f"`{method.name}` has no parameters")
    if isinstance(method, m.Multistep) and not method.formula.is_zero_stable:
        report(catalogue.DIVERGES, name, name=method.name, notes=[unstable_root(method.formula)])
        return None
    return None if arguments else _Base(method, (), ())


def _with_parameters(report: Report, name: n.Name, method: m.Method, arguments: tuple[n.Argument, ...]) -> _Base | None:
    before = len(report.found)
    intervals = {parameter.name: parameter.interval for parameter in method.parameters}
    fixed: dict[str, Exact] = {}
    free: dict[str, m.Free] = {}
    for argument in arguments:
        word = argument.name
        if word is None:
            report(catalogue.WRONG_VALUE, argument, word=name.text, wants="named parameters: `alpha = 1/2`")
        elif word.text not in intervals:
            advice = did_you_mean(word.text, intervals)
            report(catalogue.UNKNOWN_ARGUMENT, word, word=name.text, name=word.text, help=advice)
        elif word.text in fixed or word.text in free:
            report(catalogue.REPEATED_SETTING, word, word=word.text)
        else:
            _take(report, word.text, argument.value, intervals[word.text], fixed, free)
    if len(report.found) > before:
        return None
    for parameter in method.parameters:
        if parameter.name not in fixed and parameter.name not in free:
            problem = f"`{method.name}` needs a value for its parameter `{parameter.name}`"
            help_text = f"write `{parameter.name} = free`, a number, or a range within {range_text(*_named(parameter))}"
            report(catalogue.BAD_PARAMETER, name, problem=problem, help=help_text)
    if len(report.found) > before or not _is_defined(report, name, method, fixed, free):
        return None
    in_order = [parameter.name for parameter in method.parameters]
    return _Base(
        method,
        tuple((key, fixed[key]) for key in in_order if key in fixed),
        tuple(free[key] for key in in_order if key in free),
    )


def _named(parameter: m.Parameter) -> tuple[str, Interval]:
    return parameter.name, parameter.interval


def _take(
    report: Report, name: str, value: n.Value, interval: Interval, fixed: dict[str, Exact], free: dict[str, m.Free]
) -> None:
    """One argument of a base: a number, a range, or `free`."""
    wants = f"within {range_text(name, interval)}"
    if isinstance(value, n.Range):
        found = ends(report, value, value, name)
        if found and not (contains(interval, found[0]) and contains(interval, found[1])):
            report(catalogue.OUT_OF_RANGE, value, what=f"`{name}`", wants=wants)
        elif found:
            free[name] = m.Free(name, Interval(*found))
    elif isinstance(value, n.Name) and value.text == "free":
        if interval.lower is None or interval.upper is None:
            problem = f"`{name}` has no finite range that it could be free in"
            report(catalogue.BAD_PARAMETER, value, problem=problem, help=f"give one: `{name} = 1/2 .. 1`")
        else:
            free[name] = m.Free(name, Interval(interval.lower, interval.upper))
    elif isinstance(value, n.Call) and value.name.text == "learned":
        report(catalogue.NOT_YET, value, what="learned parameters are")
    elif isinstance(value, n.Comparison | n.String):
        report(catalogue.WRONG_VALUE, value, word=name, wants="a number, a range, or `free`")
    else:
        number = ExactReader(report).double(value)
        if number is not None and not contains(interval, number):
            report(catalogue.OUT_OF_RANGE, value, what=f"`{name}`", wants=wants)
        elif number is not None:
            fixed[name] = number


def _is_defined(
    report: Report, name: n.Name, method: m.Method, fixed: dict[str, Exact], free: dict[str, m.Free]
) -> bool:
    """Whether every coefficient has a value at the fixed values and on the free ranges."""
    for factor in method.nonzero:
        if factor.substitute(fixed).is_zero:
            wants = f"such that {factor} is not zero"
            report(catalogue.OUT_OF_RANGE, name, what=f"the parameters of `{method.name}`", wants=wants)
            return False
    region = Region({key: parameter.interval for key, parameter in free.items()})
    return not free or check_denominators(report, name, method.name, method.tableau.substitute(fixed), region)


def _check_inputs(report: Report, settings: Settings, corrector: m.Corrector, base: _Base) -> None:
    """Whether the corrector reads only what there is: parameters of the base are named as inputs."""
    known = (*INPUTS, *(parameter.name for parameter in base.free))
    for name in corrector.inputs:
        if name not in known:
            problem = f"`{corrector.name}` reads `{name}`, which `{base.method.name}` does not offer"
            advice = did_you_mean(name, known) or f"it offers {', '.join(known)}"
            report(catalogue.BAD_INPUT, settings.by_word["corrector"].values[0], problem=problem, help=advice)
