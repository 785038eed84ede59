"""Rooted trees of Rosenbrock and W-methods (Hairer & Wanner II, §IV.7; Steihaug & Wolfbrandt 1979).

The Jacobian of a Rosenbrock method acts where f' does: at vertices with one child, which read β = α + γ there, while
all others read α. With any matrix in place of the Jacobian both act for themselves: such a vertex is one of f' and
reads α, or one of the matrix and reads γ, and the exact solution has none of the matrix.

As for Runge–Kutta methods, each leaf is a state or a time leaf where c is not α·1, or where γ_i is not Σ_j γ_ij.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from functools import cached_property, lru_cache

from hyperdsl.theory.rooted import Rooted, indices
from hyperdsl.theory.runge_kutta.trees import Leaf, derivative_text


class Single(Enum):
    """What acts at a vertex with one child: its value is the letter of its coefficients."""

    BOTH = "β"
    FIELD = "α"
    MATRIX = "γ"


EXACT_JACOBIAN = (Single.BOTH,)
ANY_MATRIX = (Single.FIELD, Single.MATRIX)


@dataclass(frozen=True)
class Tree(Rooted):
    """A rooted tree; `leaf` says what it reads when it has no children, `single` what acts where it has one."""

    children: tuple[Tree, ...] = ()
    leaf: Leaf = field(default=Leaf.PLAIN, kw_only=True)
    single: Single = field(default=Single.BOTH, kw_only=True)

    @cached_property
    def expected(self) -> Fraction:
        """What the exact solution has: 1/γ(t), or zero where a matrix acts that is not its own."""
        return Fraction(0) if self.has_matrix else Fraction(1, self.density)

    @cached_property
    def has_matrix(self) -> bool:
        acts = len(self.children) == 1 and self.single is Single.MATRIX
        return acts or any(child.has_matrix for child in self.children)

    @property
    def is_time_leaf(self) -> bool:
        return not self.children and self.leaf is Leaf.TIME

    def __str__(self) -> str:
        """Butcher's brackets: `[τ,[τ]]`; a time leaf is `s`, and `J[τ]` has the matrix at its root."""
        if not self.children:
            return "s" if self.is_time_leaf else "τ"
        acts = len(self.children) == 1 and self.single is Single.MATRIX
        return f"{'J' * acts}[{','.join(map(str, self.children))}]"

    def condition(self) -> str:
        """The order condition in indices: `Σ b_i α_ij β_jk = 1/8`; c_i and γ_i are the sums of rows."""
        factors = ["b_i", *_factors(self, "i", indices())]
        return f"Σ {' '.join(factors)} = {self.expected}"

    def differential(self) -> str:
        """The elementary differential: `f''(f, f'f)`; J is the matrix of a W-method."""
        states = [child.differential() for child in self.children if not child.is_time_leaf]
        acts = len(self.children) == 1 and self.single is Single.MATRIX
        if acts:
            return f"J{states[0]}" if states else "Jₛ"
        head = derivative_text(len(self.children) - len(states), len(states))
        return f"{head}({', '.join(states)})" if len(states) > 1 else head + "".join(states)


@lru_cache(maxsize=128)
def trees(order: int, leaves: tuple[Leaf, ...], singles: tuple[Single, ...]) -> tuple[Tree, ...]:
    """The trees with `order` nodes, the bushiest first."""
    if order == 1:
        return (Tree(leaf=leaves[0]),)
    return tuple(
        Tree(children, single=single)
        for children in _forests(order - 1, order - 1, 0, leaves, singles)
        for single in (singles if len(children) == 1 else singles[:1])
    )


def _forests(
    nodes: int, largest: int, first: int, leaves: tuple[Leaf, ...], singles: tuple[Single, ...]
) -> Iterator[tuple[Tree, ...]]:
    """The sets of trees with so many nodes together, none larger than `largest`; small ones first, in order."""
    if nodes == 0:
        yield ()
        return
    for size in range(1, min(nodes, largest) + 1):
        choices = _graftable(size, leaves, singles)
        for number in range(first if size == largest else 0, len(choices)):
            for rest in _forests(nodes - size, size, number, leaves, singles):
                yield (*rest, choices[number])


def _graftable(order: int, leaves: tuple[Leaf, ...], singles: tuple[Single, ...]) -> tuple[Tree, ...]:
    return tuple(Tree(leaf=leaf) for leaf in leaves) if order == 1 else trees(order, leaves, singles)


def _factors(tree: Tree, index: str, unused: Iterator[str]) -> list[str]:
    alone = len(tree.children) == 1
    letter = tree.single.value if alone else "α"
    nodes = sum(1 for child in tree.children if not child.children and child.leaf is not Leaf.STATE)
    own = {"α": f"c_{index}", "β": f"(c_{index} + γ_{index})", "γ": f"γ_{index}"}[letter]
    found = [own if nodes == 1 else f"{own}^{nodes}"] if nodes else []
    for child in tree.children:
        if child.children or child.leaf is Leaf.STATE:
            below = next(unused)
            found += [f"{letter}_{index}{below}", *_factors(child, below, unused)]
    return found
