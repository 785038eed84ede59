"""How far trees are looked at: within a number of them, and within work that grows with stages, rows and digits."""

from __future__ import annotations

from fractions import Fraction

import pytest

from hyperdsl.theory.numbers import irrational
from hyperdsl.theory.numbers.budget import MOST_TREES, MOST_WORK
from hyperdsl.theory.numbers.exact import ONE, Exact
from hyperdsl.theory.runge_kutta.order import prove_order
from hyperdsl.theory.runge_kutta.reach import reach
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.runge_kutta.trees import AUTONOMOUS, COLOURED, PLAIN, count

from . import tableaux

UP_TO_FOURTEEN = 53_272
"""Trees with at most 14 nodes: OEIS A000081, added up."""


def one_stage(node: Exact) -> Tableau:
    return Tableau(((node,),), (node,), ((ONE,),))


def test_a_number_of_trees_is_enough() -> None:
    assert count(14) == UP_TO_FOURTEEN
    assert UP_TO_FOURTEEN <= MOST_TREES < count(15)
    assert reach(tableaux.RK4, PLAIN, exact=False) == reach(tableaux.RK4, AUTONOMOUS, exact=True) == 14
    assert count(reach(tableaux.RK4, COLOURED, exact=False), COLOURED) <= MOST_TREES
    assert count(reach(tableaux.RK4, COLOURED, exact=False) + 1, COLOURED) > MOST_TREES


@pytest.mark.parametrize(("claimed", "order"), [(1, 12), (11, 12), (12, 13), (13, 14), (40, 14)])
def test_beyond_twelve_only_what_is_claimed_is_looked_at(claimed: int, order: int) -> None:
    assert reach(tableaux.RK4, PLAIN, exact=False, claimed=claimed) == order


DEARER = {
    "balls": (tableaux.GAUSS6, False, 9),
    "rationals": (tableaux.RK4, True, 16),
    "one square root": (tableaux.GAUSS6, True, 9 * 2),
    "a parameter": (tableaux.second_order(Exact.parameter("alpha")), True, 4 * 16),
    "a family in balls": (tableaux.second_order(Exact.parameter("alpha")), False, 4),
    "a field of degree three": (one_stage(irrational.cos_pi(Fraction(1, 7))), True, 9),
    "514 bits for each of 14 nodes": (one_stage(Exact.of(Fraction(1, 2**512))), True, 15),
}
"""A method, whether it is exact, and the work that a tree of it with 14 nodes is worth."""


@pytest.mark.parametrize("name", DEARER)
def test_work_grows_with_rows_stages_and_numbers(name: str) -> None:
    method, exact, cost = DEARER[name]
    rows = MOST_WORK // (cost * UP_TO_FOURTEEN)
    assert reach(method, PLAIN, exact=exact, rows=rows) == 14
    assert reach(method, PLAIN, exact=exact, rows=rows + 1) == 13


def test_exact_proofs_reach_as_far_as_exact_numbers_do(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def seen(tableau: Tableau, leaves: object, *, exact: bool, claimed: int | None) -> int:
        asked.append((leaves, exact, claimed))
        return 3

    monkeypatch.setattr("hyperdsl.theory.runge_kutta.order.reach", seen)
    prove_order(tableaux.RK4, claimed=4)
    prove_order(tableaux.AUTONOMOUS_RK4)
    prove_order(tableaux.AUTONOMOUS_RK4, 0, Exact.of(Fraction(1, 100)))
    prove_order(tableaux.second_order(Exact.parameter("alpha")), 0, Exact.of(Fraction(1, 100)))
    assert asked == [
        (PLAIN, True, 4),
        (COLOURED, True, None),
        (AUTONOMOUS, True, None),
        (PLAIN, False, None),
        (PLAIN, False, None),
        (PLAIN, True, None),
    ]
