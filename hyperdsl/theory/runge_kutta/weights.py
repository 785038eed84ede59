"""Elementary weights Φ(t) of a tableau's rows, for all trees at once (Hairer, Nørsett & Wanner I, §II.2).

With the vector φ(t) of the stages, Φ(t) = b·φ(t), φ(•) = 1 and φ(L∘R) = φ(L) ⊙ A·φ(R): one entrywise product a tree
and one matrix product an order. The same recursion runs over exact numbers and over balls of real numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from typing import TypeVar

from hyperdsl.theory.numbers.budget import spend
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.stages import Stages, exact_stages
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.runge_kutta.trees import Grafted, Leaf, Tree, level, root

V = TypeVar("V")
W = TypeVar("W")


_CHUNKS = (1, 15, 240)
"""Weights are computed so many trees at a time (the last again and again): the first few often decide."""


def elementary_weights(
    stages: Stages[V, W], leaves: tuple[Leaf, ...], last: int, row: int = 0
) -> Iterator[tuple[Tree, W]]:
    """(t, Φ(t)) for all trees with at most `last` nodes, order after order, computed as they are asked for."""
    yield root(leaves), stages.weighed([stages.unit], row)[0]
    rooted: list[list[V]] = [[], [stages.unit]]
    grafted: list[list[V]] = [[], [stages.leaf(leaf) for leaf in leaves]]
    for order in range(2, last + 1):
        rooted.append([])
        for chunk in _chunks(order, leaves):
            spend(len(chunk))
            while len(grafted) <= chunk[-1].right_order:  # the last trees of a level have the largest right parts
                grafted.append(stages.applied(rooted[len(grafted)]))
            vectors = [
                stages.times(rooted[order - t.right_order][t.left], grafted[t.right_order][t.right]) for t in chunk
            ]
            if order < last:
                rooted[-1].extend(vectors)
            yield from zip((t.tree for t in chunk), stages.weighed(vectors, row), strict=True)


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
