"""Fixed steps of a one-step method."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from .clock import Clock
from .gradients import recomputed
from .grid import GridSteps, GridWay
from .outcome import require_finite
from .solver import Evaluated, SingleStep
from .state import (
    Scalar,
    State,
    VectorField,
    looked_at,
    numbers_of,
    require_ordered,
    sizes_of,
    span_of,
    times_of,
)
from .way import Callback

Place = tuple[Any, Tensor]
"""Where a step starts, and its size as a factor of states."""


class FixedSteps(GridSteps, SingleStep):
    """Equal steps of a one-step method, each straight-line; `method` is one of them."""

    method: Callable[..., Evaluated]
    """(f, s, z, ε, parameters) to the state one step of the base method later, and what g reads besides."""

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
        """The state at the end of `span`, after `steps` equal steps; grid points are s0 + k·ε.

        A solver with a grid of its own takes no `steps`.

        callback: callback(s, z, eps) is called after each step, with its end, the state there and its size.
        check: raise SolveError where that state is not finite; by default only in plain eager mode.
        free: the values of the method's free parameters.
        """
        return self._end(self._stepped, f, z0, span, steps, x, check, free, callback)

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
        """As a call, with the same gradients, for which each step is computed again.

        Of each step its start is kept and nothing else, so that memory grows by a state a step, however many stages and
        layers there are. Gradients of all that f, g and the method depend on come along.
        """
        return self._end(recomputed(self._stepped), f, z0, span, steps, x, check, free)

    def _end(
        self,
        step: Callable[..., Tensor],
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
        count = self.counted(steps)
        times, field, handed = span_of(z, span), self._field(f, x, z), self.handed(z, free)
        way = callback and GridWay.told(callback, field, z, self.points_along(times, count), restore)
        z = self._along(way, field, x, z, span, times, count, handed, step)
        if looked_at(z, check):
            size = (times[1] - times[0]) / count
            require_finite(z, z, times[1], size, count * self.evaluations_per_step)
        self._look(z, span, count, parts=self.parts())
        found: State = restore(z)
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

        The settings are those of a call. With a grid of its own, from one time to the next is a span.
        """
        f, z, restore = self._one_tensor(f, z0)
        count = self.counted(steps, default=1)
        times = grid(z, s)
        states, field, handed = [z], self._field(f, x, z), self.handed(z, free)
        way = callback and GridWay.told(callback, field, z, self.points_along(times, count), restore)
        for places in self.places(z, s, times, count, handed):
            for now, eps in places:
                z = self._stepped(field, x, now, z, eps, handed)
                if way:
                    way.stepped(z)
            states.append(z)
        solution, taken = torch.stack(states), count * (len(times) - 1)
        if looked_at(z, check):
            size = (times[-1] - times[0]) / max(1, taken)
            require_finite(z, solution, times[-1], size, taken * self.evaluations_per_step)
        self._look(z, s, count, parts=self.parts())
        found: State = restore(solution)
        return found

    def _along(
        self,
        way: GridWay | None,
        f: VectorField,
        x: Tensor | None,
        z: Tensor,
        given: Sequence[Scalar],
        times: tuple[Tensor, Tensor],
        steps: int,
        handed: dict[str, Tensor],
        step: Callable[..., Tensor] | None = None,
    ) -> Tensor:
        step = step or self._stepped
        (places,) = self.places(z, given, torch.stack(times), steps, handed)
        for s, eps in places:
            z = step(f, x, s, z, eps, handed)
            if way and way.stepped(z):
                break
        return z

    def places(
        self, z: Tensor, given: Any, times: Tensor, steps: int, handed: dict[str, Tensor]
    ) -> Iterator[Iterable[Place]]:
        """The steps from each of the times, which were `given` so, to the next."""
        sizes, clock = (times[1:] - times[:-1]) / steps, Clock(z, not handed)
        starts, wholes = clock.numbers(given, *times[:-1]), clock.numbers(given, *sizes)
        for start, whole, eps in zip(starts, wholes, *sizes_of(z, sizes), strict=True):
            yield ((start + k * whole, eps) for k in range(steps))

    def base(
        self, f: VectorField, s: Tensor, x: Tensor | None, z: Tensor, eps: Tensor, **parameters: Tensor
    ) -> Evaluated:
        return self.method(self._field(f, x, z), s, z, eps, **parameters)

    def _stepped(
        self, f: VectorField, x: Tensor | None, s: Tensor, z: Tensor, eps: Tensor, handed: dict[str, Tensor]
    ) -> Tensor:
        base, seen = self.method(f, s, z, eps, **handed)
        if self.residual_power is None:
            return base
        g = self._g(eps, s, x, z, seen, handed)
        return base + eps**self.residual_power * g


def grid(z: Tensor, s: Tensor | Sequence[float]) -> Tensor:
    """The times of `odeint`; ValueError where they are no list of finite times that ascends or descends."""
    (times,) = times_of(z, s)
    if times.ndim != 1 or len(times) == 0:
        raise ValueError(f"s must be a list of one or more times, not of shape {tuple(times.shape)}")
    numbers = numbers_of(s)
    if numbers is not None:
        require_ordered(numbers)
    return times
