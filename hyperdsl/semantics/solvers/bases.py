"""What stands after `base` in a solver: a method, with its parameters put in, left free, or to be learned."""

from __future__ import annotations

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.methods.families import check_denominators
from hyperdsl.semantics.methods.multisteps import unstable_root
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.model.additive import IMPLICIT, Additive
from hyperdsl.semantics.model.rosenbrock import Rosenbrock
from hyperdsl.semantics.reading.report import Report
from hyperdsl.semantics.reading.settings import Settings
from hyperdsl.semantics.solvers.learned_coefficients import Find, Library, learned_coefficients
from hyperdsl.semantics.solvers.parameters import LEARNED, Chosen, with_parameters
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.rosenbrock.tableau import solved


def read_base(report: Report, settings: Settings, owner: n.Name, find: Find, library: Library) -> Chosen | None:
    """The method after `base`, with its parameters: `rk4`, `second_order(alpha = 1/2)`, `learned(rk4)`."""
    setting = settings.require("base", owner, "base rk4")
    value = settings.single(setting, "the name of a method") if setting else None
    name = value.name if isinstance(value, n.Call) else value
    if name is None:
        return None
    if not isinstance(name, n.Name):
        report(catalogue.WRONG_VALUE, name, word="base", wants="the name of a method")
        return None
    if isinstance(value, n.Call) and name.text == LEARNED:
        found = learned_coefficients(report, value, find, library)
        return Chosen(found[0], learned=found[1]) if found else None
    method = find(name)
    if method is None:
        return None
    arguments = value.arguments if isinstance(value, n.Call) else ()
    match method:
        case m.Method():
            return with_parameters(report, name, method, arguments)
        case Rosenbrock():
            chosen = with_parameters(report, name, method, arguments)
            return chosen if chosen and _is_factorised_once(report, name, method, chosen) else None
        case Additive():
            chosen = with_parameters(report, name, method, arguments)
            return chosen if chosen and _is_solved_by_stages(report, name, method) else None
        case _:
            return _history_base(report, name, method, arguments)


def _history_base(
    report: Report, name: n.Name, method: m.Multistep | m.PredictorCorrector, arguments: tuple[n.Argument, ...]
) -> Chosen | None:
    for argument in arguments:
        report(catalogue.BAD_PARAMETER, argument, problem=f"`{method.name}` has no parameters")
    if isinstance(method, m.Multistep) and not method.formula.is_zero_stable:
        report(catalogue.DIVERGES, name, name=method.name, notes=[unstable_root(method.formula)])
        return None
    return None if arguments else Chosen(method)


def _is_factorised_once(report: Report, name: n.Name, method: Rosenbrock, chosen: Chosen) -> bool:
    """Whether one matrix serves all stages of a Rosenbrock method, whatever its open parameters are."""
    tableau = method.tableau.substitute(dict(chosen.fixed))
    diagonal = tableau.diagonal
    if diagonal[0].is_zero or any(value != diagonal[0] for value in diagonal):
        problem = f"a step of `{method.name}` has no single matrix to factorise: its γ_ii differ, or are zero"
        report(catalogue.NO_FACTORISATION, name, problem=problem, help="take a method with one γ")
        return False
    return check_denominators(report, name, method.name, solved(tableau), chosen.region(method.nonzero))


def _is_solved_by_stages(report: Report, name: n.Name, method: Additive) -> bool:
    """Whether the stages of an additive method are solved one after the other."""
    if method.pair.part(IMPLICIT).kind == "implicit":
        problem = f"the implicit stages of `{method.name}` read one another: a step solves one stage after another"
        advice = "take a pair whose implicit part is diagonally implicit, such as ars222 or ark324l2sa"
        report(catalogue.BAD_PARTS, name, problem=problem, help=advice)
        return False
    return True
