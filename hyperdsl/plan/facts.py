"""What is said of a solver beside its step: its base in words, and what was proven, for a package's certificate."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hyperdsl.semantics.model.control import Control
from hyperdsl.semantics.model.spec import (
    AdditiveSolver,
    AnySolver,
    Corrector,
    External,
    HistorySolver,
    Method,
    Multistep,
    RosenbrockSolver,
    Solver,
    StepSolver,
    VaryingSolver,
)
from hyperdsl.theory.multistep.formulas import LinearMultistep
from hyperdsl.theory.multistep.predictor_corrector import FormulaPair
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.tableau import Tableau

_NAMED = 4
"""Learned parameters that a summary names."""


def base_in_words(solver: AnySolver) -> str:
    """The base method, its order and its parameters, without a full stop."""
    match solver:
        case HistorySolver():
            text = _history_in_words(solver)
        case VaryingSolver():
            text = _varying_in_words(solver)
        case Solver() | RosenbrockSolver() | AdditiveSolver():
            text = _method_in_words(solver)
    return text + (f" on the path {solver.path.name}" if solver.path else "")


def proven(solver: AnySolver) -> dict[str, object]:
    """What a certificate holds of the base and of the control, as JSON's types; an infinite number is "inf"."""
    match solver:
        case HistorySolver():
            return _history(solver)
        case AdditiveSolver():
            return _additive(solver)
        case VaryingSolver():
            return _varying(solver)
        case RosenbrockSolver():
            return _rosenbrock(solver)
        case Solver():
            return _single_step(solver)


def _method_in_words(solver: StepSolver) -> str:
    fixed = ", ".join(f"{name} = {value}" for name, value in solver.fixed)
    learned = [learned.name for learned in solver.learned]
    named = len(learned) <= _NAMED
    names = solver.parameters if named else [free.name for free in solver.free]
    arguments = ", ".join(filter(None, (fixed, *names)))
    base = solver.base.name + (f"({arguments})" if arguments else "")
    certain = "proven" if solver.base.tolerance is None else f"proven within {float(solver.base.tolerance):g}"
    which = ", ".join(learned) if named else f"its {len(learned)} coefficients"
    return f"{base} (order {solver.order}, {certain})" + (f", {which} learned" if learned else "")


def _history_in_words(solver: HistorySolver) -> str:
    base = solver.base
    if isinstance(base, Multistep):
        return f"{base.name} (order {solver.order}, proven)"
    return f"{base.name}, {base.mode} with {base.predictor} and {base.corrector} (order {solver.order}, proven)"


def _varying_in_words(solver: VaryingSolver) -> str:
    method = solver.method
    first, last = method.orders[0].order, method.order
    orders = f"orders {first} to {last}" if first < last else f"order {last}"
    family = "Adams, PECE" if method.adams else "BDF"
    return f"{solver.base.name}, {family} of variable step ({orders}, proven)"


def _varying(solver: VaryingSolver) -> dict[str, object]:
    """What was proven of the formula of every order, for equal steps."""
    return {
        "kind": "variable",
        "family": "adams" if solver.method.adams else "bdf",
        "order": solver.order,
        "orders": [_of_order(formula) for formula in solver.method.orders],
        "proof": "exact",
        "control": _control(solver.control),
    }


def _of_order(formula: LinearMultistep | FormulaPair) -> dict[str, object]:
    if isinstance(formula, LinearMultistep):
        return _formula(formula)
    predictor, corrector = _formula(formula.predictor), _formula(formula.corrector)
    return {"mode": "PECE", "order": formula.order, "predictor": predictor, "corrector_formula": corrector}


def _history(solver: HistorySolver) -> dict[str, object]:
    """A multistep method's facts, or those of both formulas of a predictor-corrector pair."""
    base = solver.base
    if isinstance(base, Multistep):
        about: dict[str, object] = {"kind": "multistep", **_formula(base.formula)}
    else:
        about = {
            "kind": "predictor_corrector",
            "mode": base.mode,
            "order": base.formula.order,
            "predictor": {"name": base.predictor, **_formula(base.formula.predictor)},
            "corrector_formula": {"name": base.corrector, **_formula(base.formula.corrector)},
        }
    start = {**_start(solver.start.method), "substeps": solver.start.substeps}
    return {**about, "proof": "exact", "start": start, "corrector_inputs": _inputs(solver.corrector)}


def _start(method: Method) -> dict[str, object]:
    tolerance = None if method.tolerance is None else str(method.tolerance)
    about = {"method": method.name, "order": method.facts.order}
    return {**about, "tolerance": tolerance, "tableau": _tableau(method.tableau)}


def _formula(formula: LinearMultistep) -> dict[str, object]:
    constant = formula.error_constant
    return {
        "explicit": formula.explicit,
        "alpha": _texts(formula.alpha),
        "beta": _texts(formula.beta),
        "steps": formula.steps,
        "order": formula.order,
        "error_constant": None if constant is None else str(constant),
        "zero_stable": formula.is_zero_stable,
    }


