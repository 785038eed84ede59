"""Trees whose nodes belong to the parts of f: the order conditions of additive Runge–Kutta methods (Araújo, Murua &
Sanz-Serna 1997; Kennedy & Carpenter 2003, §2).

A node of part ν is f^ν evaluated at a stage, and the children of a node are what its stage's state, and time, read. For
z' = Σ f^ν(s, z) a child without children is a leaf of a part, which reads A^ν·1, or a time leaf, which reads c^μ of
its parent's part μ. Where all c and all A^ν·1 are the same, leaves need no part. Trees are made as those of
Runge–Kutta methods are, t = L∘R; the root of L is that of t.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from hyperdsl.theory.rooted import Rooted, indices, numbers

TIME = "time"
"""The part of a time leaf."""
SHARED = ""
"""The part of a leaf that reads the same whatever its part is."""


@dataclass(frozen=True)
class Alphabet:
    """What nodes can be: the root, and a node with children, belongs to a part; another one is one of `leaves`."""

    parts: tuple[str, ...]
    leaves: tuple[str, ...]

    @staticmethod
    def shared(parts: tuple[str, ...]) -> Alphabet:
        """Leaves without a part."""
        return Alphabet(parts, (SHARED,))

    @staticmethod
    def timed(parts: tuple[str, ...]) -> Alphabet:
        """Leaves of every part, and time leaves."""
        return Alphabet(parts, (*parts, TIME))

    @staticmethod
    def autonomous(parts: tuple[str, ...]) -> Alphabet:
        """Leaves of every part."""
        return Alphabet(parts, parts)


@dataclass(frozen=True)
class PartTree(Rooted):
    """A rooted tree, its root of the part `part`."""

    part: str
    children: tuple[PartTree, ...] = ()

    def __str__(self) -> str:
        """Butcher's brackets, each with the letter of its part: `[τ_I,[τ_E]_I]_E`; a time leaf is `s`."""
        if self.part == TIME:
            return "s"
        inside = f"[{','.join(map(str, self.children))}]" if self.children else "τ"
        return f"{inside}_{letter(self.part)}" if self.part else inside

    def condition(self) -> str:
        """The order condition in indices: `Σ bE_i aI_ij cE_j = 1/6`."""
        factors = [f"b{letter(self.part)}_i", *_factors(self, "i", indices())]
        return f"Σ {' '.join(factors)} = {self.expected}"

    def differential(self) -> str:
        """The elementary differential: `fE''(fI, fE'fI)`; ∂ₛ differentiates the derivative that it stands before."""
        states = [child.differential() for child in self.children if child.part != TIME]
        times = len(self.children) - len(states)
        head = "∂ₛ" * times + f"f{letter(self.part)}" + "'" * len(states)
        return f"{head}({', '.join(states)})" if len(states) > 1 else head + "".join(states)


def letter(part: str) -> str:
    """E for explicit, I for implicit."""
    return part[:1].upper()


@dataclass(frozen=True, slots=True)
class Grafted:
    """A tree of `level(order, alphabet)` and its decomposition L∘R: the indices of L among the trees of |t| −
    `right_order` nodes, and of R among those of `right_order`, or among the leaves where that is 1."""

    tree: PartTree
    left: int
    right_order: int
    right: int


@lru_cache(maxsize=64)
def level(order: int, alphabet: Alphabet) -> tuple[Grafted, ...]:
    """The trees with `order` nodes, at least two; the bushiest first."""
    return tuple(_grafts(order, alphabet))


def roots(alphabet: Alphabet) -> tuple[PartTree, ...]:
    """The trees with one node."""
    return tuple(PartTree(part) for part in alphabet.parts)


def conditions(order: int, parts: int) -> int:
    """The number of trees with at most `order` nodes, every one of which has one of so many parts."""
    return sum(numbers(order, parts, parts))


def _grafts(order: int, alphabet: Alphabet) -> Iterator[Grafted]:
    for right_order in range(1, order):
        rights = _graftable(right_order, alphabet)
        for left, (stump, last) in enumerate(_stumps(order - right_order, alphabet)):
            if last[0] > right_order:
                continue
            for right in range(last[1] if last[0] == right_order else 0, len(rights)):
                yield Grafted(PartTree(stump.part, (*stump.children, rights[right])), left, right_order, right)


def _graftable(order: int, alphabet: Alphabet) -> tuple[PartTree, ...]:
    """The trees that may become a child."""
    if order == 1:
        return tuple(PartTree(part) for part in alphabet.leaves)
    return tuple(grafted.tree for grafted in level(order, alphabet))


def _stumps(order: int, alphabet: Alphabet) -> list[tuple[PartTree, tuple[int, int]]]:
    """Trees to graft on, each with the place (order, index) of its largest child."""
    if order == 1:
        return [(root, (0, 0)) for root in roots(alphabet)]
    return [(grafted.tree, (grafted.right_order, grafted.right)) for grafted in level(order, alphabet)]


def _factors(tree: PartTree, index: str, unused: Iterator[str]) -> list[str]:
    found = []
    for part, group in groupby(tree.children, key=lambda child: child.part if not child.children else None):
        children = list(group)
        if part in (TIME, SHARED):
            c = f"c{letter(tree.part)}_{index}" if part == TIME else f"c_{index}"
            found.append(c if len(children) == 1 else f"{c}^{len(children)}")
            continue
        for child in children:
            below = next(unused)
            found += [f"a{letter(child.part)}_{index}{below}", *_factors(child, below, unused)]
    return found
