"""What `solve newton(tolerance = 1/100, iterations = 10)` in a solver means."""

from __future__ import annotations

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.model.additive import IMPLICIT, Additive
from hyperdsl.semantics.model.rosenbrock import Rosenbrock
from hyperdsl.semantics.model.solving import Solving
from hyperdsl.semantics.reading.report import Report
from hyperdsl.semantics.reading.settings import Arguments, Settings, chosen
from hyperdsl.semantics.tables.solvers import SOLVING, WAYS
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.numbers.exact import ZERO


def read_solving(report: Report, settings: Settings, base: m.Base) -> Solving | None:
    """How the base's equations are solved: by Newton's method where nothing is said; None where there are none."""
    setting, implicit = settings.get("solve"), is_implicit(base)
    if setting is None:
        return Solving() if implicit else None
    if isinstance(base, Rosenbrock):
        _check_linear(report, setting, base)
        return None
    if not implicit:
        problem = f"`solve` is for implicit methods, and `{base.name}` is explicit: there are no equations to solve"
        report(catalogue.BAD_SOLVE, setting, problem=problem, help="leave it out, or take an implicit base")
        return None
    value = settings.single(setting, "one of " + ", ".join(WAYS))
    if value is None:
        return None
    word = value.name if isinstance(value, n.Call) else value
    by = chosen(report, word, WAYS, "solve")
    arguments = Arguments(report, value, SOLVING)
    tolerance = arguments.exact("tolerance", ZERO)
    iterations = arguments.integer("iterations", 0)
    return Solving(by or "newton", None if tolerance.is_zero else tolerance, iterations or None)


def _check_linear(report: Report, setting: n.Setting, base: Rosenbrock) -> None:
    """Rosenbrock methods have linear equations, which `solve linear` may say."""
    value = setting.values[0] if len(setting.values) == 1 else None
    if not isinstance(value, n.Name) or value.text != "linear":
        problem = f"`{base.name}` is a Rosenbrock method, whose equations are linear: nothing is iterated"
        report(catalogue.BAD_SOLVE, setting, problem=problem, help="leave it out, or write `solve linear`")


def is_implicit(base: m.Base) -> bool:
    """Whether a step has equations to solve."""
    if isinstance(base, Additive):
        return base.pair.part(IMPLICIT).kind != "explicit"
    if isinstance(base, m.Method):
        return base.tableau.kind != "explicit"
    return isinstance(base, m.Multistep) and not base.formula.explicit
