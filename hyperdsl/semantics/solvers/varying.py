"""What a control on a method with a history means: a solver of variable order and step."""

from __future__ import annotations

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.model.control import Control
from hyperdsl.semantics.reading.report import Report
from hyperdsl.semantics.reading.settings import Settings
from hyperdsl.semantics.solvers.grids import refuse_grid
from hyperdsl.semantics.tables.solvers import DEFAULT_GAINS
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.multistep.variable import MOST_ADAMS, MOST_BACKWARD, Variable, variable_formula, variable_pair

WHICH = (
    "the formulas of backward differentiation (bdf1 to bdf5), of Adams–Bashforth and Adams–Moulton (ab1 …, am1 …), and "
    "pairs of the latter two in the mode PECE have variable orders and steps"
)


def read_varying(
    report: Report,
    settings: Settings,
    declaration: n.Declaration,
    base: m.Multistep | m.PredictorCorrector,
    control: Control,
) -> m.VaryingSolver | None:
    """The solver; None where the base or the control does not go with it, which has been reported."""
    before, name = len(report.found), declaration.name
    refuse_grid(report, settings, base)
    method = _method(report, settings, base)
    _check_control(report, settings, base, control)
    if "corrector" in settings.by_word:
        problem = f"a learned term would belong to one order, and that of `{base.name}` with a control varies"
        advice = "leave the corrector out, or the control: formulas with equal steps take correctors"
        report(catalogue.BAD_VARYING, settings.by_word["corrector"], problem=problem, help=advice)
    if method is None or report.failed_since(before):
        return None
    return m.VaryingSolver(name.text, report.place(name), base, method, control)


def _method(report: Report, settings: Settings, base: m.Multistep | m.PredictorCorrector) -> Variable | None:
    """The method of variable order that the base is one order of, found by its coefficients."""
    at = settings.by_word["control"]
    formula = variable_formula(base.formula) if isinstance(base, m.Multistep) else variable_pair(base.formula)
    if formula is None:
        problem = f"`{base.name}` has no formulas of other orders and steps, which a control needs"
        advice = "leave the control out, for equal steps, or take one of these as base"
        if isinstance(base, m.PredictorCorrector) and base.mode != "PECE":
            advice = "write `mode PECE`: the last evaluation is what the next step begins with"
        report(catalogue.BAD_VARYING, at, problem=problem, notes=[WHICH], help=advice)
        return None
    most = MOST_ADAMS if formula.adams else MOST_BACKWARD
    if formula.steps > most:
        family = "Adams formulas" if formula.adams else "formulas of backward differentiation"
        problem = f"with a control {family} go to order {most}, and `{base.name}` has order {formula.order}"
        advice = f"take one of order {most}, which tries all orders from 1 on"
        notes = [] if formula.adams else [_NARROW]
        report(catalogue.BAD_VARYING, at, problem=problem, notes=notes, help=advice)
        return None
    return formula


_NARROW = "BDF of order 6 is stable only within 18° of the negative axis: oscillations that decay would grow"


def _check_control(
    report: Report, settings: Settings, base: m.Multistep | m.PredictorCorrector, control: Control
) -> None:
    """Settings of the control that say nothing of variable orders."""
    at = settings.by_word["control"]
    if control.error != "embedded" or control.fallback:
        told = "the learned error" if control.error == "learned" else "the error by doubling"
        problem = f"`{control.name}` takes {told}, and `{base.name}` estimates its own, by what was predicted"
        report(catalogue.BAD_VARYING, at, problem=problem, help="write `error embedded`")
    if control.gains != DEFAULT_GAINS:
        problem = f"`{control.name}` sets `gains`, which are for steps of one order"
        advice = "leave `gains` out: the longest step that one of three orders allows is taken"
        report(catalogue.BAD_VARYING, at, problem=problem, help=advice)
