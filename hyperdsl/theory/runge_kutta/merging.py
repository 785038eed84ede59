"""Stages that are the same evaluation, rows of weights that therefore give the same state, and stages that count."""

from __future__ import annotations

from hyperdsl.theory.numbers.exact import ZERO, Exact
from hyperdsl.theory.runge_kutta.tableau import Row, Tableau


def give_the_same(tableau: Tableau, row: int, other: int) -> bool:
    """Whether two rows of weights give the same state for every f, since stages with different weights are equal."""
    classes = equal_stages(tableau)
    return _by_class(tableau.weights[row], classes) == _by_class(tableau.weights[other], classes)


def equal_stages(tableau: Tableau) -> tuple[int, ...]:
    """A number for each stage, the same for those that are equal.

    Stages are equal where their nodes are, and their rows of A once equal stages are added up: the coarsest such
    partition, found by refinement, holds of implicit stages too, since their equations have one solution.
    """
    found = _numbered(tableau.c)
    while True:
        rows = tuple((number, _by_class(row, found)) for number, row in zip(found, tableau.a, strict=True))
        refined = _numbered(rows)
        if len(set(refined)) == len(set(found)):
            return found
        found = refined


def irreducible(tableau: Tableau) -> Tableau:
    """The method of the first row of weights alone, equal stages as one, and without those that it does not depend on.

    Irreducible methods that give the same state for every f differ in the order of their stages at most (Hairer &
    Wanner II, §IV.12; Butcher 2016, §381).
    """
    classes = equal_stages(tableau)
    rows = [dict(_by_class(row, classes)) for row in (*tableau.a, tableau.weights[0])]
    first = {number: i for i, number in reversed(list(enumerate(classes)))}
    found: set[int] = set()
    needed = set(rows[-1])
    while needed - found:
        found |= needed
        needed = found.union(*(rows[first[number]] for number in found))
    kept = sorted(found)

    def entries(row: dict[int, Exact]) -> Row:
        return tuple(row.get(number, ZERO) for number in kept)

    c = tuple(tableau.c[first[number]] for number in kept)
    return Tableau(tuple(entries(rows[first[number]]) for number in kept), c, (entries(rows[-1]),))


def _numbered(values: tuple[object, ...]) -> tuple[int, ...]:
    numbers: dict[object, int] = {}
    return tuple(numbers.setdefault(value, len(numbers)) for value in values)


def _by_class(row: Row, classes: tuple[int, ...]) -> tuple[tuple[int, Exact], ...]:
    sums: dict[int, Exact] = {}
    for number, value in zip(classes, row, strict=True):
        sums[number] = sums.get(number, ZERO) + value
    return tuple((number, value) for number, value in sorted(sums.items()) if not value.is_zero)
