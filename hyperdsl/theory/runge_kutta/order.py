"""Orders of Runge–Kutta methods, proven (Hairer, Nørsett & Wanner I, §II.2; Butcher 2016, ch. 3).

A row of weights has order p exactly when Φ(t) = 1/γ(t) for every tree t with at most p nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import flint
from flint import arb, fmpq

from hyperdsl.theory.numbers.exact import ZERO, Exact, ball_ends, nearest_double
from hyperdsl.theory.runge_kutta.stages import BallStages, exact_stages
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.runge_kutta.trees import AUTONOMOUS, COLOURED, PLAIN, Leaf, Tree
from hyperdsl.theory.runge_kutta.weights import elementary_weight, elementary_weights


@dataclass(frozen=True)
class Condition:
    """One order condition of one row of weights: Φ(tree) = expected."""

    tree: Tree
    row: int
    value: Exact
    expected: Fraction

    @property
    def difference(self) -> Exact:
        return self.value - self.expected


@dataclass(frozen=True)
class OrderReport:
    """What was proven of a row of weights.

    `order` is for z' = f(s, z), `order_autonomous` for z' = f(z). `failing` is the first condition of the next order
    that does not hold; it is None only where a tolerance is so wide that the bound on any method's order stopped the
    search.
    """

    order: int
    order_autonomous: int
    failing: Condition | None
    failing_autonomous: Condition | None


@dataclass(frozen=True)
class RowSum:
    """A stage (counted from 0) whose node differs from the sum of its row of A."""

    row: int
    c: Exact
    total: Exact


def prove_order(tableau: Tableau, row: int = 0, tolerance: Exact | None = None) -> OrderReport:
    """The largest order whose conditions all hold, with and without time, and the conditions that stop there.

    With parameters a condition holds when it does so identically. With a tolerance τ it holds when |Φ − 1/γ| ≤ τ, for
    every colouring of the tree where c is not exactly A·1.
    """
    order, failing = _proven(tableau, row, tolerance, coloured=not tableau.is_consistent)
    if tableau.is_consistent:
        return OrderReport(order, order, failing, failing)
    autonomous, failing_autonomous = _proven(tableau, row, tolerance, coloured=False)
    return OrderReport(order, autonomous, failing, failing_autonomous)


LARGEST_TOLERANCE = Fraction(1, 10**8)
"""A method that misses its conditions by more is another one."""


def tolerance_needed(tableau: Tableau, order: int, row: int = 0) -> Fraction | None:
    """A bound, close from above, on what |Φ(t) − 1/γ(t)| and |c − A·1| amount to up to an order; None where that is
    more than `LARGEST_TOLERANCE` or where there are parameters."""
    if tableau.parameters:
        return None
    with flint.ctx.workprec(_BITS):
        defects = (abs((c - total).ball()) for c, total in zip(tableau.c, tableau.row_sums, strict=True))
        worst = max(ball_ends(defect)[1] for defect in defects)
        for tree, value in elementary_weights(BallStages(tableau), PLAIN, order, row):
            worst = max(worst, ball_ends(abs(value - arb(fmpq(1, tree.density))))[1])
            if worst > LARGEST_TOLERANCE:
                return None
    return worst


def row_sum_defects(tableau: Tableau, tolerance: Exact | None = None) -> tuple[RowSum, ...]:
    """The stages where c_i = Σ_j a_ij does not hold (to the tolerance)."""
    pairs = enumerate(zip(tableau.c, tableau.row_sums, strict=True))
    return tuple(RowSum(i, c, total) for i, (c, total) in pairs if not _vanishes(c - total, tolerance))


def stage_order(tableau: Tableau, tolerance: Exact | None = None, row: int = 0) -> int:
    """The largest q with B(q) and C(q), c read throughout; 0 where c is not A·1 (Butcher 1964).

    B(q): Σ b_i c_i^(k−1) = 1/k; C(q): Σ_j a_ij c_j^(k−1) = c_i^k/k for every stage i; both for k ≤ q.
    """
    powers = [Exact.of(1)] * tableau.stages
    for k in range(1, 2 * tableau.stages + 1):
        moments = [(tableau.weights[row], Exact.of(Fraction(1, k)))]
        next_powers = [c * power for c, power in zip(tableau.c, powers, strict=True)]
        moments += [(a, power / k) for a, power in zip(tableau.a, next_powers, strict=True)]
        if not all(_vanishes(_dot(weights, powers) - value, tolerance) for weights, value in moments):
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
    """The 2-norm of `principal_error`, to the nearest double; None where it depends on a parameter."""
    if tableau.parameters:
        errors = principal_error(tableau, order, row, tolerance)
        square = sum((error * error for _, error in errors), ZERO)
        return None if square.parameters else nearest_double(lambda: square.ball().sqrt())
    leaves = _leaves(tableau, tolerance)
    return nearest_double(lambda: _error_ball(tableau, order, row, leaves))


def _leaves(tableau: Tableau, tolerance: Exact | None) -> tuple[Leaf, ...]:
    """The leaves of the conditions for z' = f(s, z)."""
    return COLOURED if row_sum_defects(tableau, tolerance) else PLAIN


