"""How errors fall with the step: at the end of the span over numbers of steps, and of single steps over their size."""

from __future__ import annotations

import math
import statistics
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from hyperdsl.evaluation.contenders import Contender, beside, is_adaptive
from hyperdsl.evaluation.errors import NotConvergedError
from hyperdsl.evaluation.metrics import relative_error
from hyperdsl.evaluation.stopping import OutOfTimeError, Stop
from hyperdsl.evaluation.work_precision import UNSEEN, Start, exact_end
from hyperdsl.reporting.effort import Effort
from hyperdsl.reporting.starting import Pace
from hyperdsl.reporting.subject import Subject
from hyperdsl.training.protocol import has_history, is_graded, past_of, steps_on, takes_parts
from hyperdsl.training.rows import in_dtype
from hyperdsl.training.trained import trained_grids

MOST_STEPS = 2048
USED = 4
"""The finest steps that a slope is of."""
LARGE = 0.3
"""An error from which on nothing can be said of a slope."""
CONVERGENCE, LOCAL = 0.3, 0.5
"""Shares of the time that is left: of a solver's convergence, and of single steps."""
ENDS = 16
"""About so many times the exact ends of the whole span take those of all single steps."""
NONE = "There was no time for any number of steps."
OFF = (0.0, 1.0, 2.0, 4.0)
"""How far beside solutions states are looked at, in standard deviations of the states on them."""


@dataclass(frozen=True)
class Curve:
    """Errors over numbers of steps or step sizes, from few steps to many, and how steeply they fall."""

    name: str
    points: tuple[tuple[float, float], ...]
    slope: float | None


@dataclass(frozen=True)
class Beside:
    """Single steps from states `off` standard deviations beside solutions: local errors before training and after.

    `places` [n, 2] are the states' first two components or principal components.
    """

    off: float
    before: Tensor
    after: Tensor
    places: Tensor

    @property
    def ratios(self) -> Tensor:
        return self.after / self.before.clamp_min(torch.finfo(self.before.dtype).tiny)

    @property
    def harmed(self) -> float:
        """The share of states at which the learned part makes the step worse; what is not finite is worse."""
        return float((~(self.after <= self.before)).double().mean())


@dataclass(frozen=True)
class Local:
    """Single steps: their errors by size, before training and after, and those of one size beside solutions.

    Errors by size are medians, over the median size of a state.
    """

    sizes: tuple[float, ...]
    before: Curve
    after: Curve
    harmed: tuple[float, ...]
    size: float
    beside: tuple[Beside, ...]
    components: bool

    @property
    def delta(self) -> tuple[float, ...]:
        """The error after training over that before, of each size."""
        pairs = zip(self.before.points, self.after.points, strict=True)
        return tuple(after / before if before else math.nan for (_, before), (_, after) in pairs)


def slope_of(points: Sequence[tuple[float, float]], floor: float) -> float | None:
    """The slope of log error over log step of the finest steps with errors between `floor` and LARGE, if it is sure.

    None where fewer than three are left.
    """
    usable = [(at, error) for at, error in points if floor < error < LARGE][-USED:]
    if len(usable) < 3:
        return None
    found: float = statistics.linear_regression(*([math.log(one[k]) for one in usable] for k in (0, 1))).slope
    return abs(found)


@torch.no_grad()
def convergence(
    subject: Subject, start: Start, effort: Effort, stop: Stop
) -> tuple[tuple[Curve, ...] | None, tuple[str, ...]]:
    """The errors at the end over numbers of steps, of the solver and of what it was before; None for adaptive ones.

    Steps are doubled from a few on while there is patience, and while the error is above the reference's: then come
    sentences on what there was no time for. Solvers with steps of their own have no such errors.
    """
    if is_adaptive(subject.solver) or is_graded(subject.solver):
        return None, ()
    models = {subject.name: subject.solver}
    if subject.learns and subject.trained:
        models = {_before(subject): subject.start, **models}
    dtype = torch.float64 if subject.takes_double() else start.z0.dtype
    z0 = in_dtype(start.z0[: effort.batch], dtype)
    x = None if start.x is None else in_dtype(start.x[: effort.batch], dtype)
    reference, floor = start.reference[: effort.batch], 10 * max(subject.problem.tolerance, torch.finfo(dtype).eps)
    found, told = list[Curve](), list[str]()
    for name, model in models.items():
        points = list[tuple[float, float]]()
        try:
            with stop.within(min(effort.patience, CONVERGENCE * stop.left)):
                for steps, contender in _doubling(subject, model):
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")  # steps here are longer and shorter than those of training
                        end = contender.run(subject.problem.f, z0, start.span, x)
                    error = relative_error(end, reference)
                    points.append((float(steps), error if math.isfinite(error) else math.inf))
                    if error < floor:
                        break
        except OutOfTimeError:
            told.append(f"There was no time for more than {points[-1][0]:g} steps of {name}." if points else NONE)
        found.append(Curve(name, tuple(points), slope_of(points, floor)))
    return tuple(found), tuple(told)


