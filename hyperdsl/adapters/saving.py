"""What of a solve is kept, said as in diffrax: `diffeqsolve(solver, f, z0, span, saveat=SaveAt(ts=…, fn=…))`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hyperdsl.adapters.solvers import require_solver, stacked, steps_each


@dataclass(frozen=True)
class SaveAt:
    """What to keep: the state at the start, at the end, at times in between, after each step, or dense output.

    ts: times, in the direction of the span, as numbers or a tensor. steps: True, or n for every n-th step.
    fn: fn(s, z), what is kept of a state: a tensor, or a tuple of tensors; the state itself unless given.
    """

    ts: Tensor | Sequence[float] | None = None
    t0: bool = False
    t1: bool = False
    steps: bool | int = False
    dense: bool = False
    fn: Callable[[Tensor, Any], Any] | None = None


@dataclass(frozen=True)
class Saved:
    """What was kept: `ys` [len(ts), ...] at the times `ts` [n], in order; None where nothing but dense output was.

    result: how the solve ended, its status. stats: num_steps, num_accepted_steps, num_rejected_steps, num_evaluations.
    solution: the solve's own.
    """

    ts: Tensor | None
    ys: Any
    stats: dict[str, Any]
    result: Any
    solution: Any
    dense: bool

    def evaluate(self, s: Tensor | Sequence[float] | float) -> Any:
        """The states at any times of the solve; ValueError where there is no dense output, or outside."""
        if not self.dense:
            raise ValueError("nothing was kept for this: SaveAt(dense=True)")
        return self.solution.dense(s)


def diffeqsolve(
    solver: nn.Module,
    f: Callable[..., Any],
    z0: Any,
    span: Sequence[Any],
    *,
    saveat: SaveAt | None = None,
    **settings: Any,
) -> Saved:
    """A solve by `solver.solve`, and what of it `saveat` keeps: the state at the end unless given.

    settings: those of the solver's `solve`: `steps`, or rtol, atol and others; `throw=False` returns what there is.
    Times between steps are those of the solver's dense output, whose gradients come along; no step is cut at them.
    Where an event ends the solve before, times beyond it are left out, and t1 is its time.

    TypeError for no generated solver and for steps that each sample has of its own; ValueError for times outside the
    span or out of order, for `steps` that are no whole number above 0.
    """
    chosen, saveat = require_solver(solver), saveat or SaveAt(t1=True)
    _require_sound(saveat)
    if saveat.steps and steps_each(chosen):
        raise TypeError(f"{type(solver).__name__} has steps of its own for each sample: there are none to keep for all")
    kept = bool(saveat.dense or saveat.steps or saveat.ts is not None)
    solution = chosen.solve(f, z0, span, dense=kept, **settings)
    saved = _saved(saveat, solution, z0, span)
    counted = solution.statistics
    stats = {
        "num_steps": counted.accepted + counted.rejected,
        "num_accepted_steps": counted.accepted,
        "num_rejected_steps": counted.rejected,
        "num_evaluations": counted.evaluations,
    }
    if saveat.fn is not None:
        saved = [(s, saveat.fn(s, z)) for s, z in saved]
    ts, ys = (torch.stack([s for s, _ in saved]), stacked([z for _, z in saved])) if saved else (None, None)
    return Saved(ts, ys, stats, solution.status, solution, saveat.dense)


def _saved(saveat: SaveAt, solution: Any, z0: Any, span: Sequence[Any]) -> list[tuple[Tensor, Any]]:
    """Times and states, in the order of the solve."""
    start, end = (float(time) for time in span)
    sign, reached = (1.0 if end >= start else -1.0), solution.s
    found = [(_time(span[0]), z0)] if saveat.t0 else []
    between: list[tuple[Tensor, Any]] = []
    if saveat.ts is not None:
        asked = torch.as_tensor(saveat.ts, dtype=torch.float64)
        _require_inside(asked, start, end, sign)
        until = reached if isinstance(reached, float) else float((sign * reached).max()) * sign
        times = asked[sign * asked.detach() <= sign * until]
        between += [(time, solution.dense(time)) for time in times]
    if saveat.steps:
        between += [
            (_time(piece.s + piece.eps), solution.restore(piece.end))
            for piece in solution.pieces[int(saveat.steps) - 1 :: int(saveat.steps)]
        ]
        between.sort(key=lambda one: sign * float(one[0]))
    found += between
    return [*found, (_time(reached), solution.z)] if saveat.t1 else found


def _time(value: Any) -> Tensor:
    return torch.as_tensor(value, dtype=torch.float64)


def _require_sound(saveat: SaveAt) -> None:
    """ValueError for `steps` that count none, and for times in no list."""
    if not isinstance(saveat.steps, int) or saveat.steps < 0:
        raise ValueError(f"steps is True, or n >= 1 for every n-th step, not {saveat.steps!r}")
    if saveat.ts is not None and torch.as_tensor(saveat.ts).dim() != 1:
        raise ValueError(f"ts must be a list of times, not of shape {tuple(torch.as_tensor(saveat.ts).shape)}")


def _require_inside(times: Tensor, start: float, end: float, sign: float) -> None:
    """ValueError where times are not in order between the ends."""
    ordered = (sign * times.detach()).tolist()
    if ordered != sorted(ordered) or not all(sign * start <= time <= sign * end for time in ordered):
        raise ValueError(f"ts must lie in order between {start:g} and {end:g}, not {times.tolist()!r:.80}")
