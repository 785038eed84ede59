"""What `hyperdsl check --json` says of a file."""

from __future__ import annotations

import math

from hyperdsl.semantics.methods.families import range_text
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.model.additive import Additive
from hyperdsl.semantics.model.left_open import Grid, Learned
from hyperdsl.semantics.model.path import PathModel
from hyperdsl.semantics.model.rosenbrock import Rosenbrock


def summary(spec: m.Spec) -> dict[str, object]:
    """One file's object: what it declares itself."""
    return {
        "path": spec.source.path,
        "sha256": spec.source.sha256,
        "methods": [
            *map(method_summary, spec.methods),
            *map(additive_summary, spec.additives),
            *map(rosenbrock_summary, spec.rosenbrocks),
        ],
        "multisteps": [multistep_summary(method) for method in spec.multisteps],
        "predictor_correctors": [
            {"name": pair.name, "order": pair.formula.order} for pair in spec.predictor_correctors
        ],
        "solvers": [solver_summary(solver) for solver in spec.solvers],
        "paths": [path_summary(path) for path in spec.paths],
    }


def method_summary(method: m.Method) -> dict[str, object]:
    facts = method.facts
    return {
        "name": method.name,
        "kind": method.tableau.kind,
        "stages": method.tableau.stages,
        **_orders(method),
        **_embedded(method),
        "stage_order": facts.stage_order,
        "fsal": facts.fsal,
        **_proven(method),
        "symplectic": facts.symplectic,
        "symmetric": facts.symmetric,
        "l_stable": facts.l_stable,
        "stiffly_accurate": facts.stiffly_accurate,
        "parameters": _parameters(method),
    }


def additive_summary(method: Additive) -> dict[str, object]:
    """Stability intervals are the explicit part's, `l_stable` and `stiffly_accurate` the implicit part's."""
    facts = method.facts
    return {
        "name": method.name,
        "kind": "additive",
        "stages": method.pair.stages,
        **_orders(method),
        "parts": dict(facts.report.parts),
        **_embedded(method),
        "stage_order": facts.stage_order,
        "fsal": facts.fsal,
        **_proven(method),
        "l_stable": facts.l_stable,
        "stiffly_accurate": facts.stiffly_accurate,
        "parameters": _parameters(method),
    }


def rosenbrock_summary(method: Rosenbrock) -> dict[str, object]:
    facts = method.facts
    return {
        "name": method.name,
        "kind": "rosenbrock",
        "stages": method.tableau.stages,
        **_orders(method),
        **_embedded(method),
        "w_order": facts.w_order,
        "fsal": False,
        **_proven(method),
        "l_stable": facts.l_stable,
        "stiffly_accurate": facts.stiffly_accurate,
        "parameters": _parameters(method),
    }


def _orders(method: m.OneStep) -> dict[str, object]:
    report = method.facts.report
    return {
        "claimed_order": method.claimed_order,
        "order": report.order,
        "order_autonomous": report.order_autonomous,
    }


def _embedded(method: m.OneStep) -> dict[str, object]:
    return {
        "claimed_embedded_order": _first(method.claimed_embedded),
        "embedded_order": _first(method.facts.embedded),
    }


def _proven(method: m.OneStep) -> dict[str, object]:
    facts = method.facts
    return {
        "proof": "exact" if method.tolerance is None else "tolerance",
        "tolerance": None if method.tolerance is None else float(method.tolerance),
        "conditions": facts.conditions,
        "principal_error": facts.principal_error,
        "real_stability": finite_or_text(facts.real_stability),
        "imaginary_stability": finite_or_text(facts.imaginary_stability),
    }


def _parameters(method: m.OneStep) -> list[dict[str, str]]:
    return [
        {"name": parameter.name, "range": range_text(parameter.name, parameter.interval, method.nonzero)}
        for parameter in method.parameters
    ]


def multistep_summary(method: m.Multistep) -> dict[str, object]:
    formula = method.formula
    return {
        "name": method.name,
        "explicit": formula.explicit,
        "claimed_order": method.claimed_order,
        "order": max(0, formula.order),
        "error_constant": None if formula.error_constant is None else str(formula.error_constant),
        "zero_stable": formula.is_zero_stable,
    }


def solver_summary(solver: m.AnySolver) -> dict[str, object]:
    """A solver without its evaluations, which the plan of its step knows."""
    corrector = solver.corrector
    return {
        "name": solver.name,
        "base": solver.base.name,
        "base_parameters": {
            **{name: float(value) for name, value in solver.fixed},
            **{free.name: range_text(free.name, free.interval) for free in solver.free},
            **{learned.name: _learned_text(learned) for learned in solver.learned},
        },
        "corrector": "external" if isinstance(corrector, m.External) else corrector.name if corrector else None,
        "corrector_output": corrector.output if isinstance(corrector, m.Corrector) else None,
        "order": solver.order,
        "residual_power": solver.residual_power,
        **({"grid": grid_summary(solver.grid)} if solver.grid else {}),
        **({"path": solver.path.name} if solver.path else {}),
        **({"orders": [one.order for one in solver.method.orders]} if isinstance(solver, m.VaryingSolver) else {}),
    }


