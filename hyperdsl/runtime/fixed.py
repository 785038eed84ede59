"""Fixed steps of a one-step method."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .clock import Clock
from .field import fielded
from .gradients import recomputed
from .grid import GridSteps, GridWay, points_of, require_steps
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


class FixedSteps(GridSteps, SingleStep):
    """Equal steps of a one-step method, each straight-line; `method` is one of them."""

    method: Callable[..., Evaluated]
    """(f, s, z, ε, parameters) to the state one step of the base method later, and what g reads besides."""

    def forward(
        self,
        f: VectorField,
        z0: State,
        span: Sequence[Scalar],
        steps: int,
        *,
        x: Tensor | None = None,
        check: bool | None = None,
        callback: Callback | None = None,
        **free: Scalar,
    ) -> State:
        """The state at the end of `span`, after `steps` equal steps; grid points are s0 + k·ε.

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
        steps: int,
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
        steps: int,
        x: Tensor | None,
        check: bool | None,
        free: dict[str, Scalar],
        callback: Callback | None = None,
    ) -> State:
        f, z, restore = self._one_tensor(f, z0)
        require_steps(steps)
        times, field, handed = span_of(z, span), fielded(f, x, z), self.handed(z, free)
        way = callback and GridWay.told(callback, field, z, points_of(times, steps), restore)
        z = self._along(way, field, x, z, span, times, steps, handed, step)
        if looked_at(z, check):
            size = (times[1] - times[0]) / steps
            require_finite(z, z, times[1], size, steps * self.evaluations_per_step)
        self._look(z, span, steps)
        found: State = restore(z)
        return found

    def odeint(
        self,
        f: VectorField,
        z0: State,
        s: Tensor | Sequence[float],
        *,
        steps: int = 1,
        x: Tensor | None = None,
        check: bool | None = None,
        callback: Callback | None = None,
        **free: Scalar,
    ) -> State:
        """The states at the times `s`, [len(s), *z0.shape], with `steps` steps from one to the next.

        The settings are those of a call.
        """
        f, z, restore = self._one_tensor(f, z0)
        require_steps(steps)
        times = grid(z, s)
        states, field, handed = [z], fielded(f, x, z), self.handed(z, free)
        sizes, clock = (times[1:] - times[:-1]) / steps, Clock(z, not handed)
        way = callback and GridWay.told(callback, field, z, points_of(times, steps), restore)
        starts, wholes = clock.numbers(s, *times[:-1]), clock.numbers(s, *sizes)
        for now, whole, eps in zip(starts, wholes, *sizes_of(z, sizes), strict=True):
            for j in range(steps):
                z = self._stepped(field, x, now + j * whole, z, eps, handed)
                if way:
                    way.stepped(z)
            states.append(z)
        solution = torch.stack(states)
        if looked_at(z, check):
            size = (times[-1] - times[0]) / max(1, steps * len(sizes))
            require_finite(z, solution, times[-1], size, len(sizes) * steps * self.evaluations_per_step)
        self._look(z, s, steps)
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
        step, whole = step or self._stepped, (times[1] - times[0]) / steps
        (eps,), (start, size) = sizes_of(z, whole), Clock(z, not handed).numbers(given, times[0], whole)
        for k in range(steps):
            z = step(f, x, start + k * size, z, eps, handed)
            if way and way.stepped(z):
                break
        return z

    def base(
        self, f: VectorField, s: Tensor, x: Tensor | None, z: Tensor, eps: Tensor, **parameters: Tensor
    ) -> Evaluated:
        return self.method(fielded(f, x, z), s, z, eps, **parameters)

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
