"""The adaptive loop with steps of its own for each sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .adaptive import AdaptiveSteps
from .control import Control
from .loop import RESOLVED, TRUST, Attempt, Problem
from .outcome import Status
from .solution import Piece, Solution, Statistics, in_pieces
from .state import beside, require_ordered, sizes_of, times_of


@dataclass(frozen=True)
class EachProblem(Problem):
    """z' = f(s, z) for states [batch, *state_shape], each sample with steps of its own: s and ε are [batch].

    f is always called on the whole batch; samples that are finished, or have failed, are held where they are.
    """

    def solve(self, control: Control, times: Sequence[float], dense: bool) -> tuple[Solution, list[Tensor]]:
        """From the first to the last of `times`, and the states at all of them."""
        require_ordered(times)
        if self.z.ndim == 0:
            raise ValueError("steps of its own for each sample need a batch: states are [batch, *state_shape]")
        z, length = self.z, times[-1] - times[0]
        sign, between = math.copysign(1.0, length), dense or len(times) > 2
        s, end = (time.expand(z.shape[:1]) for time in times_of(z, times[0], times[-1]))
        failure, accepted, rejected = torch.zeros((3, *s.shape), dtype=torch.long, device=z.device)
        negligible = torch.finfo(z.dtype.to_real()).eps ** 2 * abs(length)
        before = earlier = torch.ones_like(s)
        longest = torch.full_like(s, control.longest)
        size, active, pieces = torch.zeros_like(s), s != end, []
        if running := length != 0 and z.numel() > 0:
            dz = self.f(s, z)
            size = self._first_steps(control, s, dz, length)
            failure = torch.where(size.isfinite(), 0, _FAILURES.index(Status.NONFINITE))
            active = active & (failure == 0)
            running = bool(active.any())
        for _ in range(control.max_steps if running else 0):
            following = torch.where(1.01 * size >= (end - s).abs(), end, s + sign * size)
            eps = torch.where(active, following - s, 0)
            tried = self.attempt(s, z, sizes_of(z, eps)[0], dz)
            e, power, tried = _judged(tried, z, control)
            accept = active & (e <= 1)
            moved = beside(accept, z)
            shrunk = torch.where(
                e < math.inf, (control.safety * e ** (-1 / power)).clamp(control.shortest, 0.9), control.shortest
            )
            factor = torch.where(accept, _factor(control, power, e, before, earlier).minimum(longest), shrunk)
            size = torch.where(active, (eps.abs() * factor).clamp(max=self.most), size)
            longest = torch.where(accept, control.longest, 1.0)
            before, earlier = torch.where(accept, e.clamp_min(1e-4), before), torch.where(accept, before, earlier)
            accepted, rejected = accepted + accept, rejected + (active & ~accept)
            small = active & ~accept & ((size < RESOLVED * s.abs()) | (size < negligible))
            failure = torch.where(small, torch.where(e.isfinite(), *_SMALL), failure)
            active = active & ~small & ~(accept & (following == end))
            running, advanced = torch.stack((active.any(), accept.any())).tolist()
            piece = Piece(s, torch.where(accept, following - s, 0), z, tried.end, dz, dz)
            s, z = torch.where(accept, following, s), torch.where(moved, tried.end, z)
            if tried.following is not None:
                dz = torch.where(moved, tried.following, dz)
            elif advanced and (running or between):
                dz = self.f(s, z)
            if between and advanced:
                pieces.append(
                    piece._replace(
                        end=z, following=dz, stages=tried.between and tried.between(dz), weights=self.weights
                    )
                )
            if not running:
                break
        codes = torch.where(active, _FAILURES.index(Status.MAX_STEPS), failure)
        stacked = _stacked(pieces)
        statuses, statistics = (
            [_FAILURES[code] for code in codes.tolist()],
            Statistics(accepted, rejected, self.f.evaluations),
        )
        found = Solution(self.restore(z), s, statuses, statistics, size, (times[0], times[-1]), stacked, self.restore)
        inner = [in_pieces(stacked[0], time, sign) if stacked else z for time in times[1:-1]]
        return found, [self.z, *inner, z][: len(times)]

    def _first_steps(self, control: Control, s: Tensor, dz: Tensor, length: float) -> Tensor:
        """As `_first_step`, for each sample; nan where there is none."""
        most = min(abs(length), self.most)
        scale = control.atol + control.rtol * self.z.detach().abs()
        state, slope = _rms(self.z / scale), _rms(dz / scale)
        impossible = ~(state.isfinite() & slope.isfinite())
        sizes = torch.full_like(s, most if control.first_step is None else min(most, control.first_step))
        if control.first_step is None:
            guess = torch.where(torch.minimum(state, slope) > 1e-5, 0.01 * state / slope, 1e-6 * abs(length))
            eps = guess.clamp(max=most) * math.copysign(1.0, length)
            change = self.f(s + eps, self.z + beside(sizes_of(dz, eps)[0], dz) * dz) - dz
            steepest = torch.maximum(slope, _rms(change / scale) / eps.abs())
            flat = (1e-3 * guess).clamp_min(1e-6 * abs(length))
            second = torch.where(steepest > 1e-15, (0.01 / steepest) ** (1 / control.power), flat)
            sizes = torch.where(second.isfinite(), torch.minimum(100 * guess, second), guess).clamp(max=most)
        return torch.where(impossible, math.nan, sizes)


_FAILURES = list(Status)
_SMALL = _FAILURES.index(Status.STEP_TOO_SMALL), _FAILURES.index(Status.NONFINITE)


def _stacked(pieces: list[Piece]) -> tuple[Piece, ...]:
    """One piece with those of all steps along its first axis; none where there is none."""
    columns = zip(*pieces, strict=True)
    whole = [torch.stack(column) if isinstance(column[0], Tensor) else column[0] for column in columns]
    return (Piece._make(whole),) if pieces else ()


def _judged(tried: Attempt, z: Tensor, control: Control) -> tuple[Tensor, Any, Attempt]:
    """As in `loop`, for each sample, without synchronisation."""
    e = _norm(tried.error, z, tried.end, control)
    if tried.base is not None and tried.embedded is not None:
        embedded = _norm(tried.embedded.add(tried.base, alpha=0), z, z, control)
        trusted = (e > 0) & (e <= embedded)
        chosen = beside(trusted, z)
        e, embedded = torch.where(trusted, e, 0), torch.where(trusted, embedded / TRUST, embedded)
        power = torch.where(e >= embedded, control.power, control.embedded_power)
        end, error = torch.where(chosen, tried.end, tried.base), torch.where(chosen, tried.error, tried.embedded)
        return torch.maximum(e, embedded), power, Attempt(end, error)
    if tried.doubt is not None:
        e = torch.maximum(e, _norm(tried.doubt, z, tried.end, control))
    return e, control.power, tried


def _norm(error: Tensor, z: Tensor, end: Tensor, control: Control) -> Tensor:
    """e of `Control` for each sample, not finite where the end is not."""
    error, z, end = error.detach(), z.detach(), end.detach()
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
    """Put before a class of estimates, it gives each sample of the batch steps of its own."""

    def solve(self, *arguments: Any, **settings: Any) -> Solution:
        """As for joint steps, with s, step and status of each sample; without events."""
        if settings.pop("event", None) is not None:
            raise TypeError("events are for joint steps: with steps of its own each sample would end at another time")
        return super().solve(*arguments, **settings)

    def size(self, eps: Tensor, z: Tensor) -> Tensor:
        """ε [batch] in the form that multiplies states."""
        return beside(eps, z)

    def _posed(self, *parts: Any) -> Problem:
        return EachProblem(*parts)
