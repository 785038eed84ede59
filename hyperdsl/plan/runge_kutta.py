"""Runge–Kutta methods as steps: stages that are evaluated, or solved for one at a time, or all at once."""

from __future__ import annotations

from hyperdsl.plan.passes import drop_zeros, nonzero
from hyperdsl.plan.step import (
    Coefficient,
    Dense,
    Evaluate,
    Linear,
    Solve,
    Statement,
    Step,
    Term,
    Weight,
    names,
    state,
)
from hyperdsl.semantics import model as m
from hyperdsl.semantics.expressions import Constant, Expression
from hyperdsl.theory.exact import Exact
from hyperdsl.theory.tableau import Tableau


def runge_kutta(tableau: Tableau, entries: m.Entries, dense: m.Dense | None = None) -> tuple[Step, tuple[str, ...]]:
    """The step of the tableau's first row of weights, and its slopes k1, k2, …; with the extra stages of `dense`."""
    whole, written = (dense.tableau, dense.entries) if dense else (tableau, entries)
    every = stage_names(whole.stages)
    body = _statements(whole, written)
    step = Step(body, (*state(), *slopes(tableau.weights[0], entries.weights[0])), dense=_dense(dense, every))
    return drop_zeros(step), every[: tableau.stages]


def tableau_step(tableau: Tableau) -> Step:
    """The step of a tableau, its coefficients written as the numbers that they are."""
    return runge_kutta(tableau, _entries(tableau))[0]


def stage_names(count: int) -> tuple[str, ...]:
    """k1, k2, …"""
    return tuple(f"k{i + 1}" for i in range(count))


def slopes(row: tuple[Exact, ...], written: tuple[Expression, ...]) -> Linear:
    """ε Σ row·k."""
    pairs = zip(row, written, stage_names(len(row)), strict=True)
    return tuple(Term(Coefficient(value, expression), name, 1) for value, expression, name in pairs)


def _statements(tableau: Tableau, entries: m.Entries) -> tuple[Statement, ...]:
    """The stages in their order: a stage that reads itself is solved for, stages that read later ones all at once."""
    rows = zip(stage_names(tableau.stages), tableau.c, entries.c, tableau.a, entries.a, strict=True)
    stages = tuple(
        Evaluate(name, Coefficient(c, c_written), nonzero((*state(), *slopes(row, written))))
        for name, c, c_written, row, written in rows
    )
    if tableau.kind == "implicit":
        return (Solve(stages, state(), "newton"),)
    return tuple(Solve((stage,), state(), "newton") if stage.name in names(stage.of) else stage for stage in stages)


def _dense(dense: m.Dense | None, every: tuple[str, ...]) -> Dense | None:
    if dense is None:
        return None
    return Dense(dense.order, tuple(map(Weight, dense.weights, dense.entries.weights[0], every)))


def _entries(tableau: Tableau) -> m.Entries:
    def constants(row: tuple[Exact, ...]) -> tuple[Expression, ...]:
        return tuple(map(Constant, row))

    a, weights = tuple(map(constants, tableau.a)), tuple(map(constants, tableau.weights))
    return m.Entries(a, constants(tableau.c), weights)
