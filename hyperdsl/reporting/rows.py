"""Rows of error against cost within a time: methods are tried once, timed and counted where there is time left."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor

from hyperdsl.evaluation.contenders import Contender
from hyperdsl.evaluation.cost import Cost, cost_of, milliseconds
from hyperdsl.evaluation.solvers import Solved
from hyperdsl.evaluation.stopping import OutOfTimeError, Stop
from hyperdsl.evaluation.work_precision import Row, Start, row_of
from hyperdsl.reporting.effort import Effort

OWN_TURN, TURN = 0.5, 0.25
"""Shares of the time that is left: what the solver itself and any other method may take at a setting to be tried."""
TIMING, COUNTING = 0.4, 0.6
"""Shares of what is left then: of timing all of them in turns, and of counting what they multiply."""


@dataclass(frozen=True)
class Tried:
    """A contender's first solve of the batch: seconds and evaluations of f; `ends` are those of all states."""

    contender: Contender
    ends: Tensor
    own: Solved | None
    seconds: float
    calls: int

    @property
    def evaluations(self) -> int:
        return self.own.evaluations if self.own else self.calls


@dataclass
class Trials:
    """Contenders on the same states, those that do not end within their time left out.

    left_out: which, with why. reckoned: whose multiply-accumulates are known of the beginning of a solve alone.
    """

    start: Start
    effort: Effort
    stop: Stop
    found: list[Tried] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    reckoned: list[str] = field(default_factory=list)

    @property
    def batch(self) -> int:
        """The states that are timed together."""
        return min(self.effort.batch, len(self.start.z0))

    def add(self, contenders: Sequence[Contender], turn: float = TURN) -> list[Tried]:
        """Tries them, the coarse settings of all methods first: of one that did not end no finer one is tried.

        turn: the share of the time that is left which each may take.
        """
        by = dict[str, list[Contender]]()
        for one in contenders:
            by.setdefault(one.method, []).append(one)
        ended, tried = set[str](), dict[int, Tried]()
        for rank in range(max(map(len, by.values()), default=0)):
            for method, own in by.items():
                if rank >= len(own) or method in ended:
                    continue
                result = self._tried(own[rank], turn)
                if result is None:
                    ended.add(method)
                    self.left_out.append(_finer([one.setting for one in own[rank:]], method))
                else:
                    tried[id(own[rank])] = result
        new = [tried[id(one)] for one in contenders if id(one) in tried]
        self.found += new
        return new

    def _tried(self, one: Contender, turn: float) -> Tried | None:
        start, batch = self.start, self.batch
        solve = partial(_solved, one, start)
        with torch.no_grad(), self.stop.within(turn * self.stop.left):
            began, before = self.stop.clock(), self.stop.calls
            try:
                own, first = solve(slice(batch))
                seconds, calls = self.stop.clock() - began, self.stop.calls - before
                ends = [first, *([solve(slice(batch, None))[1]] if len(start.z0) > batch else [])]
            except OutOfTimeError:
                return None
        return Tried(one, torch.cat(ends), own, seconds, calls)

    def rows(self) -> list[Row]:
        """A row for each that ended."""
        times = self._times()
        rows, end = [], self.stop.clock() + COUNTING * self.stop.left
        for k, (one, taken) in enumerate(zip(self.found, times, strict=True)):
            share = (end - self.stop.clock()) / (len(self.found) - k)
            cost = self._cost(one, min(self.effort.counting, 4 * share))
            rows.append(row_of(one.contender, one.ends, self.start.reference, one.own, cost, self.batch, 1e3 * taken))
        return rows

    def _times(self) -> list[float]:
        """The seconds that the batch takes: a median of several in turns, of a slow one those of its first solve."""
        quick = {str(k): one for k, one in enumerate(self.found) if one.seconds <= self.effort.seconds}
        times = [one.seconds for one in self.found]
        each = min(self.effort.seconds, TIMING * self.stop.left / max(len(quick), 1))
        part = slice(self.batch)
        calls: dict[str, Callable[[], object]] = {
            name: partial(_solved, one.contender, self.start, part) for name, one in quick.items()
        }
        try:
            found = milliseconds(calls, self.effort.repeats, seconds=each, clock=self.stop.clock)
        except OutOfTimeError:
            return times
        for name, taken in found.items():
            times[int(name)] = taken / 1e3
        return times

    def _cost(self, one: Tried, seconds: float) -> Cost:
        """What a solve of the batch costs; where counting ends before it does, by the share of its evaluations."""
        if one.contender.foreign:
            return Cost(one.evaluations, 0)
        z0, x = _part(self.start, slice(self.batch))
        before = self.stop.calls
        with self.stop.within(seconds):
            found = cost_of(
                lambda f: one.contender.run(f, z0, self.start.span, x), self.start.f, one.contender.corrector
            )
        found, calls = replace(found, evaluations=one.calls), self.stop.calls - before
        if found.whole:
            return found
        self.reckoned.append(f"{one.contender.method}, {one.contender.setting}")
        ratio = one.calls / calls if calls else 0.0  # nothing is known of what did not begin
        return replace(
            found,
            macs=round(ratio * found.macs),
            field_macs=round(ratio * found.field_macs),
            corrector_calls=round(ratio * found.corrector_calls),
            corrector_macs=round(ratio * found.corrector_macs),
        )

    def told(self) -> list[str]:
        """What was left out or reckoned, in sentences."""
        lines = []
        if self.left_out:
            lines.append(
                f"Left out, since a solve did not end in the time that a page has: {'; '.join(self.left_out)}."
            )
        if self.reckoned:
            lines.append(
                "Their multiply-accumulates are reckoned from the beginning of a solve, by evaluations of f: "
                f"{'; '.join(self.reckoned)}."
            )
        return lines


def _solved(one: Contender, start: Start, part: slice) -> tuple[Solved | None, Tensor]:
    """The contender's own counts, where it counts, and the ends of a part of the states."""
    z0, x = _part(start, part)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\w+ leaves what its g was trained for")
        if one.counted is None:
            return None, one.run(start.f, z0, start.span, x)
        own = one.counted(start.f, z0, start.span, x)
        return own, own.z


def _part(start: Start, part: slice) -> tuple[Tensor, Tensor | None]:
    return start.z0[part], None if start.x is None else start.x[part]


def _finer(settings: Sequence[str], method: str) -> str:
    return f"{method}, {settings[0]}" + " and finer" * (len(settings) > 1)
