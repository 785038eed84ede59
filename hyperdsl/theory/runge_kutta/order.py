"""Orders of Runge–Kutta methods, proven (Hairer, Nørsett & Wanner I, §II.2; Butcher 2016, ch. 3).

A row of weights has order p exactly when Φ(t) = 1/γ(t) for every tree t with at most p nodes. Trees are looked at as
far as the budget reaches; beyond, the simplifying assumptions prove what they prove (`assumed`), and the condition
Σ b_i c_i^p = 1/(p + 1), where it fails, shows that there is no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import starmap

import flint
from flint import arb, fmpq

from hyperdsl.theory.conditions import Condition, vanishes
from hyperdsl.theory.numbers.exact import ZERO, Exact, ball_ends, nearest_double
from hyperdsl.theory.numbers.matrices import dot
from hyperdsl.theory.runge_kutta.assumed import bound_to, exact_order, order_within
from hyperdsl.theory.runge_kutta.reach import reach
from hyperdsl.theory.runge_kutta.stages import BallStages, exact_stages
from hyperdsl.theory.runge_kutta.tableau import HIGHEST_ORDER, Tableau
from hyperdsl.theory.runge_kutta.trees import AUTONOMOUS, COLOURED, PLAIN, Leaf, Tree
from hyperdsl.theory.runge_kutta.weights import BallWeights, elementary_weight, elementary_weights


@dataclass(frozen=True)
class OrderReport:
    """What was proven of a row of weights.

    `order` is for z' = f(s, z), `order_autonomous` for z' = f(z). `failing` is the first condition of the next order
    that does not hold. It is None where a tolerance is so wide that the bound on any method's order stopped the
    search; and where the search was not `finished`, for the orders are then proven, and whether there are higher ones
    is out of reach.
    """

    order: int
    order_autonomous: int
    failing: Condition[Tree] | None
    failing_autonomous: Condition[Tree] | None
    finished: bool = True


@dataclass(frozen=True)
class RowSum:
    """A stage (counted from 0) whose node differs from the sum of its row of A."""

    row: int
    c: Exact
    total: Exact


def prove_order(
    tableau: Tableau, row: int = 0, tolerance: Exact | None = None, claimed: int | None = None
) -> OrderReport:
    """The largest order whose conditions all hold, with and without time, and the conditions that stop there.

    With parameters a condition holds when it does so identically. With a tolerance τ it holds when |Φ − 1/γ| ≤ τ, for
    every colouring of the tree where c is not exactly A·1. Where an order is claimed, trees beyond the next one are
    looked at only where they are few.
    """
    order, failing, finished = _proven(tableau, row, tolerance, claimed)
    if tableau.is_consistent:
        return OrderReport(order, order, failing, failing, finished)
    autonomous, failing_autonomous, finished_too = _proven(tableau, row, tolerance, claimed, known=order)
    return OrderReport(order, autonomous, failing, failing_autonomous, finished and finished_too)


LARGEST_TOLERANCE = Fraction(1, 10**8)
"""A method that misses its conditions by more is another one."""


def tolerance_needed(tableau: Tableau, order: int, row: int = 0) -> Fraction | None:
    """A bound on what |Φ(t) − 1/γ(t)| and |c − A·1| amount to up to an order, close from above where trees are within
    reach; None where that is more than `LARGEST_TOLERANCE` or where there are parameters."""
    if tableau.parameters:
        return None
    with flint.ctx.workprec(_BITS):
        defects = (abs((c - total).ball()) for c, total in zip(tableau.c, tableau.row_sums, strict=True))
        worst = max(ball_ends(defect)[1] for defect in defects)
        if order > reach(tableau, PLAIN, exact=False):
            worst = max(worst, bound_to(tableau, order, row))
            return worst if worst <= LARGEST_TOLERANCE else None
        for tree, value in elementary_weights(BallStages(tableau), PLAIN, order, row):
            worst = max(worst, ball_ends(abs(value - arb(fmpq(1, tree.density))))[1])
            if worst > LARGEST_TOLERANCE:
                return None
    return worst


def row_sum_defects(tableau: Tableau, tolerance: Exact | None = None) -> tuple[RowSum, ...]:
    """The stages where c_i = Σ_j a_ij does not hold (to the tolerance)."""
    pairs = enumerate(zip(tableau.c, tableau.row_sums, strict=True))
    return tuple(RowSum(i, c, total) for i, (c, total) in pairs if not vanishes(c - total, tolerance))


def stage_order(tableau: Tableau, tolerance: Exact | None = None, row: int = 0) -> int:
    """The largest q with B(q) and C(q), c read throughout; 0 where c is not A·1 (Butcher 1964).

    B(q): Σ b_i c_i^(k−1) = 1/k; C(q): Σ_j a_ij c_j^(k−1) = c_i^k/k for every stage i; both for k ≤ q.
    """
    powers = [Exact.of(1)] * tableau.stages
    for k in range(1, 2 * tableau.stages + 1):
        moments = [(tableau.weights[row], Exact.of(Fraction(1, k)))]
        next_powers = [c * power for c, power in zip(tableau.c, powers, strict=True)]
        moments += [(a, power / k) for a, power in zip(tableau.a, next_powers, strict=True)]
        if not all(vanishes(dot(weights, powers) - value, tolerance) for weights, value in moments):
            return k - 1
        powers = next_powers
    return 2 * tableau.stages


def principal_error(
    tableau: Tableau, order: int, row: int = 0, tolerance: Exact | None = None
) -> tuple[tuple[Tree, Exact], ...]:
    """(Φ(t) − 1/γ(t))/σ(t) for the trees with order + 1 nodes, coloured where c is not A·1 (to the tolerance).

    These are the coefficients of the elementary differentials F(t) in the leading term of the local error, over
    ε^(order+1) (HNW I, §II.3). Coloured trees are many: 1042 of order 8, 11019 of order 10.
    """
    stages = exact_stages(tableau)
    found = []
    for tree, value in elementary_weights(stages, _leaves(tableau, tolerance), order + 1, row):
        if tree.order == order + 1:
            found.append((tree, (value - fmpq(1, tree.density)) / tree.symmetry))
    return tuple(found)


def principal_error_norm(tableau: Tableau, order: int, row: int = 0, tolerance: Exact | None = None) -> float | None:
    """The 2-norm of `principal_error`, to the nearest double; None where it depends on a parameter, or where its trees
    are out of reach."""
    leaves = _leaves(tableau, tolerance)
    if order >= reach(tableau, leaves, exact=False):
        return None
    if tableau.parameters:
        errors = principal_error(tableau, order, row, tolerance)
        square = sum((error * error for _, error in errors), ZERO)
        return None if square.parameters else nearest_double(lambda: square.ball().sqrt())
    return nearest_double(lambda: _error_ball(tableau, order, row, leaves))


def _leaves(tableau: Tableau, tolerance: Exact | None) -> tuple[Leaf, ...]:
    """The leaves of the conditions for z' = f(s, z)."""
    return COLOURED if row_sum_defects(tableau, tolerance) else PLAIN


