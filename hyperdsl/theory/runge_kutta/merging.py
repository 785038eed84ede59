"""Stages that are the same evaluation, and rows of weights that therefore give the same state."""

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


def _numbered(values: tuple[object, ...]) -> tuple[int, ...]:
    numbers: dict[object, int] = {}
    return tuple(numbers.setdefault(value, len(numbers)) for value in values)


def _by_class(row: Row, classes: tuple[int, ...]) -> tuple[tuple[int, Exact], ...]:
    sums: dict[int, Exact] = {}
    for number, value in zip(classes, row, strict=True):
        sums[number] = sums.get(number, ZERO) + value
    return tuple((number, value) for number, value in sorted(sums.items()) if not value.is_zero)
