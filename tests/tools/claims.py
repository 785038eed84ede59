"""Whether hyperdsl itself says that the claims of a solver in a certificate hold: all of them proven anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from hyperdsl import compiler
from hyperdsl.plan import plan
from hyperdsl.semantics.methods import additives, rosenbrocks
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.model.additive import AdditiveFacts
from hyperdsl.semantics.model.entries import Entries
from hyperdsl.semantics.model.expressions import Constant
from hyperdsl.semantics.model.facts import Facts
from hyperdsl.semantics.model.rosenbrock import RosenbrockFacts
from hyperdsl.semantics.reading.numbers import ExactReader
from hyperdsl.semantics.reading.report import Report
from hyperdsl.source import Source, SpecFile
from hyperdsl.syntax import nodes as n
from hyperdsl.syntax.parser import parse
from hyperdsl.theory.additive.pair import Pair
from hyperdsl.theory.multistep.formulas import LinearMultistep
from hyperdsl.theory.multistep.predictor_corrector import FormulaPair
from hyperdsl.theory.numbers.exact import ZERO, Exact
from hyperdsl.theory.rosenbrock.order import sum_defects
from hyperdsl.theory.rosenbrock.tableau import RosenbrockTableau
from hyperdsl.theory.runge_kutta.dense import jumps, prove_dense
from hyperdsl.theory.runge_kutta.order import prove_order, row_sum_defects, stage_order
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.runge_kutta.trees import count

ROOT = Path(__file__).parents[2]
Claims = dict[str, Any]


def holds(package: str, claims: Claims) -> bool:
    """Whether all claims of a solver of that package are true of the coefficients beside them."""
    solver = _solver(package, claims["name"])
    try:
        if isinstance(solver, m.VaryingSolver):
            return _of_varying(solver, claims)
        if isinstance(solver, m.Solver):
            return _of_method(solver, claims)
        if isinstance(solver, m.AdditiveSolver):
            return _of_additive(solver, claims)
        if isinstance(solver, m.RosenbrockSolver):
            return _of_rosenbrock(solver, claims)
        assert isinstance(solver, m.HistorySolver)
        return _of_history(solver, claims)
    except ValueError:  # formulas that are none
        return False


def numbers(texts: Sequence[str], names: Sequence[str] = ()) -> tuple[Exact, ...]:
    """Expressions, read as a spec's."""
    if not texts:
        return ()
    source = Source("numbers.hyper", f"method m {{\n order {', '.join(texts)}\n}}\n")
    tree, found = parse(source)
    assert tree is not None
    assert not found
    (declaration,) = tree.items
    assert isinstance(declaration, n.Declaration)
    (setting,) = declaration.body.statements
    assert isinstance(setting, n.Setting)
    reader = ExactReader(Report(source), names)
    return tuple(value for node in setting.values if (value := reader.value(node)) is not None)  # type: ignore[arg-type]


@cache
def _solver(package: str, name: str) -> m.AnySolver:
    path = ROOT / "specs" / f"{package}.hyper"
    (spec,) = compiler.check([SpecFile(path, path.name)]).specs
    return next(solver for solver in spec.solvers if solver.name == name)


def _tableau(written: Claims, names: Sequence[str] = ()) -> Tableau:
    c = numbers(written["c"], names)
    a, weights = (tuple(_padded(numbers(row, names), len(c)) for row in written[key]) for key in ("a", "weights"))
    return Tableau(a, c, weights)


def _padded(row: tuple[Exact, ...], width: int) -> tuple[Exact, ...]:
    return (*row, *[ZERO] * (width - len(row)))


def _entries(tableau: Tableau) -> Entries:
    a, weights = (tuple(tuple(map(Constant, row)) for row in rows) for rows in (tableau.a, tableau.weights))
    return Entries(a, tuple(map(Constant, tableau.c)), weights)


def _of_method(solver: m.Solver, claims: Claims) -> bool:
    names = [*claims["free_parameters"], *claims["learned_parameters"]]
    tableau = _tableau(claims["tableau"], names)
    tolerance = _tolerance(claims)
    facts = _facts(tableau, tolerance)
    timed = not claims["autonomous"]
    whole = _tableau(claims["dense"]["tableau"], names) if claims["dense"] else tableau
    changed = replace(solver, tableau=tableau, entries=_entries(tableau), facts=facts, dense=None)
    planned = plan(replace(changed, control=solver.control))
    said = {
        "kind": tableau.kind,
        "stages": tableau.stages,
        "order": facts.order,
        "order_autonomous": facts.report.order_autonomous,
        "embedded_orders": list(facts.embedded),
        "conditions": count(claims["claimed_order"]),
        "stage_order": facts.stage_order,
        "fsal": facts.fsal,
        "evaluations_per_step": planned.evaluations_per_step,
        "residual_power": planned.residual_power,
    }
    order = facts.order if timed else facts.report.order_autonomous
    return (
        all(claims[key] == value for key, value in said.items())
        and 1 <= claims["claimed_order"] <= order
        and all(1 <= p <= q for p, q in zip(claims["claimed_embedded_orders"], facts.embedded, strict=True))
        and not (timed and row_sum_defects(whole, tolerance))
        and (whole is tableau or _continues(whole, tableau, claims, facts.order, tolerance))
    )


