"""Steps of a one-step method on a grid of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from .field import fielded
from .fixed import FixedSteps
from .fixed import grid as times_at
from .gradients import recomputed
from .outcome import require_finite
from .state import Scalar, State, VectorField, looked_at, numbers_of, sizes_of, span_of

Places = list[tuple[Tensor, Tensor]]
"""Where each step starts, and its size."""


class GradedSteps(FixedSteps):
    """Steps between the points of `grid`, fractions of the span from 0 to 1; `method` is one of them.

    Where the grid is learned, `increments` hold what its steps are: the softmax of these, so that points stay in order
    and inside whatever the numbers are. Equal ones are equal steps.
    """

    grid: ClassVar[tuple[float, ...]]
    increments: nn.Parameter

    def forward(
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
        """The state at the end of `span`, after the steps of the grid. TypeError where `steps` are asked for.

        check: raise SolveError where that state is not finite; by default only in plain eager mode.
        free: the values of the method's free parameters.
        """
        return self._solved(self._stepped, f, z0, span, steps, x, check, free)

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
        """As a call, with the same gradients, for which each step is computed again."""
        return self._solved(recomputed(self._stepped), f, z0, span, steps, x, check, free)

    def odeint(
        self,
        f: VectorField,
        z0: State,
        s: Tensor | Sequence[float],
        *,
        steps: int | None = None,
        x: Tensor | None = None,
        check: bool | None = None,
        **free: Scalar,
    ) -> State:
        """The states at the times `s`, [len(s), *z0.shape]: from one to the next is a span, with the grid's steps."""
        self._require_none(steps)
        f, z, restore = self._one_tensor(f, z0)
        times = times_at(z, s)
        states, field, handed = [z], fielded(f, x, z), self.handed(z, free)
        for start, end in itertools.pairwise(times):
            for now, eps in self.places(z, start, end):
                z = self._stepped(field, x, now, z, eps, handed)
            states.append(z)
        solution, taken = torch.stack(states), self.count * (len(times) - 1)
        if looked_at(z, check):
            size = (times[-1] - times[0]) / max(1, taken)
            require_finite(z, solution, times[-1], size, taken * self.evaluations_per_step)
        self._look(z, s, self.count, parts=self.parts())
        found: State = restore(solution)
        return found

    @property
    def count(self) -> int:
        """How many steps there are."""
        return len(self.grid) - 1

    def points(self) -> Sequence[Any]:
        """The points as fractions of the span: numbers, or 0-d float64 tensors with their gradients where learned."""
        increments = getattr(self, "increments", None)
        if increments is None:
            return self.grid
        inner: list[Tensor] = [*torch.softmax(increments.double(), 0).cumsum(0)[:-1]]
        return [torch.zeros_like(inner[0]), *inner, torch.ones_like(inner[0])]

    def places(self, z: Tensor, start: Tensor, end: Tensor) -> Places:
        """The times of the grid's steps over a span, none the sum of others, and their sizes as factors of z."""
        length = end - start
        points = [point.to(start.device) if isinstance(point, Tensor) else point for point in self.points()]
        sizes = sizes_of(z, *(length * (after - before) for before, after in itertools.pairwise(points)))
        return [(start + length * point, size) for point, size in zip(points, sizes, strict=False)]

    def parts(self) -> list[float] | None:
        """The steps as fractions of the span, where their numbers are at hand."""
        increments = getattr(self, "increments", None)
        points = [*self.grid] if increments is None else numbers_of(increments) and self.fractions()
        return points and [after - before for before, after in itertools.pairwise(points)]

    def fractions(self) -> list[float]:
        """The points as numbers, which strictly ascend."""
        with torch.no_grad():
            return [float(point) for point in self.points()]

    def _solved(
        self,
        step: Callable[..., Tensor],
        f: VectorField,
        z0: State,
        span: Sequence[Scalar],
        steps: int | None,
        x: Tensor | None,
        check: bool | None,
        free: dict[str, Scalar],
    ) -> State:
        self._require_none(steps)
        f, z, restore = self._one_tensor(f, z0)
        s0, s1 = span_of(z, span)
        field, handed = fielded(f, x, z), self.handed(z, free)
        for s, eps in self.places(z, s0, s1):
            z = step(field, x, s, z, eps, handed)
        if looked_at(z, check):
            require_finite(z, z, s1, (s1 - s0) / self.count, self.count * self.evaluations_per_step)
        self._look(z, span, self.count, parts=self.parts())
        found: State = restore(z)
        return found

    def _require_none(self, steps: object) -> None:
        if steps is not None:
            raise TypeError(
                f"{type(self).__name__} has a grid of its own, of {self.count} steps over the span, and takes no steps="
            )
