"""The view of a solver of variable order: the numbers of its orders, and the settings of its control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hyperdsl.codegen.torch.adaptive import control_settings
from hyperdsl.codegen.torch.expressions import number, tuple_text
from hyperdsl.plan import Plan
from hyperdsl.theory.multistep.variable import Variable
from hyperdsl.theory.numbers.exact import Exact


@dataclass(frozen=True)
class VaryingView:
    """What a solver of variable order has: settings are Python text, `formulas` what its orders are in a textbook.

    Dense output has at most the order `dense_order`. `corrections`, `errors` and `changes` are the numbers of the
    runtime, a row for each order.
    """

    summary: str
    formulas: tuple[str, ...]
    family: str
    per_sample: bool
    rtol: str
    atol: str
    gains: tuple[str, ...]
    power: int
    embedded_power: int
    safety: str
    shortest: str
    longest: str
    first_step: str
    max_steps: int
    max_step: str | None
    min_step: str | None
    corrections: tuple[str, ...]
    errors: str
    changes: tuple[str, ...]
    dense_order: int
    estimate: str = "embedded"
    fallback: bool = False


def varying_view(plan: Plan) -> VaryingView | None:
    """The view of a plan whose order varies; None for any other."""
    method, control = plan.varying, plan.control
    if method is None or control is None:
        return None
    numbers = method.numbers
    return VaryingView(
        summary=_summary(method, control.per_sample),
        formulas=_formulas(method),
        family="AdamsSteps" if method.adams else "BackwardSteps",
        per_sample=control.per_sample,
        **control_settings(control, 2),  # steps begin with the history of order 1
        corrections=tuple(map(_row, numbers.corrections)),
        errors=_row(numbers.errors),
        changes=tuple(map(_row, numbers.changes)),
        dense_order=method.steps,
    )


def _summary(method: Variable, per_sample: bool) -> str:
    whose = (
        "Each sample of the batch has its own order and steps" if per_sample else "All samples have one order and step"
    )
    error = "what Adams–Bashforth predicts" if method.adams else "what the history predicts"
    return f"{whose}, chosen by the distance from {error}."


def _formulas(method: Variable) -> tuple[str, ...]:
    """The formulas of order q by backward differences ∇, as textbooks have them."""
    if not method.adams:
        return ("order q: Σ_{j=1..q} ∇^j z[n+1] / j = h f[n+1]",)
    last = "q" if method.raised else "q - 1"
    return (
        "predicted: z[n] + h Σ_{j=0..q-1} γ_j ∇^j f[n], of order q",
        f"corrected: z[n] + h Σ_{{j=0..{last}}} γ*_j ∇^j f[n+1], of order {'q + 1' if method.raised else 'q'}",
    )


def _row(values: Sequence[Exact]) -> str:
    return tuple_text([number(value) for value in values])
