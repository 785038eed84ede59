"""Order conditions of Runge–Kutta methods as equations between elements of a ring (Butcher 1963; Hairer, Nørsett &
Wanner I, §II.2): Σ b_i η_i(t) = 1/γ(t), with η_i(t) = Π_j Σ_k a_ik η_k(t_j) over the subtrees t_j of t's root.

All coefficients are multiplied by a common denominator L first, so that the conditions are γ·Φ'(t) = L^|t| and
nothing is ever reduced to lowest terms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add, mul

from sympy.polys.domains import QQ

from hyperdsl.second.numbers import Element, Numbers
from hyperdsl.second.trees import STATE, TIME, Tree, coloured, density, size, trees

Vector = list[Element]


@dataclass(frozen=True)
class Found:
    """A row of weights: its order, and the first tree whose condition fails; None where the bound was reached."""

    order: int
    failing: Tree | None


class Stages:
    """A tableau's stages over a ring, times the common denominator `scale`."""

    def __init__(self, numbers: Numbers, a: Sequence[Vector], c: Vector, others: Iterable[Vector]) -> None:
        self.numbers = numbers
        entries = [x for row in (*a, c, *others) for x in row]
        self.scale = numbers.common_denominator(entries)
        self.a = [self.cleared(row) for row in a]
        self.c = self.cleared(c)
        self.sums = [reduce(add, row) for row in self.a]
        self._support = [[(j, x) for j, x in enumerate(row) if x] for row in self.a]
        self._known: dict[Tree, Vector] = {}
        self._last: tuple[Tree, Vector] | None = None

    def cleared(self, row: Vector) -> Vector:
        """A row times the common denominator, in the ring."""
        return [self.numbers.cleared(x, self.scale) for x in row]

    def products(self, tree: Tree) -> Vector:
        """η(t)·L^(|t|−1)."""
        if tree not in self._known:
            self._known[tree] = self._made(tree)
        return self._known[tree]

    def last_products(self, tree: Tree) -> Vector:
        """The same, kept only until those of another tree are asked for."""
        if self._last is None or self._last[0] != tree:
            self._last = tree, self._known[tree] if tree in self._known else self._made(tree)
        return self._last[1]

    def _made(self, tree: Tree) -> Vector:
        if tree == STATE:
            return [self.one] * len(self.c)
        return list(map(mul, self.products(tree[:-1]), self._applied(tree[-1])))

    @property
    def zero(self) -> Element:
        return self.scale - self.scale

    @property
    def one(self) -> Element:
        return self.scale**0

    def _applied(self, tree: Tree) -> Vector:
        """A·η(t)·L^|t|, or c·L."""
        if tree == TIME:
            return self.c
        if tree == STATE:
            return self.sums
        key = ("A", tree)
        if key not in self._known:
            inner = self.products(tree)
            self._known[key] = [sum((x * inner[j] for j, x in row), self.zero) for row in self._support]
        return self._known[key]

    @property
    def consistent(self) -> bool:
        """c = A·1."""
        return all(c == total for c, total in zip(self.c, self.sums, strict=True))

    def is_zero(self, difference: Element, power: int, factor: int, tolerance: Element | None) -> bool:
        """Whether `difference`, which is factor·L^power times what is meant, is zero, or at most the tolerance.

        A difference that depends on a parameter has to be zero.
        """
        if not difference:
            return True
        value = None if tolerance is None else self.numbers.constant(difference, factor * self.scale**power)
        if value is None:
            return False
        return all(self.numbers.sign(tolerance - side) >= 0 for side in (value, -value))


def orders(
    stages: Stages, weights: Sequence[Vector], bound: int, tolerance: Element | None, *, time: bool
) -> tuple[Found, ...]:
    """What is found of each row of weights, which are in the ring; `time`: c and A·1 are told apart.

    `bound` is an order that no method of this kind exceeds. Where c and A·1 nearly agree, most trees are settled for
    all of their colourings at once.
    """
    hull = Hull(stages, tolerance) if time and tolerance is not None and stages.numbers.field == QQ else None
    found: dict[int, Found] = {}
    for order in range(1, bound + 1):
        for tree in trees(order):
            for row in [row for row in range(len(weights)) if row not in found]:
                if hull is not None and hull.holds(weights[row], tree):
                    continue
                for variant in coloured(tree) if time else (tree,):
                    if not _holds(stages, weights[row], variant, tolerance):
                        found[row] = Found(order - 1, variant)
                        break
            if len(found) == len(weights):
                return tuple(found[row] for row in range(len(weights)))
    return tuple(found.get(row, Found(bound, None)) for row in range(len(weights)))


def conditions(order: int, *, time: bool) -> Iterator[Tree]:
    """The trees of an order, coloured where c and A·1 are told apart."""
    for tree in trees(order):
        yield from coloured(tree) if time else (tree,)


def _holds(stages: Stages, b: Vector, tree: Tree, tolerance: Element | None) -> bool:
    power, gamma = size(tree), density(tree)
    total = reduce(add, map(mul, b, stages.last_products(tree)))
    return stages.is_zero(gamma * total - stages.scale**power, power, gamma, tolerance)


class Hull(Stages):
    """Stages over intervals of integers, in which each leaf holds both its node c and its row's sum."""

    def __init__(self, stages: Stages, tolerance: Element) -> None:
        self.numbers, self.scale, self.a, self._support = stages.numbers, stages.scale, stages.a, stages._support
        self.sums = [Between(min(pair), max(pair)) for pair in zip(stages.c, stages.sums, strict=True)]
        self.c = self.sums
        self.tolerance = tolerance
        self._known, self._last = {}, None

    @property
    def zero(self) -> Element:
        return Between(super().zero, super().zero)

    @property
    def one(self) -> Element:
        return Between(super().one, super().one)

    def holds(self, b: Vector, tree: Tree) -> bool:
        """Whether the condition is shown to hold to the tolerance, for all colourings of the tree."""
        gamma, whole = density(tree), self.scale ** size(tree)
        total = sum((x * y for x, y in zip(b, self.last_products(tree), strict=True)), self.zero)
        limit = self.tolerance * QQ(gamma * whole, 1)
        return all(abs(QQ(gamma * end - whole, 1)) <= limit for end in (total.low, total.high))


@dataclass(frozen=True, slots=True)
class Between:
    """All numbers between two integers."""

    low: Element
    high: Element

    def __add__(self, other: Between) -> Between:
        return Between(self.low + other.low, self.high + other.high)

    def __mul__(self, other: Between) -> Between:
        ends = self.low * other.low, self.low * other.high, self.high * other.low, self.high * other.high
        return Between(min(ends), max(ends))

    def __rmul__(self, factor: Element) -> Between:
        """Times an integer."""
        low, high = factor * self.low, factor * self.high
        return Between(low, high) if low <= high else Between(high, low)
