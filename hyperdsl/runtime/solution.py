"""What an adaptive solve gives: the end, its status, and dense output between."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .outcome import SolveError, Status, detached
from .state import beside, sizes_of, times_of


@dataclass(frozen=True)
class Statistics:
    """Steps accepted and rejected, and evaluations of f. Steps are [batch] under `per_sample yes`.

    Implicit steps take matrices ∂f/∂z too, whose evaluations are none of f, and factorise matrices of this size; by
    Krylov's method they take `products` ∂f/∂z v instead, each of which costs a few evaluations.
    """

    accepted: Any
    rejected: Any
    evaluations: int
    jacobians: int = 0
    factorisations: int = 0
    products: int = 0

    @classmethod
    def of(cls, f: Any, accepted: Any, rejected: Any) -> Statistics:
        """Of so many steps with an f that counts."""
        return cls(accepted, rejected, f.evaluations, f.jacobians, f.factorisations, f.products)


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

    @staticmethod
    def still(s: Any, eps: Any, z: Tensor) -> Piece:
        """The state z alone, over a span of no length."""
        return Piece(s, eps, z, z, torch.zeros_like(z), torch.zeros_like(z))

    def at(self, s: Any) -> Tensor:
        """Dense output: the method's own, else the cubic Hermite polynomial, of order 3 (HNW I, §II.6)."""
        return self.between((s - self.s) / self.eps if self.eps else 0.0, self.eps)

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
class Weights:
    """The weights of a method's dense output, with the values of its parameters."""

    method: Callable[..., Tensor]
    parameters: dict[str, Tensor]

    def __call__(self, theta: Tensor) -> Tensor:
        """Along a last axis."""
        return self.method(theta, **self.parameters)

    def __getstate__(self) -> dict[str, Any]:
        return dict(detached(self.__dict__))


@dataclass(frozen=True)
class Solution:
    """What a solve gave: the state `z` at time `s`, which is the end of the span where `status` is a success.

    `step` is the size of the last step tried, `span` what was asked for. Where an event ended the solve, `event` is its
    number and `event_time` that time with its gradient, 0-d; otherwise both are None. Under `per_sample yes` s, step
    and status are those of each sample, there is one piece with those of all steps along its first axis, and where
    there were events, `event` [batch] is -1 and `event_time` [batch] is s for samples that none ended.

    Copies, pickled ones too, hold the same numbers without gradients.
    """

    z: Any
    s: Any
    status: Any
    statistics: Statistics
    step: Any
    span: tuple[Any, Any]
    pieces: tuple[Piece, ...] = field(repr=False)
    restore: Callable[[Tensor], Any] = field(repr=False)
    event: Any = None
    event_time: Any = None

    def dense(self, s: Tensor | Sequence[float] | float) -> Any:
        """The states at any times between the start and `self.s`, [*s.shape, *z.shape]; ValueError outside.

        Times may be beyond an end by what their dtype rounds away. A tensor's gradients are those of the dense output.
        Under `per_sample yes` the times are between all samples' starts and ends.
        """
        if not self.pieces:
            raise ValueError("nothing was kept for dense output: solve with dense=True")
        low, high = self._reached()
        unit = torch.finfo(s.dtype if isinstance(s, Tensor) and s.is_floating_point() else torch.float64).eps
        spare = unit * max(abs(low), abs(high))
        (times,) = times_of(self.pieces[0].z, s)
        for time in times.flatten().tolist():
            if not low - spare <= time <= high + spare:
                raise ValueError(f"s = {time:g} is outside the solution, {low:g} .. {high:g}")
        states = torch.stack([self._at(time) for time in times.clamp(low, high).flatten()])
        return self.restore(states.reshape(*times.shape, *states.shape[1:]))

    def __getstate__(self) -> dict[str, Any]:
        return dict(detached(self.__dict__))

    def _sign(self) -> Any:
        """Whether times ascend or descend: 1 or -1, for each sample where they have spans of their own."""
        start, end = self.span
        ascends = end > start
        return torch.where(ascends, 1.0, -1.0) if isinstance(ascends, Tensor) else 1.0 if ascends else -1.0

    def _reached(self) -> tuple[float, float]:
        """The first and last of the times that the solution has, of all samples."""
        start, s = (torch.as_tensor(time, dtype=torch.float64) for time in (self.span[0], self.s))
        low, high = torch.minimum(start, s.to(start.device)), torch.maximum(start, s.to(start.device))
        return float(low.max()), float(high.min())

    def _at(self, s: Tensor) -> Tensor:
        sign = self._sign()
        if isinstance(self.pieces[0].s, Tensor):
            return in_pieces(self.pieces[0], s, sign)
        now = float(s)
        index = bisect.bisect_right(self.pieces, sign * now, key=lambda piece: sign * piece.s)
        return self.pieces[max(index - 1, 0)].at(s if s.requires_grad else now)


