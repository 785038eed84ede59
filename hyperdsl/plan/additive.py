"""Additive methods as steps: slopes e1, e2, … of the explicit part of f, and i1, i2, … of the implicit part."""

from __future__ import annotations

from collections.abc import Sequence

from hyperdsl.plan.passes import drop_zeros, nonzero
from hyperdsl.plan.runge_kutta import in_order
from hyperdsl.plan.step import Coefficient, Dense, Evaluate, Linear, Step, Term, Weight, state
from hyperdsl.semantics.model.additive import EXPLICIT, IMPLICIT, PARTS, AdditiveDense
from hyperdsl.semantics.model.entries import Entries
from hyperdsl.semantics.model.expressions import Binary, Expression
from hyperdsl.theory.additive.pair import Pair
from hyperdsl.theory.numbers.exact import Exact

LETTERS: dict[str, str] = {EXPLICIT: "e", IMPLICIT: "i"}
"""What the slopes of a part are called, before the number of their stage."""


def additive(
    pair: Pair, entries: tuple[Entries, ...], dense: AdditiveDense | None = None
) -> tuple[Step, tuple[str, ...]]:
    """The step of the pair's first row of weights, and its slopes, those of a stage's implicit part first."""
    stages: dict[str, Evaluate] = {}
    for i in range(pair.stages):
        rows = [tableau.a[i] for tableau in pair.tableaux], [one.a[i] for one in entries]
        at = nonzero((*state(), *_slopes(pair, *rows)))
        for part in reversed(PARTS):
            which = pair.names.index(part)
            node = Coefficient(pair.tableaux[which].c[i], entries[which].c[i])
            name = f"{LETTERS[part]}{i + 1}"
            stages[name] = Evaluate(name, node, at, part)
    end = _slopes(pair, [tableau.weights[0] for tableau in pair.tableaux], [one.weights[0] for one in entries])
    step = Step(in_order(stages), (*state(), *end), dense=_dense(dense))
    return drop_zeros(step), tuple(stages)


def _dense(dense: AdditiveDense | None) -> Dense | None:
    """Each stage's weight for both of its slopes, in the order of the slopes."""
    if dense is None:
        return None
    both = [
        Weight(weight, written, f"{LETTERS[part]}{i + 1}")
        for i, (weight, written) in enumerate(zip(dense.weights, dense.written, strict=True))
        for part in reversed(PARTS)
    ]
    return Dense(dense.order, tuple(both))


def difference(pair: Pair, entries: tuple[Entries, ...]) -> Linear:
    """The propagated weights less those of the second row, times the slopes of the step."""
    rows = [tuple(p - q for p, q in zip(*tableau.weights[:2], strict=True)) for tableau in pair.tableaux]
    written = [tuple(Binary("-", p, q) for p, q in zip(*one.weights[:2], strict=True)) for one in entries]
    return nonzero(_slopes(pair, rows, written))


def _slopes(pair: Pair, rows: Sequence[Sequence[Exact]], written: Sequence[Sequence[Expression]]) -> Linear:
    """ε Σ row·slopes, over the parts and then the stages."""
    return tuple(
        Term(Coefficient(value, expression), f"{LETTERS[part]}{j + 1}", 1)
        for part, row, texts in zip(pair.names, rows, written, strict=True)
        for j, (value, expression) in enumerate(zip(row, texts, strict=True))
    )