def _of_additive(solver: m.AdditiveSolver, claims: Claims) -> bool:
    """The coupled orders, and what is said of the parts."""
    parts = tuple((part, _tableau(written)) for part, written in claims["tableaux"].items())
    pair, tolerance = Pair(parts), _tolerance(claims)
    facts = additives.prove(pair, claims["claimed_order"], tolerance)
    said = {
        "stages": pair.stages,
        "parts": dict(facts.report.parts),
        "stage_order": facts.stage_order,
        "fsal": facts.fsal,
        "stiffly_accurate": facts.stiffly_accurate,
    }
    summed = not any(row_sum_defects(tableau, tolerance) for _, tableau in parts)
    return _are_said(claims, said) and _orders_hold(solver, facts, claims) and (claims["autonomous"] or summed)


def _of_rosenbrock(solver: m.RosenbrockSolver, claims: Claims) -> bool:
    explicit, tolerance = _tableau(claims["tableau"]), _tolerance(claims)
    gamma = tuple(_padded(numbers(row), explicit.stages) for row in claims["tableau"]["gamma"])
    sums = numbers(claims["gamma_sums"])
    tableau = RosenbrockTableau(explicit.a, gamma, explicit.c, sums, explicit.weights)
    facts = rosenbrocks.prove(tableau, claims["claimed_order"], tolerance)
    said = {"stages": tableau.stages, "w_order": facts.w_order, "stiffly_accurate": facts.stiffly_accurate}
    summed = not sum_defects(tableau, tolerance)
    return _are_said(claims, said) and _orders_hold(solver, facts, claims) and (claims["autonomous"] or summed)


def _orders_hold(solver: m.StepSolver, facts: AdditiveFacts | RosenbrockFacts, claims: Claims) -> bool:
    report = facts.report
    said = {
        "order": report.order,
        "order_autonomous": report.order_autonomous,
        "embedded_orders": list(facts.embedded),
        "conditions": facts.conditions,
        "residual_power": report.order + 1 if solver.corrector else None,
    }
    order = report.order_autonomous if claims["autonomous"] else report.order
    embedded = zip(claims["claimed_embedded_orders"], facts.embedded, strict=True)
    return _are_said(claims, said) and 1 <= claims["claimed_order"] <= order and all(1 <= p <= q for p, q in embedded)


def _are_said(claims: Claims, facts: Mapping[str, object]) -> bool:
    return all(claims[key] == value for key, value in facts.items())


def _tolerance(claims: Claims) -> Exact | None:
    return None if claims["tolerance"] is None else numbers([claims["tolerance"]])[0]


def _facts(tableau: Tableau, tolerance: Exact | None) -> Facts:
    """What a certificate claims of a tableau; without stability, which is much of the work of a proof."""
    report, *embedded = (prove_order(tableau, row, tolerance) for row in range(len(tableau.weights)))
    orders = tuple(proven.order for proven in embedded)
    return Facts(report, orders, stage_order(tableau, tolerance), tableau.is_fsal, 0, None, None, None)


def _continues(whole: Tableau, tableau: Tableau, claims: Claims, order: int, tolerance: Exact | None) -> bool:
    """Whether the dense output is the method's, ends at its weights and has the order."""
    stages, width = tableau.stages, whole.stages
    if whole.c[:stages] != tableau.c or whole.a[:stages] != tuple(_padded(row, width) for row in tableau.a):
        return False
    polynomials = tuple((ZERO, *(row[i] for row in whole.weights)) for i in range(width))
    if jumps(polynomials, tableau.weights[0], tolerance):
        return False
    found = prove_dense(whole, order, tolerance, autonomous=claims["autonomous"])
    return 1 <= claims["dense_order"] <= found.order


def _of_history(solver: m.HistorySolver, claims: Claims) -> bool:
    base = solver.base
    start = claims["start"]
    started = prove_order(_tableau(start["tableau"])).order == start["order"]
    if isinstance(base, m.Multistep):
        formula = _formula(claims)
        changed: m.Multistep | m.PredictorCorrector = replace(base, formula=formula)
        true = _is_said(formula, claims)
    else:
        predictor, corrector = _formula(claims["predictor"]), _formula(claims["corrector_formula"])
        pair = FormulaPair(predictor, corrector, base.formula.corrections, base.formula.evaluates_last)
        changed = replace(base, formula=pair)
        true = _is_said(predictor, claims["predictor"]) and _is_said(corrector, claims["corrector_formula"])
        true = true and pair.order == claims["order"]
    planned = plan(replace(solver, base=changed))
    facts = {"evaluations_per_step": planned.evaluations_per_step, "residual_power": planned.residual_power}
    return started and true and all(claims[key] == value for key, value in facts.items())


def _of_varying(solver: m.VaryingSolver, claims: Claims) -> bool:
    """The formula, or the pair, of every order."""
    orders = []
    for one in claims["orders"]:
        parts = [one] if "alpha" in one else [one["predictor"], one["corrector_formula"]]
        formulas = [_formula(part) for part in parts]
        if not all(_is_said(formula, part) for formula, part in zip(formulas, parts, strict=True)):
            return False
        orders.append(formulas[0].order if len(parts) == 1 else FormulaPair(formulas[0], formulas[1], 1, True).order)
    planned = plan(solver)
    facts = {"evaluations_per_step": planned.evaluations_per_step, "residual_power": planned.residual_power}
    return claims["order"] == max(orders) and all(claims[key] == value for key, value in facts.items())


def _formula(claims: Claims) -> LinearMultistep:
    return LinearMultistep(numbers(claims["alpha"]), numbers(claims["beta"]))


def _is_said(formula: LinearMultistep, claims: Claims) -> bool:
    return (
        claims["order"] == formula.order
        and claims["steps"] == formula.steps
        and claims["explicit"] == formula.explicit
        and claims["zero_stable"] == formula.is_zero_stable
        and numbers([claims["error_constant"]])[0] == formula.error_constant
    )