_BITS = 512


def _proven(tableau: Tableau, row: int, tolerance: Exact | None, *, coloured: bool) -> tuple[int, Condition | None]:
    """The largest order that holds and the condition that fails next; time leaves are left out unless `coloured`."""
    bound = tableau.stages if tableau.kind == "explicit" else 2 * tableau.stages
    leaves = COLOURED if coloured else PLAIN if tableau.is_consistent else AUTONOMOUS
    if tolerance is None or tableau.parameters:
        failures = _failures(tableau, row, tolerance, leaves, bound + 1)
    else:
        failures = _failures_beyond(tableau, row, tolerance, leaves, bound + 1)
    failing = next(failures, None)
    return (bound, None) if failing is None else (failing.tree.order - 1, failing)


def _failures(
    tableau: Tableau, row: int, tolerance: Exact | None, leaves: tuple[Leaf, ...], last: int
) -> Iterator[Condition]:
    """The conditions that do not hold, each evaluated exactly."""
    stages = exact_stages(tableau)
    for tree, value in elementary_weights(stages, leaves, last, row):
        condition = Condition(tree, row, value, Fraction(1, tree.density))
        if not _vanishes(condition.difference, tolerance):
            yield condition


def _failures_beyond(
    tableau: Tableau, row: int, tolerance: Exact, leaves: tuple[Leaf, ...], last: int
) -> Iterator[Condition]:
    """The conditions that miss by more than the tolerance.

    Balls whose leaves hold c_i and Σ_j a_ij alike decide all colourings of a tree at once, and rigorously; only what
    they leave open, or find to fail, is evaluated exactly.
    """
    bits = 192 + _magnitude(tolerance)
    shapes = PLAIN if leaves == COLOURED else leaves
    with flint.ctx.workprec(bits):
        stages = BallStages(tableau)
        limit = tolerance.ball()
        for tree, value in elementary_weights(stages, shapes, last, row):
            error = value - arb(fmpq(1, tree.density))
            if not abs(error) <= limit:
                variants = tree.colourings() if leaves == COLOURED else (tree,)
                yield from _exact_failures(tableau, row, tolerance, variants)


def _exact_failures(tableau: Tableau, row: int, tolerance: Exact, variants: tuple[Tree, ...]) -> Iterator[Condition]:
    for tree in variants:
        value = elementary_weight(tableau, tree, row)
        condition = Condition(tree, row, value, Fraction(1, tree.density))
        if not _vanishes(condition.difference, tolerance):
            yield condition


def _vanishes(difference: Exact, tolerance: Exact | None) -> bool:
    """Whether a difference is zero, or at most the tolerance; one that depends on a parameter must be zero."""
    if difference.is_zero:
        return True
    return tolerance is not None and not difference.parameters and abs(difference) <= tolerance


def _magnitude(tolerance: Exact) -> int:
    """Bits after the point before a positive tolerance's first digit."""
    value = tolerance.fraction() if tolerance.is_rational else Fraction(float(tolerance))
    return max(0, value.denominator.bit_length() - value.numerator.bit_length() + 1)


def _dot(x: tuple[Exact, ...], y: list[Exact]) -> Exact:
    return sum((p * q for p, q in zip(x, y, strict=True)), ZERO)


def _error_ball(tableau: Tableau, order: int, row: int, leaves: tuple[Leaf, ...]) -> arb:
    """The norm of the principal error in balls of the current precision."""
    stages = BallStages(tableau)
    square = arb(0)
    for tree, value in elementary_weights(stages, leaves, order + 1, row):
        if tree.order == order + 1:
            error = (value - arb(fmpq(1, tree.density))) / tree.symmetry
            square += error * error
    return square.nonnegative_part().sqrt()
