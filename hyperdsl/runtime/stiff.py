"""Implicit steps whose size follows an estimate of their error (Hairer & Wanner II, §IV.8)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from .control import Control
from .each import EachPace
from .implicit import ImplicitSteps
from .loop import Attempt, Pace, Problem
from .newton import Ahead
from .solution import Piece, at_each
from .state import VectorField, beside
from .tolerance import widened

STEADY = 1.2
"""A step is left as it is where it could be longer by less, so that factors of matrices serve again."""


class StiffSteps(ImplicitSteps):
    """Put before a class of estimates, it solves the equations of its steps as precisely as the control asks for."""

    def attempt(
        self, f: VectorField, x: Tensor | None, s: Tensor, z: Tensor, eps: Tensor, dz: Tensor, **parameters: Tensor
    ) -> Attempt:
        """A step from z, where f is dz, with its error."""
        if getattr(type(f), "is_solvable", False):
            solvable: Any = f
            solvable.begin(s, z)
        tried: Attempt = self._above.attempt(f, x, s, z, eps, dz, **parameters)
        return tried

    def _posed(self, *parts: Any, **more: Any) -> Problem:
        problem: Problem = self._above._posed(*parts, **more)
        return replace(problem, pace=StiffEachPace if getattr(self, "each", False) else StiffPace)


class _Told:
    """What both paces tell the equations of a step, and ask of how they were solved."""

    problem: Problem
    control: Control

    def __init__(self, problem: Problem, control: Control) -> None:
        if not getattr(type(problem.f), "is_solvable", False):
            raise RuntimeError(
                "implicit steps under a `control` are neither compiled nor transformed by torch.func, which hide the "
                "numbers that their equations are judged by: use fixed steps there, or torch.autograd"
            )
        super().__init__(problem, control)  # type: ignore[call-arg]
        self.piece: Piece | None = None
        self.doubted = ~torch.zeros_like(problem.f.unsolved)  # type: ignore[attr-defined]
        rtol = control.rtol if isinstance(control.rtol, float) else float(torch.as_tensor(control.rtol).min())
        unit = torch.finfo(problem.z.dtype.to_real()).eps
        tolerance = self.equations.rule.tolerance
        self.kappa = max(10 * unit / rtol, min(0.03, math.sqrt(rtol)) if tolerance is None else tolerance)
        self.most = self.equations.rule.iterations or 6

    @property
    def equations(self) -> Any:
        """f, with what solves its equations."""
        return self.problem.f

    def attempt(self, s: Any, z: Tensor, eps: Tensor, dz: Tensor) -> Attempt:
        """A step from z, where f is dz."""
        allowed = (self.control.atol + self.control.rtol * widened(z).abs()).expand(z.shape)
        self.at = s, z, eps, dz
        guess = None if self.piece is None else self.guess
        self.equations.ahead = Ahead(z, allowed, self.kappa, guess, self.doubted)
        tried: Attempt = self.problem.attempt(s, z, eps, dz)
        return tried

    def guess(self, s: Any) -> Tensor:
        raise NotImplementedError

    def _reached(self, tried: Attempt) -> Piece:
        """The step tried as a piece of the solution, beyond which the next one is guessed."""
        s, z, eps, dz = self.at
        with torch.no_grad():
            slope = dz.detach()
            stages = tried.between(slope) if tried.between is not None else None
            if stages is None:  # the line through both ends, and beyond
                return Piece(s, eps, z.detach(), tried.end.detach(), slope, slope)
            return Piece(s, eps, z.detach(), tried.end.detach(), slope, slope, stages.detach(), self.problem.weights)

    def _effort(self) -> Any:
        """A factor below one for steps that took many iterations, by which the next one is shorter."""
        return (2 * self.most + 1) / (2 * self.most + self.equations.iterations)


class StiffPace(_Told, Pace):
    """As `Pace`, for steps with equations: those that were not solved are halved."""

    before: tuple[float, float] | None = None

    def judge(self, tried: Attempt, z: Tensor) -> Attempt:
        """Find e, which is above 1 where equations were not solved."""
        f = self.equations
        if bool(f.unsolved):
            self.e = math.inf if bool(f.broken) else 2.0
            return tried
        self.tried = super().judge(tried, z)
        return self.tried

    def taken(self, size: float) -> float:
        """The size of the step after one that was taken: no longer than errors that go on growing allow.

        That is Gustafsson's predictive rule (Hairer & Wanner II, IV.8.25), with which fewer steps are refused.
        """
        factor, e = super().taken(size) / size, max(self.e, 1e-10)
        if self.before is not None:
            last, error = self.before
            factor = min(
                factor, self.control.safety * size / last * (error / e) ** (1 / self.power) / e ** (1 / self.power)
            )
        self.before, factor = (size, max(e, 1e-2)), factor * float(self._effort())
        self.piece = self._reached(self.tried) if self.tried.between else None
        self.equations.went(~self.equations.lanes)
        self.doubted = self.equations.lanes
        if factor < STEADY and not bool(self.equations.stale):
            return size
        return size * factor

    def refused(self, size: float) -> float:
        """The size of the step in place of one that was not."""
        unsolved = bool(self.equations.unsolved)
        self.doubted = ~self.equations.lanes
        shorter = super().refused(size)
        return size / 2 if unsolved else shorter

    def guess(self, s: Any) -> Tensor:
        assert self.piece is not None
        return self.piece.at(s)


class StiffEachPace(_Told, EachPace):
    """The same for each sample."""

    def judge(self, tried: Attempt, z: Tensor) -> Attempt:
        """As for joint steps."""
        f = self.equations
        self.tried = super().judge(tried, z)
        self.e = torch.where(f.unsolved, torch.where(f.broken, math.inf, 2.0), self.e)
        return self.tried

    def sizes(self, taken: Tensor, accept: Tensor) -> Tensor:
        """As for joint steps, but sizes change as they may: factors are made for all samples at once."""
        unsolved = self.equations.unsolved
        sizes = super().sizes(taken, accept)
        if self.tried.between:
            self.piece = self._joined(self._reached(self.tried), accept)
        self.equations.went(accept)
        self.doubted = ~accept
        return torch.where(accept, sizes * self._effort(), torch.where(unsolved, taken / 2, sizes))

    def guess(self, s: Any) -> Tensor:
        assert self.piece is not None
        return at_each(self.piece, s)

    def _joined(self, new: Piece, accept: Tensor) -> Piece:
        """The last step that each sample took; where there is none yet, a step of 0."""
        if self.piece is None:
            assert new.stages is not None
            still = torch.zeros_like(new.eps), new.z, new.z, new.slope, new.slope
            self.piece = Piece(new.s, *still, torch.zeros_like(new.stages), new.weights)
        chosen = [
            torch.where(accept if one.ndim == 1 else beside(accept, one), one, old) if isinstance(one, Tensor) else one
            for one, old in zip(new, self.piece, strict=True)
        ]
        return Piece._make(chosen)
