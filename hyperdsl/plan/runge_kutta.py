"""Runge–Kutta methods as steps: stages that are evaluated, or solved for one at a time, or all at once."""

from __future__ import annotations

from collections.abc import Mapping, Set

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
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.model.entries import Entries
from hyperdsl.semantics.model.expressions import Binary, Constant, Expression
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.tableau import Tableau


def runge_kutta(tableau: Tableau, entries: Entries, dense: m.Dense | None = None) -> tuple[Step, tuple[str, ...]]:
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


def difference(tableau: Tableau, entries: Entries) -> Linear:
    """The propagated weights less those of the second row, times the slopes of the step."""
    (b, embedded), (b_written, written) = tableau.weights[:2], entries.weights[:2]
    values = tuple(x - y for x, y in zip(b, embedded, strict=True))
    differences = tuple(Binary("-", x, y) for x, y in zip(b_written, written, strict=True))
    return nonzero(slopes(values, differences))


def _statements(tableau: Tableau, entries: Entries) -> tuple[Statement, ...]:
    """The stages in an order in which they can be evaluated; those that read one another are solved for together."""
    rows = zip(stage_names(tableau.stages), tableau.c, entries.c, tableau.a, entries.a, strict=True)
    stages = {
        name: Evaluate(name, Coefficient(c, c_written), nonzero((*state(), *slopes(row, written))))
        for name, c, c_written, row, written in rows
    }
    return in_order(stages)


def in_order(stages: Mapping[str, Evaluate]) -> tuple[Statement, ...]:
    """Stages by name in an order in which they can be evaluated; those that read one another are a `Solve`."""
    reads = {name: names(stage.of) & stages.keys() for name, stage in stages.items()}
    return tuple(_statement(tuple(stages[name] for name in block)) for block in _blocks(reads))


def _statement(block: tuple[Evaluate, ...]) -> Statement:
    alone = len(block) == 1 and block[0].name not in names(block[0].of)
    return block[0] if alone else Solve(block, state(), "newton")


def _blocks(reads: Mapping[str, Set[str]]) -> list[tuple[str, ...]]:
    """The names in the sets that read one another, each after those that it reads, otherwise in the given order."""
    reached = {name: {name, *others} for name, others in reads.items()}
    for through in reads:  # Warshall's algorithm
        for name in reads:
            if through in reached[name]:
                reached[name] |= reached[through]
    blocks: list[tuple[str, ...]] = []
    left = list(reads)
    while left:
        block = next(
            own
            for name in left
            if reached[name].intersection(left) == (own := {other for other in left if _mutual(name, other, reached)})
        )
        blocks.append(tuple(name for name in left if name in block))
        left = [name for name in left if name not in block]
    return blocks


def _mutual(x: str, y: str, reached: Mapping[str, Set[str]]) -> bool:
    return y in reached[x] and x in reached[y]


def _dense(dense: m.Dense | None, every: tuple[str, ...]) -> Dense | None:
    if dense is None:
        return None
    return Dense(dense.order, tuple(map(Weight, dense.weights, dense.entries.weights[0], every)))


def _entries(tableau: Tableau) -> Entries:
    def constants(row: tuple[Exact, ...]) -> tuple[Expression, ...]:
        return tuple(map(Constant, row))

    a, weights = tuple(map(constants, tableau.a)), tuple(map(constants, tableau.weights))
    return Entries(a, constants(tableau.c), weights)
