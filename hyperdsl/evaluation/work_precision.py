"""Error against cost of a solver and of others beside it, on one problem.

Cost is honest: multiply-accumulates and milliseconds hold the corrector's work and every evaluation of f, and all
methods solve the same states over the same span.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from hyperdsl.evaluation.contenders import Contender, beside
from hyperdsl.evaluation.cost import Cost, cost_of, milliseconds
from hyperdsl.evaluation.errors import NotConvergedError
from hyperdsl.evaluation.metrics import l2, mape, relative_error
from hyperdsl.evaluation.problems import Problem, VectorField, on_path
from hyperdsl.evaluation.scipy_methods import stiff_reference
from hyperdsl.evaluation.solvers import Solved, Span, TableauSolver, reference_solution
from hyperdsl.evaluation.stiff import DRAWN

UNSEEN = 1_000_003
"""A seed that training does not use."""
STIFF_TOLERANCE = 1e-7
"""How exactly a problem is solved that turned out to be stiff."""


@dataclass(frozen=True)
class Start:
    """What all contenders solve: states z0 [batch, *state_shape], their inputs x if any, and the exact end states."""

    f: VectorField
    z0: Tensor
    span: Span
    reference: Tensor
    x: Tensor | None = None


@dataclass(frozen=True)
class Row:
    """One contender measured. `macs` are one sample's, `milliseconds` a batch's; `accuracy` is a percentage.

    `macs` are 0 where they are not known. `jacobians`, `factorisations` and `products` with Jacobians are those of
    methods that have them.

    `corrector_share` is g's part of `macs`, and `corrector_over_field` the cost of a call of g over that of f.
    `outside` says how a solve left what its g was trained for, with the ranges of the training.
    """

    method: str
    setting: str
    evaluations: int
    macs: int
    milliseconds: float
    mape: float
    l2: float
    relative_error: float
    accuracy: float | None = None
    corrector_share: float = 0.0
    corrector_over_field: float | None = None
    outside: str | None = None
    jacobians: int | None = None
    factorisations: int | None = None
    products: int | None = None


def _solve(contender: Contender, z0: Tensor, span: Span, x: Tensor | None, f: VectorField) -> Tensor:
    return contender.run(f, z0, span, x)


def _counted(contender: Contender, start: Start) -> Solved | None:
    """What the contender itself counts over all states, in its last run; None where it does not count."""
    with torch.no_grad():
        return contender.counted(start.f, start.z0, start.span, start.x) if contender.counted else None


def measure(
    contenders: Sequence[Contender],
    start: Start,
    *,
    batch: int = 64,
    repeats: int = 30,
    accuracy: Callable[[Tensor], float] | None = None,
    split: int | None = None,
    seconds: float = 3.0,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Row]:
    """A row for each contender; times, by the `clock`, and costs are those of the first `batch` states.

    Errors are those of all states, solved `split` at a time where that is said. Of a contender that has been timed for
    so many `seconds` no further solve is. That a solve leaves what its g was trained for stands in its row, and is no
    warning.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\w+ leaves what its g was trained for")
        times = timed(contenders, start, batch, repeats, seconds, clock)
        return _measured(contenders, start, batch, times, accuracy, split or len(start.z0))


