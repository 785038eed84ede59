"""Times and sizes of steps made of numbers: as tensors, or as numbers where sums of tensors would cost more than f."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .state import factor_dtype, is_eager, real_dtype, time_place


class Time(float):
    """A time in place of a 0-d tensor: the sums of a step are numbers, float64 as well, until f or g gets a tensor.

    With tensors of another dtype, the sums and their rounding cost as much as a field of a few operations.
    """

    __slots__ = ()

    def __add__(self, other: Any) -> Time:
        return Time(float.__add__(self, float(other)))

    def __sub__(self, other: Any) -> Time:
        return Time(float.__sub__(self, float(other)))

    def add(self, other: Tensor, *, alpha: float = 1) -> Time:
        """The sum with alpha times a 0-d tensor, as that of tensors."""
        return Time(float.__add__(self, alpha * other.item()))

    def to(self, device: torch.device, dtype: torch.dtype) -> Tensor:
        """The tensor."""
        return torch.full((), self, dtype=dtype, device=device)


class Clock:
    """Makes times and sizes of steps for states like z.

    plain: whether nothing but f, z and g is a tensor, and nothing is compiled. Then times are numbers where z is on the
    CPU, but for float64 states, whose times need no rounding.
    """

    def __init__(self, z: Tensor, plain: bool) -> None:
        self.place, self.factor = time_place(z), factor_dtype(z)
        self.plain = plain and z.is_cpu and is_eager(z) and real_dtype(z) != torch.float64
        self.time: Callable[[float], Any] = Time if self.plain else self._time

    def _time(self, s: float) -> Tensor:
        return torch.full((), s, dtype=torch.float64, device=self.place)

    def size(self, difference: float) -> Tensor:
        """A difference of times as a factor of states."""
        return torch.full((), difference, dtype=self.factor, device=self.place)

    def numbers(self, given: Any, *times: Tensor) -> tuple[Any, ...]:
        """The times, as numbers where they were `given` as a list of numbers: tensors may have gradients."""
        if self.plain and not isinstance(given, Tensor) and all(isinstance(time, (int, float)) for time in given):
            return tuple(Time(time) for time in times)
        return times
