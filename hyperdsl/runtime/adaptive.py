"""Steps whose size follows an estimate of their error: what all of them share, and the estimates, a class each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor

from .control import Control
from .field import fielded
from .loop import Attempt, Counted, Problem, listed, numbers
from .ranges import Followed
from .solution import Solution, checked
from .solver import Evaluated, SingleStep
from .state import Scalar, State, VectorField, is_eager

Advanced = tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]
"""The state at the end of a step of the base method, what g reads besides, and the stages that its error takes."""
Estimated = tuple[Tensor, Tensor | None, tuple[Tensor, ...]]
"""The propagated less the embedded state, f at the new state if known, and the stages that dense output takes."""


class AdaptiveSteps(SingleStep):
    """Steps chosen by `control`; a step comes in stages k = ε f, from z where f is dz.

    `attempt` is a step with its error, in a subclass for each way to estimate it. With dense output of the method's
    own, of order `dense_order`, `between` gives its stages and `weights` their weights at s + θ ε.
    """

    error: ClassVar[str]
    control: Control
    dense_order: int | None = None
    advance: Callable[..., Advanced]
    """(f, s, z, ε, dz, parameters) to a step of the base method."""
    estimate: Callable[..., Estimated]
    """(f, s, z, ε, end, stages, parameters) to the embedded error of a step."""
    between: Callable[..., Tensor]
    """(f, s, z, ε, stages, f at the end, parameters) to the stages that dense output reads, along a last axis."""
    weights: Callable[..., Tensor]
    """(θ, parameters) to the weights of dense output, along a last axis."""

    def forward(
        self,
        f: VectorField,
        z0: State,
        span: Sequence[Scalar],
        *,
        x: Tensor | None = None,
        rtol: float | None = None,
        atol: float | None = None,
        first_step: float | None = None,
        max_steps: int | None = None,
        **free: Scalar,
    ) -> State:
        """The state at the end of `span`; SolveError where it is not reached."""
        control = self.control.changed(rtol, atol, first_step, max_steps)
        problem, times = self._problem(f, z0, x, free), numbers(span)
        solution, _ = problem.solve(control, times, dense=False)
        self._look_back(problem, times, solution)
        end: State = checked(solution, throw=True).z
        return end

    def solve(
        self,
        f: VectorField,
        z0: State,
        span: Sequence[Scalar],
        *,
        x: Tensor | None = None,
        rtol: float | None = None,
        atol: float | None = None,
        first_step: float | None = None,
        max_steps: int | None = None,
        throw: bool = True,
        dense: bool = True,
        event: Callable[[Tensor, Tensor], Tensor] | None = None,
        **free: Scalar,
    ) -> Solution:
        """The solution over `span`, with its status and statistics; rtol to max_steps replace those of `control`.

        throw: raise SolveError where the end is not reached, instead of returning what there is.
        dense: keep what `Solution.dense` needs, a few states for each step.
        event: end where this number, event(s, z), changes its sign, which costs a synchronisation more for each step.
            `Solution.s` is then that time; gradients are those of the state at a fixed time.
        """
        control = self.control.changed(rtol, atol, first_step, max_steps)
        problem = self._problem(f, z0, x, free)
        if event is not None:
            problem = replace(problem, event=event)
        times = numbers(span)
        solution, _ = problem.solve(control, times, dense)
        self._look_back(problem, times, solution)
        return checked(solution, throw)

    def odeint(
        self,
        f: VectorField,
        z0: State,
        s: Tensor | Sequence[float],
        *,
        x: Tensor | None = None,
        rtol: float | None = None,
        atol: float | None = None,
        first_step: float | None = None,
        max_steps: int | None = None,
        **free: Scalar,
    ) -> State:
        """The states at the times `s`, ascending or descending, [len(s), *z0.shape]; steps are not cut at them."""
        control = self.control.changed(rtol, atol, first_step, max_steps)
        problem = self._problem(f, z0, x, free)
        times = listed(s)
        solution, states = problem.solve(control, times, dense=False)
        self._look_back(problem, times, solution)
        checked(solution, throw=True)
        found: State = problem.restore(torch.stack(states))
        return found

    def base(
        self, f: VectorField, s: Tensor, x: Tensor | None, z: Tensor, eps: Tensor, **parameters: Tensor
    ) -> Evaluated:
        field = fielded(f, x, z)
        end, seen, _ = self.advance(field, s, z, eps, field(s, z), **parameters)
        return end, seen

    def compile(self, *arguments: Any, **options: Any) -> None:
        """Compile the step, as torch.compile does, for all calls from now on; the loop around it reads numbers."""
        self.attempt = torch.compile(self.attempt, *arguments, **options)  # type: ignore[method-assign]

    def attempt(
        self, f: VectorField, x: Tensor | None, s: Tensor, z: Tensor, eps: Tensor, dz: Tensor, **parameters: Tensor
    ) -> Attempt:
        """A step from z, where f is dz, with its error."""
        raise NotImplementedError

    def longest(self) -> float:
        """The longest step to take."""
        return math.inf

    def size(self, eps: Tensor, z: Tensor) -> Tensor:
        """ε in the form that multiplies states."""
        return eps

    def _problem(self, f: VectorField, z: Any, x: Tensor | None, free: dict[str, Scalar]) -> Problem:
        f, flat, restore = self._one_tensor(f, z)
        handed = self.handed(flat, free)
        counted = Counted(fielded(f, x, flat))
        attempt: Callable[..., Attempt] = partial(self.attempt, counted, x, **handed)
        if self._ranges is not None and is_eager(flat):
            attempt = Followed(attempt)
        weights = partial(self.weights, **handed) if self.dense_order else None
        return self._posed(attempt, counted, flat, restore, self.longest(), weights)

    def _posed(self, *parts: Any) -> Problem:
        return Problem(*parts)

    def _look_back(self, problem: Problem, times: Sequence[float], solution: Solution) -> None:
        """Hold what a solve did against the ranges of g's training."""
        followed, accepted = problem.attempt, solution.statistics.accepted
        if isinstance(followed, Followed):
            followed.note()
            taken = accepted if isinstance(accepted, int) else int(accepted.max()) if accepted.is_cpu else 0
            self._look(problem.z, times, 1, followed.longest, taken)

    def _stepped(
        self, f: VectorField, x: Tensor | None, s: Tensor, z: Tensor, eps: Tensor, handed: dict[str, Tensor]
    ) -> Tensor:
        return self._taken(f, x, s, z, eps, f(s, z), **handed)

    def _taken(
        self, f: VectorField, x: Tensor | None, s: Tensor, z: Tensor, eps: Tensor, dz: Tensor, **parameters: Tensor
    ) -> Tensor:
        """A step from z, where f is dz."""
        end, seen, _ = self.advance(f, s, z, eps, dz, **parameters)
        return end if self.residual_power is None else end + self._term(x, s, z, eps, seen, parameters)

    def _term(
        self,
        x: Tensor | None,
        s: Tensor,
        z: Tensor,
        eps: Tensor,
        seen: tuple[Tensor, ...],
        parameters: dict[str, Tensor],
    ) -> Tensor:
        """The learned term ε^(p+1) g."""
        assert self.residual_power is not None
        return self.size(eps, z) ** self.residual_power * self._g(eps, s, x, z, seen, parameters)


