"""`base learned(...)`: every coefficient of a step is learned, from a method's or from n evaluations of a known one."""

from __future__ import annotations

from collections.abc import Callable

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.model.additive import Additive
from hyperdsl.semantics.model.left_open import Learned
from hyperdsl.semantics.model.rosenbrock import Rosenbrock
from hyperdsl.semantics.reading.report import Report
from hyperdsl.semantics.reading.settings import Arguments, chosen
from hyperdsl.semantics.solvers.equal_grid import DEFAULT_START, STARTS, composed, on_equal_grid, starts_of
from hyperdsl.semantics.solvers.free_coefficients import family, free_coefficients
from hyperdsl.semantics.solvers.free_implicit import free_implicit
from hyperdsl.semantics.solvers.parameters import LEARNED
from hyperdsl.semantics.tables.solvers import MOST_STAGES, OF_EVALUATIONS, OF_METHOD
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.runge_kutta.merging import irreducible

Find = Callable[[n.Name], m.Base | None]
"""Where methods are found; None for one that has been reported."""
Library = Callable[[str], m.Method]
"""The methods of the library."""

Family = tuple[m.Method, tuple[Learned, ...]]


def learned_coefficients(report: Report, call: n.Call, find: Find, library: Library) -> Family | None:
    """`learned(rk4)`, `learned(midpoint, steps = 2)` or `learned(6, start = ab2)`; None where it was reported."""
    first = call.arguments[0] if call.arguments else None
    named = {argument.name.text for argument in call.arguments if argument.name is not None}
    if OF_EVALUATIONS[0].word in named:
        return _of_evaluations(report, call, library)
    if first is None or first.name is not None or isinstance(first.value, n.Name | n.Range | n.Comparison | n.String):
        return _of_method(report, call, find)
    return _of_evaluations(report, call, library)


def _of_method(report: Report, call: n.Call, find: Find) -> Family | None:
    """From some equal steps of a method, taken as one."""
    before = len(report.found)
    arguments = Arguments(report, call, OF_METHOD, positional=1)
    steps = arguments.integer("steps", 1)
    name = arguments.values.get("method")
    if not isinstance(name, n.Name):
        wants = "the name of a method, `learned(rk4)`, or a number of evaluations, `learned(4)`"
        report(catalogue.WRONG_VALUE, name or call, word=LEARNED, wants=wants)
        return None
    method = find(name)
    if method is None or report.failed_since(before):
        return None
    if isinstance(method, Additive | Rosenbrock):
        kind = "an additive" if isinstance(method, Additive) else "a Rosenbrock"
        problem = (
            f"`{method.name}` is {kind} method, of which parameters of a family can be learned, not all coefficients"
        )
        advice = "declare a family, `method mine(gamma) {...}`, and write `base mine(gamma = learned(1/2))`"
        report(catalogue.BAD_PARAMETER, name, problem=problem, help=advice)
        return None
    if not isinstance(method, m.Method):
        problem = f"`{method.name}` has a history, so its coefficients cannot be learned"
        report(catalogue.BAD_PARAMETER, name, problem=problem, help="name a Runge–Kutta method")
        return None
    if method.parameters:
        problem = f"`{method.name}` is a family: its parameters can be learned, not its coefficients"
        parameter = method.parameters[0].name
        report(
            catalogue.BAD_PARAMETER, name, problem=problem, help=f"write `{method.name}({parameter} = learned(...))`"
        )
        return None
    if method.tableau.stages * steps > MOST_STAGES:
        wants = f"at most {MOST_STAGES}, not {method.tableau.stages * steps}"
        report(catalogue.OUT_OF_RANGE, name, what="the number of stages with learned coefficients", wants=wants)
        return None
    start = composed(method.tableau, steps)
    if method.tableau.kind == "explicit":
        return free_coefficients(_named(method.name, steps), method.place, start)
    freed = free_implicit(irreducible(start), method.tolerance)
    if isinstance(freed, str):
        problem = f"the coefficients of `{method.name}` cannot be learned: {freed}"
        report(
            catalogue.BAD_PARAMETER, name, problem=problem, help="name a method such as sdirk2, trbdf2 or radau_iia5"
        )
        return None
    return family(_named(method.name, steps), method.place, freed)


def _of_evaluations(report: Report, call: n.Call, library: Library) -> Family | None:
    """So many evaluations, from those of a known method on an equal grid."""
    before = len(report.found)
    arguments = Arguments(report, call, OF_EVALUATIONS, positional=1)
    evaluations = arguments.integer("evaluations", 2)
    at = arguments.values.get("start")
    start = DEFAULT_START
    if at is not None:
        named = None if isinstance(at, n.Range | n.Comparison | n.String) else at
        if named is None:
            report(catalogue.WRONG_VALUE, at, word="start", wants="one of " + ", ".join(STARTS))
        else:
            start = chosen(report, named, tuple(STARTS), "start") or start
    if report.failed_since(before):
        return None
    allowed = starts_of(evaluations)
    if start not in allowed:
        problem = (
            f"{evaluations} evaluations are no whole number of steps of `{start}`, which takes {STARTS[start]} each"
        )
        report(catalogue.BAD_PARAMETER, at or call, problem=problem, help=f"start from {_listed(allowed)}")
        return None
    name = _named(start, evaluations // STARTS[start])
    return free_coefficients(name, report.place(call), on_equal_grid(start, evaluations, library))


def _named(method: str, steps: int) -> str:
    return method if steps == 1 else f"{method}_{steps}_steps"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:-1]) + f" or {names[-1]}"
