"""Events: numbers whose change of sign, or truth values whose change, ends a solve."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .gradients import carried, located, refused
from .solution import Piece, at_each
from .state import beside, times_of

Event = Callable[[Tensor, Any], Any]
"""event(s, z): a number, or a truth value; under `per_sample yes` one for each sample, [batch]."""


@dataclass(frozen=True)
class Events:
    """The events of a solve, of states that `restore` makes of z; `each`: z is a batch of samples of their own."""

    events: tuple[Event, ...]
    restore: Callable[[Tensor], Any]
    each: bool = False

    def value(self, number: int, s: Tensor, z: Tensor) -> Tensor:
        """The value of an event, 0-d or [batch], with its gradient.

        TypeError where it is no number or truth value, ValueError where its shape is wrong or it is not a number (NaN).
        """
        shape = z.shape[:1] if self.each else torch.Size()
        given = self.events[number](s, self.restore(z))
        wanted = "a number that changes its sign or a truth value"
        wanted += f" for each sample, of shape {tuple(shape)}" if self.each else ""
        try:
            value = torch.as_tensor(given, device=z.device)
        except (TypeError, ValueError, RuntimeError):
            raise TypeError(f"event {number} returned {type(given).__name__}: {wanted} is wanted") from None
        if value.is_complex():
            raise TypeError(f"event {number} returned a complex number: {wanted} is wanted")
        if value.numel() != math.prod(shape):
            raise ValueError(f"event {number} returned the shape {tuple(value.shape)}: {wanted} is wanted")
        return value.reshape(shape)

    def sides(self, number: int, s: Tensor, z: Tensor, looked: Tensor | None = None) -> Tensor:
        """On which side of zero an event is: -1, 0 or 1, a truth value never 0; `looked`: the samples that matter."""
        value = self.value(number, s, z).detach()
        if value.dtype is torch.bool:
            return torch.where(value, 1, -1)
        wrong = value.isnan() if looked is None else value.isnan() & looked
        if bool(wrong.any()):
            raise ValueError(f"event {number} is not a number (NaN) at s = {float(s[wrong][0] if s.ndim else s):.6g}")
        return torch.where(value.isnan(), 0, value).sign().to(torch.long)


class Watch:
    """Looks at the events after each step; an event fires where its side is another than before.

    One that is zero at the start has no side until it leaves zero, and a change that the start's rounding cannot be
    told from is none: a solve may go on from an event's state.
    """

    def __init__(self, events: Events, s: float, z: Tensor, length: float) -> None:
        self.events, self.start = events, s
        now = times_of(z, s)[0]
        self.sides = [int(events.sides(number, now, z)) for number in range(len(events.events))]
        unit = torch.finfo(z.dtype.to_real()).eps
        self.near = 4 * max(sys.float_info.epsilon * abs(s), unit * abs(length))

    def fired(self, piece: Piece, following: float) -> tuple[float, int] | None:
        """When and which event fired first in a step that ends at this time, if one did."""
        found: list[tuple[float, int]] = []
        now = times_of(piece.z, following)[0]
        for number, before in enumerate(self.sides):
            after = int(self.events.sides(number, now, piece.end))
            if before not in (0, after):
                s = self._between(number, before, piece, following)
                if piece.s != self.start or abs(s - self.start) > self.near:
                    found.append((s, number))
            self.sides[number] = after
        sign = math.copysign(1.0, piece.eps)
        return min(found, key=lambda one: (sign * one[0], one[1])) if found else None

    def _between(self, number: int, before: int, piece: Piece, following: float) -> float:
        """The first time at which the side is another, by bisection of the dense output."""
        low, high, unit = piece.s, following, sys.float_info.epsilon
        while abs(high - low) > 2 * unit * max(abs(low), abs(high), unit * abs(piece.eps)):
            middle = (low + high) / 2
            if int(self.events.sides(number, times_of(piece.z, middle)[0], piece.at(middle))) == before:
                low = middle
            else:
                high = middle
        return high


class EachWatch:
    """The same for samples with steps of their own: times, sides and what fired are [batch]."""

    def __init__(self, events: Events, s: Tensor, z: Tensor, length: Tensor) -> None:
        self.events, self.start = events, s
        self.sides = [events.sides(number, s, z) for number in range(len(events.events))]
        unit = torch.finfo(z.dtype.to_real()).eps
        self.near = 4 * torch.maximum(sys.float_info.epsilon * s.abs(), unit * length.abs())

    def fired(self, piece: Piece, following: Tensor, accept: Tensor) -> tuple[Tensor, Tensor]:
        """When and which event fired first in the accepted steps to these times; -1 where none did."""
        s, which = following, torch.full_like(accept, -1, dtype=torch.long)
        sign = torch.where(piece.eps < 0, -1.0, 1.0)
        for number, before in enumerate(self.sides):
            after = self.events.sides(number, following, piece.end, accept)
            crossed = accept & (before != 0) & (before != after)
            self.sides[number] = torch.where(accept, after, before)
            if not bool(crossed.any()):
                continue
            time = self._between(number, before, piece, following, crossed)
            crossed = crossed & ((piece.s != self.start) | ((time - self.start).abs() > self.near))
            first = crossed & ((which < 0) | (sign * time < sign * s))
            s, which = torch.where(first, time, s), torch.where(first, number, which)
        return s, which

    def _between(self, number: int, before: Tensor, piece: Piece, following: Tensor, crossed: Tensor) -> Tensor:
        low, high, unit = piece.s, following, sys.float_info.epsilon
        while True:
            size = torch.stack((low.abs(), high.abs(), unit * piece.eps.abs())).amax(0)
            going = crossed & ((high - low).abs() > 2 * unit * size)
            if not bool(going.any()):
                return high
            middle = torch.where(going, (low + high) / 2, high)
            same = self.events.sides(number, middle, at_each(piece, middle), going) == before
            low, high = torch.where(going & same, middle, low), torch.where(going & ~same, middle, high)


_NO_NUMBER = (
    "an event that is a truth value, or a number that hangs on nothing, has a time without a gradient: let the event "
    "return a tensor that changes its sign"
)
_TOUCHED = "the event touches zero without crossing it, so its time has no gradient"


def with_gradients(
    events: Events, which: Tensor, f: Callable[[Tensor, Tensor], Tensor], s: Tensor, z: Tensor
) -> tuple[Tensor, Tensor]:
    """The time of the event that fired, and the state there, with their whole gradients.

    By e(s, z) = 0 it is ds = -de/(∂e/∂s + ∂e/∂z f), and the state moves by f ds besides (Chen, Amos & Nickel 2021).
    `which` is the event's number, 0-d or [batch], -1 where none fired.
    """
    if not torch.is_grad_enabled():
        return s, z
    numbers = sorted({number for number in which.reshape(-1).tolist() if number >= 0})
    value, leaves = torch.zeros_like(s), (s.detach().requires_grad_(), z.detach().requires_grad_())
    probe = torch.zeros_like(s)
    for number in numbers:
        chosen = which == number
        value = value + torch.where(chosen, events.value(number, s, z), 0)
        felt = events.value(number, *leaves)
        if not felt.requires_grad and (z.requires_grad or value.requires_grad):
            return refused(_NO_NUMBER, s, z, value), refused(_NO_NUMBER, z, z, value)
        probe = probe + torch.where(chosen, felt, 0)
    if not value.requires_grad:
        return s, z
    by_s, by_z = torch.autograd.grad(probe.sum(), leaves, allow_unused=True, materialize_grads=True)
    with torch.no_grad():
        slope = f(s, z.detach()).detach()
        product = (by_z.conj() * slope).real
        rate = by_s + (product.flatten(s.ndim).sum(-1) if product.ndim > s.ndim else product).to(by_s.dtype)
        ended = which >= 0
        if bool((ended & (rate == 0)).any()):
            return refused(_TOUCHED, s, value), refused(_TOUCHED, z, z, value)
        rate = torch.where(ended, rate, 1)
    time = located(s, value, rate)
    moving = slope * beside(ended, slope) if s.ndim else slope
    return time, carried(z, moving, time)


def events_of(event: Any, restore: Callable[[Tensor], Any], each: bool) -> Events | None:
    """The events given: one, or a list or tuple of them; TypeError for anything else."""
    if event is None:
        return None
    events: Sequence[Any] = event if isinstance(event, (list, tuple)) else (event,)
    if not events:
        return None
    for one in events:
        if not callable(one):
            raise TypeError(f"an event is a function event(s, z), not {type(one).__name__}")
    return Events(tuple(events), restore, each)
