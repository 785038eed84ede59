"""Error against cost: the solver at settings that it is meant for, and others over the same range of cost."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hyperdsl import compiler
from hyperdsl.evaluation.contenders import (
    DEFAULT_METHODS,
    DEFAULT_STEPS,
    STIFF_METHODS,
    Contender,
    beside,
    fixed,
    is_adaptive,
)
from hyperdsl.evaluation.problems import VectorField
from hyperdsl.evaluation.solvers import TableauSolver
from hyperdsl.evaluation.work_precision import Start
from hyperdsl.reporting.subject import Subject
from hyperdsl.training.protocol import is_graded
from hyperdsl.training.trained import trained_grids

SETTINGS = 5
"""Numbers of steps of a method, from the fewest to the most in equal ratios."""
TOLERANCES = (1e-2, 1e-3, 1e-5, 1e-7)
FEW = 4
"""States from which evaluations are counted beforehand."""
BEYOND = 4
"""How many times as many evaluations as the solver's most others are given: more accuracy may be worth it."""


def own_steps(subject: Subject) -> tuple[int, ...] | None:
    """The numbers of steps that the solver is taken at; None where it is taken at steps of its own."""
    if is_adaptive(subject.solver) or is_graded(subject.solver) or trained_grids(subject.solver):
        return None
    ranges, length = subject.ranges, abs(subject.problem.span[1] - subject.problem.span[0])
    if ranges is None:
        return DEFAULT_STEPS
    fewest, most = (max(round(length / eps), 1) for eps in reversed(ranges.eps))
    return spread(max(fewest, getattr(subject.solver, "past", 0) + 1), min(most, ranges.steps))


def spread(fewest: int, most: int, count: int = SETTINGS) -> tuple[int, ...]:
    """Whole numbers from the fewest to the most, in ratios as equal as these allow."""
    ratio = max(most / fewest, 1.0)
    return tuple(sorted({round(fewest * ratio ** (k / (count - 1))) for k in range(count)}))


def contenders(subject: Subject, start: Start) -> list[Contender]:
    """The solver first, then its base alone, methods of the library, and torchdiffeq's or SciPy's.

    EvaluationError where a free parameter has no value, or the problem lacks the parts that the solver takes.
    """
    problem, solver = subject.problem, subject.solver
    steps, scipy = own_steps(subject), STIFF_METHODS if problem.stiff else ()
    given = {"parameters": subject.parameters, "scipy": scipy, "problem": problem, "tolerances": TOLERANCES}
    own, others = _apart(beside(subject.name, solver, {}, steps, **given), solver)  # type: ignore[arg-type]
    base = subject.base()
    tableaux = [base] if base else []
    tableaux += [] if problem.stiff else [_library(name) for name in DEFAULT_METHODS if name not in _equal(base)]
    counts = _evaluations(own, start)
    for tableau in tableaux:
        fewest, most = (max(round(count / tableau.evaluations_per_step), 1) for count in counts)
        own += fixed(tableau.name, tableau, spread(fewest, BEYOND * most))
    return own + others


def _apart(found: Sequence[Contender], solver: nn.Module) -> tuple[list[Contender], list[Contender]]:
    return [one for one in found if one.solver is solver], [one for one in found if one.solver is not solver]


def _library(name: str) -> TableauSolver:
    method = compiler.library_method(name)
    assert method is not None  # the usual methods are the library's
    return TableauSolver(name, method.tableau)


def _equal(base: TableauSolver | None) -> set[str]:
    """The usual methods that the base is itself."""
    return set() if base is None else {name for name in DEFAULT_METHODS if _library(name).tableau == base.tableau}


@torch.no_grad()
def _evaluations(own: Sequence[Contender], start: Start) -> tuple[float, float]:
    """The fewest and the most evaluations of f in a solve, which others are to have as well."""
    x = None if start.x is None else start.x[:FEW]
    given = (start.z0[:FEW], start.span, x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that g leaves its ranges is told in the rows
        counts = [
            one.counted(start.f, *given).evaluations if one.counted else _calls(one, start.f, *given) for one in own
        ]
    return max(min(counts), 1), max(*counts, 1)


def _calls(one: Contender, f: VectorField, *given: Any) -> int:
    """How often a solve calls f; of a solver that is given f in parts, what a step takes."""
    calls = 0

    def counting(*arguments: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return f(*arguments)

    one.run(counting, *given)
    return calls or getattr(one.solver, "evaluations_per_step", 1)
