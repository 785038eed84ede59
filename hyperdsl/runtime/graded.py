"""Steps of a one-step method on a grid of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from .fixed import FixedSteps, Place
from .state import numbers_of, sizes_of


class GradedSteps(FixedSteps):
    """Steps between the points of `grid`, fractions of the span from 0 to 1; `method` is one of them.

    Where the grid is learned, `increments` hold what its steps are: the softmax of these, so that points stay in order
    and inside whatever the numbers are. Equal ones are equal steps.
    """

    takes = "its steps are a grid of its own over each span, so that it takes neither steps= nor tolerances"
    grid: ClassVar[tuple[float, ...]]
    increments: nn.Parameter

    @property
    def count(self) -> int:
        """How many steps there are."""
        return len(self.grid) - 1

    def counted(self, steps: int | None, default: int | None = None) -> int:
        """As many as the grid has; TypeError where `steps` are asked for."""
        if steps is not None:
            raise TypeError(
                f"{type(self).__name__} has a grid of its own, of {self.count} steps over the span, and takes no steps="
            )
        return self.count

    def points(self) -> Sequence[Any]:
        """The points as fractions of the span: numbers, or 0-d float64 tensors with their gradients where learned."""
        increments = getattr(self, "increments", None)
        if increments is None:
            return self.grid
        inner: list[Tensor] = [*torch.softmax(increments.double(), 0).cumsum(0)[:-1]]
        return [torch.zeros_like(inner[0]), *inner, torch.ones_like(inner[0])]

    def places(
        self, z: Tensor, given: Any, times: Tensor, steps: int, handed: dict[str, Tensor]
    ) -> Iterator[Iterable[Place]]:
        """The steps from each of the times to the next: no start is a sum of sizes."""
        points = [point.to(times.device) if isinstance(point, Tensor) else point for point in self.points()]
        for start, end in itertools.pairwise(times):
            length = end - start
            sizes = sizes_of(z, *(length * (after - before) for before, after in itertools.pairwise(points)))
            yield [(start + length * point, size) for point, size in zip(points, sizes, strict=False)]

    def points_along(self, times: Sequence[Tensor] | Tensor, steps: int) -> list[float]:
        """The points over all the times, as numbers."""
        ends = [float(time.detach()) for time in times]
        inner = (
            start + (end - start) * point for start, end in itertools.pairwise(ends) for point in self.fractions()[1:]
        )
        return [ends[0], *inner]

    def parts(self) -> Sequence[float] | None:
        """The steps as fractions of the span, where their numbers are at hand."""
        increments = getattr(self, "increments", None)
        points = [*self.grid] if increments is None else numbers_of(increments) and self.fractions()
        return points and [after - before for before, after in itertools.pairwise(points)]

    def fractions(self) -> list[float]:
        """The points as numbers, which strictly ascend."""
        with torch.no_grad():
            return [float(point) for point in self.points()]
