"""The view of a solver that takes past states and slopes: its step and its first states, line by line."""

from __future__ import annotations

from dataclasses import dataclass

from hyperdsl.codegen.torch.expressions import tuple_text
from hyperdsl.codegen.torch.printer import SINGLE, step_lines
from hyperdsl.plan import Plan
from hyperdsl.plan.multistep import NEWEST, past_steps, taken
from hyperdsl.plan.step import derivative, evaluations


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
    def first_derivative(self) -> int:
        """How many steps back the newest derivative of the history is."""
        return 0 if self.keeps_last else 1


def history_view(plan: Plan) -> HistoryView | None:
    """The view of a plan whose step has a start; None for any other."""
    step, start = plan.step, plan.step.start
    if start is None:
        return None
    begin_lines, begin_result = step_lines(start.step, SINGLE)
    own = derivative(start.step)
    if own is None:
        begin_lines = ("k0 = f(s, z)", *begin_lines)
    states, derivatives = taken(step)
    keeps_last = NEWEST.name in derivatives
    lines, result = step_lines(step)
    unpacked = [f"{tuple_text(['z', *states])} = history.states"]
    if derivatives:
        unpacked.append(f"{tuple_text(derivatives)} = history.derivatives")
    return HistoryView(
        past=past_steps(step),
        states=1 + len(states),
        derivatives=len(derivatives),
        keeps_last=keeps_last,
        lines=(*unpacked, *lines),
        result=result,
        kept=tuple_text(step.gives[len(states) :]),
        begin=start.name,
        begin_order=start.order,
        substeps=start.substeps,
        begin_lines=begin_lines,
        begin_result=begin_result,
        begin_first=own or "k0",
        begin_evaluations=start.substeps * (evaluations(start.step.body) + (own is None)) + keeps_last,
    )
