"""What a `control` declaration, a step-size rule, means, with every default."""

from __future__ import annotations

from collections.abc import Iterator

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.model.control import Control, ErrorEstimate
from hyperdsl.semantics.reading.numbers import ExactReader
from hyperdsl.semantics.reading.report import Report, exactly
from hyperdsl.semantics.reading.settings import Settings, chosen, ends
from hyperdsl.semantics.tables.solvers import (
    CONTROL,
    DEFAULT_ATOL,
    DEFAULT_FACTOR,
    DEFAULT_GAINS,
    DEFAULT_MAX_STEPS,
    DEFAULT_RTOL,
    DEFAULT_SAFETY,
    ERRORS,
    YES_NO,
)
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact
from hyperdsl.theory.rosenbrock.tableau import RosenbrockTableau
from hyperdsl.theory.runge_kutta.merging import give_the_same
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.stability.blind import is_blind_to_linear, is_blind_to_time

ALLOWED = (("embedded",), ("learned",), ("doubling",), ("learned", "embedded"))


@exactly
def read_control(report: Report, declaration: n.Declaration) -> Control | None:
    """The rule; None where something is wrong, which has been reported."""
    before = len(report.found)
    if declaration.parameters:
        report(catalogue.BAD_PARAMETER, declaration.parameters[0], problem="a control has no parameters")
    settings = Settings(report, "a control", declaration.body, CONTROL)
    errors = _errors(report, settings, declaration.name)
    longest, shortest = _bounds(report, settings)
    control = Control(
        name=declaration.name.text,
        place=report.place(declaration.name),
        error=errors[0],
        fallback=len(errors) > 1,
        rtol=settings.number("rtol") or DEFAULT_RTOL,
        atol=settings.number("atol") or DEFAULT_ATOL,
        gains=_gains(report, settings),
        safety=settings.number("safety") or DEFAULT_SAFETY,
        factor=_factor(report, settings),
        first_step=settings.number("first_step"),
        max_steps=settings.integer("max_steps", DEFAULT_MAX_STEPS),
        max_step=longest,
        min_step=shortest,
        per_sample=settings.choice("per_sample", YES_NO, "no") == "yes",
    )
    return None if len(report.found) > before else control


def check_control(report: Report, node: n.Name, control: Control, solver: m.StepSolver) -> None:
    """Whether the solver has what the rule takes as the error of a step."""
    base = f"`{solver.base.name}`"
    if control.error == "learned" and solver.corrector is None:
        problem = f"`{control.name}` takes the learned error, and `{solver.name}` has no corrector"
        advice = "make it a `hypersolver`, or write `error embedded` or `error doubling`"
        report(catalogue.BAD_CONTROL, node, problem=problem, help=advice)
    elif (control.error == "embedded" or control.fallback) and len(solver.tableau.weights) < 2:
        if isinstance(solver, m.Solver) and solver.tableau.nodes_apart:
            return
        problem = f"`{control.name}` takes the embedded error, and {base} has no embedded weights"
        advice = "write `error doubling`, or take a base with two rows of weights"
        if solver.learned:
            problem += ": where all coefficients are learned order 1 alone is kept, and a second row would say nothing"
            advice = "write `error doubling`, or learn the parameters of a family with two rows of weights"
        report(catalogue.BAD_CONTROL, node, problem=problem, help=advice)
    elif (control.error == "embedded" or control.fallback) and _rows_agree(solver):
        rows = solver.tableau.weights
        same = "two equal rows of weights" if rows[0] == rows[1] else "two rows of weights that give the same state"
        problem = f"`{control.name}` takes the embedded error, and {base} has {same}"
        report(catalogue.BAD_CONTROL, node, problem=problem, help="write `error doubling`")
    elif control.error == "embedded" or control.fallback:
        for where in _unseen(solver):
            report(catalogue.BLIND_ESTIMATE, node, name=control.name, base=solver.base.name, where=where)


