"""Times to step on exactly: where f jumps, it is evaluated on one side of the jump and then on the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .field import within
from .gradients import Kept
from .state import times_of


def stops_of(stops: Any, z: Tensor) -> tuple[float, ...]:
    """The times to step on, ascending, each once.

    TypeError where they are no numbers, ValueError where they are no list of finite times.
    """
    if stops is None:
        return ()
    (times,) = times_of(z, stops)
    if times.ndim != 1:
        raise ValueError(f"stops are a list of times, not of shape {tuple(times.shape)}")
    found = times.tolist()
    if not all(math.isfinite(time) for time in found):
        raise ValueError(f"stops must be finite, not {', '.join(f'{time:g}' for time in found)}")
    return tuple(sorted(set(found)))


Side = tuple[Tensor, Tensor]


def as_now(f: Any) -> Callable[[], AbstractContextManager[None]]:
    """What lets f, which others may have wrapped, be seen later from the side of the stops that it is on now."""
    found = within(f, lambda one: isinstance(getattr(one, "sided", one), Sided))
    if found is None:
        return nullcontext
    sided: Sided = getattr(found, "sided", found)
    return partial(sided.seen_from, sided.side)


class Sided:
    """f between two times that it is not evaluated at: it gets the nearest times inside that z's dtype has."""

    def __init__(self, f: Callable[[Tensor, Tensor], Tensor], z: Tensor, stops: Sequence[float]) -> None:
        self.f, self.dtype = f, z.dtype.to_real()
        self.times = times_of(z, stops)[0]
        self.before = self._beside(self.times, -math.inf)
        self.after = self._beside(self.times, math.inf)
        self.low, self.high = times_of(z, -math.inf, math.inf)

    @property
    def side(self) -> Side:
        """The times that it is between now."""
        return self.low, self.high

    @contextmanager
    def seen_from(self, side: Side) -> Iterator[None]:
        """Between other times for a while, as those of a step that is looked at again."""
        (self.low, self.high), now = side, self.side
        try:
            yield
        finally:
            self.low, self.high = now

    def remembered(self, kept: Kept) -> Kept:
        """The same of steps that are computed again between the times that they were between."""

        def keeping(step: Callable[..., Any]) -> Callable[..., Any]:
            def between(side: Side, *arguments: Any) -> Any:
                with self.seen_from(side):
                    return step(*arguments)

            again = kept(between)
            return lambda *arguments: again(self.side, *arguments)

        return keeping

    def __call__(self, s: Any, z: Tensor) -> Tensor:
        """f(s, z) with s inside."""
        return self.f(self.inside(s), z)

    def inside(self, s: Any) -> Tensor:
        """The nearest time between the stops around, which moves with s: at a stop, too, f has a derivative by time."""
        (now,) = times_of(self.times, s)
        return torch.clamp(now.detach(), self.low, self.high) + (now - now.detach())

    def enter(self, s: Tensor, sign: Any) -> Tensor:
        """Move to the times between the stops around s, seen in the direction of the sign; the stop ahead, or ±inf.

        s is 0-d or [batch].
        """
        place, ascends = s.detach()[..., None], torch.as_tensor(sign, device=s.device)[..., None] > 0
        behind = torch.where(ascends, self.times <= place, self.times < place)
        self.low = torch.where(behind, self.after, -math.inf).amax(-1)
        self.high = torch.where(behind, math.inf, self.before).amin(-1)
        ahead = torch.where(ascends & ~behind, self.times, math.inf).amin(-1)
        back = torch.where(~ascends & behind, self.times, -math.inf).amax(-1)
        return torch.where(ascends[..., 0], ahead, back)

    def _beside(self, times: Tensor, end: float) -> Tensor:
        rounded, least = times.to(self.dtype), math.copysign(torch.finfo(self.dtype).tiny, end)
        found = torch.nextafter(rounded, torch.full_like(rounded, end))
        return torch.where(found.abs() < abs(least), least, found).to(times.dtype)  # denormals may be taken for zero
