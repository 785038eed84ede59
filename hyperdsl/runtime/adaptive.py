"""Steps whose size follows an estimate of their error: what all of them share, and the estimates, a class each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor

from .control import TAKES, Control
from .events import Event, events_of
from .field import Counted, fielded
from .gradients import Kept, as_it_is, carried, recomputed
from .loop import Attempt, Problem
from .ranges import Followed
from .solution import Solution, Weights, checked
from .solver import Evaluated, SingleStep
from .state import Scalar, State, VectorField, is_eager, pair_of, times_of
from .stops import Sided, stops_of
from .tolerance import Tolerance, fitted
from .transforms import require_plain
from .way import Callback

Advanced = tuple[Tensor, tuple[Tensor, ...], tuple[Any, ...]]
"""The state at the end of a step of the base method, what g reads besides, and the stages that its error takes."""
Estimated = tuple[Tensor, Tensor | None, tuple[Tensor, ...]]
"""The propagated less the embedded state, f at the new state if known, and the stages that dense output takes."""


class AdaptiveSteps(SingleStep):
    """Steps chosen by `control`; a step comes in stages k = ε f, from z where f is dz.

    `attempt` is a step with its error, in a subclass for each way to estimate it. With dense output of the method's
    own, of order `dense_order`, `between` gives its stages and `weights` their weights at s + θ ε.
    """

    takes = TAKES
    error: ClassVar[str]
    each: ClassVar[bool] = False
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
        rtol: Tolerance | None = None,
        atol: Tolerance | None = None,
        first_step: float | None = None,
        max_steps: int | None = None,
        max_step: float | None = None,
        min_step: float | None = None,
        stops: Tensor | Sequence[float] | None = None,
        callback: Callback | None = None,
        **free: Scalar,
    ) -> State:
        """The state at the end of `span`, with its gradients by both ends; SolveError where it is not reached.

        The settings are those of `solve`.
        """
        control = self.control.changed(rtol, atol, first_step, max_steps, max_step, min_step)
        problem = self._problem(f, z0, x, free, stops, callback)
        solution, _ = self._solved(problem, control, self._span(problem.z, span), dense=False)
        end: State = checked(solution, throw=True).z
        return end

    def solve(
        self,
        f: VectorField,
        z0: State,
        span: Sequence[Scalar],
        *,
        x: Tensor | None = None,
        rtol: Tolerance | None = None,
        atol: Tolerance | None = None,
        first_step: float | None = None,
        max_steps: int | None = None,
        max_step: float | None = None,
        min_step: float | None = None,
        stops: Tensor | Sequence[float] | None = None,
        callback: Callback | None = None,
        throw: bool = True,
        dense: bool = True,
        event: Event | Sequence[Event] | None = None,
        **free: Scalar,
    ) -> Solution:
        """The solution over `span`, with its status and statistics; rtol to min_step replace those of `control`.

        rtol, atol: positive numbers, or tensors of them that broadcast to the state; for a tuple, one for each part.
        max_step, min_step: no step is longer, and none that the rule chooses shorter, which is a failure.
        stops: times to step on, where f may jump: f gets the nearest times before and after each. Those outside the
            span do not matter.
        callback: callback(s, z, eps) is called after each accepted step, with its end, the state there and its size.
        throw: raise SolveError where the end is not reached, instead of returning what there is.
        dense: keep what `Solution.dense` needs, a few states for each step.
        event: end where this number, event(s, z), changes its sign or becomes zero, or where this truth value changes;
            of several events where the first one does. One that is zero at the start has to leave zero before. It is
            looked at after each step, a synchronisation more, so that two changes within one step are not seen: set
            max_step. `Solution.s` is that time, `event_time` the same with its gradient, and `z` has the gradients of
            the state at that time, not at a fixed one; they cost an evaluation of f. Under `per_sample yes` an event
            returns [batch], and each sample ends at its own.
        """
        control = self.control.changed(rtol, atol, first_step, max_steps, max_step, min_step)
        problem = self._problem(f, z0, x, free, stops, callback)
        problem = replace(problem, events=events_of(event, problem.restore, self.each))
        solution, _ = self._solved(problem, control, self._span(problem.z, span), dense)
        return checked(solution, throw)

    def odeint(
        self,
        f: VectorField,
        z0: State,
        s: Tensor | Sequence[float],
        *,
        x: Tensor | None = None,
        rtol: Tolerance | None = None,
        atol: Tolerance | None = None,
        first_step: float | None = None,
        max_steps: int | None = None,
        max_step: float | None = None,
        min_step: float | None = None,
        stops: Tensor | Sequence[float] | None = None,
        callback: Callback | None = None,
        return_statistics: bool = False,
        **free: Scalar,
    ) -> Any:
        """The states at the times `s`, ascending or descending, [len(s), *z0.shape]; steps are not cut at them.

        The settings are those of `solve`. return_statistics: the pair of the states and their `Statistics`.
        """
        control = self.control.changed(rtol, atol, first_step, max_steps, max_step, min_step)
        problem = self._problem(f, z0, x, free, stops, callback)
        solution, states = self._solved(problem, control, self._times(problem.z, s), dense=False)
        checked(solution, throw=True)
        found = problem.restore(torch.stack(states))
        return (found, solution.statistics) if return_statistics else found

    def adjoint(
        self,
        f: VectorField,
        z0: State,
        span: Sequence[Scalar],
        *,
        x: Tensor | None = None,
        rtol: Tolerance | None = None,
        atol: Tolerance | None = None,
        first_step: float | None = None,
        max_steps: int | None = None,
        max_step: float | None = None,
        min_step: float | None = None,
        stops: Tensor | Sequence[float] | None = None,
        **free: Scalar,
    ) -> State:
        """As a call, with the same gradients, for which each step is computed again.

        The settings are those of `solve`. Of each step its start is kept, with the slope there, and nothing else.
        Gradients of all that f, g and the method depend on come along.
        """
        control = self.control.changed(rtol, atol, first_step, max_steps, max_step, min_step)
        problem = self._problem(f, z0, x, free, stops, None, recomputed)
        solution, _ = self._solved(problem, control, self._span(problem.z, span), dense=False)
        end: State = checked(solution, throw=True).z
        return end

    def base(
        self, f: VectorField, s: Tensor, x: Tensor | None, z: Tensor, eps: Tensor, **parameters: Tensor
    ) -> Evaluated:
        field = self._field(f, x, z)
        end, seen, _ = self.advance(field, s, z, eps, field(s, z), **parameters)
        return end, seen

    def compile(self, *arguments: Any, **options: Any) -> None:
        """Compile the step, as torch.compile does, for all calls from now on; the loop around it reads numbers."""
        self.attempt = torch.compile(self.attempt, *arguments, **options)  # type: ignore[method-assign]

    def __getstate__(self) -> dict[str, Any]:
        """What copies have; a compiled step is compiled again where it is wanted."""
        return {name: value for name, value in self.__dict__.items() if name != "attempt"}

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

    def _span(self, z: Tensor, span: Any) -> tuple[Tensor, ...]:
        """The start and the end as times, with their gradients; ValueError where they are not two numbers."""
        times = pair_of(z, span)
        for time in times:
            if time.ndim:
                raise ValueError(
                    f"a time is a number, not of shape {tuple(time.shape)}: times of its own for each sample need "
                    "`per_sample yes` in the solver's control"
                )
        return times

    def _times(self, z: Tensor, s: Any) -> tuple[Tensor, ...]:
        """The times of `odeint`, with their gradients."""
        (times,) = times_of(z, s)
        if times.ndim != 1 or not len(times):
            told = ": times of its own for each sample need `per_sample yes`" if times.ndim == 2 else ""
            raise ValueError(f"s must be a list of one or more times, not of shape {tuple(times.shape)}{told}")
        return times.unbind()

    def _solved(
        self, problem: Problem, control: Control, times: Sequence[Tensor], dense: bool
    ) -> tuple[Solution, list[Tensor]]:
        """The solution and the states at the times; gradients by times are the slopes there (d z(s)/ds = f)."""
        z, f = problem.z, problem.f
        control = fitted(control, z, problem.restore.shapes)
        wanted = [time.requires_grad and torch.is_grad_enabled() for time in times]
        if wanted[0]:
            problem = replace(problem, z=carried(z, -f(times[0].detach(), z), times[0]))
        solution, states = problem.solve(control, numbers(times), dense)
        self._look_back(problem, times, solution)
        for k in range(1, len(times)):
            if wanted[k] and solution.event is None:
                states[k] = carried(states[k], f(times[k].detach(), states[k]), times[k])
        if wanted[-1] and solution.event is None:
            solution = replace(solution, z=problem.restore(states[-1]))
        return solution, [z, *states[1:]]

    def _problem(
        self,
        f: VectorField,
        z: Any,
        x: Tensor | None,
        free: dict[str, Scalar],
        stops: Any,
        callback: Callback | None,
        kept: Kept = as_it_is,
    ) -> Problem:
        f, flat, restore = self._one_tensor(f, z)
        require_plain(self.each, flat, x)
        handed, field, stopped = self.handed(flat, free), fielded(f, x, flat), stops_of(stops, flat)
        sided = Sided(field, flat, stopped) if stopped else None
        kept = sided.remembered(kept) if sided else kept
        prepared = self._prepared(sided or field, flat)
        counted = prepared if isinstance(prepared, Counted) else Counted(prepared)
        attempt = self._tried(counted, x, handed, kept)
        if self._ranges is not None and is_eager(flat):
            attempt = Followed(attempt)
        more = {"sided": sided, "callback": callback, "kept": kept, "plain": self._plain(handed)}
        weights = Weights(self.weights, handed) if self.dense_order else None
        return self._posed(attempt, counted, flat, restore, self.longest(), weights, **more)

    def _tried(self, f: Counted, x: Tensor | None, handed: dict[str, Tensor], kept: Kept) -> Callable[..., Any]:
        """What tries a step in a solve."""
        return kept(partial(self.attempt, f, x, **handed))

    def _plain(self, handed: dict[str, Tensor]) -> bool:
        """Whether times may be numbers: a parameter may have a gradient, and a compiled step takes tensors."""
        return not handed and "attempt" not in self.__dict__

    def _posed(self, *parts: Any, **more: Any) -> Problem:
        return Problem(*parts, **more)

    def _look_back(self, problem: Problem, times: Sequence[Tensor], solution: Solution) -> None:
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


def numbers(times: Sequence[Tensor]) -> list[Any]:
    """Times as numbers; as tensors without gradients where there is one for each sample."""
    alone = [time.detach() for time in times]
    if any(time.ndim for time in alone):
        return list(alone)
    found: list[float] = torch.stack(alone).tolist()
    return found


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

    def _posed(self, *parts: Any, **more: Any) -> Problem:
        return super()._posed(*parts, **more, learned=True)


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
