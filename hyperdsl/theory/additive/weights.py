"""Elementary weights Φ(t) of an additive method's rows for all trees at once: φ(L∘R) = φ(L) ⊙ A·φ(R).

They are those of the joined tableau, whose stages are the evaluations of all parts: the root of part ν starts as 1 on
that part's stages and 0 on the others, so that each product keeps to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from flint import arb

from hyperdsl.theory.additive.pair import Pair
from hyperdsl.theory.additive.trees import SHARED, TIME, Alphabet, PartTree, level, roots
from hyperdsl.theory.numbers.budget import spend
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.stages import BallStages, Stages, exact_stages
from hyperdsl.theory.runge_kutta.trees import Leaf

V = TypeVar("V")
W = TypeVar("W")

_AT_ONCE = 64
"""So many weights are computed together: the first few often decide."""
_OPERATIONS_OF_A_TREE = 8
_PRODUCTS_OF_AN_OPERATION = 50


class PartWeights(Generic[V, W]):
    """The elementary weights of a row, order after order; the vectors of smaller trees are kept for larger ones."""

    def __init__(self, pair: Pair, stages: Stages[V, W], alphabet: Alphabet, row: int = 0) -> None:
        self.stages, self.alphabet, self.row = stages, alphabet, row
        size = pair.stages
        self.units = {name: stages.on(range(k * size, (k + 1) * size)) for k, name in enumerate(pair.names)}
        self.rooted: list[list[V]] = [[], [self.units[part] for part in alphabet.parts]]
        self._grafted: list[list[V]] = [[], [self.leaf(part) for part in alphabet.leaves]]

    def of(self, order: int) -> Iterator[tuple[PartTree, W]]:
        """(t, Φ(t)) for the trees of an order, computed as they are asked for; all of the orders below come before."""
        if order == 1:
            yield from zip(roots(self.alphabet), self.stages.weighed(self.rooted[1], self.row), strict=True)
            return
        kept: list[V] = []
        entries = level(order, self.alphabet)
        for start in range(0, len(entries), _AT_ONCE):
            chunk = entries[start : start + _AT_ONCE]
            spend(len(chunk) * (_OPERATIONS_OF_A_TREE + self.stages.price(order) // _PRODUCTS_OF_AN_OPERATION))
            vectors = [
                self.stages.times(self.rooted[order - t.right_order][t.left], self._at(t.right_order)[t.right])
                for t in chunk
            ]
            kept.extend(vectors)
            yield from zip((t.tree for t in chunk), self.stages.weighed(vectors, self.row), strict=True)
        self.rooted.append(kept)

    def one(self, tree: PartTree) -> W:
        """Φ(t) of one tree."""
        return self.stages.weighed([self._vector(tree)], self.row)[0]

    def leaf(self, part: str) -> V:
        """What a leaf grafted on a stage contributes: A^ν·1, or c."""
        if part in (TIME, SHARED):
            return self.stages.leaf(Leaf.TIME)
        return self.stages.applied([self.units[part]])[0]

    def _vector(self, tree: PartTree) -> V:
        product = self.units[tree.part]
        for child in tree.children:
            factor = self.stages.applied([self._vector(child)])[0] if child.children else self.leaf(child.part)
            product = self.stages.times(product, factor)
        return product

    def _at(self, order: int) -> list[V]:
        """A·φ(R) for the trees R of an order, or what leaves read."""
        while len(self._grafted) <= order:
            self._grafted.append(self.stages.applied(self.rooted[len(self._grafted)]))
        return self._grafted[order]


def exact_weights(pair: Pair, alphabet: Alphabet, row: int = 0) -> PartWeights[Any, Exact]:
    """Those over exact numbers; NotExact where no field that holds all coefficients is small enough."""
    return PartWeights(pair, exact_stages(pair.joined), alphabet, row)


class BallWeights(PartWeights[list[arb], arb]):
    """Those over balls of the current precision; a shared leaf's ball holds c and every A^ν·1."""

    def __init__(self, pair: Pair, alphabet: Alphabet, row: int = 0) -> None:
        super().__init__(pair, BallStages(pair.joined), alphabet, row)

    def leaf(self, part: str) -> list[arb]:
        if part != SHARED:
            return super().leaf(part)
        found = self.stages.leaf(Leaf.TIME)
        for sums in self.stages.applied(list(self.units.values())):
            found = [x.union(y) for x, y in zip(found, sums, strict=True)]
        return found
