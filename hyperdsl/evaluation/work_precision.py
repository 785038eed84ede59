"""Error against cost of a solver and of others beside it, on one problem.

Cost is honest: multiply-accumulates and milliseconds hold the corrector's work and every evaluation of f, and all
methods solve the same states over the same span.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from hyperdsl.evaluation.contenders import Contender, beside
from hyperdsl.evaluation.cost import Cost, cost_of, milliseconds
from hyperdsl.evaluation.metrics import l2, mape, relative_error
from hyperdsl.evaluation.problems import Problem, VectorField, on_path
from hyperdsl.evaluation.scipy_methods import stiff_reference
from hyperdsl.evaluation.solvers import Solved, Span, TableauSolver, reference_solution

UNSEEN = 1_000_003
"""A seed that training does not use."""


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

    `macs` are 0 where they are not known. `jacobians` and `factorisations` are those of methods that have them.

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
    seconds: float = 3.0,
) -> list[Row]:
    """A row for each contender; times and costs are those of the first `batch` states.

    Of a contender that has been timed for so many `seconds` no further solve is. That a solve leaves what its g was
    trained for stands in its row, and is no warning.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\w+ leaves what its g was trained for")
        return _measured(contenders, start, batch, repeats, accuracy, seconds)


def _measured(
    contenders: Sequence[Contender],
    start: Start,
    batch: int,
    repeats: int,
    accuracy: Callable[[Tensor], float] | None,
    seconds: float,
) -> list[Row]:
    z0, x = start.z0[:batch], None if start.x is None else start.x[:batch]
    times = milliseconds(
        {f"{c.method} {c.setting}": partial(c.run, start.f, z0, start.span, x) for c in contenders},
        repeats,
        seconds=seconds,
    )
    rows = []
    for contender in contenders:
        own = _counted(contender, start)
        with torch.no_grad():
            z = own.z if own else contender.run(start.f, start.z0, start.span, start.x)
        if own and contender.foreign:
            cost = Cost(own.evaluations, 0)
        else:
            cost = cost_of(partial(_solve, contender, z0, start.span, x), start.f, contender.corrector)
        rows.append(
            Row(
                contender.method,
                contender.setting,
                own.evaluations if own else cost.evaluations,
                round(cost.macs / len(z0)),
                times[f"{contender.method} {contender.setting}"],
                mape(z, start.reference),
                l2(z, start.reference),
                relative_error(z, start.reference),
                None if accuracy is None else accuracy(z),
                cost.corrector_macs / cost.macs if cost.macs else 0.0,
                cost.corrector_over_field,
                contender.outside,
                own.jacobians if own else None,
                own.factorisations if own else None,
            )
        )
    return rows


def unseen(problem: Problem, samples: int | None = None, seed: int = UNSEEN) -> Start:
    """States of the problem that no training draws, with their exact ends. NotConvergedError where none can be had."""
    z0, x = problem.draw(samples or problem.samples, torch.Generator().manual_seed(seed))
    return Start(problem.f, z0, problem.span, exact_end(problem, z0, problem.span, x), x)


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
