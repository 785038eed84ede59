"""Solves on a grid of equal steps: callbacks, events and dense output, as in the adaptive loop."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from .between import ends_of, lasting
from .events import Event, events_of
from .field import Counted, require_own_between, slope_at
from .outcome import Status
from .solution import Piece, Solution, Statistics, checked
from .solver import Solver
from .state import Restore, Scalar, State, VectorField, span_of, times_of
from .way import Callback, Way


class GridWay(Way):
    """The same on a grid, with cubic Hermite polynomials between its `points`, the first of which is the start."""

    def __init__(self, f: VectorField, z: Tensor, points: Sequence[float], *watching: Any) -> None:
        super().__init__(z, points[0], points[-1], *watching)
        self.f, self.ahead = f, iter(points[1:])
        self.begin()
        if self.pieced and len(points) > 1:
            self.dz = self._slope(z, self.s)
        self.ends = ends_of(f, self.s, z) if self.pieced else None

    @classmethod
    def told(cls, callback: Callback, f: VectorField, z: Tensor, points: Sequence[float], restore: Restore) -> GridWay:
        """One that nothing but a callback is told of."""
        return cls(f, z, points, restore, None, callback, False)

    def stepped(self, z: Tensor) -> bool:
        """Go on to the state at the next point; whether an event on the way there ends the solve."""
        following, begun, dz = next(self.ahead), self.s, self.dz
        self.accepted += 1
        if self.pieced:
            dz = self._slope(z, following)
            slopes = self.dz, dz
            if self.ends is not None:
                slopes = self.ends.slopes(*lasting(z, begun, following), self.z, z, *slopes)
            if self.ends_in(Piece(begun, following - begun, self.z, z, *slopes), following):
                return True
        self.s, self.z, self.dz = following, z, dz
        self.call(following - begun)
        return False

    def solution(self, f: Counted, step: float) -> Solution:
        """What there is."""
        finite = bool(torch.isfinite(self.z).all())
        status = Status.SUCCESS if finite else Status.NONFINITE
        return self.found(self.f, status, Statistics.of(f, self.accepted, 0), step)[0]

    def _slope(self, z: Tensor, s: float) -> Tensor:
        slope = slope_at(self.f, times_of(z, s)[0], z)
        require_own_between(self.f, slope)
        return slope


class GridSteps(Solver):
    """A solver of equal steps."""

    takes = (
        "it takes fixed steps, whose number is steps=; tolerances are for solvers whose steps follow an error, those "
        "with a `control` in their spec"
    )

    def solve(
        self,
        f: VectorField,
        z0: State,
        span: Sequence[Scalar],
        steps: int | None = None,
        *,
        x: Tensor | None = None,
        callback: Callback | None = None,
        throw: bool = True,
        dense: bool = True,
        event: Event | Sequence[Event] | None = None,
        **free: Scalar,
    ) -> Solution:
        """The solution over `span`, up to its end or an event, with its status and statistics.

        Between grid points it is the cubic Hermite polynomial, of order 3, for which a step costs an evaluation of f
        more where it is kept or an event is given. The numbers of a solve are looked at, so that it is not compiled.

        callback: that of a call; a step that an event ends is told of up to there.
        throw: raise SolveError where the state at the end is not finite, instead of returning what there is.
        dense: keep what `Solution.dense` needs, three states for each step.
        event: end where this number, event(s, z), changes its sign or becomes zero, or where this truth value changes;
            of several events where the first one does. One that is zero at the start has to leave zero before. Two
            changes within one step are not seen. `Solution.s` is that time, on the polynomial, `event_time` the same
            with its gradient, and `z` has the gradients of the state at that time, not at a fixed one.
        """
        f, z, restore = self._one_tensor(f, z0)
        count = self.counted(steps)
        times, field, handed = span_of(z, span), self._field(f, x, z), self.handed(z, free)
        counted = field if isinstance(field, Counted) else Counted(field)
        points, events = self.points_along(times, count), events_of(event, restore, each=False)
        way = GridWay(counted, z, points, restore, events, callback, dense)
        self._along(way, counted, x, z, span, times, count, handed)
        self._look(z, span, count, parts=self.parts())
        return checked(way.solution(counted, (points[-1] - points[0]) / count), throw)

    def counted(self, steps: int | None, default: int | None = None) -> int:
        """How many steps there are; TypeError or ValueError where `steps` is no such number, or there is none."""
        if steps is None and default is None:
            raise TypeError(f"{type(self).__name__} needs steps=: {self.takes}")
        return require_steps(default if steps is None else steps)

    def points_along(self, times: Sequence[Tensor] | Tensor, steps: int) -> list[float]:
        """The points of a grid with `steps` equal steps from one time to the next, as numbers."""
        ends = [float(time.detach()) for time in times]

        def inner() -> Iterator[float]:
            for start, end in itertools.pairwise(ends):
                yield from (start + j * ((end - start) / steps) for j in range(1, steps))
                yield end

        return [ends[0], *inner()]

    def parts(self) -> Sequence[float] | None:
        """What each step takes of the way from one time to the next; None for equal parts."""
        return None

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
    ) -> Any:
        """Take the steps over the span that was `given` one by one, as long as the way goes on."""
        raise NotImplementedError


def require_steps(steps: Any) -> int:
    """The number of steps. TypeError where it is no integer, ValueError where it is below 1."""
    if isinstance(steps, bool) or not (isinstance(steps, (int, torch.SymInt)) or hasattr(steps, "__index__")):
        raise TypeError(f"steps is a number of steps, an integer, not {steps!r:.80}")
    if steps < 1:
        raise ValueError(f"steps must be 1 or more, not {steps}")
    count: int = steps
    return count
