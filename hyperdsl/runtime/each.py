"""The adaptive loop with steps of its own for each sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .adaptive import AdaptiveSteps
from .between import ends_of
from .control import Control
from .events import EachWatch, with_gradients
from .field import require_own_between, slope_at
from .jacobian import of_own_times, require_own_times
from .loop import RESOLVED, TRUST, Attempt, Problem
from .outcome import Status
from .solution import Piece, Solution, at_each, in_pieces
from .state import (
    Restore,
    VectorField,
    beside,
    pair_of,
    require_ordered,
    sizes_of,
    times_of,
)
from .tolerance import widened
from .transforms import require_plain


@dataclass(frozen=True)
class EachProblem(Problem):
    """z' = f(s, z) for states [batch, *state_shape], each sample with steps of its own: s and ε are [batch].

    f is always called on the whole batch; samples that are finished, or have failed, are held where they are.
    """

    def solve(self, control: Control, times: Sequence[Any], dense: bool) -> tuple[Solution, list[Tensor]]:
        """From the first to the last of `times`, and the states at all of them; they are numbers, or [batch] each."""
        if self.z.ndim == 0:
            raise ValueError("steps of its own for each sample need a batch: states are [batch, *state_shape]")
        march = _EachMarch(self, control, times, dense)
        for _ in range(control.max_steps if march.running else 0):
            march.step()
            if not march.running:
                break
        return march.solution()


class EachPace:
    """As `Pace`, for each sample."""

    restarts = False

    def __init__(self, problem: Problem, control: Control) -> None:
        self.problem, self.control = problem, control
        (start,) = times_of(problem.z, 0.0)
        self.before = self.earlier = self.e = start.new_ones(problem.z.shape[:1])
        self.growth, self.power = torch.full_like(self.e, control.longest), control.power

    def begin(self, z: Tensor, dz: Tensor, which: Tensor) -> None:
        """Steps of these samples begin at z, where f is dz."""

    def attempt(self, s: Tensor, z: Tensor, eps: Tensor, dz: Tensor) -> Attempt:
        """A step from z, where f is dz; a step of 0 stays."""
        tried: Attempt = self.problem.attempt(s, z, eps, dz)
        return tried

    def judge(self, tried: Attempt, z: Tensor) -> Attempt:
        """Find e; the step as it is to be taken."""
        self.e, self.power, tried = _judged(tried, z, self.control)
        return tried

    def sizes(self, taken: Tensor, accept: Tensor) -> Tensor:
        """The sizes of the next steps, after those that were accepted and in place of the others."""
        control, e = self.control, self.e
        shrunk = torch.where(
            e < math.inf, (control.safety * e ** (-1 / self.power)).clamp(control.shortest, 0.9), control.shortest
        )
        grown = _factor(control, self.power, e, self.before, self.earlier).minimum(self.growth)
        self.growth = torch.where(accept, control.longest, 1.0)
        self.before, self.earlier = (
            torch.where(accept, e.clamp_min(1e-4), self.before),
            torch.where(accept, self.before, self.earlier),
        )
        return taken * torch.where(accept, grown, shrunk)


class _EachMarch:
    """A solve under way, with steps of its own for each sample."""

    def __init__(self, problem: EachProblem, control: Control, times: Sequence[Any], dense: bool) -> None:
        self.problem, self.control, self.z = problem, control, problem.z
        z, self.given = self.z, times
        batch = z.shape[:1]
        self.times = [time.expand(batch) for time in times_of(z, *times)]
        going = _require_ordered(times, self.times)
        self.s, self.end = self.times[0], self.times[-1]
        self.length = (self.end - self.s).abs()
        self.sign = torch.where(self.end < self.s, -1.0, 1.0).to(self.s)
        self.between = dense or len(times) > 2 or problem.events is not None
        self.kept = dense or len(times) > 2
        self.failure, self.accepted, self.rejected = torch.zeros((3, *batch), dtype=torch.long, device=z.device)
        self.pace: EachPace = (problem.pace or EachPace)(problem, control)
        if not z.numel():
            self.s = self.end  # a batch of nothing is solved
        self.size, self.active, self.pieces = torch.zeros_like(self.s), self.s != self.end, list[Piece]()
        self.most = min(problem.most, control.max_step or math.inf)
        self.bound, self.dz, self.running = self.end, z, z.numel() > 0 and going
        self.watch: EachWatch | None = None
        self.ends = ends_of(problem.f, self.s, z, problem.weights)
        self.event, self.stopped = torch.full_like(self.failure, -1), torch.zeros_like(self.active)
        if self.running:
            self._begin()

    def step(self) -> None:
        """A step of all samples that are under way, taken by those whose error is small enough."""
        s, z, control, pace = self.s, self.z, self.control, self.pace
        left = (self.bound - s).abs()
        ends = (1.01 * self.size >= left) & (left <= (control.max_step or math.inf))
        following = torch.where(ends, self.bound, s + self.sign * self.size)
        eps = torch.where(self.active, following - s, 0)
        tried = pace.judge(pace.attempt(s, z, sizes_of(z, eps)[0], self.dz), z)
        e = pace.e
        accept = self.active & (e <= 1)
        self.stopped = accept & (following == self.bound) & (following != self.end)
        self._resize(eps.abs(), accept)
        self.active = self.active & ~(accept & (following == self.end))
        small = self._small() & ~accept
        self.failure = torch.where(small, torch.where(e.isfinite(), *_SMALL), self.failure)
        self.active = self.active & ~small
        self.running, advanced = torch.stack((self.active.any(), accept.any())).tolist()
        if advanced:
            self._take(following, tried, accept)

    def solution(self) -> tuple[Solution, list[Tensor]]:
        """What there is, and the states at all of the times."""
        problem, z = self.problem, self.z
        codes = torch.where(self.active, _FAILURES.index(Status.MAX_STEPS), self.failure)
        statuses = [_FAILURES[code] for code in codes.tolist()]
        counted = problem.counted(self.accepted, self.rejected)
        event = time = None
        if problem.events is not None:
            event, time = self.event, self.s
            if bool((event >= 0).any()):
                time, z = with_gradients(problem.events, event, problem.f, self.s, z)
        if self.kept and not self.pieces and not bool((self.s != self.times[0]).any()):
            self.pieces = [Piece.still(self.s, torch.zeros_like(self.s), z)]
        pieces = _stacked(self.pieces)
        span = (self.given[0], self.given[-1])
        found = Solution(
            problem.restore(z), self.s, statuses, counted, self.size, span, pieces, problem.restore, event, time
        )
        inner = [in_pieces(pieces[0], at, self.sign) if pieces else z for at in self.times[1:-1]]
        return found, [problem.z, *inner, z][: len(self.times)]

    def _begin(self) -> None:
        """f and the events at the start, the sizes of the first steps, and the samples that can go on."""
        problem, control = self.problem, self.control
        self._enter()
        try:
            require_own_times(problem.f.f, self.s, self.z)
            self.dz = problem.slope(self.s, self.z)
        except RuntimeError as error:
            if self.z.ndim > 1:
                error.add_note(of_own_times(self.z))
            raise
        require_plain(True, self.dz)
        size = self._first_steps(self.dz)
        self.failure = torch.where(size.isfinite(), 0, _FAILURES.index(Status.NONFINITE))
        self.size = size.clamp_min(control.min_step or 0.0)
        self.active = self.active & (self.failure == 0)
        small = self._small()
        self.failure, self.active = torch.where(small, _SMALL[0], self.failure), self.active & ~small
        self.running = bool(self.active.any())
        self.pace.begin(self.z, self.dz, self.active)
        if problem.events is not None:
            self.watch = EachWatch(problem.events, self.s, self.z, self.length)

    def _enter(self) -> None:
        """Up to the next time to step on, or the end."""
        if self.problem.sided is not None:
            ahead = self.problem.sided.enter(self.s, self.sign)
            self.bound = torch.where(self.sign * ahead >= self.sign * self.end, self.end, ahead)

    def _resize(self, taken: Tensor, accept: Tensor) -> None:
        """The sizes of the next steps; a step that was cut short by a stop does not make them shorter."""
        control, proposed = self.control, self.size
        size = self.pace.sizes(taken, accept).clamp(max=self.most)
        if control.min_step is not None:
            size = torch.where(accept | (taken > 1.01 * control.min_step), size.clamp_min(control.min_step), size)
        size = torch.where(self.stopped, torch.maximum(size, proposed), size)
        self.size = torch.where(self.active, size, proposed)
        self.accepted, self.rejected = self.accepted + accept, self.rejected + (self.active & ~accept)

    def _small(self) -> Tensor:
        """The samples under way whose steps have become too small."""
        negligible = torch.finfo(self.z.dtype.to_real()).eps ** 2 * self.length
        small = (self.size < RESOLVED * self.s.abs()) | (self.size < negligible)
        return self.active & (small | (self.size < (self.control.min_step or 0.0)))

    def _take(self, following: Tensor, tried: Attempt, accept: Tensor) -> None:
        """Go on to the ends of the steps that were accepted, or to events within them."""
        problem, begun = self.problem, self.s
        piece = Piece(begun, torch.where(accept, following - begun, 0), self.z, tried.end, self.dz, self.dz)
        moved = beside(accept, self.z)
        self.s, self.z = torch.where(accept, following, begun), torch.where(moved, tried.end, self.z)
        if tried.following is not None:
            self.dz = torch.where(moved, tried.following, self.dz)
        elif self.running or self.between:
            self.dz = problem.slope(self.s, self.z)
        if self.between:
            stages = tried.between and tried.between(self.dz)
            require_own_between(problem.f, self.dz, stages)
            dz, slope = piece.slope, self.dz
            if self.ends is not None and stages is None:
                dz, slope = self.ends.slopes(begun.detach(), piece.eps.detach(), piece.z, self.z, dz, slope)
            piece = piece._replace(end=self.z, slope=dz, following=slope, stages=stages, weights=problem.weights)
            self.pieces += [piece] if self.kept else []
        if self.watch is not None:
            self._look(self.watch, piece, accept)
        if problem.sided is not None and bool(self.stopped.any()):
            self._enter()
            self.dz = torch.where(beside(self.stopped, self.z), problem.slope(self.s, self.z), self.dz)
            if self.ends is not None:
                self.ends.forget(self.stopped)
            if self.pace.restarts:
                sizes = self._first_steps(self.dz).clamp_min(self.control.min_step or 0.0)
                self.size = torch.where(self.stopped & sizes.isfinite(), sizes, self.size)
                self.pace.begin(self.z, self.dz, self.stopped)
        if problem.callback is not None:
            problem.callback(self.s, problem.restore(self.z), self.s - begun)

    def _look(self, watch: EachWatch, piece: Piece, accept: Tensor) -> None:
        """Go back to the events that fired within a step, which end their samples."""
        s, event = watch.fired(piece, self.s, accept)
        fired = event >= 0
        if bool(fired.any()):
            inside = fired & (s != self.s)
            self.z = torch.where(beside(inside, self.z), at_each(piece, s), self.z)
            self.s, self.event = torch.where(fired, s, self.s), torch.where(fired, event, self.event)
            self.active = self.active & ~fired
            self.running = bool(self.active.any())

    def _first_steps(self, dz: Tensor) -> Tensor:
        """As `_first_step`, for each sample; nan where there is none."""
        control, z, s, length = self.control, self.z, self.s, self.length
        most = length.clamp(max=self.most)
        scale = control.atol + control.rtol * widened(z).abs()
        state, slope = _rms(z / scale), _rms(dz / scale)
        impossible = ~(state.isfinite() & slope.isfinite())
        sizes = most if control.first_step is None else most.clamp(max=control.first_step)
        if control.first_step is None:
            guess = torch.where(torch.minimum(state, slope) > 1e-5, 0.01 * state / slope, 1e-6 * length)
            eps = guess.minimum(most) * self.sign
            change = slope_at(self.problem.f, s + eps, z + beside(sizes_of(dz, eps)[0], dz) * dz) - dz
            steepest = torch.maximum(slope, _rms(change / scale) / eps.abs())
            flat = torch.maximum(1e-3 * guess, 1e-6 * length)
            second = torch.where(steepest > 1e-15, (0.01 / steepest) ** (1 / control.power), flat)
            sizes = torch.where(second.isfinite(), torch.minimum(100 * guess, second), guess).minimum(most)
        return torch.where(impossible, math.nan, sizes)


def _require_ordered(times: Sequence[Any], each: Sequence[Tensor]) -> bool:
    """ValueError where times are not finite, or neither ascend nor descend for each sample; whether any has a span."""
    if not any(isinstance(time, Tensor) for time in times):
        require_ordered(times)
        return bool(times[0] != times[-1])
    whole = torch.stack(list(each))
    steps = whole.diff(dim=0)
    finite, ordered, going = torch.stack(
        (
            whole.isfinite().all(),
            ((steps >= 0).all(0) | (steps <= 0).all(0)).all(),
            (whole[0] != whole[-1]).any(),
        )
    ).tolist()
    if not finite:
        raise ValueError(f"times must be finite, not {whole.min():g} .. {whole.max():g}")
    if not ordered:
        raise ValueError("the times s must ascend or descend, for each sample")
    return bool(going)


_FAILURES = list(Status)
_SMALL = _FAILURES.index(Status.STEP_TOO_SMALL), _FAILURES.index(Status.NONFINITE)


def _stacked(pieces: list[Piece]) -> tuple[Piece, ...]:
    """One piece with those of all steps along its first axis; none where there is none."""
    columns = zip(*pieces, strict=True)
    whole = [torch.stack(column) if isinstance(column[0], Tensor) else column[0] for column in columns]
    return (Piece._make(whole),) if pieces else ()


def _judged(tried: Attempt, z: Tensor, control: Control) -> tuple[Tensor, Any, Attempt]:
    """As in `loop`, for each sample, without synchronisation."""
    e = norm(tried.error, z, tried.end, control)
    if tried.base is not None and tried.embedded is not None:
        embedded = norm(tried.embedded.add(tried.base, alpha=0), z, z, control)
        trusted = (e > 0) & (e <= embedded)
        chosen = beside(trusted, z)
        e, embedded = torch.where(trusted, e, 0), torch.where(trusted, embedded / TRUST, embedded)
        power = torch.where(e >= embedded, control.power, control.embedded_power)
        end, error = torch.where(chosen, tried.end, tried.base), torch.where(chosen, tried.error, tried.embedded)
        return torch.maximum(e, embedded), power, Attempt(end, error)
    if tried.doubt is not None:
        e = torch.maximum(e, norm(tried.doubt, z, tried.end, control))
    return e, control.power, tried


def norm(error: Tensor, z: Tensor, end: Tensor, control: Control) -> Tensor:
    """e of `Control` for each sample, not finite where the end is not."""
    error, z, end = widened(error), widened(z), widened(end)
    scale = torch.maximum(z.abs(), end.abs()).mul_(control.rtol).add_(control.atol)
    return _rms(error.add(end, alpha=0) / scale)


def _rms(ratio: Tensor) -> Tensor:
    ratio = ratio.detach().flatten(1) if ratio.ndim > 1 else ratio.detach()[:, None]
    size: Tensor = torch.linalg.vector_norm(ratio, dim=1) / math.sqrt(ratio.shape[1])
    return size


def _factor(control: Control, power: Any, e: Tensor, before: Tensor, earlier: Tensor) -> Tensor:
    """As in `loop`, for each sample."""
    p, i, d = control.gains
    e = e.clamp_min(1e-10)
    grown = control.safety * e ** (-(p + i + d) / power) * before ** ((p + 2 * d) / power) * earlier ** (-d / power)
    clipped: Tensor = grown.clamp(control.shortest, control.longest)
    return clipped


class EachSteps(AdaptiveSteps):
    """Put before a class of estimates, it gives each sample of the batch steps of its own.

    `solve` gives s, step, status and event of each sample. The ends of spans, and the times of `odeint`, are numbers or
    one for each sample, [batch].
    """

    each = True

    def size(self, eps: Tensor, z: Tensor) -> Tensor:
        """ε [batch] in the form that multiplies states."""
        return beside(eps, z)

    def _span(self, z: Tensor, span: Any) -> tuple[Tensor, ...]:
        """As for joint steps; an end may be [batch]."""
        return _each_time(z, pair_of(z, span))

    def _times(self, z: Tensor, s: Any) -> tuple[Tensor, ...]:
        """As for joint steps; the times may be [len(s), batch]."""
        (times,) = times_of(z, s)
        if times.ndim not in (1, 2) or not len(times):
            raise ValueError(
                f"s must be a list of one or more times, or [times, batch], not of shape {tuple(times.shape)}"
            )
        return _each_time(z, times.unbind())

    def _posed(self, *parts: Any, **more: Any) -> Problem:
        return EachProblem(*parts, **more)

    def _one_tensor(self, f: VectorField, z: Any, *, learned: bool = True) -> tuple[VectorField, Tensor, Restore]:
        if isinstance(z, tuple):
            raise TypeError("steps of its own for each sample need one tensor [batch, *state_shape], not a tuple")
        return super()._one_tensor(f, z, learned=learned)


def _each_time(z: Tensor, times: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The times, if each is a number or one for each sample; ValueError where one is not."""
    for time in times:
        if time.ndim and time.shape != z.shape[:1]:
            raise ValueError(
                f"a time is a number or one for each sample, of shape {tuple(z.shape[:1])}, not {tuple(time.shape)}"
            )
    return tuple(times)
