"""The view of a solver on a multistep or predictor-corrector method: its step and its first states, line by line."""

from __future__ import annotations

from dataclasses import dataclass

from hyperdsl.codegen.torch.expressions import scaled, tuple_text, weighted_sum
from hyperdsl.codegen.torch.steps import SINGLE, step_lines
from hyperdsl.plan import Formula, HistoryPlan, Term
from hyperdsl.plan.history import SLOPE
from hyperdsl.plan.model import DERIVATIVE
from hyperdsl.semantics.model import Multistep


@dataclass(frozen=True)
class HistoryView:
    """What a solver with a history has beside a single-step one.

    `past` counts the steps of the first states, `lines` is the step's body, `result` the new state and `kept` the
    derivatives that the next step gets. `begin` is the one-step method of the first states: its name, and the lines of
    one step of size h, which end with the new state.
    """

    past: int
    states: int
    derivatives: int
    keeps_last: bool
    implicit: bool
    lines: tuple[str, ...]
    result: str
    kept: str
    begin: str
    begin_order: int
    substeps: int
    begin_lines: tuple[str, ...]
    begin_result: str
    begin_first: str
    begin_evaluations: int

    @property
    def function(self) -> str:
        return f"_{self.begin}_step"

    @property
    def first_derivative(self) -> int:
        """How many steps back the newest derivative of the history is."""
        return 0 if self.keeps_last else 1


def history_view(plan: HistoryPlan) -> HistoryView:
    """The view of a plan with a history."""
    start = plan.solver.start
    begin_lines, begin_result = step_lines(plan.begin, SINGLE)
    first = next((stage.name for stage in plan.begin.stages if stage.is_derivative), "")
    if not first:
        first, begin_lines = "k0", ("k0 = f(s, z)", *begin_lines)
    implicit = plan.predict is None and not plan.correct.explicit
    return HistoryView(
        past=plan.past,
        states=plan.states,
        derivatives=plan.derivatives,
        keeps_last=plan.keeps_last,
        implicit=implicit,
        lines=_lines(plan),
        result=_result(plan),
        kept=tuple_text(_kept(plan)),
        begin=start.method.name,
        begin_order=start.method.facts.order,
        substeps=start.substeps,
        begin_lines=begin_lines,
        begin_result=begin_result,
        begin_first=first,
        begin_evaluations=start.substeps * len(begin_lines) + plan.keeps_last,
    )


def history_summary(plan: HistoryPlan) -> str:
    """The base method in words."""
    base = plan.solver.base
    if isinstance(base, Multistep):
        return f"{base.name} (order {plan.solver.order}, proven)"
    return f"{base.name}, {base.mode} with {base.predictor} and {base.corrector} (order {plan.solver.order}, proven)"


def _lines(plan: HistoryPlan) -> tuple[str, ...]:
    """The step from the history to the state before `result`."""
    first = 0 if plan.keeps_last else 1
    derivatives = [f"f{j}" for j in range(first, first + plan.derivatives)]
    lines = [f"{tuple_text(['z', *(f'z{j}' for j in range(1, plan.states))])} = history.states"]
    if derivatives:
        lines.append(f"{tuple_text(derivatives)} = history.derivatives")
    if not plan.keeps_last:
        lines.append("f0 = f(s, z)")
    if plan.extra_derivative:
        lines.append(f"{DERIVATIVE} = f(s, z)")
    if plan.predict:
        lines.append(f"p = {_sum(plan.predict)}")
        for i in range(plan.corrections):
            lines.append(f"{SLOPE} = f(s + eps, p)")
            if i < plan.corrections - 1:
                lines.append(f"p = {_sum(plan.correct, SLOPE)}")
    return tuple(lines)


def _result(plan: HistoryPlan) -> str:
    if plan.predict:
        return _sum(plan.correct, SLOPE)
    if plan.correct.explicit:
        return _sum(plan.correct)
    sign, size = scaled(plan.correct.new, "eps")
    weight = f"-{size}" if sign == "-" else size
    return f"iterated(f, s + eps, {_sum(plan.correct)}, {weight}, z + eps * f0)"


def _sum(formula: Formula, slope: str = "") -> str:
    """Σ states + ε Σ derivatives, with f at the new state where it is called `slope`."""
    states = weighted_sum(formula.states)
    terms = ((Term(formula.new, slope),) if slope else ()) + formula.derivatives
    match terms:
        case ():
            return states
        case (Term(coefficient, name),):
            sign, size = scaled(coefficient, "eps")
            return f"{states} {sign} {size} * {name}"
        case _:
            return f"{states} + eps * ({weighted_sum(terms)})"


def _kept(plan: HistoryPlan) -> list[str]:
    """The derivatives of the next step's history, newest first."""
    if plan.keeps_last:
        return [SLOPE, *(f"f{j}" for j in range(plan.derivatives - 1))]
    return [f"f{j}" for j in range(plan.derivatives)]
