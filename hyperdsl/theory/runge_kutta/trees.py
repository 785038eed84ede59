"""Rooted trees: the index set of a Runge–Kutta method's order conditions (Butcher 1963; Hairer, Nørsett & Wanner I,
§II.2).

Every tree with more than one node is, in exactly one way, t = L∘R: its largest child R grafted on the root of the
tree L that remains. `level` lists the trees of an order with these decompositions, so that whatever is multiplicative
under ∘ is computed with one product a tree.

For z' = f(s, z) a method reads the time of a stage from c and its state from A. Where c = A·1 the leaves of a tree
stand for both; otherwise each leaf is either a state leaf (it reads A·1) or a time leaf (it reads c), and there is one
condition for every colouring. The root of the tree with one node is never a time leaf.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from itertools import combinations_with_replacement, groupby, islice, product

from hyperdsl.theory.rooted import Rooted, indices, numbers


class Leaf(Enum):
    """What a node without children reads of a stage."""

    PLAIN = "c, where c = A·1"
    STATE = "A·1"
    TIME = "c"


PLAIN = (Leaf.PLAIN,)
COLOURED = (Leaf.STATE, Leaf.TIME)
AUTONOMOUS = (Leaf.STATE,)


@dataclass(frozen=True)
class Tree(Rooted):
    """A rooted tree; `leaf` says what it reads when it has no children."""

    children: tuple[Tree, ...] = ()
    leaf: Leaf = field(default=Leaf.PLAIN, kw_only=True)

    @property
    def is_time_leaf(self) -> bool:
        return not self.children and self.leaf is Leaf.TIME

    def __str__(self) -> str:
        """Butcher's brackets: `[τ,[τ]]`; a time leaf is `s`."""
        if not self.children:
            return "s" if self.is_time_leaf else "τ"
        return f"[{','.join(map(str, self.children))}]"

    def condition(self) -> str:
        """The order condition in indices: `Σ b_i a_ij c_j = 1/6`."""
        factors = ["b_i", *_condition_factors(self, "i", indices())]
        value = "1" if self.density == 1 else f"1/{self.density}"
        return f"Σ {' '.join(factors)} = {value}"

    def differential(self) -> str:
        """The elementary differential: `f''(f, f'f)`; ∂ₛ differentiates the derivative of f that it stands before."""
        states = [child.differential() for child in self.children if not child.is_time_leaf]
        times = len(self.children) - len(states)
        head = derivative_text(times, len(states))
        return f"{head}({', '.join(states)})" if len(states) > 1 else head + "".join(states)

    def colourings(self) -> tuple[Tree, ...]:
        """Every different way to make each leaf a state or a time leaf, state leaves first."""
        if not self.children:
            return (Tree(leaf=Leaf.STATE),)
        groups = [(child, len(list(group))) for child, group in groupby(self.children)]
        choices = [combinations_with_replacement(_child_colourings(child), size) for child, size in groups]
        return tuple(Tree(tuple(tree for chosen in choice for tree in chosen)) for choice in product(*choices))


@dataclass(frozen=True, slots=True)
class Grafted:
    """A tree of `level(order, leaves)` and its decomposition L∘R.

    L is entry `left` of the level of order |t| − `right_order`; R is entry `right` of the level `right_order`, or of
    `leaves` where that is 1.
    """

    tree: Tree
    left: int
    right_order: int
    right: int


class Level:
    """The trees with `order` nodes, at least two, and leaves among `leaves`; the bushiest first, made as asked for."""

    def __init__(self, order: int, leaves: tuple[Leaf, ...]) -> None:
        self._found: list[Grafted] = []
        self._rest = _grafts(order, leaves)

    def part(self, start: int, stop: int) -> list[Grafted]:
        """The entries from `start` up to `stop`, fewer at the end."""
        self._found.extend(islice(self._rest, max(0, stop - len(self._found))))
        return self._found[start:stop]

    def __iter__(self) -> Iterator[Grafted]:
        self._found.extend(self._rest)
        return iter(self._found)


@lru_cache(maxsize=256)
def level(order: int, leaves: tuple[Leaf, ...] = PLAIN) -> Level:
    """The trees with `order` nodes, at least two, whose leaves are among `leaves`."""
    return Level(order, leaves)


def _grafts(order: int, leaves: tuple[Leaf, ...]) -> Iterator[Grafted]:
    for right_order in range(1, order):
        rights = _graftable(right_order, leaves)
        for left, (stump, last) in enumerate(_stumps(order - right_order, leaves)):
            first = last[1] if last[0] == right_order else 0
            if last[0] <= right_order:
                for right in range(first, len(rights)):
                    tree = Tree((*stump.children, rights[right]))
                    yield Grafted(tree, left, right_order, right)


def trees(order: int, leaves: tuple[Leaf, ...] = PLAIN) -> tuple[Tree, ...]:
    """The trees with `order` nodes."""
    return (root(leaves),) if order == 1 else tuple(grafted.tree for grafted in level(order, leaves))


def root(leaves: tuple[Leaf, ...] = PLAIN) -> Tree:
    """The tree with one node."""
    return Tree(leaf=leaves[0])


def count(order: int, leaves: tuple[Leaf, ...] = PLAIN) -> int:
    """The number of trees with at most `order` nodes, the one with one node once."""
    return sum(numbers(order, len(leaves))) - len(leaves) + 1 if order > 0 else 0


def _graftable(order: int, leaves: tuple[Leaf, ...]) -> tuple[Tree, ...]:
    """The trees that may become a child."""
    return tuple(Tree(leaf=leaf) for leaf in leaves) if order == 1 else trees(order, leaves)


def _stumps(order: int, leaves: tuple[Leaf, ...]) -> list[tuple[Tree, tuple[int, int]]]:
    """Trees to graft on, each with the place (order, index) of its largest child."""
    if order == 1:
        return [(root(leaves), (0, 0))]
    return [(grafted.tree, (grafted.right_order, grafted.right)) for grafted in level(order, leaves)]


def _child_colourings(child: Tree) -> tuple[Tree, ...]:
    return child.colourings() if child.children else tuple(Tree(leaf=leaf) for leaf in COLOURED)


def _condition_factors(tree: Tree, index: str, unused: Iterator[str]) -> list[str]:
    nodes = sum(1 for child in tree.children if not child.children and child.leaf is not Leaf.STATE)
    found = [f"c_{index}" if nodes == 1 else f"c_{index}^{nodes}"] if nodes else []
    for child in tree.children:
        if child.children or child.leaf is Leaf.STATE:
            below = next(unused)
            found += [f"a_{index}{below}", *_condition_factors(child, below, unused)]
    return found


_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def derivative_text(times: int, states: int) -> str:
    """A derivative of f, so often by the time and so often by the state: `∂ₛf''`."""
    return _time_derivative(times) + _derivative(states)


def _derivative(degree: int) -> str:
    return "f" + "'" * degree if degree <= 3 else f"f⁽{str(degree).translate(_SUPERSCRIPTS)}⁾"


def _time_derivative(degree: int) -> str:
    if degree == 0:
        return ""
    return "∂ₛ" if degree == 1 else f"∂ₛ{str(degree).translate(_SUPERSCRIPTS)}"