def _unseen(solver: m.StepSolver) -> Iterator[str]:
    """Of which f the embedded weights see no error."""
    tolerance = solver.base.tolerance
    parts: tuple[Tableau | RosenbrockTableau, ...] = (solver.tableau,)
    if isinstance(solver, m.AdditiveSolver):
        parts = solver.pair.tableaux
    for part in parts:
        if isinstance(part, RosenbrockTableau):
            linear, sums = part.linear, part.gamma_sums
        else:
            linear, sums = part, (ZERO,) * part.stages
        if is_blind_to_linear(linear, tolerance):
            yield "a constant matrix times z"
        if is_blind_to_time(part.weights, part.c, sums, tolerance):
            yield "a function of the time alone"


def _rows_agree(solver: m.StepSolver) -> bool:
    """Whether the first two rows of weights give the same state."""
    if isinstance(solver, m.RosenbrockSolver | m.AdditiveSolver):
        return solver.tableau.weights[0] == solver.tableau.weights[1]
    return give_the_same(solver.tableau, 0, 1)


def _errors(report: Report, settings: Settings, owner: n.Name) -> tuple[ErrorEstimate, ...]:
    """The estimate, and the one to fall back on."""
    setting = settings.require("error", owner, "error embedded")
    found: list[ErrorEstimate] = []
    for value in setting.values if setting else ():
        known = None
        if isinstance(value, n.Range | n.Comparison | n.String):
            report(catalogue.WRONG_VALUE, value, word="error", wants="one of " + ", ".join(ERRORS))
        else:
            known = chosen(report, value, ERRORS, "error")
        found += [known] if known else []
    if setting and len(found) == len(setting.values) and tuple(found) not in ALLOWED:
        wants = "one of " + ", ".join(ERRORS) + ", or `learned, embedded`"
        report(catalogue.WRONG_VALUE, setting, word="error", wants=wants)
    return tuple(found) or ("embedded",)


def _gains(report: Report, settings: Settings) -> tuple[Exact, Exact, Exact]:
    """P, I and D; those at the end may be left out."""
    setting = settings.get("gains")
    if setting is None:
        return DEFAULT_GAINS
    wants = "one to three numbers: P, I, D"
    if not 1 <= len(setting.values) <= 3:
        report(catalogue.WRONG_VALUE, setting, word="gains", wants=wants)
        return DEFAULT_GAINS
    gains = list(DEFAULT_GAINS)
    for index, value in enumerate(setting.values):
        if isinstance(value, n.Range | n.Comparison | n.String):
            report(catalogue.WRONG_VALUE, value, word="gains", wants=wants)
            return DEFAULT_GAINS
        number = ExactReader(report).value(value)
        gains[index] = gains[index] if number is None else number
    if any(gain.sign() < 0 for gain in gains) or gains[1].is_zero:
        report(catalogue.OUT_OF_RANGE, setting, what="`gains`", wants="P ≥ 0, I > 0 and D ≥ 0")
    return gains[0], gains[1], gains[2]


def _factor(report: Report, settings: Settings) -> tuple[Exact, Exact]:
    """By how much a step may be shorter or longer than the one before."""
    setting = settings.get("factor")
    if setting is None:
        return DEFAULT_FACTOR
    found = ends(report, setting.values[0] if len(setting.values) == 1 else None, setting, "factor")
    if found is None:
        return DEFAULT_FACTOR
    if found[0].sign() <= 0 or (found[0] - ONE).sign() >= 0 or (found[1] - ONE).sign() <= 0:
        wants = "from a number between 0 and 1 to one above 1"
        report(catalogue.OUT_OF_RANGE, setting, what="the range of `factor`", wants=wants)
    return found


def _bounds(report: Report, settings: Settings) -> tuple[Exact | None, Exact | None]:
    """The longest and the shortest step, where there are such."""
    longest, shortest = settings.number("max_step"), settings.number("min_step")
    if longest is not None and shortest is not None and (longest - shortest).sign() < 0:
        report(catalogue.OUT_OF_RANGE, settings.by_word["max_step"], what="`max_step`", wants="at least `min_step`")
    return longest, shortest
