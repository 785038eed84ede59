"""Rooted trees: every one, once, with its density and symmetry."""

from __future__ import annotations

from itertools import pairwise
from math import factorial

import flint
import pytest

from hyperdsl.theory.runge_kutta.stages import BallStages
from hyperdsl.theory.runge_kutta.trees import COLOURED, Leaf, Tree, count, trees
from hyperdsl.theory.runge_kutta.weights import BallWeights

from . import tableaux
from .oracle import gamma, same_trees, shape_of, shapes, size

COUNTS = (1, 1, 2, 4, 9, 20, 48, 115, 286, 719, 1842, 4766)
"""OEIS A000081."""

LEAF = Tree()


def plain(shape: object) -> object:
    """The shape with the leaves that read c written as nodes, children in one order."""
    return () if shape == "c" else tuple(sorted(map(plain, shape), key=repr))  # type: ignore[call-overload]


def test_counts() -> None:
    assert tuple(len(trees(order)) for order in range(1, 13)) == COUNTS
    assert [count(order) for order in range(13)] == [sum(COUNTS[:order]) for order in range(13)]


@pytest.mark.parametrize("order", range(1, 8))
def test_every_tree_once(order: int) -> None:
    assert sorted((plain(shape_of(tree)) for tree in trees(order)), key=repr) == same_trees(order)


@pytest.mark.parametrize("order", range(1, 8))
def test_every_colouring_once(order: int) -> None:
    def key(shape: object) -> str:
        return shape if isinstance(shape, str) else "[" + "".join(sorted(map(key, shape))) + "]"  # type: ignore[call-overload]

    expected = sorted(map(key, shapes(order)))
    assert sorted(key(shape_of(tree)) for tree in trees(order, COLOURED)) == expected
    assert sorted(key(shape_of(tree)) for plain in trees(order) for tree in plain.colourings()) == expected


@pytest.mark.parametrize("order", range(1, 9))
def test_densities(order: int) -> None:
    for tree in trees(order):
        assert tree.order == size(shape_of(tree)) == order
        assert tree.density == (gamma(shape_of(tree)) if order > 1 else 1)


@pytest.mark.parametrize("order", range(1, 10))
def test_increasing_labellings_are_all_labellings(order: int) -> None:
    """Σ n!/(σγ) over the trees with n nodes is (n−1)!, the number of recursive trees (HNW I, §II.2)."""
    assert sum(factorial(order) // (tree.density * tree.symmetry) for tree in trees(order)) == factorial(order - 1)


def test_leaves_of_different_colour_are_not_exchanged() -> None:
    state, time = Tree(leaf=Leaf.STATE), Tree(leaf=Leaf.TIME)
    assert Tree((state, state)).symmetry == Tree((time, time)).symmetry == 2
    assert Tree((state, time)).symmetry == 1


@pytest.mark.parametrize(
    ("tree", "text", "condition", "differential"),
    [
        (LEAF, "τ", "Σ b_i = 1", "f"),
        (Tree((LEAF,)), "[τ]", "Σ b_i c_i = 1/2", "f'f"),
        (Tree((LEAF, Tree((LEAF, LEAF)))), "[τ,[τ,τ]]", "Σ b_i c_i a_ij c_j^2 = 1/15", "f''(f, f''(f, f))"),
        (Tree((Tree((LEAF,)),)), "[[τ]]", "Σ b_i a_ij c_j = 1/6", "f'f'f"),
        (Tree((LEAF,) * 4), "[τ,τ,τ,τ]", "Σ b_i c_i^4 = 1/5", "f⁽⁴⁾(f, f, f, f)"),
        (Tree((Tree(leaf=Leaf.STATE), Tree(leaf=Leaf.TIME))), "[τ,s]", "Σ b_i c_i a_ij = 1/3", "∂ₛf'f"),
        (Tree((Tree(leaf=Leaf.TIME),) * 2), "[s,s]", "Σ b_i c_i^2 = 1/3", "∂ₛ²f"),
    ],
)
def test_texts(tree: Tree, text: str, condition: str, differential: str) -> None:
    assert (str(tree), tree.condition(), tree.differential()) == (text, condition, differential)


def test_all_weights_of_an_order_are_found_in_pairs() -> None:
    """As each by itself: the same numbers beside the same densities, none left out and none made up."""
    made = tableaux.rounded(tableaux.extrapolated_midpoint(4), 30)
    with flint.ctx.workprec(200):
        weights = BallWeights(BallStages(made), Leaf.STATE)
        list(weights.of(1))
        for order in range(2, 9):
            paired = {(round(float(value.mid()), 12), density) for value, density in weights.pairs(order)}
            single = {(round(float(value.mid()), 12), tree.density) for tree, value in weights.of(order)}
            assert paired == single


def test_indices_and_derivatives_of_large_trees() -> None:
    tall = LEAF
    for _ in range(20):
        tall = Tree((tall,))
    letters = [*"ijklmnopqrstuvwxyz", "i1", "i2"]
    pairs = " ".join(f"a_{x}{y}" for x, y in pairwise(letters))
    assert tall.condition() == f"Σ b_i {pairs} c_i2 = 1/{factorial(21)}"
    time = Tree(leaf=Leaf.TIME)
    assert Tree((LEAF,) * 3).differential() == "f'''(f, f, f)"
    assert Tree((time, Tree((time,) * 12))).differential() == "∂ₛf'∂ₛ¹²f"
