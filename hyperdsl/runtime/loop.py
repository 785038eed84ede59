"""The adaptive loop with one step size for all samples."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .between import ends_of, lasting
from .clock import Clock
from .control import Control
from .events import Events
from .field import Counted, require_own_between, slope_at
from .gradients import Kept, as_it_is
from .outcome import Status
from .solution import Piece, Solution, Statistics
from .state import Restore, require_ordered, times_of
from .stops import Sided
from .tolerance import widened
from .transforms import require_plain
from .way import Callback, Way

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


@dataclass(frozen=True)
class Problem:
    """z' = f(s, z) from z on, `attempt` a step of it; `most` is the longest step to take.

    `weights` are those of the method's dense output; `learned`: whether the learned term alone estimates the error.
    `sided` is the f below `f`, where there are times to step on, `callback` is called after each accepted step, and of
    the loop's own evaluations of f so much is `kept` for a backward pass. `plain` is that of `Clock`. `pace` makes what
    tries the steps of a solve and says how long they are, for this problem and its control; by default that is `Pace`,
    or `EachPace` where each sample has steps of its own.
    """

    attempt: Callable[..., Any]
    f: Counted
    z: Tensor
    restore: Restore
    most: float = math.inf
    weights: Callable[[Tensor], Tensor] | None = None
    events: Events | None = None
    learned: bool = False
    sided: Sided | None = None
    callback: Callback | None = None
    kept: Kept = as_it_is
    plain: bool = False
    pace: Callable[..., Any] | None = None

    def slope(self, s: Tensor, z: Tensor) -> Tensor:
        """z' at a step's end."""
        return slope_at(self.f, s, z, self.kept)

    def counted(self, accepted: Any, rejected: Any) -> Statistics:
        """What the steps took."""
        return Statistics.of(self.f, accepted, rejected)

    def solve(self, control: Control, times: Sequence[float], dense: bool) -> tuple[Solution, list[Tensor]]:
        """From the first to the last of `times`, and the states at all of them; one step size for all samples."""
        require_ordered(times)
        march = _March(self, control, times, dense)
        while march.goes():
            march.step()
        return march.solution()


class Pace:
    """Tries the steps of a solve, and says how long they are by their errors (`Control`)."""

    restarts = False
    """Whether a step reads those before it, so that it starts anew where f jumps."""

    def __init__(self, problem: Problem, control: Control) -> None:
        self.problem, self.control = problem, control
        self.e, self.power = 0.0, control.power
        self.history, self.growth = [1.0, 1.0], control.longest

    def begin(self, z: Tensor, dz: Tensor) -> None:
        """Steps begin at z, where f is dz."""

    def attempt(self, s: Any, z: Tensor, eps: Tensor, dz: Tensor) -> Attempt:
        """A step from z, where f is dz."""
        tried: Attempt = self.problem.attempt(s, z, eps, dz)
        return tried

    def judge(self, tried: Attempt, z: Tensor) -> Attempt:
        """Find e, which has to be at most 1; the step as it is to be taken."""
        self.e, self.power, tried = _judged(tried, z, self.control)
        return tried

    def taken(self, size: float) -> float:
        """The size of the step after one that was taken."""
        following = size * _factor(self.control, self.power, self.e, self.history, self.growth)
        self.growth = self.control.longest
        return following

    def refused(self, size: float) -> float:
        """The size of the step in place of one that was not."""
        self.growth = 1.0
        return size * _shrunk(self.control, self.power, self.e)


class _March(Way):
    """A solve under way, with one step size for all samples."""

    def __init__(self, problem: Problem, control: Control, times: Sequence[float], dense: bool) -> None:
        watching = problem.restore, problem.events, problem.callback, dense
        super().__init__(problem.z, times[0], times[-1], *watching)
        self.problem, self.control, self.times = problem, control, times
        self.pace: Pace = (problem.pace or Pace)(problem, control)
        self.rejected, self.states = 0, [self.z]
        self.status, self.size = Status.SUCCESS, 0.0
        self.most = min(problem.most, control.max_step or math.inf)
        self.bound, self.clock = self.end, Clock(self.z, problem.plain)
        self.ends = ends_of(problem.f, self.s, self.z, problem.weights)
        if not self.z.numel():
            self.s = self.end  # an empty batch is solved
        if self.s != self.end:
            self._begin()

    def goes(self) -> bool:
        """Whether there is a further step to try."""
        if self.s == self.end or self.event is not None or self.status is not Status.SUCCESS:
            return False
        spent = self.accepted + self.rejected >= self.control.max_steps
        self.status = _stopped(spent, self.size < self._least(), self.pace.e)
        return self.status is Status.SUCCESS

    def step(self) -> None:
        """Try a step, and take it where its error is small enough."""
        s, control, bound, pace = self.s, self.control, self.bound, self.pace
        left = abs(bound - s)
        ends = 1.01 * self.size >= left and left <= (control.max_step or math.inf)
        following = bound if ends else s + self.sign * self.size
        now, eps = self.clock.time(s), self.clock.size(following - s)
        tried = pace.judge(pace.attempt(now, self.z, eps, self.dz), self.z)
        if self.problem.learned and not self.accepted:
            _require_term(pace.e, tried.error, self.size**pace.power)
        if pace.e <= 1:
            self._take(following, tried)
            return
        taken, least = abs(following - s), control.min_step or 0.0
        self.rejected, self.size = self.rejected + 1, pace.refused(taken)
        if taken > 1.01 * least:
            self.size = max(self.size, least)

    def solution(self) -> tuple[Solution, list[Tensor]]:
        """What there is, and the states at all of the times, of which those after the end are the last state."""
        counted = self.problem.counted(self.accepted, self.rejected)
        solution, z = self.found(self.problem.f, self.status, counted, self.size)
        return solution, [*self.states, *[z] * (len(self.times) - len(self.states))]

    def _begin(self) -> None:
        """f and the events at the start, the size of the first step, and whether there is one."""
        problem, control = self.problem, self.control
        self._enter()
        now = self.clock.time(self.s)
        self.dz = problem.slope(now, self.z)
        require_plain(False, self.dz)
        self.size, self.status = self._first_step(now, self.end - self.s)
        self.size = max(self.size, control.min_step or 0.0)
        self.pace.begin(self.z, self.dz)
        self.begin()

    def _first_step(self, s: Any, length: float) -> tuple[float, Status]:
        """The size of the first step (Hairer, Nørsett & Wanner I, §II.4), and whether there is one."""
        control, z, dz, most = self.control, self.z, self.dz, min(abs(length), self.most)
        scale = control.atol + control.rtol * widened(z).abs()
        state, slope = torch.stack((_rms(z / scale, control), _rms(dz / scale, control))).tolist()
        if not (state < math.inf and slope < math.inf):
            return most, Status.NONFINITE
        if control.first_step is not None:
            return min(most, control.first_step), Status.SUCCESS
        guess = 0.01 * state / slope if min(state, slope) > 1e-5 else 1e-6 * abs(length)
        eps = self.clock.size(math.copysign(min(guess, most), length))
        moved = slope_at(self.problem.f, s + eps, z + eps * dz) - dz
        change = float(_rms(moved / scale, control)) / float(eps.abs())
        if not change < math.inf:
            return min(guess, most), Status.SUCCESS
        steepest = max(slope, change)
        second = (0.01 / steepest) ** (1 / control.power) if steepest > 1e-15 else max(1e-6 * abs(length), 1e-3 * guess)
        return min(100 * guess, second, most), Status.SUCCESS

    def _enter(self) -> None:
        """Up to the next time to step on, or the end."""
        if self.problem.sided is not None:
            ahead = float(self.problem.sided.enter(times_of(self.z, self.s)[0], self.sign))
            self.bound = self.end if self.sign * ahead >= self.sign * self.end else ahead

    def _take(self, following: float, tried: Attempt) -> None:
        """Go on to the end of a step, or to an event within it."""
        problem, taken, before = self.problem, abs(following - self.s), self.size
        self.accepted += 1
        slope, inner = tried.following, self.sign * self.times[len(self.states)] < self.sign * following
        more = self.pieced or following != self.end or len(self.states) < len(self.times) - 1
        if slope is None and more:
            slope = problem.slope(self.clock.time(following), tried.end)
        if self.pieced or inner:
            piece = self._piece(following, tried, slope)
            if self.ends_in(piece, following):
                return
            self.states += _inside(piece, self.times[len(self.states) :], self.sign * following, self.sign)
        elif self.ends is not None:
            self.ends.passed(*lasting(self.z, self.s, following), self.z)
        self.size = max(min(self.pace.taken(taken), self.most), self.control.min_step or 0.0)
        self.s, self.z, self.dz = following, tried.end, self.dz if slope is None else slope
        if following == self.bound != self.end:
            self.size = max(self.size, before)  # the step was cut short by the stop
            self._enter()
            now = self.clock.time(following)
            self.dz = problem.slope(now, self.z)
            self.ends = ends_of(problem.f, following, self.z, problem.weights)
            if self.pace.restarts:
                self.size, self.status = self._first_step(now, self.end - following)
                self.size = max(self.size, self.control.min_step or 0.0)
                self.pace.begin(self.z, self.dz)
        self.call(self.sign * taken)

    def _least(self) -> float:
        """The shortest step that still moves s, or that may be taken."""
        least = torch.finfo(self.z.dtype.to_real()).eps ** 2 * self.length
        return max(RESOLVED * abs(self.s), least, self.control.min_step or 0.0)

    def _piece(self, following: float, tried: Attempt, slope: Tensor | None) -> Piece:
        """The solution over an accepted step."""
        assert slope is not None
        stages = tried.between and tried.between(slope)
        require_own_between(self.problem.f, slope, stages)
        dz = self.dz
        if self.ends is not None and stages is None:
            dz, slope = self.ends.slopes(*lasting(self.z, self.s, following), self.z, tried.end, dz, slope)
        return Piece(self.s, following - self.s, self.z, tried.end, dz, slope, stages, self.problem.weights)


def _judged(tried: Attempt, z: Tensor, control: Control) -> tuple[float, int, Attempt]:
    """e, the power of ε in it, and the step as it is to be taken: the one synchronisation with the host."""
    e = norm(tried.error, z, tried.end, control)
    if tried.base is not None and tried.embedded is not None:
        against = tried.embedded.add(tried.base, alpha=0)  # measured by z alone: a step that jumps far is suspect
        embedded = norm(against, z, z, control)
        learned, other = torch.stack((e, embedded)).tolist()
        if 0 < learned <= other:
            if learned >= other / TRUST:
                return learned, control.power, tried
            return other / TRUST, control.embedded_power, tried
        return other, control.embedded_power, Attempt(tried.base, tried.embedded)
    if tried.doubt is not None:
        e = torch.maximum(e, norm(tried.doubt, z, tried.end, control))
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


def norm(error: Tensor, z: Tensor, end: Tensor, control: Control) -> Tensor:
    """e of `Control`, not finite where the end is not."""
    error, z, end = widened(error), widened(z), widened(end)
    scale = torch.maximum(z.abs(), end.abs()).mul_(control.rtol).add_(control.atol)
    return _rms(error.add(end, alpha=0) / scale, control)


def _rms(ratio: Tensor, control: Control) -> Tensor:
    """The root of the mean square; the largest of those of the parts where there are some."""
    if control.parts:
        parts = torch.split(ratio, [*control.parts, len(ratio) - sum(control.parts)])[: len(control.parts)]
        return torch.stack([_mean(part) for part in parts if part.numel()]).amax()
    return _mean(ratio)


def _mean(ratio: Tensor) -> Tensor:
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
