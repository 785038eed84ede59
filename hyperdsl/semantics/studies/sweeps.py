"""What a `sweep` declaration means: every variant is one that the compiler would take."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from hyperdsl.diagnostics import Diagnostic, catalogue, did_you_mean
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.model.sweep import Sweep, SweptBase, SweptNumber, SweptWord
from hyperdsl.semantics.reading.names import check_file_name
from hyperdsl.semantics.reading.numbers import ExactReader
from hyperdsl.semantics.reading.report import Report, exactly
from hyperdsl.semantics.reading.scope import Scope
from hyperdsl.semantics.reading.settings import Settings, ends
from hyperdsl.semantics.solvers.declared import Names, read_solver
from hyperdsl.semantics.studies.variants import (
    has_size,
    methods_of,
    part_of,
    split_layers,
    starts_from_field,
    varied_layers,
    with_base,
)
from hyperdsl.semantics.tables.solvers import LARGEST_WIDTH, MAX_LAYERS
from hyperdsl.semantics.tables.studies import DEFAULT_STEPS, DEFAULT_TRIALS, LARGEST_STEPS, NUMBERS, RANGE, SWEEP
from hyperdsl.semantics.tables.word import LARGEST_INTEGER
from hyperdsl.syntax import nodes as n
from hyperdsl.syntax.printer import value_text
from hyperdsl.theory.numbers.exact import Exact

LARGEST = {"width": LARGEST_WIDTH, "depth": MAX_LAYERS}


class Sources(Names, Protocol):
    """The parts of solvers, and the file's own solvers that are sound."""

    def solver(self, name: str) -> m.AnySolver | None: ...


@exactly
def read_sweep(report: Report, declaration: n.Declaration, sources: Sources, scope: Scope) -> Sweep | None:
    """The sweep; None where something is wrong, which has been reported."""
    before = len(report.found)
    check_file_name(report, declaration.name)
    if declaration.parameters:
        report(catalogue.BAD_PARAMETER, declaration.parameters[0], problem="a sweep has no parameters")
    settings = Settings(report, "a sweep", declaration.body, SWEEP)
    numbers = [number for word in NUMBERS if (number := _number(report, settings, word))]
    steps = _steps(report, settings)
    trials = settings.integer("trials", DEFAULT_TRIALS)
    seed = settings.integer("seed", 0)
    if not any(word in settings.by_word for word in ("base", *NUMBERS)):
        varied = ", ".join(f"`{word}`" for word in ("base", *NUMBERS))
        report(catalogue.BAD_SWEEP, declaration.name, problem="this sweep varies nothing", help=f"vary one of {varied}")
    solver = _solver(report, settings, declaration.name, sources, scope)
    if solver is None:
        return None
    own = scope.unit.declarations["solver", solver.name]
    bases = _bases(report, settings, own, solver, sources, scope)
    _check_corrector(report, settings, solver, scope, numbers)
    if report.failed_since(before):
        return None
    place = report.place(declaration.name)
    return Sweep(declaration.name.text, place, solver.name, bases, tuple(numbers), steps, trials, seed)


def _solver(report: Report, settings: Settings, owner: n.Name, sources: Sources, scope: Scope) -> m.AnySolver | None:
    """The hypersolver that is varied: one of this file that training and fixed numbers of steps suit."""
    setting = settings.require("solver", owner, "solver HyperEuler")
    name = settings.single(setting, "the name of a hypersolver") if setting else None
    if name is None:
        return None
    if not isinstance(name, n.Name):
        report(catalogue.WRONG_VALUE, name, word="solver", wants="the name of a hypersolver")
        return None
    if ("solver", name.text) not in scope.unit.declarations:
        known = scope.unit.names("solver")
        advice = did_you_mean(name.text, known) or "a sweep stands in the file of its hypersolver"
        report(catalogue.UNKNOWN_NAME, name, kind="hypersolver", name=name.text, help=advice)
        return None
    solver = sources.solver(name.text)
    if solver is None:
        return None
    problem = None
    if solver.corrector is None:
        problem = f"`{solver.name}` has no corrector to train"
    elif isinstance(solver.corrector, m.External):
        problem = f"the corrector of `{solver.name}` is external, so that there is no network to train"
    elif solver.control is not None:
        problem = f"`{solver.name}` chooses its own steps, and a sweep measures at numbers of steps"
    elif solver.path is not None:
        problem = f"`{solver.name}` has a path, whose problems are models"
    if problem:
        report(catalogue.BAD_SWEEP, name, problem=problem)
        return None
    return solver


