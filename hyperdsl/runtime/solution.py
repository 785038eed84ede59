"""What an adaptive solve gives: the end, its status, and dense output between."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .outcome import SolveError, Status
from .state import beside, sizes_of


@dataclass(frozen=True)
class Statistics:
    """Steps accepted and rejected, and evaluations of f. Steps are [batch] under `per_sample yes`."""

    accepted: Any
    rejected: Any
    evaluations: int


class Piece(NamedTuple):
    """The solution over one step: its start, its size, states and slopes at both ends.

    Where the method has dense output of its own, `stages` [*z.shape, ...] are what it reads, with these weights.
    """

    s: Any
    eps: Any
    z: Tensor
    end: Tensor
    slope: Tensor
    following: Tensor
    stages: Tensor | None = None
    weights: Callable[[Tensor], Tensor] | None = None

    def at(self, s: Any) -> Tensor:
        """Dense output: the method's own, else the cubic Hermite polynomial, of order 3 (HNW I, §II.6)."""
        return self.between((s - self.s) / self.eps, self.eps)

    def between(self, part: Any, eps: Any) -> Tensor:
        """The same at a part of the step, with ε as it multiplies states."""
        if self.stages is not None and self.weights is not None:
            weights = self.weights(torch.as_tensor(part, dtype=self.z.dtype.to_real(), device=self.z.device))
            return self.z + (self.stages * weights).sum(-1)
        rise = self.end - self.z
        inner = (1 - 2 * part) * rise + (part - 1) * eps * self.slope + part * eps * self.following
        state: Tensor = (1 - part) * self.z + part * self.end + part * (part - 1) * inner
        return state


def polynomials(rows: Sequence[Sequence[float]], theta: Tensor) -> Tensor:
    """The polynomials with these coefficients of θ, θ², …, along a last axis."""
    coefficients = theta.new_tensor(rows)
    value = torch.zeros_like(coefficients[:, 0])
    for column in reversed(coefficients.unbind(-1)):
        value = theta[..., None] * (value + column)
    return value


@dataclass(frozen=True)
class Solution:
    """What a solve gave: the state `z` at time `s`, which is the end of the span where `status` is a success.

    `step` is the size of the last step tried, `span` what was asked for. Under `per_sample yes` s, step and status are
    those of each sample, and there is one piece with those of all steps along its first axis.
    """

    z: Any
    s: Any
    status: Any
    statistics: Statistics
    step: Any
    span: tuple[float, float]
    pieces: tuple[Piece, ...] = field(repr=False)
    restore: Callable[[Tensor], Any] = field(repr=False)

    def dense(self, s: Tensor | Sequence[float] | float) -> Any:
        """The states at any times between the start and `self.s`, [*s.shape, *z.shape]; ValueError outside."""
        if not self.pieces:
            raise ValueError("nothing was kept for dense output: solve with dense=True, over a span of some length")
        times = torch.as_tensor(s, dtype=torch.float64)
        states = torch.stack([self._at(time) for time in times.flatten().tolist()])
        return self.restore(states.reshape(*times.shape, *states.shape[1:]))

    def _at(self, s: float) -> Tensor:
        sign = 1 if self.span[1] > self.span[0] else -1
        reached = self.s if isinstance(self.s, float) else sign * float((sign * self.s).min())
        if not sign * self.span[0] <= sign * s <= sign * reached:
            raise ValueError(f"s = {s:g} is outside the solution, {self.span[0]:g} .. {reached:g}")
        if isinstance(self.pieces[0].s, Tensor):
            return in_pieces(self.pieces[0], s, sign)
        index = bisect.bisect_right(self.pieces, sign * s, key=lambda piece: sign * piece.s)
        return self.pieces[max(index - 1, 0)].at(s)


def in_pieces(piece: Piece, s: float, sign: float) -> Tensor:
    """The states at s, of the pieces of all steps [steps, batch, ...]: each sample's last one that starts before s."""
    reached = (piece.eps != 0) & (sign * piece.s <= sign * s)
    steps = torch.arange(len(piece.s), device=piece.z.device)[:, None]
    index = torch.where(reached, steps, -1).amax(0).clamp_min(0)
    each = torch.arange(len(index), device=piece.z.device)
    own = Piece._make(value[index, each] if isinstance(value, Tensor) else value for value in piece)
    part, eps = sizes_of(own.z, (s - own.s) / own.eps, own.eps)
    return own.between(beside(part, own.z), beside(eps, own.z))


_ADVICE = {
    Status.MAX_STEPS: "the budget of steps is used up: raise max_steps, or loosen rtol and atol; where steps stay "
    "small though z hardly changes, the problem is stiff and needs an implicit method",
    Status.STEP_TOO_SMALL: "the steps became too small to move s: the solution may blow up or jump there; end the "
    "span before, or loosen rtol and atol where they are below what the dtype resolves",
    Status.NONFINITE: "f or the state is not finite there: check z0, and f near that time, or end the span before",
}


def checked(solution: Solution, throw: bool) -> Solution:
    """The solution, or a SolveError where it did not reach its end."""
    s, step, status = solution.s, solution.step, solution.status
    if not isinstance(status, Status):
        failed = next((i for i, one in enumerate(status) if one is not Status.SUCCESS), None)
        if failed is None:
            return solution
        s, step, status = float(s.flatten()[failed]), float(step.flatten()[failed]), status[failed]
    if status is Status.SUCCESS or not throw:
        return solution
    counted = solution.statistics
    (start, end), steps = solution.span, f"{counted.accepted} steps and {counted.rejected} rejected ones"
    if isinstance(counted.accepted, Tensor):
        steps = f"at most {int(counted.accepted.max())} steps"
    raise SolveError(
        status,
        s,
        step,
        counted.evaluations,
        solution,
        f"stopped at s = {s:.6g} of {start:g} .. {end:g} after {steps}, the last of size {step:.3g} "
        f"({counted.evaluations} evaluations of f): {_ADVICE[status]}; throw=False returns what there is",
    )