def _additive(solver: AdditiveSolver) -> dict[str, object]:
    method, facts = solver.base, solver.facts
    return {
        **_parameters(solver),
        "tableaux": {part: _tableau(tableau) for part, tableau in solver.pair.parts},
        "autonomous": method.autonomous,
        "kind": "additive",
        "stages": solver.pair.stages,
        **_orders(solver),
        "parts": dict(facts.report.parts),
        **_embedded(solver),
        "stage_order": facts.stage_order,
        "fsal": facts.fsal,
        **_proof(solver),
        "l_stable": facts.l_stable,
        "stiffly_accurate": facts.stiffly_accurate,
        "dense_order": solver.dense.order if solver.dense else None,
        "control": _control(solver.control),
        "corrector_inputs": _inputs(solver.corrector),
    }


def _rosenbrock(solver: RosenbrockSolver) -> dict[str, object]:
    method, facts, tableau = solver.base, solver.facts, solver.tableau
    return {
        **_parameters(solver),
        "tableau": {**_tableau(tableau.explicit), "gamma": [_texts(_trimmed(row)) for row in tableau.gamma]},
        "gamma_sums": _texts(tableau.gamma_sums),
        "autonomous": method.autonomous,
        "kind": "rosenbrock",
        "stages": tableau.stages,
        **_orders(solver),
        "w_order": facts.w_order,
        **_embedded(solver),
        **_proof(solver),
        "l_stable": facts.l_stable,
        "stiffly_accurate": facts.stiffly_accurate,
        "dense_order": solver.dense.order if solver.dense else None,
        "control": _control(solver.control),
        "corrector_inputs": _inputs(solver.corrector),
    }


def _single_step(solver: Solver) -> dict[str, object]:
    method, facts = solver.base, solver.facts
    return {
        **_parameters(solver),
        "tableau": _tableau(solver.tableau),
        "dense": {"tableau": _tableau(solver.dense.tableau)} if solver.dense else None,
        "autonomous": method.autonomous,
        "kind": solver.tableau.kind,
        "stages": solver.tableau.stages,
        **_orders(solver),
        **_embedded(solver),
        "stage_order": facts.stage_order,
        "fsal": facts.fsal,
        **_proof(solver),
        "symplectic": facts.symplectic,
        "symmetric": facts.symmetric,
        "l_stable": facts.l_stable,
        "stiffly_accurate": facts.stiffly_accurate,
        "dense_order": solver.dense.order if solver.dense else None,
        "control": _control(solver.control),
        "corrector_inputs": _inputs(solver.corrector),
    }


def _parameters(solver: StepSolver) -> dict[str, object]:
    return {
        "base_parameters": {name: str(value) for name, value in solver.fixed},
        "free_parameters": [free.name for free in solver.free],
        "learned_parameters": {learned.name: str(learned.start) for learned in solver.learned},
    }


def _orders(solver: StepSolver) -> dict[str, object]:
    method, facts = solver.base, solver.facts
    return {
        "claimed_order": method.claimed_order,
        "order": facts.order,
        "order_autonomous": facts.report.order_autonomous,
    }


def _embedded(solver: StepSolver) -> dict[str, object]:
    return {
        "claimed_embedded_orders": list(solver.base.claimed_embedded),
        "embedded_orders": list(solver.facts.embedded),
    }


def _proof(solver: StepSolver) -> dict[str, object]:
    method, facts = solver.base, solver.facts
    return {
        "proof": "exact" if method.tolerance is None else "tolerance",
        "tolerance": None if method.tolerance is None else str(method.tolerance),
        "conditions": facts.conditions,
        "principal_error": _number(facts.principal_error),
        "real_stability": _number(facts.real_stability),
        "imaginary_stability": _number(facts.imaginary_stability),
    }


def _tableau(tableau: Tableau) -> dict[str, object]:
    """The coefficients as texts; zeros at the end of a row are left out."""
    rows = {"a": tableau.a, "weights": tableau.weights}
    return {"c": _texts(tableau.c), **{key: [_texts(_trimmed(row)) for row in part] for key, part in rows.items()}}


def _trimmed(row: Sequence[Exact]) -> Sequence[Exact]:
    return row[: max((i + 1 for i, value in enumerate(row) if not value.is_zero), default=0)]


def _texts(row: Sequence[Exact]) -> list[str]:
    return [str(value) for value in row]


def _inputs(corrector: Corrector | External | None) -> list[str]:
    """What g reads; of an external one it is taken to be what it is called with."""
    if corrector is None:
        return []
    return ["z", "dz", "s", "eps", "x"] if isinstance(corrector, External) else list(corrector.inputs)


def _control(control: Control | None) -> dict[str, object] | None:
    """The rule's settings; exact numbers as text."""
    if control is None:
        return None
    return {
        "name": control.name,
        "error": [control.error, "embedded"] if control.fallback else [control.error],
        "rtol": str(control.rtol),
        "atol": str(control.atol),
        "gains": [str(gain) for gain in control.gains],
        "safety": str(control.safety),
        "factor": [str(end) for end in control.factor],
        "first_step": None if control.first_step is None else str(control.first_step),
        "max_steps": control.max_steps,
        "max_step": None if control.max_step is None else str(control.max_step),
        "min_step": None if control.min_step is None else str(control.min_step),
        "per_sample": control.per_sample,
    }


def _number(value: float | None) -> float | str | None:
    return "inf" if value is not None and math.isinf(value) else value
