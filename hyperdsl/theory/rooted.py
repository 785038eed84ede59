"""What holds of rooted trees whatever their nodes carry: order, density, symmetry, and how many there are (Butcher
1963; Hairer, Nørsett & Wanner I, §II.2).

Each class of methods has trees of its own, whose nodes say what is evaluated there.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import count, groupby
from math import factorial, prod
from typing import Self

_LETTERS = "jklmnopqrstuvwxyz"


class Rooted:
    """A rooted tree of `children`; equal trees have the same text."""

    children: tuple[Self, ...]

    @cached_property
    def order(self) -> int:
        """|t|, the number of nodes."""
        return 1 + sum(child.order for child in self.children)

    @cached_property
    def density(self) -> int:
        """γ(t) = |t|·γ(t_1)···γ(t_m)."""
        return self.order * prod(child.density for child in self.children)

    @cached_property
    def symmetry(self) -> int:
        """σ(t), the number of automorphisms, which keep what nodes carry."""
        groups = [list(group) for _, group in groupby(sorted(self.children, key=_key))]
        return prod(factorial(len(group)) * group[0].symmetry ** len(group) for group in groups)

    @cached_property
    def expected(self) -> Fraction:
        """What the exact solution has: 1/γ(t)."""
        return Fraction(1, self.density)


def _key(tree: Rooted) -> tuple[int, str]:
    return tree.order, str(tree)


def indices() -> Iterator[str]:
    """Summation indices after i."""
    yield from _LETTERS
    yield from (f"i{n}" for n in count(1))


@lru_cache(maxsize=256)
def numbers(order: int, leaves: int, vertices: int = 1) -> tuple[int, ...]:
    """Numbers of trees with 0, 1, …, `order` nodes below a root, their leaves of so many kinds, and other nodes
    (Cayley 1857; Knuth, TAOCP 1, §2.3.4.4): a forest of n nodes makes a tree of n + 1."""
    found, forests = [0, leaves], [1]
    for n in range(1, order):
        weighted = (sum(d * found[d] for d in range(1, k + 1) if k % d == 0) * forests[n - k] for k in range(1, n + 1))
        forests.append(sum(weighted) // n)
        found.append(vertices * forests[n])
    return tuple(found[: order + 1])
