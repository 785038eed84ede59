"""Elementary weights Φ(t) of a tableau's rows, for all trees at once (Hairer, Nørsett & Wanner I, §II.2).

With the vector φ(t) of the stages, Φ(t) = b·φ(t), φ(•) = 1 and φ(L∘R) = φ(L) ⊙ A·φ(R): one entrywise product a tree
and one matrix product an order. The same recursion runs over exact numbers and over balls of real numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from typing import Generic, TypeVar

from flint import arb

from hyperdsl.theory.numbers.budget import spend
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.stages import BallStages, Stages, exact_stages
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.runge_kutta.trees import Grafted, Leaf, Tree, level, root, trees

V = TypeVar("V")
W = TypeVar("W")


_CHUNKS = (1, 15, 240)
"""Weights are computed so many trees at a time (the last again and again): the first few often decide."""

_PRODUCTS_OF_AN_OPERATION = 50
_OPERATIONS_OF_A_TREE = 8


class Weights(Generic[V, W]):
    """The elementary weights of a row, order after order; the vectors of smaller trees are kept for larger ones."""

    def __init__(self, stages: Stages[V, W], leaves: tuple[Leaf, ...], row: int = 0) -> None:
        self.stages, self.leaves, self.row = stages, leaves, row
        self.rooted: list[list[V]] = [[], [stages.unit]]
        self._grafted: list[list[V]] = [[], [stages.leaf(leaf) for leaf in leaves]]

    def of(self, order: int, *, last: bool = False) -> Iterator[tuple[Tree, W]]:
        """(t, Φ(t)) for the trees of an order, computed as they are asked for; all of the orders below come before.

        `last`: none of a higher order will be asked for.
        """
        if order == 1:
            yield root(self.leaves), self.stages.weighed([self.stages.unit], self.row)[0]
            return
        kept: list[V] = []
        for chunk in _chunks(order, self.leaves):
            self._spend(order, len(chunk))
            vectors = [
                self.stages.times(self.rooted[order - t.right_order][t.left], self.grafted(t.right_order)[t.right])
                for t in chunk
            ]
            if not last:
                kept.extend(vectors)
            yield from zip((t.tree for t in chunk), self.stages.weighed(vectors, self.row), strict=True)
        self.rooted.append(kept)

    def grafted(self, order: int) -> list[V]:
        """A·φ(R) for the trees R of an order, or what leaves read."""
        while len(self._grafted) <= order:
            self._grafted.append(self.stages.applied(self.rooted[len(self._grafted)]))
        return self._grafted[order]

    def _spend(self, order: int, trees: int) -> None:
        spend(trees * (_OPERATIONS_OF_A_TREE + self.stages.price(order) // _PRODUCTS_OF_AN_OPERATION))


def elementary_weights(
    stages: Stages[V, W], leaves: tuple[Leaf, ...], last: int, row: int = 0
) -> Iterator[tuple[Tree, W]]:
    """(t, Φ(t)) for all trees with at most `last` nodes, order after order, computed as they are asked for."""
    weights = Weights(stages, leaves, row)
    for order in range(1, last + 1):
        yield from weights.of(order, last=order == last)


class BallWeights(Weights[list[arb], arb]):
    """Those over balls, leaves of one kind."""

    def __init__(self, stages: BallStages, leaf: Leaf, row: int = 0) -> None:
        super().__init__(stages, (leaf,), row)
        self._balls = stages

    def pairs(self, order: int) -> Iterator[tuple[arb, int]]:
        """(Φ(t), γ(t)) for all trees of an order, 2 or more, some of them several times, without a vector for each.

        A tree with several children has one, R, with at most half of the nodes below the root: Φ(L∘R) =
        Σ b_i φ(L)_i (A·φ(R))_i for all pairs is a product of matrices. With R as its only child, it is (bᵀA)·φ(R).
        All orders below have been asked for.
        """
        densities = [[], *([tree.density for tree in trees(size, self.leaves)] for size in range(1, order))]
        if order > 2:
            self._spend(order, len(densities[-1]))
            single = self._balls.carried(self.rooted[order - 1], self.row)
            yield from zip(single, (order * density for density in densities[-1]), strict=True)
        for size in range(1, max(2, (order + 1) // 2)):
            rest = order - size
            self._spend(order, len(densities[rest]))
            found = self._balls.paired(self.rooted[rest], self.grafted(size), self.row)
            together = (order * (x // rest) * y for x in densities[rest] for y in densities[size])
            yield from zip(found, together, strict=True)


def _chunks(order: int, leaves: tuple[Leaf, ...]) -> Iterator[Sequence[Grafted]]:
    entries = level(order, leaves)
    start = 0
    for size in chain(_CHUNKS, repeat(_CHUNKS[-1])):
        chunk = entries.part(start, start + size)
        if not chunk:
            return
        yield chunk
        start += size


def elementary_weight(tableau: Tableau, tree: Tree, row: int = 0) -> Exact:
    """Φ(t) of one tree, coloured or not."""
    return _weight(exact_stages(tableau), tree, row)


def _weight(stages: Stages[V, Exact], tree: Tree, row: int) -> Exact:
    return stages.weighed([_stage_weight(stages, tree)], row)[0]


def _stage_weight(stages: Stages[V, Exact], tree: Tree) -> V:
    product = stages.unit
    for child in tree.children:
        factor = stages.applied([_stage_weight(stages, child)])[0] if child.children else stages.leaf(child.leaf)
        product = stages.times(product, factor)
    return product