def in_pieces(piece: Piece, s: Any, sign: Any) -> Tensor:
    """The states at s, of the pieces of all steps [steps, batch, ...]: each sample's last one that starts before s."""
    reached = (piece.eps != 0) & (sign * piece.s <= sign * s)
    steps = torch.arange(len(piece.s), device=piece.z.device)[:, None]
    index = torch.where(reached, steps, -1).amax(0).clamp_min(0)
    each = torch.arange(len(index), device=piece.z.device)
    own = Piece._make(value[index, each] if isinstance(value, Tensor) else value for value in piece)
    return at_each(own, s)


def at_each(piece: Piece, s: Any) -> Tensor:
    """Dense output where each sample has a step of its own, at a time for all or for each; a step of none stays."""
    size = torch.where(piece.eps == 0, 1.0, piece.eps)
    part, eps = sizes_of(piece.z, (s - piece.s) / size, piece.eps)
    return piece.between(beside(part, piece.z), beside(eps, piece.z))


_ADVICE = {
    Status.MAX_STEPS: "the budget of steps is used up: raise max_steps, or loosen rtol and atol; where steps stay "
    "small though z hardly changes, the problem is stiff and needs an implicit method",
    Status.STEP_TOO_SMALL: "the steps became too small to move s: the solution may blow up or jump there; end the "
    "span before, loosen rtol and atol where they are below what "
    "the dtype resolves, or lower min_step if it is given",
    Status.NONFINITE: "f or the state is not finite there, or ∂f/∂z where steps are implicit: check z0, f and "
    "jacobian= near that time, or end the span before",
}


def checked(solution: Solution, throw: bool) -> Solution:
    """The solution, or a SolveError where it did not reach its end; of several samples the first that did not."""
    s, step, status, (start, end) = solution.s, solution.step, solution.status, solution.span
    counted, whose = solution.statistics, ""
    accepted, rejected = counted.accepted, counted.rejected
    if not isinstance(status, Status):
        failed = [i for i, one in enumerate(status) if one is not Status.SUCCESS]
        if not failed:
            return solution
        whose, first = _told(status, failed), failed[0]
        status = status[first]
        s, step, start, end, accepted, rejected = (
            value.flatten()[min(first, value.numel() - 1)].item() if isinstance(value, Tensor) else value
            for value in (s, step, start, end, accepted, rejected)
        )
    if status is Status.SUCCESS or not throw:
        return solution
    raise SolveError(
        status,
        s,
        step,
        counted.evaluations,
        solution,
        f"{whose}stopped at s = {s:.6g} of {start:g} .. {end:g} after {accepted} steps and {rejected} rejected ones, "
        f"the last of size {step:.3g} "
        f"({counted.evaluations} evaluations of f): {_ADVICE[status]}; throw=False returns what there is",
    )


def _told(statuses: Sequence[Status], failed: Sequence[int]) -> str:
    """Which samples failed, and how; the text goes on with the first."""
    if len(failed) == 1:
        return f"sample {failed[0]} "
    others = ", ".join(f"{i} ({statuses[i].value})" for i in failed[1:5])
    more = f" and {len(failed) - 5} more" if len(failed) > 5 else ""
    return f"{len(failed)} of {len(statuses)} samples failed, also {others}{more}; sample {failed[0]} "
