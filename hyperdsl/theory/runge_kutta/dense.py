"""Dense output: z(s + θε) ≈ z + ε Σ b_i(θ)·k_i with polynomials b_i, proven (Hairer, Nørsett & Wanner I, §II.6).

It has order q exactly when Φ_θ(t) = θ^|t|/γ(t) for every tree t with at most q nodes, identically in θ. Each power of θ
is a row of weights of its own, so that this is a set of order conditions: Φ_j(t), of the coefficients of θ^j, is
1/γ(t) where j = |t|, and 0 elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import flint
from flint import arb, fmpq

from hyperdsl.theory.conditions import vanishes
from hyperdsl.theory.numbers.exact import ZERO, Exact
from hyperdsl.theory.numbers.polynomials import Polynomial, degree, value
from hyperdsl.theory.runge_kutta.assumed import dense_order
from hyperdsl.theory.runge_kutta.reach import reach
from hyperdsl.theory.runge_kutta.stages import BallStages, exact_stages
from hyperdsl.theory.runge_kutta.tableau import Row, Tableau
from hyperdsl.theory.runge_kutta.trees import AUTONOMOUS, COLOURED, PLAIN, Leaf
from hyperdsl.theory.runge_kutta.weights import elementary_weight, elementary_weights

_BITS = 512

_FEW = 8
"""Up to this order trees are looked at first."""


class ConditionTree(Protocol):
    """A tree of any class of methods."""

    @property
    def order(self) -> int: ...
    @property
    def density(self) -> int: ...
    def condition(self) -> str: ...


@dataclass(frozen=True)
class DenseCondition:
    """One condition of dense output: the coefficient of θ^power in Φ_θ(tree) is `expected`."""

    tree: ConditionTree
    power: int
    value: Exact
    expected: Fraction

    @property
    def difference(self) -> Exact:
        return self.value - self.expected

    def __str__(self) -> str:
        """The condition of the tree in indices: `Σ b_i(θ) a_ij c_j = θ^3/6`."""
        left, _, _ = self.tree.condition().partition(" = ")
        power = "θ" if self.tree.order == 1 else f"θ^{self.tree.order}"
        right = power if self.tree.density == 1 else f"{power}/{self.tree.density}"
        _, weight, *_ = left.split(" ")
        return f"{left.replace(weight, f'{weight}(θ)', 1)} = {right}"


@dataclass(frozen=True)
class Jump:
    """A stage (counted from 0) whose weight is not what continuity asks for at θ = `at`, which is 0 or 1."""

    stage: int
    at: int
    value: Exact
    expected: Exact


def with_dense_weights(a: tuple[Row, ...], c: Row, weights: tuple[Polynomial, ...]) -> Tableau:
    """The tableau of all stages, extra ones included; row j − 1 of its weights has the coefficients of θ^j.

    One row more than the highest power occurs: there is no order beyond that power, and the row shows why.
    """
    highest = max(1, *(degree(weight) for weight in weights))
    rows = tuple(tuple(w[j] if j < len(w) else ZERO for w in weights) for j in range(1, highest + 2))
    width = len(c)
    padded = tuple((*row, *[ZERO] * (width - len(row))) for row in a)
    return Tableau(padded, c, rows)


@dataclass(frozen=True)
class DenseReport:
    """The order of dense output that is proven, and a condition of the next one that fails.

    There is none where the bound on the order stopped the search, and where it was not `finished`: whether the order is
    higher is out of reach then.
    """

    order: int
    failing: DenseCondition | None
    finished: bool = True


def prove_dense(
    tableau: Tableau, highest: int, tolerance: Exact | None = None, *, autonomous: bool = False, claimed: int = 0
) -> DenseReport:
    """The order of the dense output of `with_dense_weights`.

    `highest` is the order of the method: at θ = 1 the conditions are its own, so that none is higher. c is read
    throughout unless `autonomous`. With a tolerance τ each coefficient of each Φ_θ is within τ. High orders are proven
    by C(η) and the quadrature's conditions, which imply order η + 1 (see `assumed`), where these hold.
    """
    leaves = PLAIN if tableau.is_consistent else AUTONOMOUS if autonomous else COLOURED
    powers = len(tableau.weights)
    wanted = min(powers, highest + 1)
    shapes, exact = (PLAIN, False) if tolerance is not None and not tableau.parameters else (leaves, True)
    if wanted > _FEW and not autonomous and dense_order(tableau, highest, tolerance) == highest:
        return DenseReport(highest, None)
    last = min(wanted, reach(tableau, shapes, exact=exact, rows=powers, claimed=claimed))
    found = earliest(powers, last, lambda power, last: _failures(tableau, power, leaves, last, tolerance))
    if found is not None:
        return DenseReport(found.tree.order - 1, found)
    return DenseReport(min(last, highest), None, finished=last == wanted)


def earliest(powers: int, last: int, failures: Callable[[int, int], Iterator[DenseCondition]]) -> DenseCondition | None:
    """Of the conditions on any power of θ that fail for trees of up to `last` nodes, one of the smallest trees.

    `failures` are those on a power, of trees with up to so many nodes, the smallest first.
    """
    found = None
    for power in range(1, powers + 1):
        failing = next(failures(power, last), None)
        if failing is not None and (found is None or failing.tree.order < found.tree.order):
            found, last = failing, failing.tree.order
    return found


def jumps(weights: tuple[Polynomial, ...], b: Row, tolerance: Exact | None = None) -> tuple[Jump, ...]:
    """Where b(0) = 0 or b(1) = b does not hold, the latter to the tolerance; stages beyond those of b weigh 0 in b."""
    found = []
    for i, weight in enumerate(weights):
        wanted = b[i] if i < len(b) else ZERO
        start, end = value(weight, ZERO), sum(weight, ZERO)
        if not start.is_zero:
            found.append(Jump(i, 0, start, ZERO))
        if not vanishes(end - wanted, tolerance):
            found.append(Jump(i, 1, end, wanted))
    return tuple(found)


def _failures(
    tableau: Tableau, power: int, leaves: tuple[Leaf, ...], last: int, tolerance: Exact | None
) -> Iterator[DenseCondition]:
    """The conditions on the coefficients of θ^power that do not hold, up to trees of `last` nodes."""
    if tolerance is not None and not tableau.parameters:
        yield from _failures_beyond(tableau, power, leaves, last, tolerance)
        return
    for tree, found in elementary_weights(exact_stages(tableau), leaves, last, power - 1):
        condition = DenseCondition(tree, power, found, expected(tree, power))
        if not vanishes(condition.difference, tolerance):
            yield condition


def _failures_beyond(
    tableau: Tableau, power: int, leaves: tuple[Leaf, ...], last: int, tolerance: Exact
) -> Iterator[DenseCondition]:
    """As `_failures`: balls that hold both c_i and Σ_j a_ij decide most trees, exact numbers the rest."""
    with flint.ctx.workprec(_BITS):
        limit = tolerance.ball()
        shapes = PLAIN if leaves == COLOURED else leaves
        for tree, ball in elementary_weights(BallStages(tableau), shapes, last, power - 1):
            wanted = expected(tree, power)
            if abs(ball - arb(fmpq(wanted.numerator, wanted.denominator))) <= limit:
                continue
            for variant in tree.colourings() if leaves == COLOURED else (tree,):
                found = elementary_weight(tableau, variant, power - 1)
                condition = DenseCondition(variant, power, found, wanted)
                if not vanishes(condition.difference, tolerance):
                    yield condition


def expected(tree: ConditionTree, power: int) -> Fraction:
    """What the coefficient of θ^power in Φ_θ(tree) has to be."""
    return Fraction(1, tree.density) if tree.order == power else Fraction(0)
