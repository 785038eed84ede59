"""The ranges of ε, s and the number of steps that g was trained for, and how a solve leaves them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

TRAINED = "trained"
"""What weights' metadata call the ranges, in JSON."""
SLACK = 0.01
"""So far beyond an end, relatively, counts as inside: steps are cut from spans, and training draws up to its ends."""


class OutsideWarning(UserWarning):
    """A solve leaves what g was trained for; the text says which range, and how far."""


@dataclass(frozen=True)
class Ranges:
    """The ends of |ε| and of s in training, and the most steps of its spans; s is None where g and f do not read it.

    `sizes` are the |ε| of training where it was for the steps of some grids alone; else none.
    """

    eps: tuple[float, float]
    s: tuple[float, float] | None
    steps: int
    sizes: tuple[float, ...] = ()

    @classmethod
    def told(cls, about: Mapping[str, str]) -> Ranges | None:
        """Those that weights' metadata tell; None where they do not, ValueError where they are no ranges."""
        if TRAINED not in about:
            return None
        try:
            found = json.loads(about[TRAINED])
            eps, s, steps = _ends(found["eps"]), found["s"], found["steps"]
            sizes = tuple(float(size) for size in found.get("sizes", ()))
            if not eps[0] > 0 or not all(eps[0] <= size <= eps[1] for size in sizes):
                raise ValueError("steps of no size, or beyond the ends")
            return cls(eps, None if s is None else _ends(s), int(steps[1]), sizes)
        except (KeyError, IndexError, TypeError, ValueError, RecursionError, OverflowError):
            raise ValueError("the weights' trained ranges are not readable") from None

    @property
    def intervals(self) -> tuple[tuple[float, float], ...]:
        """Where |ε| counts as inside."""
        ends = [(size, size) for size in self.sizes] or [self.eps]
        return tuple(((1 - SLACK) * low, (1 + SLACK) * high) for low, high in ends)

    def left(self, times: Sequence[float], eps: Sequence[float], steps: int) -> tuple[str, ...]:
        """What of the ranges a solve over these times, with steps of these sizes |ε|, leaves."""
        found = []
        low, high = self.eps
        outside = [size for size in eps if not any(first <= size <= last for first, last in self.intervals)]
        if outside:
            farthest = max(outside, key=lambda size: max(size / high, low / size))
            trained = ", ".join(f"{size:.4g}" for size in self.sizes) or f"{low:.4g} .. {high:.4g}"
            found.append(f"ε = {farthest:.4g} ({trained})")
        if self.s is not None and times:
            low, high = self.s
            slack = SLACK * (high - low)
            if not (low - slack <= min(times) and max(times) <= high + slack):
                found.append(f"s = {min(times):.6g} .. {max(times):.6g} ({low:.6g} .. {high:.6g})")
        if steps > self.steps:
            found.append(f"{steps} steps (up to {self.steps})")
        return tuple(found)


def _ends(pair: Any) -> tuple[float, float]:
    low, high = (float(end) for end in pair)
    if not (math.isfinite(low) and low <= high < math.inf):
        raise ValueError(f"{pair} is no range")
    return low, high


class Followed:
    """A step as it is, that takes note of the longest step which was not tried again: sizes on the CPU alone."""

    def __init__(self, attempt: Callable[..., Any]) -> None:
        self.attempt, self.longest = attempt, 0.0
        self.tried: tuple[Tensor, Tensor] | None = None

    def __call__(self, s: Tensor, z: Tensor, eps: Tensor, dz: Tensor) -> Any:
        """The step."""
        self.note(s)
        self.tried = s, eps
        return self.attempt(s, z, eps, dz)

    def note(self, s: Tensor | None = None) -> None:
        """The step before this one was taken where s has changed since; the last one was."""
        if self.tried is None or not self.tried[1].is_cpu or not self.tried[1].numel():
            return
        before, eps = self.tried
        taken = eps.detach().abs() if s is None else torch.where(s != before, eps.detach().abs(), 0)
        self.longest = max(self.longest, float(taken.amax()))
