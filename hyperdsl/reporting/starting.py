"""Unseen starting states with their exact ends: as many as there is time for, a few of them first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from hyperdsl.evaluation.contenders import ADAPTIVE
from hyperdsl.evaluation.errors import NotConvergedError
from hyperdsl.evaluation.metrics import largest_change
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.solvers import in_double, torchdiffeq_solve
from hyperdsl.evaluation.stopping import OutOfTimeError, Stop
from hyperdsl.evaluation.work_precision import UNSEEN, Start, exact_end
from hyperdsl.reporting.effort import Effort
from hyperdsl.training.rows import in_dtype

FEW = 4
"""States whose exact ends are found first: fewer say nothing of a median."""
REPEATS = 3
FIRST, LAST, REST, PLANNED = 0.2, 0.65, 0.3, 0.12
"""Shares of the time that is left: what the first ones may take at most, or where there is no other way to find them,
and what all others may take and are meant to."""
LOOSE, TIGHT, CLOSE = 1e-5, 1e-6, 1e-2
"""Tolerances of dopri5 where the usual reference takes too long, and how near each other their ends have to be."""


LEAST = 364
"""Evaluations of f that the usual reference has at 2, 4 and 8 steps: with fewer it seldom ends."""


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


@dataclass(frozen=True)
class Started:
    """`start` with its exact ends, which are known within `tolerance`; `pace` is None where they are dopri5's.

    `reduced` are sentences on what was.
    """

    start: Start
    tolerance: float
    pace: Pace | None
    reduced: tuple[str, ...]


Ends = Callable[[Tensor, Tensor | None], tuple[Tensor, float]]
"""The exact ends of states and their x, and how far they may be off."""


def started(problem: Problem, effort: Effort, stop: Stop) -> Started:
    """As many states as there is time for. NotConvergedError where even a few take too long, or have no exact end."""
    wanted = min(effort.samples, problem.samples)
    z0, x = problem.draw(wanted, torch.Generator().manual_seed(UNSEEN))

    def part(first: int, last: int) -> tuple[Tensor, Tensor | None]:
        return z0[first:last], None if x is None else x[first:last]

    began, quick = stop.clock(), FIRST * stop.left
    ways = _ways(problem, z0, x, quick, stop.clock)
    # Those of a stiff problem are found one at a time in any case.
    first = [part(k, k + 1) for k in range(min(FEW, wanted))] if problem.stiff else [part(0, FEW)]
    for find in ways:
        since = stop.clock()
        found = _found(find, first, LAST * stop.left if find is ways[-1] else quick, stop)
        if found:
            break
    else:
        spent = stop.clock() - began
        raise NotConvergedError(
            f"there is no reference: exact ends of states were not found within {spent:.0f} seconds"
        )
    pace = Pace((stop.clock() - since) * len(first) / len(found), _growth(problem, z0, x, stop.clock))
    if len(found) == len(first):
        rest = pace.most(max(wanted - FEW, 0), PLANNED * stop.left)
        found += _found(find, [part(FEW, FEW + rest)] if rest else [], REST * stop.left, stop)
    reference, tolerance = torch.cat([end for end, _ in found]), max(off for _, off in found)
    z, given = part(0, len(reference))
    told, usual = _told(pace, len(reference), wanted), problem.stiff or find is not ways[-1]
    if not usual:
        told.append(
            f"Exact ends are those of {ADAPTIVE} at {TIGHT:.0e}, in float64, which differ from those at {LOOSE:.0e} by "
            f"{tolerance:.0e}: the usual reference takes more than {quick:.0f} seconds."
        )
    start = Start(problem.f, z, problem.span, reference, given)
    return Started(start, tolerance, pace if usual else None, tuple(told))


def _ways(problem: Problem, z0: Tensor, x: Tensor | None, quick: float, clock: Callable[[], float]) -> list[Ends]:
    """How exact ends are found: as is usual, unless that is sure to take longer than `quick`, else by dopri5."""
    usual = partial(_usual, problem)
    if problem.stiff:
        return [usual]
    double = replace(problem, f=in_double(problem.f))
    least = LEAST * _seconds(double, z0.double(), in_dtype(x, torch.float64), FEW, clock)
    return [*([usual] if least <= quick else []), partial(_by_dopri5, problem)]


def _found(
    find: Ends, parts: Sequence[tuple[Tensor, Tensor | None]], seconds: float, stop: Stop
) -> list[tuple[Tensor, float]]:
    """The exact ends of the first of these parts, as many as are found in so many seconds."""
    found = list[tuple[Tensor, float]]()
    with suppress(OutOfTimeError), stop.within(seconds):
        for part in parts:
            found.append(find(*part))
    return found


def _usual(problem: Problem, z0: Tensor, x: Tensor | None) -> tuple[Tensor, float]:
    return exact_end(problem, z0, problem.span, x), problem.tolerance


@torch.no_grad()
def _by_dopri5(problem: Problem, z0: Tensor, x: Tensor | None) -> tuple[Tensor, float]:
    """Ends by torchdiffeq's method at two tolerances, and the largest change over the states' rms."""
    f, z, given = in_double(problem.f), z0.double(), in_dtype(x, torch.float64)
    loose, end = (torchdiffeq_solve(f, z, problem.span, given, ADAPTIVE, tolerance) for tolerance in (LOOSE, TIGHT))
    change = largest_change(loose, end)
    if change <= CLOSE:
        return end, max(change, TIGHT)
    raise NotConvergedError(f"the reference by {ADAPTIVE} still changes by {change:.1e}; {CLOSE:.0e} was asked for")


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
        f"Errors are those of {count} starts, where {wanted} are usual: exact ends of {FEW} take {pace.seconds:.2g} "
        "seconds."
    ]
