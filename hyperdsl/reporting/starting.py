"""Unseen starting states with their exact ends: as many as there is time for, a few of them first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from hyperdsl.evaluation.errors import NotConvergedError
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.stopping import OutOfTimeError, Stop
from hyperdsl.evaluation.work_precision import UNSEEN, Start, exact_end
from hyperdsl.reporting.effort import Effort

FEW = 4
"""States whose exact ends are found first: fewer say nothing of a median."""
REPEATS = 3
FIRST, REST, PLANNED = 0.4, 0.3, 0.12
"""Shares of the time that is left: what the first ones and all others may take at most, and what others are meant to."""


@dataclass(frozen=True)
class Pace:
    """How long exact ends of states take: `seconds` those of the first FEW, `of` so many states over that."""

    seconds: float
    of: Callable[[int], float]

    def most(self, wanted: int, seconds: float) -> int:
        """The most states, of those wanted, half as many, ... , whose exact ends take no more than that; 0 for none."""
        while wanted and self.seconds * self.of(wanted) > seconds:
            wanted //= 2
        return wanted


def started(problem: Problem, effort: Effort, stop: Stop) -> tuple[Start, Pace, list[str]]:
    """The states, how long their exact ends took, and what was reduced, in sentences.

    NotConvergedError where even the first ones take too long, or have none.
    """
    wanted = min(effort.samples, problem.samples)
    z0, x = problem.draw(wanted, torch.Generator().manual_seed(UNSEEN))
    began, most = stop.clock(), FIRST * stop.left
    try:
        with stop.within(most):
            ends = [_exact(problem, z0, x, 0, FEW)]
    except OutOfTimeError:
        told = f"the exact ends of {len(z0[:FEW])} states were not found within {most:.0f} seconds"
        raise NotConvergedError(f"there is no reference: {told}") from None
    pace = Pace(stop.clock() - began, _growth(problem, z0, x, stop.clock))
    rest = pace.most(max(wanted - FEW, 0), PLANNED * stop.left)
    try:
        with stop.within(REST * stop.left):
            ends += [_exact(problem, z0, x, FEW, FEW + rest)] if rest else []
    except OutOfTimeError:
        pass  # then there are the first ones
    reference = torch.cat(ends)
    count = len(reference)
    start = Start(problem.f, z0[:count], problem.span, reference, None if x is None else x[:count])
    return start, pace, _told(pace, count, wanted)


def _exact(problem: Problem, z0: Tensor, x: Tensor | None, first: int, last: int) -> Tensor:
    return exact_end(problem, z0[first:last], problem.span, None if x is None else x[first:last])


def _growth(problem: Problem, z0: Tensor, x: Tensor | None, clock: Callable[[], float]) -> Callable[[int], float]:
    """How the time of exact ends grows with the states: as that of f, where they are not found one at a time."""
    if problem.stiff:
        return lambda count: count / FEW
    return lambda count: _seconds(problem, z0, x, count, clock) / _seconds(problem, z0, x, FEW, clock)


@torch.no_grad()
def _seconds(problem: Problem, z0: Tensor, x: Tensor | None, count: int, clock: Callable[[], float]) -> float:
    """What an evaluation of f takes, the quickest of a few."""
    z, given = z0[:count], () if x is None else (x[:count],)
    s = torch.tensor(problem.span[0], dtype=z.real.dtype)
    taken = []
    for _ in range(REPEATS):
        began = clock()
        problem.f(s, *given, z)
        taken.append(clock() - began)
    return min(taken)


def _told(pace: Pace, count: int, wanted: int) -> list[str]:
    if count == wanted:
        return []
    return [
        f"Errors are those of {count} starts, where {wanted} are usual: the exact ends of the first {FEW} took "
        f"{pace.seconds:.2g} seconds."
    ]
