"""What sympy proves of a Runge–Kutta method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add, mul

from hyperdsl.second import ranges, simplifying
from hyperdsl.second.budget import Undecided
from hyperdsl.second.expressions import Expr
from hyperdsl.second.numbers import Element, Numbers
from hyperdsl.second.orders import Found, Stages, Vector, conditions, orders
from hyperdsl.second.trees import Tree, density, size
from hyperdsl.second.written import THETA, Written, WrittenDense

HIGHEST = 64
"""No method has a higher order that is looked for."""
MOST_TREES = 8
"""The order up to which methods are always proven by trees."""
MOST = 14
"""Beyond this order there are more than a hundred thousand trees, which are not tried."""


@dataclass(frozen=True)
class Proof:
    """What holds of a method, whatever it claims: of each row of weights the order with time and without it."""

    rows_sum: bool
    timed: tuple[Found, ...]
    autonomous: tuple[Found, ...]
    dense: DenseProof | None = None
    bounded: bool = True
    """Whether no coefficient has a pole in the range of the parameters."""

    def bears_out(self, written: Written) -> bool:
        """Whether everything that the method claims is proven."""
        found = self.autonomous if written.autonomous else self.timed
        claims = zip(written.claimed, found, strict=False)
        return (
            (written.autonomous or self.rows_sum)
            and all(row.order >= claimed for claimed, row in claims)
            and (self.dense is None or self.dense.holds)
            and self.bounded
        )


@dataclass(frozen=True)
class DenseProof:
    """Whether b(0) = 0 and b(1) = b, whether its own stages sum to their c and it has no pole in the range of the
    parameters, and the tree that it fails first at."""

    ends_meet: bool
    rows_sum: bool
    bounded: bool
    failing: Tree | None

    @property
    def holds(self) -> bool:
        return self.ends_meet and self.rows_sum and self.bounded and self.failing is None


def prove(written: Written) -> Proof:
    """Every claim of a method, and what else the conditions say; Undecided where sympy cannot."""
    flat = (*(x for row in (*written.a, *written.weights) for x in row), *written.c)
    numbers = Numbers((*flat, *_beside(written)))
    read = Rows(numbers)
    stages, weights = read.stages(written.a, written.c, written.weights)
    tolerance = read.tolerance(written)
    explicit = all(not x for i, row in enumerate(stages.a) for x in row[i:])
    bound = min(HIGHEST, len(written.c) * (1 if explicit else 2))
    plain = stages.consistent
    timed = _orders(stages, weights, bound, tolerance, written.claimed[0], time=not plain)
    return Proof(
        rows_sum=rows_sum(stages, tolerance),
        timed=timed,
        autonomous=timed if plain else orders(stages, weights, bound, tolerance, time=False),
        dense=None if written.dense is None else _dense(written, written.dense),
        bounded=ranges.bounded(numbers, [numbers.element(x) for x in flat], written),
    )


def _beside(written: Written) -> tuple[Expr, ...]:
    """What is in the same field as the coefficients."""
    return written.nonzero if written.tolerance is None else (*written.nonzero, written.tolerance)


@dataclass(frozen=True)
class Rows:
    """From expressions to elements."""

    numbers: Numbers

    def row(self, values: Sequence[Expr]) -> Vector:
        return [self.numbers.element(value) for value in values]

    def stages(
        self, a: Sequence[Sequence[Expr]], c: Sequence[Expr], weights: Sequence[Sequence[Expr]]
    ) -> tuple[Stages, list[Vector]]:
        """The stages, and rows of weights in their ring."""
        rows = [self.row(b) for b in weights]
        found = Stages(self.numbers, [self.row(line) for line in a], self.row(c), rows)
        return found, [found.cleared(b) for b in rows]

    def tolerance(self, written: Written) -> Element | None:
        return None if written.tolerance is None else self.numbers.number(written.tolerance)


def rows_sum(stages: Stages, tolerance: Element | None, first: int = 0) -> bool:
    """Whether c = A·1, from a stage on."""
    pairs = list(zip(stages.c, stages.sums, strict=True))[first:]
    return all(stages.is_zero(c - total, 1, 1, tolerance) for c, total in pairs)


def _orders(
    stages: Stages, weights: Sequence[Vector], bound: int, tolerance: Element | None, claimed: int, *, time: bool
) -> tuple[Found, ...]:
    """By trees; beyond some order by the simplifying assumptions, where those decide it."""
    if tolerance is None and not time:
        assumed = [simplifying.order(stages, b, bound) for b in weights]
        known = [order for order in assumed if order is not None]
        if len(known) == len(weights) and max(known) > MOST_TREES:
            return tuple(Found(order, _bushy(order + 1)) for order in known)
    if claimed > MOST:
        raise Undecided(f"the trees up to order {claimed} are too many for sympy")
    return orders(stages, weights, bound, tolerance, time=time)


def _bushy(order: int) -> Tree:
    """The tree whose root has all other nodes as children: that of B(p)."""
    return ((),) * (order - 1)


def _dense(written: Written, dense: WrittenDense) -> DenseProof:
    """Σ b_i(θ) η_i(t) = θ^|t|/γ(t), power by power of θ."""
    width = len(dense.weights)
    a = [(*row, *[0 * THETA] * (width - len(row))) for row in (*written.a, *dense.a)]
    c = (*written.c, *dense.c)
    b = (*written.weights[0], *[0 * THETA] * (width - len(written.c)))
    flat = [x for row in (*a, c, b, dense.weights) for x in row]
    numbers = Numbers((*flat, *_beside(written)), THETA)
    read = Rows(numbers)
    powers = 1 + max(numbers.degree(value) for value in dense.weights)
    length = max(powers, dense.order + 1)
    columns = [numbers.coefficients(value, length) for value in dense.weights]
    rows = list(map(list, zip(*columns, strict=True)))
    weights, propagated = rows[1:], read.row(b)
    stages = Stages(numbers, [read.row(row) for row in a], read.row(c), [*weights, propagated])
    tolerance = read.tolerance(written)
    cleared = [stages.cleared(row) for row in weights]
    ends = [reduce(add, column) for column in zip(*cleared, strict=True)]
    meet = not any(rows[0]) and all(
        stages.is_zero(end - wanted, 1, 1, tolerance)
        for end, wanted in zip(ends, stages.cleared(propagated), strict=True)
    )
    sums = written.autonomous or rows_sum(stages, tolerance, len(written.c))
    time = not stages.consistent and not written.autonomous
    bounded = ranges.bounded(numbers, [x for row in (*rows, *map(read.row, a), read.row(c)) for x in row], written)
    return DenseProof(meet, sums, bounded, _dense_failure(stages, cleared, dense.order, tolerance, time=time))


def _dense_failure(
    stages: Stages, weights: Sequence[Vector], order: int, tolerance: Element | None, *, time: bool
) -> Tree | None:
    """The first tree, of all up to an order, whose condition does not hold; weights[j − 1] are those of θ^j."""
    for nodes in range(1, order + 1):
        for tree in conditions(nodes, time=time):
            vector = stages.last_products(tree)
            for power, b in enumerate(weights, start=1):
                total, gamma = reduce(add, map(mul, b, vector)), density(tree)
                wanted = stages.scale ** size(tree) if power == size(tree) else stages.zero
                if not stages.is_zero(gamma * total - wanted, size(tree), gamma, tolerance):
                    return tree
    return None
