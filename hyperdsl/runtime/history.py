"""Equal steps of a method with a history: multistep formulas and predictor-corrector pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .clock import Clock
from .fixed import grid
from .gradients import Kept, as_it_is, recomputed
from .grid import GridSteps, GridWay
from .outcome import require_finite
from .state import Scalar, State, VectorField, looked_at, sizes_of, span_of, times_of
from .way import Callback

Followed = tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]
"""The next state by the base formula, what g reads besides, and the derivatives of the next step's history."""


class Past(NamedTuple):
    """The last states and derivatives at equally spaced times, the newest first."""

    states: tuple[Tensor, ...]
    derivatives: tuple[Tensor, ...]


class HistorySteps(GridSteps):
    """Equal steps of a formula that reads past states and derivatives (Hairer, Nørsett & Wanner I, §III.1).

    `past` counts the steps that `begin` takes, by `substeps` steps of a one-step method each, before the formula has
    its history of `states` and `derivatives`; the newest derivative is `first_derivative` steps back.
    """

    past: int
    states: int
    derivatives: int
    first_derivative: int
    substeps: int = 1
    begin_evaluations: int = 0
    formula: Callable[..., Followed]
    """(f, s, history, ε) to one step of the base formula."""
    starting: Callable[..., tuple[Tensor, Tensor]]
    """(f, s, z, h) to one step of the method of the first states, and the derivative at its start."""

    def forward(
        self,
        f: VectorField,
        z0: State,
        span: Sequence[Scalar],
        steps: int | None = None,
        *,
        x: Tensor | None = None,
        check: bool | None = None,
        callback: Callback | None = None,
        **free: Scalar,
    ) -> State:
        """The state at the end of `span`, after `steps` equal steps.

        callback: callback(s, z, eps) is called after each step, with its end, the state there and its size.
        check: raise SolveError where that state is not finite; by default only in plain eager mode.
        """
        return self._end(as_it_is, f, z0, span, steps, x, check, free, callback)

    def adjoint(
        self,
        f: VectorField,
        z0: State,
        span: Sequence[Scalar],
        steps: int | None = None,
        *,
        x: Tensor | None = None,
        check: bool | None = None,
        **free: Scalar,
    ) -> State:
        """As a call, with the same gradients, for which each step is computed again: its history alone is kept."""
        return self._end(recomputed, f, z0, span, steps, x, check, free)

    def _end(
        self,
        kept: Kept,
        f: VectorField,
        z0: State,
        span: Sequence[Scalar],
        steps: int | None,
        x: Tensor | None,
        check: bool | None,
        free: dict[str, Scalar],
        callback: Callback | None = None,
    ) -> State:
        f, z, restore = self._one_tensor(f, z0)
        self.handed(z, free)
        steps = self.counted(steps)
        s0, s1 = span_of(z, span)
        eps = (s1 - s0) / steps
        way = callback and GridWay.told(callback, f, z, self.points_along((s0, s1), steps), restore)
        (end,) = self._march(kept, f, z, span, s0, eps, steps, steps, x, way)
        if looked_at(z, check):
            require_finite(end, end, s1, eps, self._evaluations(steps))
        self._look(z, span, steps)
        found: State = restore(end)
        return found

    def odeint(
        self,
        f: VectorField,
        z0: State,
        s: Tensor | Sequence[float],
        *,
        steps: int | None = None,
        x: Tensor | None = None,
        check: bool | None = None,
        callback: Callback | None = None,
        **free: Scalar,
    ) -> State:
        """The states at the times `s`, [len(s), *z0.shape], with `steps` steps from one to the next, by default 1.

        The times must be equally spaced, for the formula's coefficients hold for equal steps only; ValueError where
        they are not (looked at like `check`).
        """
        f, z, restore = self._one_tensor(f, z0)
        self.handed(z, free)
        steps = self.counted(steps, default=1)
        times, eps = _equal_times(z, s, steps, check)
        count = (len(times) - 1) * steps
        way = callback and GridWay.told(callback, f, z, self.points_along((times[0], times[-1]), count), restore)
        solution = torch.stack([z, *self._march(as_it_is, f, z, s, times[0], eps, count, steps, x, way)])
        if looked_at(z, check):
            require_finite(solution[-1], solution, times[-1], eps, self._evaluations(count))
        self._look(z, s, steps)
        found: State = restore(solution)
        return found

    def start(self, f: VectorField, s: Scalar, z: Tensor, eps: Scalar, *, x: Tensor | None = None) -> Past:
        """What `step` begins with, from z at s: a history whose newest state is at s + past·ε."""
        now, size = self._placed(z, s, eps)
        f = self._field(f, x, z)
        history = self.first(f, now, z, x=x)
        for k in range(self.past):
            history = self.begin(f, now + k * size, history, size, x=x)
        return history

    def first(self, f: VectorField, s: Scalar, z: Tensor, *, x: Tensor | None = None) -> Past:
        """The history of z alone."""
        if self.first_derivative:
            return Past((z,), ())
        (now,) = times_of(z, s)
        return Past((z,), (self._field(f, x, z)(now, z),))

    def begin(self, f: VectorField, s: Scalar, history: Past, eps: Scalar, *, x: Tensor | None = None) -> Past:
        """One step while the history is too short for the formula; as `step` where `first` gives all that it needs."""
        if not self.past:
            return self.step(f, s, history, eps, x=x)
        z = history.states[0]
        return self._begun(self._field(f, x, z), x, *self._placed(z, s, eps), history)

    def known(
        self, f: VectorField, s: Scalar, states: Sequence[Tensor], eps: Scalar, *, x: Tensor | None = None
    ) -> Past:
        """The history of past + 1 known states, the newest first: at s, s − ε, and so on."""
        now, size = times_of(states[0], s, eps)
        field = self._field(f, x, states[0])
        places = range(self.first_derivative, self.first_derivative + self.derivatives)
        return Past(tuple(states[: self.states]), tuple(field(now - j * size, states[j]) for j in places))

    def step(self, f: VectorField, s: Scalar, history: Past, eps: Scalar, *, x: Tensor | None = None) -> Past:
        """One step later; the newest state of `history` is at s, the others lie ε apart."""
        z = history.states[0]
        return self._stepped(self._field(f, x, z), x, *self._placed(z, s, eps), history)

    def base_step(self, f: VectorField, s: Scalar, history: Past, eps: Scalar, *, x: Tensor | None = None) -> Past:
        """The same by the base method alone, which is all there is without a corrector."""
        now, size = self._placed(history.states[0], s, eps)
        base, _, derivatives = self.base(f, now, x, history, size)
        return _followed(history, base, derivatives)

    def base(self, f: VectorField, s: Tensor, x: Tensor | None, history: Past, eps: Tensor) -> Followed:
        """A step of the base formula on one tensor, what g reads besides, and the next history's derivatives."""
        return self.formula(self._field(f, x, history.states[0]), s, history, eps)

    def _begun(self, f: VectorField, x: Tensor | None, s: Tensor, eps: Tensor, history: Past) -> Past:
        """`begin` by the method of the first states."""
        z = history.states[0]
        if self.substeps == 1:
            new, derivative = self.starting(f, s, z, eps)
        else:
            h = eps / self.substeps
            new, derivative = self.starting(f, s, z, h)
            for j in range(1, self.substeps):
                new, _ = self.starting(f, s + j * h, new, h)
        if not self.first_derivative:
            derivative = f(s + eps, new)
        states, derivatives = (new, *history.states), (derivative, *history.derivatives)
        return Past(states[: self.states], derivatives[: self.derivatives])

    def _stepped(self, f: VectorField, x: Tensor | None, s: Tensor, eps: Tensor, history: Past) -> Past:
        """A step of the formula, with its learned term."""
        end, seen, derivatives = self.base(f, s, x, history, eps)
        if self.residual_power is not None:
            end = end + eps**self.residual_power * self._g(eps, s, x, history.states[0], seen, {})
        return _followed(history, end, derivatives)

    def _march(
        self,
        kept: Kept,
        f: VectorField,
        z: Tensor,
        given: Any,
        s0: Tensor,
        eps: Tensor,
        steps: int,
        keep: int,
        x: Tensor | None,
        way: GridWay | None = None,
    ) -> list[Tensor]:
        """Every `keep`-th of the states after each of the steps; grid points are s0 + k·ε, of the times `given`."""
        f = self._field(f, x, z)
        history = self.first(f, s0, z, x=x) if steps else Past((z,), ())
        states, (size,), (start, whole) = [], sizes_of(z, eps), Clock(z, True).numbers(given, s0, eps)
        for k in range(steps):
            advance = self._begun if k < self.past else self._stepped
            history = kept(advance)(f, x, start + k * whole, size, history)
            if (k + 1) % keep == 0:
                states.append(history.states[0])
            if way and way.stepped(history.states[0]):
                break
        return states

    def _along(
        self,
        way: GridWay,
        f: VectorField,
        x: Tensor | None,
        z: Tensor,
        given: Sequence[Scalar],
        times: tuple[Tensor, Tensor],
        steps: int,
        handed: dict[str, Tensor],
    ) -> None:
        eps = (times[1] - times[0]) / steps
        self._march(as_it_is, f, z, given, times[0], eps, steps, steps, x, way)

    def _evaluations(self, steps: int) -> int:
        """Evaluations of f in a number of steps, the first ones' included; at least, where a formula is iterated."""
        begun = min(steps, self.past)
        return begun * self.begin_evaluations + (steps - begun) * self.evaluations_per_step


def _followed(history: Past, new: Tensor, derivatives: tuple[Tensor, ...]) -> Past:
    """The history one step later: no tensor is copied."""
    return Past((new, *history.states[:-1]), derivatives)


def _equal_times(z: Tensor, s: Tensor | Sequence[float], steps: int, check: bool | None) -> tuple[Tensor, Tensor]:
    """The times, and the step between them."""
    times = grid(z, s)
    intervals = max(1, len(times) - 1)
    length = times[-1] - times[0]
    if looked_at(z, check):
        equal = times[0] + length * torch.arange(len(times), dtype=times.dtype, device=times.device) / intervals
        if bool((times - equal).abs().max() > 1e-3 * length.abs() / intervals):
            raise ValueError(
                "the times are not equally spaced, or repeated: call the solver for each interval, or use equal ones"
            )
    return times, length / (intervals * steps)
