"""Up to which order trees can be looked at, by their numbers alone."""

from __future__ import annotations

from collections.abc import Callable

from flint import fmpz

from hyperdsl.theory.numbers.algebraic import Algebraic
from hyperdsl.theory.numbers.budget import MOST_TREES, MOST_WORK
from hyperdsl.theory.runge_kutta import trees
from hyperdsl.theory.runge_kutta.tableau import HIGHEST_ORDER, Tableau
from hyperdsl.theory.runge_kutta.trees import Leaf

ENOUGH = 12
"""Beyond this order trees are looked at only for the sake of a claim."""

_OF_PARAMETERS = 16
_BITS_OF_A_UNIT = 512


def reach(tableau: Tableau, leaves: tuple[Leaf, ...], *, exact: bool, rows: int = 1, claimed: int | None = None) -> int:
    """The largest order whose trees, with all below, are within the budget, for so many rows of weights.

    Where an order is claimed, no more than the next one is looked at beyond `ENOUGH`.
    """
    of_a_tree = price(tableau, exact=exact)
    order = 1
    while order < HIGHEST_ORDER:
        found = trees.count(order + 1, leaves)
        if found > MOST_TREES or found * rows * of_a_tree(order + 1) > MOST_WORK:
            break
        order += 1
    return order if claimed is None else min(order, max(claimed + 1, ENOUGH))


def price(tableau: Tableau, *, exact: bool) -> Callable[[int], int]:
    """What the weight of a tree costs, by its order: products of numbers that fill a machine's word or two."""
    number, bits = (_dearness(tableau), _bits(tableau)) if exact else (1, 0)
    return lambda order: tableau.stages**2 * number * (1 + order * bits // _BITS_OF_A_UNIT)


def _dearness(tableau: Tableau) -> int:
    """How much dearer exact numbers are than balls, their length aside."""
    if tableau.parameters:
        return _OF_PARAMETERS
    values = {value for row in tableau.rows for value in row}
    degrees = {value.field.degree for value in values if isinstance(value, Algebraic)}
    if degrees:
        return max(degrees) ** 2
    return 1 + len({d for value in values for d in value.terms if d != 1})


def _bits(tableau: Tableau) -> int:
    """About by how much numbers grow with each node: numerators, and what all denominators have in common."""
    coefficients = [q for row in tableau.rows for value in row for q in value.coefficients()]
    common = fmpz(1)
    for q in coefficients:
        common = common.lcm(q.q)
        if common.bit_length() > MOST_WORK // 64:
            break
    return int(common.bit_length()) + max((int(q.p.bit_length()) for q in coefficients), default=0)
