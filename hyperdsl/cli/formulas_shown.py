"""What `hyperdsl show` prints of multistep and predictor-corrector methods."""

from __future__ import annotations

import math

from rich.console import Console

from hyperdsl.semantics.methods.proofs import shown
from hyperdsl.semantics.model.spec import Multistep, PredictorCorrector
from hyperdsl.semantics.solvers.starts import default_start
from hyperdsl.semantics.summary import multistep_kind
from hyperdsl.theory.multistep.formulas import LinearMultistep, real_stability
from hyperdsl.theory.numbers.exact import Exact


def print_multistep(method: Multistep, console: Console) -> None:
    formula = method.formula
    console.print(f"[bold]{method.name}[/]: order {max(0, formula.order)}, proven exactly")
    console.print(f"\n    {equation(formula)}\n", markup=False)
    console.print(f"  kind           {multistep_kind(method)}")
    if formula.order >= 0:
        console.print(f"  conditions     C_0 = ... = C_{formula.order} = 0, C_q = Σ (α_j j^q/q! - β_j j^(q-1)/(q-1)!)")
    console.print(f"  error          C_{formula.order + 1} = {shown(formula.moment(formula.order + 1))}", markup=False)
    if formula.error_constant is not None:
        console.print(f"                 C_{formula.order + 1}/σ(1) = {shown(formula.error_constant)}", markup=False)
    length = real_stability(formula) if formula.is_zero_stable else None
    if length is not None:
        text = "-∞" if math.isinf(length) else f"{-length or 0:.16g}"
        console.print(f"  stability      zero-stable, real interval [{text}, 0]", markup=False)
    else:
        console.print(f"  stability      {'zero-stable' if formula.is_zero_stable else 'not zero-stable'}")
    _print_start(method, console)


def print_predictor_corrector(method: PredictorCorrector, console: Console) -> None:
    pair = method.formula
    p, q, m = pair.corrector.order, pair.predictor.order, pair.corrections
    console.print(f"[bold]{method.name}[/]: order {pair.order}, proven exactly\n")
    console.print(f"    P  {equation(pair.predictor)}", markup=False)
    console.print(f"    C  {equation(pair.corrector)}\n", markup=False)
    console.print(f"  mode           {method.mode}, {pair.evaluations_per_step} evaluations a step")
    console.print(
        f"  order          min(p, p* + m) = min({p}, {q} + {m}) with {method.corrector} and {method.predictor}"
    )
    power = f"J^{m}" if m > 1 else "J"
    console.print(
        f"  local error    {shown(pair.corrector.moment(p + 1))} · ε^{p + 1} z^({p + 1})"
        f" + {shown(pair.predicted_error)} · ε^{q + m + 1} {power} z^({q + 1})",
        markup=False,
    )
    _print_start(method, console)


def _print_start(method: Multistep | PredictorCorrector, console: Console) -> None:
    formula = method.formula
    if formula.steps > 1:
        start = method.start
        text = f"{start.method.name}, {start.substeps} a step" if start else f"{default_start(formula)}, by default"
        console.print(f"  start          {formula.steps - 1} states of order {formula.start_order} or more: {text}")
    console.print()


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