def _before(subject: Subject) -> str:
    """What the solver is without what it has learned."""
    return f"{subject.entry.get('base', 'base')} without g" if subject.corrected else f"{subject.name} untrained"


def _doubling(subject: Subject, model: nn.Module) -> Iterator[tuple[int, Contender]]:
    steps = max(past_of(model) + 1, *(trained_grids(subject.solver)[:1] or [2]))
    while steps <= MOST_STEPS:
        own = beside("", model, {}, (steps,), parameters=subject.parameters, problem=subject.problem)
        yield steps, own[0]
        steps *= 2


@dataclass(frozen=True)
class Steps:
    """Single steps, or why there are none; `reduced` are sentences on what there was no time for."""

    found: Local | None
    why: str = ""
    reduced: tuple[str, ...] = ()


def local_within(subject: Subject, effort: Effort, stop: Stop, pace: Pace | None) -> Steps:
    """Single steps from states on unseen solutions and beside them, as many as there is time for.

    None where exact ends of the whole span take too long.
    """
    if has_history(subject.solver) or subject.entry.get("kind") == "variable":  # type: ignore[arg-type]  # any module
        return Steps(None, "a step of this solver reads the steps before it, so that none can be looked at alone")
    if pace is None:
        return Steps(None, "exact ends, of single steps too, take too long here")
    seconds = LOCAL * stop.left
    count = max(effort.states // 6, 4) if subject.problem.stiff else effort.states
    states = pace.most(count, seconds / ENDS) or min(count, 4)
    asked = replace(effort, states=states)
    if pace.seconds * pace.of(states) > seconds / ENDS:
        asked = replace(asked, times=min(effort.times, 2), sizes=min(effort.sizes, 4))
    try:
        with stop.within(seconds):
            found, cut = _local(subject, asked)
    except NotConvergedError as error:
        return Steps(None, f"no reference for single steps: {error}")
    except OutOfTimeError:
        return Steps(None, f"exact ends of single steps were not found within {seconds:.0f} seconds")
    reduced = [f"Single steps are those from {states} states at a time, where {count} are usual."]
    if asked.times < effort.times:
        reduced.append(f"They begin at {asked.times} times, where {effort.times} are usual.")
    if cut:
        reduced.append("There was no time for single steps of other sizes, or further beside solutions.")
    return Steps(found, reduced=tuple(reduced[states == count :]))


@torch.no_grad()
def _local(subject: Subject, effort: Effort) -> tuple[Local, bool]:
    """Single steps, and whether the time was up before all were taken; OutOfTimeError where it was for the first ones.

    NotConvergedError where there is no reference.
    """
    sizes = _sizes(subject, effort)
    groups = _visited(subject, sorted({s for pairs in sizes.values() for s in pairs}), effort)
    scale = float(torch.cat([z.flatten(1).norm(dim=1) for z, _ in groups.values()]).median()) or 1.0
    before, after = list[tuple[float, float]](), list[tuple[float, float]]()
    harmed, cut = list[float](), False
    for eps, times in sizes.items():
        try:
            errors = [_errors(subject, s, *groups[s], eps) for s in times]
        except OutOfTimeError:
            if not before:
                raise
            cut = True
            break
        old, new = (torch.cat(column) for column in zip(*errors, strict=True))
        before.append((eps, float(old.median()) / scale))
        after.append((eps, float(new.median()) / scale))
        harmed.append(float((~(new <= old)).double().mean()))
    sizes = {eps: sizes[eps] for eps, _ in before}
    size = [*sizes][len(sizes) // 2]
    floor = 1e3 * torch.finfo(torch.float64).eps
    curves = [
        Curve(name, tuple(points), slope_of(points, floor) if len(sizes) > 2 else None)
        for name, points in ((_before(subject), before), (subject.name, after))
    ]
    flat = torch.cat([z for z, _ in groups.values()]).flatten(1)
    found = _beside(subject, groups, size, sizes[size], flat) if subject.learns else ()
    cut = cut or (subject.learns and len(found) < len(OFF))
    return Local(tuple(sizes), curves[0], curves[1], tuple(harmed), size, found, flat.shape[1] > 2), cut


def _sizes(subject: Subject, effort: Effort) -> dict[float, list[float]]:
    """The sizes of steps, the largest first, and the times that steps of each begin at."""
    start, end = subject.problem.span
    length = end - start
    if is_graded(subject.solver):
        own: dict[float, list[float]] = {}
        for after, size in steps_on(subject.solver, length):
            own.setdefault(size, []).append(start + after)
        return dict(sorted(own.items(), key=lambda item: -abs(item[0])))
    grids = trained_grids(subject.solver)
    if grids:
        wanted = [length / steps for steps in grids]
    else:
        ranges = subject.ranges
        low, high = ranges.eps if ranges else subject.problem.eps or (abs(length) / 320, abs(length) / 10)
        high, count = min(high, abs(length)), effort.sizes
        wanted = [math.copysign(high * (low / high) ** (k / (count - 1)), length) for k in range(count)]
    parts = effort.times
    return {
        eps: [start + (length - eps) * k / parts for k in range(parts if abs(eps) < abs(length) else 1)]
        for eps in wanted
    }


Group = tuple[Tensor, Tensor | None]
"""States and their x."""


def _visited(subject: Subject, times: Sequence[float], effort: Effort) -> dict[float, Group]:
    """Unseen states at these times, from the start of the span on."""
    problem = subject.problem
    z, x = problem.draw(effort.states, torch.Generator().manual_seed(UNSEEN + 1))
    dtype = torch.float64 if subject.takes_double() else z.dtype
    z, x, now, found = in_dtype(z, dtype), in_dtype(x, dtype), problem.span[0], {}
    for s in sorted(times, reverse=problem.span[1] < problem.span[0]):
        if s != now:
            z, now = exact_end(problem, z, (now, s), x).to(dtype), s
        found[s] = (z, x)
    return found


def _errors(subject: Subject, s: float, z: Tensor, x: Tensor | None, eps: float) -> tuple[Tensor, Tensor]:
    """The errors [n] of a step before training and after, of the states where the exact end is finite."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # states beside solutions may be where f is wild
        exact = exact_end(subject.problem, z, (s, s + eps), x).flatten(1)
    steps = (subject.start.base_step, subject.solver.step)
    ends = [_stepped(subject, step, s, z, eps, x).double().flatten(1) for step in steps]
    old, new = ((end - exact).norm(dim=1).nan_to_num(math.inf) for end in ends)
    return old, new


def _stepped(subject: Subject, step: Any, s: float, z: Tensor, eps: float, x: Tensor | None) -> Tensor:
    problem, given = subject.problem, dict(subject.parameters) | ({} if x is None else {"x": x})
    f = problem.parts if takes_parts(subject.solver) else problem.f
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            end: Tensor = step(f, s, z, eps, **given)
            return end
    except RuntimeError:  # equations that were not solved
        return torch.full_like(z, torch.nan)


def _beside(
    subject: Subject, groups: dict[float, Group], eps: float, times: Sequence[float], flat: Tensor
) -> tuple[Beside, ...]:
    """Steps from states ever further beside solutions; distances without a reference are left out."""
    deviation, project = flat.std(0), _projection(flat)
    generator, found = torch.Generator().manual_seed(UNSEEN + 2), []
    for off in OFF:
        errors, places = [], []
        try:
            for s in times:
                z, x = groups[s]
                noise = torch.randn(z.shape, generator=generator, dtype=z.dtype.to_real())
                there = z + off * deviation.reshape(z.shape[1:]) * noise
                errors.append(_errors(subject, s, there, x, eps))
                places.append(project(there.flatten(1)))
        except (NotConvergedError, OutOfTimeError):
            continue
        before, after = (torch.cat(column) for column in zip(*errors, strict=True))
        found.append(Beside(off, before, after, torch.cat(places)))
    return tuple(found)


def _projection(flat: Tensor) -> Any:
    """What gives two numbers of each state: its components, where there are two at most, else principal ones."""
    if flat.shape[1] <= 2:
        return lambda z: z[:, [0, -1]].double()
    mean = flat.double().mean(0)
    axes = torch.linalg.svd(flat.double() - mean, full_matrices=False).Vh[:2]
    signs = axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()
    return lambda z: (z.double() - mean) @ (signs * axes).T