def _bases(
    report: Report, settings: Settings, declaration: n.Declaration, solver: m.AnySolver, sources: Sources, scope: Scope
) -> tuple[SweptBase, ...]:
    """The alternatives for the base, each proven; the solver's own where none are named."""
    setting = settings.get("base")
    if setting is None:
        node = settings.by_word["solver"].values[0]
        _check_free(report, node, solver)
        _check_names(report, node, declaration, scope)
        own = next(part for part in declaration.body.statements if isinstance(part, n.Setting) and _is_base(part))
        return (SweptBase(value_text(own.values[0]), solver.order),)
    found: dict[str, SweptBase] = {}
    if not setting.values:
        report(catalogue.WRONG_VALUE, setting, word="base", wants="methods, each by its name: `euler, heun`")
    for value in setting.values:
        known = ("method", "all") in scope.unit.declarations
        if not isinstance(value, n.Name | n.Call) or (value_text(value) == "all" and not known):
            report(catalogue.WRONG_VALUE, value, word="base", wants="methods, each by its name: `euler, heun`")
            continue
        text = value_text(value)
        if text in found:
            report(catalogue.REPEATED_SETTING, value, word=text)
            continue
        variant = _on(report, declaration, value, sources)
        if variant:
            _check_free(report, value, variant)
            _check_names(report, value, with_base(declaration, value), scope)
            found[text] = SweptBase(text, variant.order)
    return tuple(found.values())


def _is_base(setting: n.Setting) -> bool:
    return setting.word.text == "base"


def _on(report: Report, declaration: n.Declaration, base: n.Expression, sources: Sources) -> m.AnySolver | None:
    """The solver on another base; what is wrong with that is said at the base in the sweep."""
    scratch = Report(report.source)
    variant = read_solver(scratch, with_base(declaration, base), sources)
    known = {(found.code, found.message) for found in report.found}
    for diagnostic in scratch.found:
        if (diagnostic.code, diagnostic.message) not in known:
            report.found.append(
                diagnostic if _is_at(diagnostic, base) else replace(diagnostic, place=report.place(base))
            )
    return variant


def _is_at(diagnostic: Diagnostic, node: n.Expression) -> bool:
    place = diagnostic.place
    if place is None:
        return False
    start, end = (place.span.line, place.span.column), (place.span.end_line, place.span.end_column)
    span = node.span
    return (span.line, span.column) <= start and end <= (span.end_line, span.end_column)


def _check_free(report: Report, node: n.Value, solver: m.AnySolver) -> None:
    if solver.free:
        name = solver.free[0].name
        problem = f"`{solver.base.name}` leaves `{name}` free, and a sweep has no value to measure it at"
        report(catalogue.BAD_SWEEP, node, problem=problem, help=f"give it one: `{solver.base.name}({name} = ...)`")


def _check_names(report: Report, node: n.Value, variant: n.Declaration, scope: Scope) -> None:
    """A variant stands in a file of its own, where a name means one method."""
    _, clash = methods_of((scope, variant), part_of(scope, variant, "training"))
    if clash:
        problem = f"a variant on this base would need two methods that are called `{clash}`"
        report(catalogue.BAD_SWEEP, node, problem=problem, help="rename one of them")


