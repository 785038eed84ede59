"""Rooted trees by level sequences (Beyer & Hedetniemi 1980), each once, and their densities.

A tree is the tuple of its children, a leaf `()`. Where stages read their time from c and their state from A, each
leaf is one or the other; one that reads c is `"s"`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import combinations_with_replacement, groupby, product
from math import prod
from typing import Any

Tree = Any
"""`"s"`, or a tuple of trees."""

TIME = "s"
STATE: Tree = ()


def trees(order: int) -> Iterator[Tree]:
    """All rooted trees with so many nodes, the tallest first."""
    levels = list(range(order))
    while True:
        yield _nested(levels, 0)
        last = next((i for i in range(order - 1, 0, -1) if levels[i] > 1), None)
        if last is None:
            return
        parent = max(i for i in range(last) if levels[i] == levels[last] - 1)
        for i in range(last, order):
            levels[i] = levels[i - (last - parent)]


def _nested(levels: list[int], root: int) -> Tree:
    """The subtree at a place of a level sequence."""
    end = next((i for i in range(root + 1, len(levels)) if levels[i] <= levels[root]), len(levels))
    return tuple(_nested(levels, i) for i in range(root + 1, end) if levels[i] == levels[root] + 1)


@cache
def coloured(tree: Tree) -> tuple[Tree, ...]:
    """The tree with each leaf a state or a time leaf, in every way that differs; a lone root is a state leaf."""
    groups = [(child, len(list(group))) for child, group in groupby(tree)]
    choices = [combinations_with_replacement(_as_child(child), size) for child, size in groups]
    return tuple(tuple(child for chosen in choice for child in chosen) for choice in product(*choices))


def _as_child(child: Tree) -> tuple[Tree, ...]:
    return (STATE, TIME) if child == () else coloured(child)


@cache
def size(tree: Tree) -> int:
    """The number of nodes."""
    return 1 if tree == TIME else 1 + sum(map(size, tree))


@cache
def density(tree: Tree) -> int:
    """γ(t) = |t|·Π γ(t_i)."""
    return 1 if tree == TIME else size(tree) * prod(map(density, tree))


def shown(tree: Tree) -> str:
    """Butcher's brackets."""
    if tree in (TIME, STATE):
        return TIME if tree == TIME else "τ"
    return f"[{','.join(map(shown, tree))}]"