def path_summary(path: PathModel) -> dict[str, object]:
    """Times are the model's, `span` those of the straight path."""
    return {
        "name": path.name,
        "parameters": {name: float(value) for name, value in path.parameters},
        "predicts": path.predicts,
        "times": [float(time) for time in path.times],
        "span": list(path.span),
    }


def grid_summary(grid: Grid) -> dict[str, object]:
    """The points of a grid as exact text, those that a learned one starts from."""
    return {"points": [str(point) for point in grid.points], "learned": grid.learned}


def _learned_text(learned: Learned) -> str:
    within = range_text(learned.name, learned.interval)
    return f"learned from {learned.start}" + (f", {within}" if within != learned.name else "")


def _first(orders: tuple[int, ...]) -> int | None:
    return orders[0] if orders else None


def finite_or_text(value: float | None) -> float | str | None:
    """JSON has no infinity."""
    return "inf" if value is not None and math.isinf(value) else value


def table_rows(spec: m.Spec) -> tuple[tuple[str, ...], ...]:
    """The lines of `check`'s table: name, order, how it is proven, what it is."""
    methods = [(method.name, orders(method), _proof(method), _kind(method)) for method in spec.methods]
    methods += [(method.name, orders(method), _proof(method), additive_kind(method)) for method in spec.additives]
    methods += [(method.name, orders(method), _proof(method), rosenbrock_kind(method)) for method in spec.rosenbrocks]
    methods += [
        (method.name, str(max(0, method.formula.order)), "exactly", multistep_kind(method))
        for method in spec.multisteps
    ]
    methods += [
        (pair.name, str(pair.formula.order), "exactly", f"P = {pair.predictor}, C = {pair.corrector}, {pair.mode}")
        for pair in spec.predictor_correctors
    ]
    return (*methods, *((solver.name, str(solver.order), "by its base", _step(solver)) for solver in spec.solvers))


def orders(method: m.OneStep) -> str:
    """`5(4)`, and the order without time where that is another."""
    facts = method.facts
    text = str(facts.order) + (f"({', '.join(map(str, facts.embedded))})" if facts.embedded else "")
    if facts.report.order_autonomous != facts.order:
        text += f", {facts.report.order_autonomous} for z' = f(z)"
    return text


def _proof(method: m.OneStep) -> str:
    count = f"{method.facts.conditions} condition" + ("s" if method.facts.conditions != 1 else "")
    return f"exactly, {count}" if method.tolerance is None else f"within {float(method.tolerance):.0e}, {count}"


def _kind(method: m.Method) -> str:
    stages = method.tableau.stages
    text = f"{method.tableau.kind}, {stages} stage" + ("s" if stages > 1 else "")
    text += ", FSAL" if method.facts.fsal else ""
    text += f", dense {method.dense.order}" if method.dense else ""
    if method.facts.principal_error is None and not method.parameters:
        text += ", principal error out of reach"
    names = ", ".join(parameter.name for parameter in method.parameters)
    return f"{text}, for all {names} in range" if names else text


def additive_kind(method: Additive) -> str:
    """`additive, 4 stages, parts of order 3 and 3, stiffly accurate, L-stable`"""
    facts, stages = method.facts, method.pair.stages
    held = {
        "FSAL": facts.fsal,
        "stiffly accurate": facts.stiffly_accurate,
        "L-stable": facts.l_stable,
        "A-stable": facts.a_stable and not facts.l_stable,
    }
    alone = " and ".join(str(order) for _, order in facts.report.parts)
    text = f"additive, {stages} stage" + "s" * (stages > 1) + f", parts of order {alone}"
    text += f", dense {method.dense.order}" if method.dense else ""
    text = ", ".join([text, *(name for name, holds in held.items() if holds)])
    names = ", ".join(parameter.name for parameter in method.parameters)
    return f"{text}, for all {names} in range" if names else text


def rosenbrock_kind(method: Rosenbrock) -> str:
    """`Rosenbrock, 6 stages, order 2 with any matrix, stiffly accurate, L-stable`"""
    facts, stages = method.facts, method.tableau.stages
    held = {
        "stiffly accurate": facts.stiffly_accurate,
        "L-stable": facts.l_stable,
        "A-stable": facts.a_stable and not facts.l_stable,
    }
    text = f"Rosenbrock, {stages} stage" + "s" * (stages > 1) + f", order {facts.w_order} with any matrix"
    text += f", dense {method.dense.order}" if method.dense else ""
    text = ", ".join([text, *(name for name, holds in held.items() if holds)])
    names = ", ".join(parameter.name for parameter in method.parameters)
    return f"{text}, for all {names} in range" if names else text


def multistep_kind(method: m.Multistep) -> str:
    """`explicit, 3 steps`"""
    formula = method.formula
    text = f"{'explicit' if formula.explicit else 'implicit'}, {formula.steps} step" + "s" * (formula.steps > 1)
    return text if formula.is_zero_stable else f"{text}, not zero-stable"


def _step(solver: m.AnySolver) -> str:
    power = solver.residual_power
    grid = f", {solver.grid.steps} steps of a{' learned' * solver.grid.learned} grid" if solver.grid else ""
    path = f", on the path {solver.path.name}" if solver.path else ""
    varying = ""
    if isinstance(solver, m.VaryingSolver):
        varying = f", orders {solver.method.orders[0].order} to {solver.order}, variable steps"
    return solver.base.name + (f" + ε^{power} g" if power else "") + grid + path + varying