def _check_corrector(
    report: Report, settings: Settings, solver: m.AnySolver, scope: Scope, numbers: list[SweptNumber]
) -> None:
    """Whether the corrector's layers can be varied so."""
    found = part_of(scope, scope.unit.declarations["solver", solver.name], "corrector")
    if found is None:
        return
    corrector, varied = found[1], {number.word: number for number in numbers}
    name = corrector.name.text
    lead, others = split_layers(corrector)
    fixed = starts_from_field(corrector)
    if "width" in varied and not any(map(has_size, others if fixed else (*lead, *others))):
        help_text = "a layer that starts from the field has the field's width" if fixed else None
        problem = f"`{name}` has no layer whose width could vary"
        report(catalogue.BAD_SWEEP, settings.by_word["width"], problem=problem, help=help_text)
    if "depth" in varied and not others:
        problem = f"`{name}` has a bilinear layer alone, which can only stand there once"
        report(catalogue.BAD_SWEEP, settings.by_word["depth"], problem=problem)
    elif "depth" in varied:
        deepest = int(varied["depth"].upper.fraction())
        count = len(varied_layers(corrector, "1" if "width" in varied else None, deepest))
        if count > MAX_LAYERS:
            problem = f"at depth {deepest} `{name}` has {count} layers, and {MAX_LAYERS} are the most"
            report(catalogue.BAD_SWEEP, settings.by_word["depth"], problem=problem)


def _number(report: Report, settings: Settings, word: SweptWord) -> SweptNumber | None:
    """`width 8 .. 128`, or `width 16, 32`."""
    setting = settings.get(word)
    if setting is None:
        return None
    value = setting.values[0] if len(setting.values) == 1 else None
    if isinstance(value, n.Range):
        found = ends(report, value, setting, word)
        if found is None or not all(_fits(report, value, word, end) for end in found):
            return None
        return SweptNumber(word, *found)
    listed = _listed(report, setting, RANGE)
    if not listed or not all(_fits(report, node, word, number) for node, number in listed):
        return None
    ordered = tuple(sorted((number for _, number in listed), key=float))
    return SweptNumber(word, ordered[0], ordered[-1], ordered)


def _listed(report: Report, setting: n.Setting, wants: str) -> list[tuple[n.Expression, Exact]]:
    """Different numbers; empty where something is wrong, which has been reported."""
    word, numbers = setting.word.text, ExactReader(report)
    found: dict[Exact, n.Expression] = {}
    for value in setting.values:
        if isinstance(value, n.Range | n.Comparison | n.String):
            report(catalogue.WRONG_VALUE, value, word=word, wants=wants)
            return []
        number = numbers.double(value)
        if number is None:
            return []
        if number in found:
            report(catalogue.REPEATED_SETTING, value, word=value_text(value))
            return []
        found[number] = value
    if not found:
        report(catalogue.WRONG_VALUE, setting, word=word, wants=wants)
    return [(value, number) for number, value in found.items()]


def _fits(report: Report, node: n.Value, word: str, number: Exact) -> bool:
    """Whether the number can stand for the word in a spec."""
    if word == "lr":
        if number.sign() <= 0:
            report(catalogue.OUT_OF_RANGE, node, what="`lr`", wants="positive")
        return number.sign() > 0
    largest = LARGEST.get(word, LARGEST_INTEGER)
    if not number.is_rational or number.fraction().denominator != 1:
        report(catalogue.WRONG_VALUE, node, word=word, wants="integers")
        return False
    if not 1 <= number.fraction() <= largest:
        report(catalogue.OUT_OF_RANGE, node, what=f"`{word}`", wants=f"from 1 to {largest}")
        return False
    return True


def _steps(report: Report, settings: Settings) -> tuple[int, ...]:
    """The numbers of steps K, ascending."""
    setting = settings.get("steps")
    if setting is None:
        return DEFAULT_STEPS
    listed = _listed(report, setting, "numbers of steps: `1, 2, 4`")
    good = []
    for node, number in listed:
        if not number.is_rational or number.fraction().denominator != 1:
            report(catalogue.WRONG_VALUE, node, word="steps", wants="numbers of steps: `1, 2, 4`")
        elif not 1 <= number.fraction() <= LARGEST_STEPS:
            report(catalogue.OUT_OF_RANGE, node, what="`steps`", wants=f"from 1 to {LARGEST_STEPS}")
        else:
            good.append(int(number.fraction()))
    return tuple(sorted(good))