_BITS = 512

_FEW = 8
"""Trees up to this order are looked at whatever else is known; they decide most."""


def _proven(
    tableau: Tableau, row: int, tolerance: Exact | None, claimed: int | None, known: int | None = None
) -> tuple[int, Condition[Tree] | None, bool]:
    """The largest order that is proven, the condition that fails next, and whether no higher one is possible.

    Given the order for z' = f(s, z), which is known to hold, that for z' = f(z).
    """
    coloured = known is None and not tableau.is_consistent
    bound = min(tableau.stages if tableau.kind == "explicit" else 2 * tableau.stages, HIGHEST_ORDER)
    leaves = COLOURED if coloured else PLAIN if tableau.is_consistent else AUTONOMOUS
    exact = tolerance is None or bool(tableau.parameters)
    shapes = leaves if exact else PLAIN
    last = min(bound + 1, reach(tableau, shapes, exact=exact, claimed=claimed))
    read = tableau if leaves != AUTONOMOUS else replace(tableau, c=tableau.row_sums)

    def judged(proven: int) -> tuple[int, Condition[Tree] | None]:
        """After trees of so many nodes, or what else proves that order."""
        failing = _bushy_failure(read, row, tolerance, proven + 1, leaves[-1]) if proven <= bound else None
        return proven, failing

    def searched(nodes: int) -> tuple[int, Condition[Tree] | None]:
        failing = next(_failures(tableau, row, tolerance, leaves, nodes), None)
        return judged(nodes) if failing is None else (failing.tree.order - 1, failing)

    proven, failing = judged(known) if known else searched(min(last, _FEW))
    if failing is None and proven < bound:
        proven, failing = judged(max(proven, _assumed(read, row, None if exact else tolerance)))
    if failing is None and proven < last:
        proven, failing = searched(last)
    return min(proven, bound), failing, failing is not None or proven >= bound


