"""Up to which order trees can be looked at, by their numbers alone."""

from __future__ import annotations

from hyperdsl.theory.numbers.algebraic import Algebraic
from hyperdsl.theory.numbers.budget import MOST_TREES, MOST_WORK
from hyperdsl.theory.runge_kutta import trees
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.runge_kutta.trees import Leaf

ENOUGH = 12
"""Beyond this order trees are looked at only for the sake of a claim."""

_OF_PARAMETERS = _OF_FIELDS = 16


def reach(tableau: Tableau, leaves: tuple[Leaf, ...], *, exact: bool, rows: int = 1, claimed: int | None = None) -> int:
    """The largest order whose trees, with all below, are within the budget, for so many rows of weights.

    Where an order is claimed, no more than the next one is looked at beyond `ENOUGH`.
    """
    cost = rows * tableau.stages**2 * (_cost_of_exact(tableau) if exact else 1)
    order = 1
    while (number := trees.count(order + 1, leaves)) <= MOST_TREES and number * cost <= MOST_WORK:
        order += 1
    return order if claimed is None else min(order, max(claimed + 1, ENOUGH))


def _cost_of_exact(tableau: Tableau) -> int:
    """How much dearer exact numbers are than balls."""
    if tableau.parameters:
        return _OF_PARAMETERS
    values = {value for row in tableau.rows for value in row}
    if any(isinstance(value, Algebraic) for value in values):
        return _OF_FIELDS
    return 1 + len({d for value in values for d in value.terms if d != 1})
