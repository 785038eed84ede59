"""A solve under way with one step size for all samples: where it is, what it keeps, and what looks on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .events import Events, Watch, with_gradients
from .outcome import Status
from .solution import Piece, Solution, Statistics
from .state import Restore, times_of

Callback = Callable[[Any, Any, Any], Any]
"""(s, z, ε) after each accepted step: its end, the state there, its size; s and ε are floats, or [batch]."""


class Way:
    """From z at s to the end: `callback` is called after each step, `events` may end it, pieces are kept where `dense`.

    dz is f at z, where that is known.
    """

    def __init__(
        self,
        z: Tensor,
        s: float,
        end: float,
        restore: Restore,
        events: Events | None,
        callback: Callback | None,
        dense: bool,
    ) -> None:
        self.z, self.dz, self.s, self.end = z, z, s, end
        self.restore, self.events, self.callback, self.dense = restore, events, callback, dense
        self.sign, self.length = math.copysign(1.0, end - s), abs(end - s)
        self.pieced, self.accepted = dense or events is not None, 0
        self.pieces, self.span = list[Piece](), (s, end)
        self.watch: Watch | None = None
        self.event: int | None = None

    def begin(self) -> None:
        """Look at the events at the start."""
        if self.events is not None:
            self.watch = Watch(self.events, self.s, self.z, self.length)

    def ends_in(self, piece: Piece, following: float) -> bool:
        """Keep a step up to this time; whether an event within it ends the solve, which is then there."""
        self.pieces += [piece] if self.dense else []
        fired = self.watch.fired(piece, following) if self.watch is not None else None
        if fired is None:
            return False
        (s, self.event), begun = fired, self.s
        self.s, self.z = s, piece.end if s == following else piece.at(s)
        self.call(s - begun)
        return True

    def call(self, taken: float) -> None:
        """Tell the callback of a step of this size."""
        if self.callback is not None:
            self.callback(self.s, self.restore(self.z), taken)

    def found(
        self, f: Callable[[Tensor, Tensor], Tensor], status: Status, counted: Statistics, step: float
    ) -> tuple[Solution, Tensor]:
        """The solution, and the state at its end, which has the gradients of an event's moving time."""
        z, time = self.z, None
        if self.event is not None:
            assert self.events is not None
            which = torch.tensor(self.event, device=z.device)
            time, z = with_gradients(self.events, which, f, times_of(z, self.s)[0], z)
        if self.dense and not self.pieces and status is Status.SUCCESS:
            self.pieces = [Piece.still(self.s, 0.0, z)]
        pieces, restore = tuple(self.pieces), self.restore
        return Solution(restore(z), self.s, status, counted, step, self.span, pieces, restore, self.event, time), z
