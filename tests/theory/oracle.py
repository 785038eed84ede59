"""An independent judge of orders: trees as nested tuples, one sum over stages a node, numbers of 60 digits.

It shares no code with `hyperdsl.theory`: it makes its own trees, and computes √d and the generators of number fields
itself from the terms and polynomials that it is given. What differs by less than 1e-45 is the same to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement, product
from typing import Any

from mpmath import mp, mpf

from hyperdsl.theory.numbers.algebraic import Algebraic
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.runge_kutta.trees import Leaf, Tree

mp.dps = 60
NOISE = mpf(10) ** -45

Shape = tuple[Any, ...] | str
"""A node is the tuple of its children; a leaf that reads c is "c", one that reads A·1 is ()."""


def number(x: Exact) -> mpf:
    if isinstance(x, Algebraic):  # a root of its field's polynomial, found by Newton's iteration from a double
        field = x.field
        theta = mp.findroot(lambda t: _at(field.modulus, t), mpf(float(field.root)))
        return _at(x.poly, theta)
    return sum((mpf(int(q.p)) / int(q.q) * mp.sqrt(d) for d, q in x.terms.items()), mpf(0))


def _at(polynomial: Any, x: mpf) -> mpf:
    return mp.polyval([mpf(int(q.p)) / int(q.q) for q in reversed(polynomial.coeffs())], x)


@cache
def shapes(order: int) -> tuple[Shape, ...]:
    """All rooted trees with `order` nodes and their leaves' colours (both for each leaf, except the lone root)."""
    return tuple(sorted({(*forest,) for forest in _forests(order - 1, order - 1)}, key=repr))


def _forests(nodes: int, largest: int) -> list[tuple[Shape, ...]]:
    """Multisets of coloured trees with `nodes` nodes in all, none with more than `largest`."""
    if nodes == 0:
        return [()]
    found = []
    for size in range(1, min(nodes, largest) + 1):
        trees: tuple[Shape, ...] = ((), "c") if size == 1 else shapes(size)
        for copies in range(1, nodes // size + 1):
            for rest in _forests(nodes - copies * size, size - 1):
                found += [(*chosen, *rest) for chosen in combinations_with_replacement(trees, copies)]
    return found


def uncoloured(order: int) -> list[Shape]:
    """The trees whose leaves all read A·1."""
    return [shape for shape in shapes(order) if "c" not in repr(shape)]


def size(shape: Shape) -> int:
    return 1 if shape == "c" else 1 + sum(map(size, shape))


def gamma(shape: Shape) -> int:
    value = size(shape)
    for child in () if shape == "c" else shape:
        value *= gamma(child)
    return value


def shape_of(tree: Tree) -> Shape:
    """The tuple of a tree of hyperdsl's; plain leaves read c."""
    if not tree.children:
        return () if tree.leaf is Leaf.STATE else "c"
    return tuple(map(shape_of, tree.children))


@dataclass
class Oracle:
    """A tableau's numbers, and the vectors Σ_j a_ij Π … of the shapes met so far."""

    method: Tableau

    def __post_init__(self) -> None:
        self.a = [[number(x) for x in row] for row in self.method.a]
        self.c = [number(x) for x in self.method.c]
        self.weights = [[number(x) for x in row] for row in self.method.weights]
        self._seen: dict[Shape, list[mpf]] = {}

    def weight(self, shape: Any, row: int = 0) -> mpf:
        inner = self._products(() if shape == "c" else shape)
        return sum((b * x for b, x in zip(self.weights[row], inner, strict=True)), mpf(0))

    def order(self, row: int = 0, tolerance: mpf | int = 0, *, time: bool = True, last: int = 9) -> int:
        """The largest order whose conditions hold, at most `last`; without `time` c is not read."""
        for order in range(1, last + 1):
            for shape in shapes(order) if time else uncoloured(order):
                if abs(self.weight(shape, row) - mpf(1) / gamma(shape)) > tolerance + NOISE:
                    return order - 1
        return last

    def row_sum_defects(self, tolerance: mpf | int = 0) -> list[int]:
        sums = [sum(row, mpf(0)) for row in self.a]
        return [i for i, (c, s) in enumerate(zip(self.c, sums, strict=True)) if abs(c - s) > tolerance + NOISE]

    def _products(self, children: tuple[Shape, ...]) -> list[mpf]:
        value = [mpf(1)] * len(self.c)
        for child in children:
            factor = self.c if child == "c" else self._applied(child)
            value = [x * y for x, y in zip(value, factor, strict=True)]
        return value

    def _applied(self, shape: Shape) -> list[mpf]:
        if shape not in self._seen:
            assert not isinstance(shape, str)
            inner = self._products(shape)
            self._seen[shape] = [sum((q * x for q, x in zip(row, inner, strict=True)), mpf(0)) for row in self.a]
        return self._seen[shape]


def same_trees(order: int) -> list[Shape]:
    """The uncoloured trees as sorted nested tuples, made another way: every parent function, up to isomorphism."""
    found = set()
    for parents in product(*(range(i) for i in range(1, order))):
        children: list[list[int]] = [[] for _ in range(order)]
        for i, parent in enumerate(parents, start=1):
            children[parent].append(i)
        found.add(_canonical(0, children))
    return sorted(found, key=repr)


def _canonical(node: int, children: list[list[int]]) -> Shape:
    return tuple(sorted((_canonical(child, children) for child in children[node]), key=repr))
