"""The pages of multistep and predictor-corrector methods: their formulas and their facts, as text."""

from __future__ import annotations

import math
from collections.abc import Iterator

from hyperdsl.pages.text import Fact
from hyperdsl.semantics.methods.proofs import shown
from hyperdsl.semantics.model.spec import Multistep, PredictorCorrector, VaryingSolver
from hyperdsl.semantics.solvers.starts import default_start
from hyperdsl.semantics.summary import multistep_kind
from hyperdsl.theory.multistep.formulas import LinearMultistep, real_stability
from hyperdsl.theory.numbers.exact import Exact


def title(method: Multistep | PredictorCorrector) -> str:
    """`ab3: order 3, proven exactly`"""
    return f"{method.name}: order {max(0, method.formula.order)}, proven exactly"


def lines(method: Multistep | PredictorCorrector) -> list[str]:
    """The formula of a multistep method; the predictor's and the corrector's of a pair."""
    if isinstance(method, Multistep):
        return [equation(method.formula)]
    pair = method.formula
    return [f"P  {equation(pair.predictor)}", f"C  {equation(pair.corrector)}"]


def orders(solver: VaryingSolver) -> list[str]:
    """The orders between which a solver moves, a line each."""
    found = []
    for formula in solver.method.orders:
        last = formula if isinstance(formula, LinearMultistep) else formula.corrector
        stable = "zero-stable" if formula.is_zero_stable else "not zero-stable"
        found.append(f"order {formula.order}, {stable} for equal steps, error constant {last.error_constant}")
    return found


def facts(method: Multistep | PredictorCorrector) -> Iterator[Fact]:
    """The facts of a method, in the order of a textbook's page."""
    yield from _multistep(method) if isinstance(method, Multistep) else _pair(method)
    formula = method.formula
    if formula.steps > 1:
        start = method.start
        text = f"{start.method.name}, {start.substeps} a step" if start else f"{default_start(formula)}, by default"
        yield "start", [f"{formula.steps - 1} states of order {formula.start_order} or more: {text}"]


def _multistep(method: Multistep) -> Iterator[Fact]:
    formula = method.formula
    yield "kind", [multistep_kind(method)]
    if formula.order >= 0:
        yield "conditions", [f"C_0 = ... = C_{formula.order} = 0, C_q = Σ (α_j j^q/q! - β_j j^(q-1)/(q-1)!)"]
    errors = [f"C_{formula.order + 1} = {shown(formula.moment(formula.order + 1))}"]
    if formula.error_constant is not None:
        errors.append(f"C_{formula.order + 1}/σ(1) = {shown(formula.error_constant)}")
    yield "error", errors
    length = real_stability(formula) if formula.is_zero_stable else None
    if length is not None:
        text = "-∞" if math.isinf(length) else f"{-length or 0:.16g}"
        yield "stability", [f"zero-stable, real interval [{text}, 0]"]
    else:
        yield "stability", ["zero-stable" if formula.is_zero_stable else "not zero-stable"]


def _pair(method: PredictorCorrector) -> Iterator[Fact]:
    pair = method.formula
    p, q, m = pair.corrector.order, pair.predictor.order, pair.corrections
    yield "mode", [f"{method.mode}, {pair.evaluations_per_step} evaluations a step"]
    yield "order", [f"min(p, p* + m) = min({p}, {q} + {m}) with {method.corrector} and {method.predictor}"]
    power = f"J^{m}" if m > 1 else "J"
    yield (
        "local error",
        [
            f"{shown(pair.corrector.moment(p + 1))} · ε^{p + 1} z^({p + 1})"
            f" + {shown(pair.predicted_error)} · ε^{q + m + 1} {power} z^({q + 1})"
        ],
    )


def equation(formula: LinearMultistep) -> str:
    """`z[n+1] = z[n] + h*(3/2*f[n] - 1/2*f[n-1])`"""
    states = _sum([-a for a in formula.alpha[:-1]], "z", formula.steps)
    derivatives = _sum(formula.beta, "f", formula.steps)
    return f"z[n+1] = {states or '0'}" + (f" + h*({derivatives})" if derivatives else "")


def _sum(coefficients: tuple[Exact, ...] | list[Exact], name: str, steps: int) -> str:
    """The newest first."""
    text = ""
    for j in reversed(range(len(coefficients))):
        a = coefficients[j]
        if not a.is_zero:
            offset = j + 1 - steps
            size = shown(abs(a)).split(" ≈")[0]
            factor = "" if size == "1" else f"({size})*" if " " in size else f"{size}*"
            sign = ("-" if a.sign() < 0 else "") if not text else (" - " if a.sign() < 0 else " + ")
            text += f"{sign}{factor}{name}[n{f'{offset:+d}' if offset else ''}]"
    return text