def _assumed(tableau: Tableau, row: int, tolerance: Exact | None) -> int:
    return exact_order(tableau, row) if tolerance is None else order_within(tableau, tolerance, row)


def _bushy_failure(
    tableau: Tableau, row: int, tolerance: Exact | None, order: int, leaf: Leaf
) -> Condition[Tree] | None:
    """The condition of the first tree of an order, Σ b_i c_i^(order − 1) = 1/order, where it does not hold."""
    return next(_exact_failures(tableau, row, tolerance, (Tree((Tree(leaf=leaf),) * (order - 1)),)), None)


def _failures(
    tableau: Tableau, row: int, tolerance: Exact | None, leaves: tuple[Leaf, ...], last: int
) -> Iterator[Condition[Tree]]:
    """The conditions that do not hold, or that miss by more than the tolerance; what a parameter moves has to hold."""
    if tolerance is not None and not tableau.parameters:
        yield from _failures_beyond(tableau, row, tolerance, leaves, last)
        return
    for tree, value in elementary_weights(exact_stages(tableau), leaves, last, row):
        condition = Condition(tree, row, value, Fraction(1, tree.density))
        if not vanishes(condition.difference, tolerance):
            yield condition


def _failures_beyond(
    tableau: Tableau, row: int, tolerance: Exact, leaves: tuple[Leaf, ...], last: int
) -> Iterator[Condition[Tree]]:
    """The conditions that miss by more than the tolerance.

    Balls whose leaves hold c_i and Σ_j a_ij alike decide all colourings of a tree at once, and rigorously; only what
    they leave open, or find to fail, is evaluated exactly. Of the last order, which has most of the trees, all are
    looked at together first.
    """
    with flint.ctx.workprec(192 + _magnitude(tolerance)):
        weights = BallWeights(BallStages(tableau), leaves[0] if len(leaves) == 1 else Leaf.PLAIN, row)
        limit = tolerance.ball()

        def misses(value: arb, density: int) -> bool:
            return not abs(value - arb(fmpq(1, density))) <= limit

        for order in range(1, last + 1):
            if order == last > 1 and not any(starmap(misses, weights.pairs(order))):
                return
            for tree, value in weights.of(order, last=order == last):
                if misses(value, tree.density):
                    variants = tree.colourings() if leaves == COLOURED else (tree,)
                    yield from _exact_failures(tableau, row, tolerance, variants)


def _exact_failures(
    tableau: Tableau, row: int, tolerance: Exact | None, variants: tuple[Tree, ...]
) -> Iterator[Condition[Tree]]:
    for tree in variants:
        value = elementary_weight(tableau, tree, row)
        condition = Condition(tree, row, value, Fraction(1, tree.density))
        if not vanishes(condition.difference, tolerance):
            yield condition


def _magnitude(tolerance: Exact) -> int:
    """Bits after the point before a positive tolerance's first digit."""
    value = tolerance.fraction() if tolerance.is_rational else Fraction(float(tolerance))
    return max(0, value.denominator.bit_length() - value.numerator.bit_length() + 1)


def _error_ball(tableau: Tableau, order: int, row: int, leaves: tuple[Leaf, ...]) -> arb:
    """The norm of the principal error in balls of the current precision."""
    stages = BallStages(tableau)
    square = arb(0)
    for tree, value in elementary_weights(stages, leaves, order + 1, row):
        if tree.order == order + 1:
            error = (value - arb(fmpq(1, tree.density))) / tree.symmetry
            square += error * error
    return square.nonnegative_part().sqrt()