class DoublingSteps(AdaptiveSteps):
    """The error of two steps of half the size is their distance from the whole step, over 2^p − 1."""

    def attempt(
        self, f: VectorField, x: Tensor | None, s: Tensor, z: Tensor, eps: Tensor, dz: Tensor, **parameters: Tensor
    ) -> Attempt:
        half = eps / 2
        middle = self._taken(f, x, s, z, half, dz, **parameters)
        end = self._taken(f, x, s + half, middle, half, f(s + half, middle), **parameters)
        whole = self._taken(f, x, s, z, eps, dz, **parameters)
        return Attempt(end, (end - whole) / (2**self.order - 1))  # two halves have an error 2^p times smaller


class EmbeddedSteps(AdaptiveSteps):
    """The error is the distance from the embedded solution; a learned term is added to the step alone."""

    def attempt(
        self, f: VectorField, x: Tensor | None, s: Tensor, z: Tensor, eps: Tensor, dz: Tensor, **parameters: Tensor
    ) -> Attempt:
        end, seen, stages = self.advance(f, s, z, eps, dz, **parameters)
        if self.residual_power is not None:
            term = self._term(x, s, z, eps, seen, parameters)
            return Attempt(end + term, self.estimate(f, s, z, eps, end, stages, **parameters)[0])
        error, following, known = self.estimate(f, s, z, eps, end, stages, **parameters)
        if not self.dense_order:
            return Attempt(end, error, following)
        between = partial(self.between, f, s, z, eps, known, **parameters)
        return Attempt(end, error, following, between=between)


class _TrainedSteps(AdaptiveSteps):
    """Steps that a learned term decides, so none is longer than those of its training."""

    def longest(self) -> float:
        """The longest step that the corrector was trained for, where it says so."""
        trained = getattr(self.corrector, "eps_range", None)
        return math.inf if trained is None else 1.01 * float(trained[1])


class LearnedSteps(_TrainedSteps):
    """The error is the learned term, and the corrected state is propagated."""

    def attempt(
        self, f: VectorField, x: Tensor | None, s: Tensor, z: Tensor, eps: Tensor, dz: Tensor, **parameters: Tensor
    ) -> Attempt:
        base, seen, _ = self.advance(f, s, z, eps, dz, **parameters)
        term = self._term(x, s, z, eps, seen, parameters)
        return Attempt(base + term, term)

    def _posed(self, *parts: Any) -> Problem:
        return replace(super()._posed(*parts), learned=True)


class DoubtedSteps(_TrainedSteps):
    """The error is the learned term, tested by what the trapezoidal rule makes of the step; for bases of order 1."""

    def attempt(
        self, f: VectorField, x: Tensor | None, s: Tensor, z: Tensor, eps: Tensor, dz: Tensor, **parameters: Tensor
    ) -> Attempt:
        base, seen, _ = self.advance(f, s, z, eps, dz, **parameters)
        term = self._term(x, s, z, eps, seen, parameters)
        end = base + term
        following = f(s + eps, end)
        doubt = end - z - self.size(eps, z) / 2 * (dz + following)
        return Attempt(end, term, following, doubt=doubt)


class FallbackSteps(_TrainedSteps):
    """The error is the learned term where that is trusted; elsewhere the embedded pair goes on alone."""

    def attempt(
        self, f: VectorField, x: Tensor | None, s: Tensor, z: Tensor, eps: Tensor, dz: Tensor, **parameters: Tensor
    ) -> Attempt:
        base, seen, stages = self.advance(f, s, z, eps, dz, **parameters)
        term = self._term(x, s, z, eps, seen, parameters)
        error, _, _ = self.estimate(f, s, z, eps, base, stages, **parameters)
        return Attempt(base + term, term, None, base, error)
