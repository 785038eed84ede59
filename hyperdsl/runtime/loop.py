"""The adaptive loop with one step size for all samples."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .control import Control
from .outcome import Status
from .solution import Piece, Solution, Statistics
from .state import Scalar, VectorField, require_ordered, sizes_of, times_of

TRUST = 100
"""The learned term is trusted where it is smaller than the embedded error, and that at most so many times too large."""


RESOLVED = 4 * sys.float_info.epsilon
"""Steps shorter than this part of s hardly move it."""


class Attempt(NamedTuple):
    """A step tried: the state at its end, its error, f at its end where that is known.

    `base` and `embedded` are the state and error to fall back on where the learned term is not to be trusted. `doubt`
    is another estimate of the error, where the learned term may be wrong; the larger one counts. `between` gives the
    stages of dense output, from f at the end, where the method has weights for them.
    """

    end: Tensor
    error: Tensor
    following: Tensor | None = None
    base: Tensor | None = None
    embedded: Tensor | None = None
    doubt: Tensor | None = None
    between: Callable[[Tensor], Tensor] | None = None


class Counted:
    """f(s, z) that counts its evaluations."""

    def __init__(self, f: VectorField) -> None:
        self.f, self.evaluations = f, 0

    def __call__(self, s: Tensor, z: Tensor) -> Tensor:
        self.evaluations += 1
        slope: Tensor = self.f(s, z)
        return slope


def numbers(times: Sequence[Scalar]) -> list[float]:
    """The times as floats; ValueError where one wants a gradient, which would be lost."""
    if any(isinstance(time, Tensor) and time.requires_grad for time in times):
        raise ValueError("steps are chosen by numbers: there is no gradient with respect to times; detach them")
    return [float(time) for time in times]


def listed(s: Tensor | Sequence[float]) -> list[float]:
    """The times of `odeint` as floats; ValueError where they are no list that ascends or descends."""
    numbers([s] if isinstance(s, Tensor) and s.requires_grad else [])
    times = torch.as_tensor(s, dtype=torch.float64).tolist()
    if not isinstance(times, list) or not times or not all(isinstance(time, float) for time in times):
        raise ValueError("s must be a list of one or more times")
    require_ordered(times)
    return times


@dataclass(frozen=True)
class Problem:
    """z' = f(s, z) from z on, `attempt` a step of it; `most` is the longest step to take.

    `weights` are those of the method's dense output; `learned`: whether the learned term alone estimates the error.
    """

    attempt: Callable[[Tensor, Tensor, Tensor, Tensor], Attempt]
    f: Counted
    z: Tensor
    restore: Callable[[Tensor], Any]
    most: float = math.inf
    weights: Callable[[Tensor], Tensor] | None = None
    event: Callable[[Tensor, Tensor], Tensor] | None = None
    learned: bool = False

    def solve(self, control: Control, times: Sequence[float], dense: bool) -> tuple[Solution, list[Tensor]]:
        """From the first to the last of `times`, and the states at all of them; one step size for all samples."""
        require_ordered(times)
        z, f = self.z, self.f
        s, end = times[0] if z.numel() else times[-1], times[-1]  # an empty batch is solved
        sign, pieced = math.copysign(1.0, end - s), dense or self.event is not None
        history, growth = [1.0, 1.0], control.longest
        accepted = rejected = 0
        states, pieces, e = [z], [], 0.0
        dz, size, mark, status = self._begin(control, s, end) if s != end else (z, 0.0, 0.0, Status.SUCCESS)
        least = self._least(abs(end - s))
        while s != end and status is Status.SUCCESS:
            status = _stopped(accepted + rejected >= control.max_steps, size < least(s), e)
            if status is not Status.SUCCESS:
                break
            following = end if 1.01 * size >= abs(end - s) else s + sign * size
            (eps,) = sizes_of(z, self._time(following - s))
            tried = self.attempt(self._time(s), z, eps, dz)
            e, power, tried = _judged(tried, z, control)
            if self.learned and not accepted:
                _require_term(e, tried.error, size**power)
            if not e <= 1:
                rejected, growth, size = rejected + 1, 1.0, abs(following - s) * _shrunk(control, power, e)
                continue
            accepted += 1
            slope = tried.following
            more = pieced or following != end or len(states) < len(times) - 1
            if slope is None and more:
                slope = f(self._time(following), tried.end)
            if pieced or sign * times[len(states)] < sign * following:
                piece = self._piece(s, following, z, dz, tried, slope)
                pieces += [piece] if dense else []
                mark, s_event = self._crossing(piece, mark)
                if s_event is not None:
                    s, z = s_event, piece.at(s_event)
                    break
                states += _inside(piece, times[len(states) :], sign * following, sign)
            size = min(abs(following - s) * _factor(control, power, e, history, growth), self.most)
            growth = control.longest
            s, z, dz = following, tried.end, dz if slope is None else slope
        states += [z] * (len(times) - len(states))
        counted = Statistics(accepted, rejected, f.evaluations)
        return Solution(self.restore(z), s, status, counted, size, (times[0], end), tuple(pieces), self.restore), states

    def _begin(self, control: Control, s: float, end: float) -> tuple[Tensor, float, float, Status]:
        """f and the event at the start, the size of the first step, and whether there is one."""
        now = self._time(s)
        dz = self.f(now, self.z)
        size, status = self._first_step(control, now, dz, end - s)
        return dz, size, float(self.event(now, self.z)) if self.event else 0.0, status

    def _least(self, length: float) -> Callable[[float], float]:
        """s to the shortest step that still moves it."""
        least = torch.finfo(self.z.dtype.to_real()).eps ** 2 * length
        return lambda s: max(RESOLVED * abs(s), least)

    def _piece(self, s: float, following: float, z: Tensor, dz: Tensor, tried: Attempt, slope: Tensor | None) -> Piece:
        """The solution over an accepted step."""
        assert slope is not None
        stages = tried.between and tried.between(slope)
        return Piece(s, following - s, z, tried.end, dz, slope, stages, self.weights)

    def _time(self, s: float) -> Tensor:
        """A number as a time."""
        return times_of(self.z, s)[0]

    def _crossing(self, piece: Piece, mark: float) -> tuple[float, float | None]:
        """The event at the end of the step, and where in the step its sign changes, if it does; by bisection."""
        event, unit = self.event, sys.float_info.epsilon
        if event is None:
            return 0.0, None

        def at(s: float) -> float:
            return float(event(self._time(s), piece.at(s)))

        low, high = piece.s, piece.s + piece.eps
        after = at(high)
        if mark == 0 or math.copysign(1, mark) == math.copysign(1, after):
            return after, None
        while abs(high - low) > 2 * unit * max(abs(low), abs(high)):
            middle = (low + high) / 2
            low, high = (low, middle) if at(middle) * mark <= 0 else (middle, high)
        return after, high

    def _first_step(self, control: Control, s: Tensor, dz: Tensor, length: float) -> tuple[float, Status]:
        """The size of the first step (Hairer, Nørsett & Wanner I, §II.4), and whether there is one."""
        most = min(abs(length), self.most)
        scale = control.atol + control.rtol * self.z.detach().abs()
        state, slope = torch.stack((_rms(self.z / scale), _rms(dz / scale))).tolist()
        if not (state < math.inf and slope < math.inf):
            return most, Status.NONFINITE
        if control.first_step is not None:
            return min(most, control.first_step), Status.SUCCESS
        guess = 0.01 * state / slope if min(state, slope) > 1e-5 else 1e-6 * abs(length)
        (eps,) = sizes_of(self.z, torch.full_like(s, math.copysign(min(guess, most), length)))
        change = float(_rms((self.f(s + eps, self.z + eps * dz) - dz) / scale)) / float(eps.abs())
        if not change < math.inf:
            return min(guess, most), Status.SUCCESS
        steepest = max(slope, change)
        second = (0.01 / steepest) ** (1 / control.power) if steepest > 1e-15 else max(1e-6 * abs(length), 1e-3 * guess)
        return min(100 * guess, second, most), Status.SUCCESS


def _judged(tried: Attempt, z: Tensor, control: Control) -> tuple[float, int, Attempt]:
    """e, the power of ε in it, and the step as it is to be taken: the one synchronisation with the host."""
    e = _norm(tried.error, z, tried.end, control)
    if tried.base is not None and tried.embedded is not None:
        against = tried.embedded.add(tried.base, alpha=0)  # measured by z alone: a step that jumps far is suspect
        embedded = _norm(against, z, z, control)
        learned, other = torch.stack((e, embedded)).tolist()
        if 0 < learned <= other:
            if learned >= other / TRUST:
                return learned, control.power, tried
            return other / TRUST, control.embedded_power, tried
        return other, control.embedded_power, Attempt(tried.base, tried.embedded)
    if tried.doubt is not None:
        e = torch.maximum(e, _norm(tried.doubt, z, tried.end, control))
    return e.item(), control.power, tried


def _inside(piece: Piece, times: Sequence[float], end: float, sign: float) -> list[Tensor]:
    """The states at those of the times that lie before the end of the step."""
    return [piece.at(time) for time in times if sign * time < end]


def _stopped(spent: bool, small: bool, e: float) -> Status:
    """Why no further step is taken; a success where one is."""
    if spent:
        return Status.MAX_STEPS
    if small:
        return Status.STEP_TOO_SMALL if math.isfinite(e) else Status.NONFINITE
    return Status.SUCCESS


def _require_term(e: float, term: Tensor, scale: float) -> None:
    """ValueError where ε^(p+1) g is zero because g is, and not for want of digits."""
    if e == 0 and scale > 1e20 * torch.finfo(term.dtype).tiny and not bool(term.any()):
        raise ValueError("the learned term is zero and says nothing of the error: train the corrector first")


def _norm(error: Tensor, z: Tensor, end: Tensor, control: Control) -> Tensor:
    """e of `Control`, not finite where the end is not."""
    error, z, end = error.detach(), z.detach(), end.detach()
    scale = torch.maximum(z.abs(), end.abs()).mul_(control.rtol).add_(control.atol)
    return _rms(error.add(end, alpha=0) / scale)


def _rms(ratio: Tensor) -> Tensor:
    size: Tensor = torch.linalg.vector_norm(ratio.detach()) / math.sqrt(ratio.numel())
    return size


def _factor(control: Control, power: int, e: float, history: list[float], growth: float) -> float:
    """By how much the next step is longer; `history` holds the errors of the two accepted steps before."""
    p, i, d = control.gains
    e, (before, earlier) = max(e, 1e-10), history
    grown = control.safety * e ** (-(p + i + d) / power) * before ** ((p + 2 * d) / power) * earlier ** (-d / power)
    history[:] = max(e, 1e-4), before
    return float(min(max(grown, control.shortest), control.longest, growth))


def _shrunk(control: Control, power: int, e: float) -> float:
    """By how much a rejected step is taken shorter."""
    return min(max(control.shortest, control.safety * e ** (-1 / power)), 0.9) if e < math.inf else control.shortest
