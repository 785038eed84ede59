"""Slopes that the cubic between steps has at their ends, where f is stiff.

A state at a step's end may be off the slow solution by δ, within its tolerance, and f there is off by λδ, which is
without bound. So f is held against d, the slope of the polynomial through the last states: what f − d has of stiff
components, (I − F)² (f − d) with the step's own F = (I − γε ∂f/∂z)⁻¹, is no more than the last term of d, which is
about as well as d is known. Where f is not stiff that is O(ε²) of f − d and f stays what it is; where it is stiff, the
cubic between steps is off by O(ε³) and a multiple of δ at most.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .field import massed_of
from .state import beside, times_of


class Ends:
    """Slopes at the ends of accepted steps, from the states before; s is 0-d, or [batch] with the batch's own steps."""

    def __init__(self, f: Any, s: Tensor, z: Tensor) -> None:
        self.f = f
        self.count = torch.zeros_like(s, dtype=torch.long)
        self.times, self.states = (s, s), (z.detach(), z.detach())
        self.edge, self.reached = z, torch.full_like(s, torch.nan)

    def forget(self, which: Tensor) -> None:
        """What was before is of another f, as at a jump."""
        self.count = torch.where(which, 0, self.count)
        self.reached = torch.where(which, torch.nan, self.reached)

    def passed(self, s: Tensor, eps: Tensor, z: Tensor) -> None:
        """A step of size ε was taken from z at s; of 0, none."""
        moved, (before, earlier), (last, first) = eps != 0, self.times, self.states
        self.times = torch.where(moved, s, before), torch.where(moved, before, earlier)
        self.states = self._where(moved, z.detach(), last), self._where(moved, last, first)
        self.count = self.count + moved

    def slopes(
        self, s: Tensor, eps: Tensor, z: Tensor, end: Tensor, dz: Tensor, slope: Tensor
    ) -> tuple[Tensor, Tensor]:
        """At both ends of a step from z at s, of size ε: 0 where none was taken. f is `dz` at z and `slope` at the end.

        The first step has one slope of states, that of its chord.
        """
        size = torch.where(eps == 0, 1, eps)
        chord = (end - z) / self._wide(size)
        d, last = self._polynomial(s, size, z.detach(), chord.detach())
        after, joined = self._settled(d, slope, last, chord), (s - self.reached).abs() <= 1e-6 * size.abs()
        start = self.edge
        if not bool(joined.all()):
            start = self._where(joined, self.edge, self._settled(chord.detach(), dz, chord.detach(), chord))
        self.passed(s, eps, z)
        self.reached = torch.where(eps != 0, s + eps, self.reached)
        self.edge = after = self._where(eps != 0, after, start)
        return start, after

    def _polynomial(self, s: Tensor, size: Tensor, z: Tensor, chord: Tensor) -> tuple[Tensor, Tensor]:
        """The slope that the polynomial through z, the end and the states before has at the end, and its last term."""
        before, earlier = (torch.where(one == 0, 1, one) for one in (s - self.times[0], torch.sub(*self.times)))
        older = (z - self.states[0]) / self._wide(before)
        oldest = (self.states[0] - self.states[1]) / self._wide(earlier)
        second = (chord - older) / self._wide(size + before)
        third = (second - (older - oldest) / self._wide(before + earlier)) / self._wide(size + before + earlier)
        curved, bent = self._wide(size) * second, self._wide(size * (size + before)) * third
        d = chord + self._where(self.count > 0, curved) + self._where(self.count > 1, bent)
        return d, self._where(self.count > 1, bent, self._where(self.count > 0, curved, chord))

    def _settled(self, d: Tensor, slope: Tensor, last: Tensor, chord: Tensor) -> Tensor:
        """The slope with no more of stiff components' difference to d than the last of d's terms.

        Its gradients are those of c + F (2 − F) (f − c) with the chord c: steps do not resolve what states' derivatives
        have beside the slow solution, and d's differences over a short first step make it large.
        """
        with torch.no_grad():
            left = slope - d
            once = self.f.damped(left)
            stiff = left - 2 * once + self.f.damped(once)
            size, most = stiff.abs(), last.abs()
            part = torch.where(size > most, most / size.clamp_min(torch.finfo(size.dtype).tiny), 1)
            found: Tensor = slope - (1 - part) * stiff
        if not slope.requires_grad:
            return found
        once = self.f.damped(slope - chord)
        followed = slope  # Krylov's solves have no gradients
        if once.requires_grad:
            followed = chord + 2 * once - self.f.damped(once)
        return found + (followed - followed.detach())

    def _where(self, which: Tensor, value: Tensor, other: Tensor | None = None) -> Tensor:
        """The value for these samples; for the others the other one, or zero."""
        choose = (beside(which, value) if which.ndim else which).to(value.device)  # times may lie elsewhere
        return torch.where(choose, value, torch.zeros_like(value) if other is None else other)

    def _wide(self, value: Tensor) -> Tensor:
        """A number, or one for each sample, as it goes with states."""
        value = value.to(self.edge.device, self.edge.dtype.to_real())
        return beside(value, self.edge) if value.ndim else value


def lasting(z: Tensor, s: float, following: float) -> tuple[Tensor, Tensor]:
    """Where a step begins, and its size, beside z."""
    begun, end = times_of(z, s, following)
    return begun, end - begun


def ends_of(f: Any, s: Tensor | float, z: Tensor, weights: Any = None) -> Ends | None:
    """What knows slopes better than f does; None where f is not solved for, where steps have dense output of their own,
    and where algebraic equations determine slopes."""
    massed = massed_of(f)
    if weights is not None or getattr(f, "damped", None) is None or (massed is not None and massed.singular):
        return None
    return Ends(f, times_of(z, s)[0].detach(), z)
