"""Error against cost: the solver at settings that it is meant for, and others over the same range of cost."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from hyperdsl.evaluation.contenders import (
    DEFAULT_METHODS,
    DEFAULT_STEPS,
    STIFF_METHODS,
    Contender,
    beside,
    fixed,
    is_adaptive,
)
from hyperdsl.evaluation.solvers import TableauSolver
from hyperdsl.reporting.methods import library
from hyperdsl.reporting.subject import Subject
from hyperdsl.training.protocol import is_graded, learned_names, past_of
from hyperdsl.training.trained import trained_grids

SETTINGS, OTHERS = 5, 4
"""Numbers of steps of the solver and of each other method, from the fewest to the most in equal ratios."""
TOLERANCES = (1e-2, 1e-3, 1e-5, 1e-7)
MOST = 400
"""Steps of others: more of them take too long to measure, and those of high order need no more."""
BEYOND = 4
"""How many times as many evaluations as the solver's most others are given: more accuracy may be worth it."""


def own_steps(subject: Subject) -> tuple[int, ...] | None:
    """The numbers of steps that the solver is taken at; None where it is taken at steps of its own.

    They are those that it was trained for, else those of the step sizes in which the problem is interesting.
    """
    if is_adaptive(subject.solver) or is_graded(subject.solver) or trained_grids(subject.solver):
        return None
    ranges, length = subject.ranges, abs(subject.problem.span[1] - subject.problem.span[0])
    sizes = ranges.eps if ranges else subject.problem.eps
    if sizes is None:
        return DEFAULT_STEPS
    fewest, most = (max(round(length / eps), 1) for eps in reversed(sizes))
    return spread(max(fewest, past_of(subject.solver) + 1), min(most, ranges.steps) if ranges else most)


def spread(fewest: int, most: int, count: int = SETTINGS) -> tuple[int, ...]:
    """Whole numbers from the fewest to the most, in ratios as equal as these allow."""
    ratio = max(most / fewest, 1.0)
    return tuple(sorted({round(fewest * ratio ** (k / (count - 1))) for k in range(count)}))


def own_and_others(subject: Subject) -> tuple[list[Contender], list[Contender]]:
    """The solver at its settings; torchdiffeq's or SciPy's methods beside it.

    EvaluationError where a free parameter has no value, or the problem lacks the parts that the solver takes.
    """
    problem, solver = subject.problem, subject.solver
    steps, scipy = own_steps(subject), STIFF_METHODS if problem.stiff else ()
    given = {"parameters": subject.parameters, "scipy": scipy, "problem": problem, "tolerances": TOLERANCES}
    return _apart(beside(subject.name, solver, {}, steps, **given), solver)  # type: ignore[arg-type]


def in_steps(subject: Subject, counts: Sequence[int]) -> list[Contender]:
    """The solver's base alone and methods of the library, in steps that have the evaluations of its own solves."""
    base = subject.base()
    tableaux, found = [base] if base else [], [] if base else _without_g(subject)
    tableaux += [] if subject.problem.stiff else [library(name) for name in DEFAULT_METHODS if name not in _equal(base)]
    for tableau in tableaux:
        fewest, most = (max(round(count / tableau.evaluations_per_step), 1) for count in _ends(counts))
        found += fixed(tableau.name, tableau, spread(min(fewest, MOST // 4), min(BEYOND * most, MOST), OTHERS))
    return found


class _Nothing(nn.Module):
    """A corrector that adds nothing, for nothing."""

    def forward(
        self, eps: Tensor, s: Tensor, x: Tensor | None, z: Tensor, *seen: Tensor, **parameters: Tensor
    ) -> Tensor:
        return torch.zeros_like(z)


def _without_g(subject: Subject) -> list[Contender]:
    """The base alone where it is no tableau of plain steps: the solver of before training, with g left out.

    None of those whose base changes in training, and of those whose steps follow g.
    """
    solver, problem = copy.deepcopy(subject.start), subject.problem
    if not subject.corrected or learned_names(solver) or "learned" in str(getattr(solver, "error", "")):
        return []
    solver.corrector = _Nothing()
    steps = own_steps(subject) or trained_grids(subject.solver) or DEFAULT_STEPS
    least = past_of(solver) + 1
    counts = spread(max(min(steps) // BEYOND, least), min(BEYOND * max(steps), max(MOST, least)), OTHERS)
    given = {"parameters": subject.parameters, "problem": problem}
    name = f"{subject.entry.get('base', 'base')} alone"
    found, _ = _apart(beside(name, solver, {}, counts, **given), solver)  # type: ignore[arg-type]  # as in own_and_others
    return [replace(one, corrector=None) for one in found]


def _ends(counts: Sequence[int]) -> tuple[int, int]:
    return max(min(counts, default=1), 1), max(*counts, 1, 1)


def _apart(found: Sequence[Contender], solver: nn.Module) -> tuple[list[Contender], list[Contender]]:
    return [one for one in found if one.solver is solver], [one for one in found if one.solver is not solver]


def _equal(base: TableauSolver | None) -> set[str]:
    """The usual methods that the base is itself."""
    return set() if base is None else {name for name in DEFAULT_METHODS if library(name).tableau == base.tableau}
