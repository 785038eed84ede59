"""Trees of the second prover, against counts and sums that are known."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from math import factorial, prod
from typing import Any

from hyperdsl.second.trees import STATE, coloured, density, shown, size, trees
from hyperdsl.theory.runge_kutta.trees import COLOURED
from hyperdsl.theory.runge_kutta.trees import trees as exact_trees


def symmetry(tree: Any) -> int:
    groups = [list(group) for _, group in groupby(tree)] if tree != "s" else []
    return prod(factorial(len(group)) * symmetry(group[0]) ** len(group) for group in groups)


def test_there_are_as_many_as_oeis_a000081_says_and_no_two_are_the_same() -> None:
    found = [list(trees(order)) for order in range(1, 11)]
    assert [len(level) for level in found] == [1, 1, 2, 4, 9, 20, 48, 115, 286, 719]
    canonical = [{_sorted(tree) for tree in level} for level in found]
    assert [len(level) for level in canonical] == [len(level) for level in found]
    assert all(size(tree) == order for order, level in enumerate(found, start=1) for tree in level)


def _sorted(tree: Any) -> Any:
    return tuple(sorted(map(_sorted, tree)))


def test_the_labellings_of_an_order_add_up() -> None:
    """n!/(σγ) counts the labellings of a tree that increase from the root; of all trees there are (n − 1)! (HNW I,
    II.2), which a wrong γ or a tree too many would change."""
    for order in range(1, 9):
        counts = [factorial(order) // (symmetry(tree) * density(tree)) for tree in trees(order)]
        assert sum(counts) == factorial(order - 1)


def test_colourings_are_those_of_the_exact_engine() -> None:
    for order in range(1, 7):
        found = [tree for plain in trees(order) for tree in coloured(plain)]
        assert len(set(found)) == len(found)
        exact = Counter(tree.density for tree in exact_trees(order, COLOURED)) if order > 1 else Counter({1: 1})
        assert Counter(map(density, found)) == exact


def test_a_lone_root_is_a_state_leaf() -> None:
    assert coloured(STATE) == (STATE,)
    assert [shown(tree) for tree in coloured(((),))] == ["[τ]", "[s]"]