def timed(
    contenders: Sequence[Contender],
    start: Start,
    batch: int,
    repeats: int = 30,
    seconds: float = 3.0,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """The milliseconds that the first `batch` states take each contender, by "method setting"."""
    z0, x = _first(start, batch)
    calls = {f"{c.method} {c.setting}": partial(c.run, start.f, z0, start.span, x) for c in contenders}
    return milliseconds(calls, repeats, seconds=seconds, clock=clock)


def _first(start: Start, batch: int) -> tuple[Tensor, Tensor | None]:
    return start.z0[:batch], None if start.x is None else start.x[:batch]


def _ends(contender: Contender, start: Start, split: int) -> Tensor:
    """The ends of all states, solved so many at a time."""
    parts = torch.split(start.z0, split)
    inputs = torch.split(start.x, split) if start.x is not None else [None] * len(parts)
    return torch.cat([contender.run(start.f, z0, start.span, x) for z0, x in zip(parts, inputs, strict=True)])


def _measured(
    contenders: Sequence[Contender],
    start: Start,
    batch: int,
    times: Mapping[str, float],
    accuracy: Callable[[Tensor], float] | None,
    split: int,
) -> list[Row]:
    z0, x = _first(start, batch)
    rows = []
    for contender in contenders:
        own = _counted(contender, start)
        with torch.no_grad():
            z = own.z if own else _ends(contender, start, split)
        if own and contender.foreign:
            cost = Cost(own.evaluations, 0)
        else:
            cost = cost_of(partial(_solve, contender, z0, start.span, x), start.f, contender.corrector)
        judged = None if accuracy is None else accuracy(z)
        taken = times[f"{contender.method} {contender.setting}"]
        rows.append(row_of(contender, z, start.reference, own, cost, len(z0), taken, judged))
    return rows


def row_of(
    contender: Contender,
    z: Tensor,
    reference: Tensor,
    own: Solved | None,
    cost: Cost,
    batch: int,
    milliseconds: float,
    accuracy: float | None = None,
) -> Row:
    """The row of a contender whose ends are z; `cost` is that of `batch` states, `own` what it counted itself."""
    return Row(
        contender.method,
        contender.setting,
        own.evaluations if own else cost.evaluations,
        round(cost.macs / batch),
        milliseconds,
        mape(z, reference),
        l2(z, reference),
        relative_error(z, reference),
        accuracy,
        cost.corrector_macs / cost.macs if cost.macs else 0.0,
        cost.corrector_over_field,
        contender.outside,
        own.jacobians if own else None,
        own.factorisations if own else None,
        own.products if own else None,
    )


def unseen(problem: Problem, samples: int | None = None, seed: int = UNSEEN) -> Start:
    """States of the problem that no training draws, with their exact ends. NotConvergedError where none can be had."""
    z0, x = problem.draw(samples or problem.samples, torch.Generator().manual_seed(seed))
    return Start(problem.f, z0, problem.span, exact_end(problem, z0, problem.span, x), x)


def begun(problem: Problem) -> tuple[Problem, Start]:
    """The problem with `unseen` states: as a stiff one where explicit steps do not lead to their ends.

    It is solved to no more than STIFF_TOLERANCE then, and from fewer states, each of which is solved alone.
    """
    try:
        return problem, unseen(problem)
    except NotConvergedError:
        if problem.stiff:
            raise
    samples, tolerance = min(problem.samples, DRAWN), max(problem.tolerance, STIFF_TOLERANCE)
    stiff = replace(problem, stiff=True, samples=samples, tolerance=tolerance)
    return stiff, unseen(stiff)


def exact_end(problem: Problem, z0: Tensor, span: Span, x: Tensor | None = None) -> Tensor:
    """The states at the end of a span from z0 on, within the problem's tolerance. NotConvergedError as `unseen`."""
    find = partial(stiff_reference, jacobian=problem.jacobian) if problem.stiff else reference_solution
    return find(problem.f, z0, span, x, tolerance=problem.tolerance).z


def compare(
    problem: Problem,
    name: str,
    solver: Callable[..., Tensor],
    methods: Mapping[str, TableauSolver],
    steps: Sequence[int],
    *,
    samples: int | None = None,
    parameters: Mapping[str, float] | None = None,
    tolerances: Sequence[float] = (1e-3, 1e-6),
) -> list[Row]:
    """What `beside` names, measured on `unseen` states of the problem, whose errors those two raise."""
    contenders = beside(name, solver, methods, steps, parameters=parameters, tolerances=tolerances)
    return measure(contenders, unseen(on_path(problem, solver), samples))
