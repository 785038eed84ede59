"""What sympy proves of an additive Runge–Kutta method: every tree, with every choice of a part for each node.

A tree with parts is a pair of its root's part and its children; a child that reads the time of its parent's part is
`"s"`. Σ b^ν_i η_i(t) = 1/γ(t) for a root of part ν, with η_i(t) = Π_j Σ_k a^μ_ik η_k(t_j), t_j of part μ, or c^ν_i.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import product
from operator import add, mul
from typing import Any

from hyperdsl.second import ranges
from hyperdsl.second.numbers import Element, Numbers
from hyperdsl.second.orders import Found, Stages, Vector
from hyperdsl.second.proofs import DenseProof, Proof, Rows, rows_sum
from hyperdsl.second.trees import TIME, Tree, density, size, trees
from hyperdsl.second.written import THETA, Written, WrittenDense

HIGHEST = 8
"""No method has a higher order that is looked for."""

PartTree = Any
"""`"s"`, or a part's number and a tuple of trees with parts."""


def prove(parts: Sequence[Written]) -> Proof:
    """The orders of what the parts make together; they share what is claimed."""
    first = parts[0]
    flat = [x for part in parts for row in (*part.a, part.c, *part.weights) for x in row]
    beside = first.nonzero if first.tolerance is None else (*first.nonzero, first.tolerance)
    between = first.dense.weights if first.dense else ()
    numbers = Numbers((*flat, *beside, *between), THETA)
    read = Rows(numbers)
    powers = _by_powers(numbers, first.dense) if first.dense else []
    rows = [*powers, *(read.row(row) for part in parts for row in (*part.a, part.c, *part.weights))]
    stages = [Stages(numbers, [read.row(row) for row in part.a], read.row(part.c), rows) for part in parts]
    weights = [[one.cleared(read.row(b)) for b in part.weights] for one, part in zip(stages, parts, strict=True)]
    tolerance = read.tolerance(first)
    coupled = _Coupled(stages, tolerance)
    own = all(one.consistent for one in stages)
    timed = [coupled.order(list(row), time=not own) for row in zip(*weights, strict=True)]
    without = timed if own else [coupled.order(list(row), time=False) for row in zip(*weights, strict=True)]
    return Proof(
        rows_sum=all(rows_sum(one, tolerance) for one in stages),
        timed=tuple(timed),
        autonomous=tuple(without),
        dense=_dense(coupled, powers, weights, first) if first.dense else None,
        bounded=ranges.bounded(numbers, [x for row in rows for x in row], first),
    )


def _by_powers(numbers: Numbers, dense: WrittenDense) -> list[Vector]:
    """The weights of dense output that belong to each power of θ, the constant ones first."""
    length = max(dense.order, *(numbers.degree(value) for value in dense.weights)) + 1
    columns = [numbers.coefficients(value, length) for value in dense.weights]
    return [list(row) for row in zip(*columns, strict=True)]


def _dense(
    coupled: _Coupled, powers: Sequence[Vector], weights: Sequence[Sequence[Vector]], written: Written
) -> DenseProof:
    """b(0) = 0, b(1) the first weights of every part, and Φ_θ(t) = θ^|t|/γ(t), power by power of θ."""
    first, tolerance = coupled.stages[0], coupled.tolerance
    cleared = [first.cleared(row) for row in powers]
    ends = [reduce(add, column) for column in zip(*cleared, strict=True)]
    differences = [end - b for own in weights for end, b in zip(ends, own[0], strict=True)]
    meet = not any(powers[0]) and all(first.is_zero(one, 1, 1, tolerance) for one in differences)
    time = not (written.autonomous or all(one.consistent for one in coupled.stages))
    order = written.dense.order if written.dense else 0
    failing = next(
        (
            tree
            for size_ in range(1, order + 1)
            for tree in trees(size_)
            for variant in _with_parts(tree, len(coupled.stages), time=time)
            for power, row in enumerate(cleared)
            if not coupled.holds([row] * len(coupled.stages), variant, tree, wanted=power == size_)
        ),
        None,
    )
    return DenseProof(meet, rows_sum=True, bounded=True, failing=failing)


class _Coupled:
    """The stages of all parts, in one ring."""

    def __init__(self, stages: Sequence[Stages], tolerance: Element | None) -> None:
        self.stages, self.tolerance = stages, tolerance
        self._known: dict[PartTree, Vector] = {}

    def order(self, weights: Sequence[Vector], *, time: bool) -> Found:
        """Of a row of weights, one of each part; c and A·1 are told apart where time counts."""
        for order in range(1, HIGHEST + 1):
            for tree in trees(order):
                for variant in _with_parts(tree, len(self.stages), time=time):
                    if not self.holds(weights, variant, tree):
                        return Found(order - 1, tree)
        return Found(HIGHEST, None)

    def holds(self, weights: Sequence[Vector], variant: PartTree, tree: Tree, *, wanted: bool = True) -> bool:
        """Whether Φ(t) is 1/γ(t), or 0 where that is not `wanted`."""
        first, power, gamma = self.stages[0], size(tree), density(tree)
        total = reduce(add, map(mul, weights[variant[0]], self._products(variant)))
        end = first.scale**power if wanted else first.zero
        return first.is_zero(gamma * total - end, power, gamma, self.tolerance)

    def _products(self, tree: PartTree) -> Vector:
        """η(t)·L^(|t|−1), L the common denominator."""
        if tree not in self._known:
            part, children = tree
            value = [self.stages[part].one] * len(self.stages[part].c)
            for child in children:
                value = list(map(mul, value, self.stages[part].c if child == TIME else self._applied(child)))
            self._known[tree] = value
        return self._known[tree]

    def _applied(self, tree: PartTree) -> Vector:
        key = "A", tree
        if key not in self._known:
            own, inner = self.stages[tree[0]], self._products(tree)
            self._known[key] = [reduce(add, map(mul, row, inner), own.zero) for row in own.a]
        return self._known[key]


def _with_parts(tree: Tree, parts: int, *, time: bool) -> Iterator[PartTree]:
    """The tree with every choice of parts; each once."""
    seen = set()
    for part in range(parts):
        for children in product(*(_as_child(child, parts, time=time) for child in tree)):
            variant = part, tuple(sorted(children, key=str))
            if variant not in seen:
                seen.add(variant)
                yield variant


def _as_child(tree: Tree, parts: int, *, time: bool) -> list[PartTree]:
    found = list(_with_parts(tree, parts, time=time))
    return [*found, TIME] if time and not tree else found
