"""Orders of additive Runge–Kutta methods, proven (Kennedy & Carpenter 2003, §2).

A row of weights has order p exactly when Φ(t) = 1/γ(t) for every tree with at most p nodes and every choice of the
part that each of its nodes belongs to. Those of one part alone are that part's own conditions, so no order is larger
than the smallest of the parts' orders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import flint
from flint import arb, fmpq

from hyperdsl.theory.additive.pair import Pair
from hyperdsl.theory.additive.trees import TIME, Alphabet, PartTree
from hyperdsl.theory.additive.weights import BallWeights, exact_weights
from hyperdsl.theory.conditions import Condition, vanishes
from hyperdsl.theory.numbers.exact import ZERO, Exact, ball_ends, nearest_double
from hyperdsl.theory.runge_kutta.order import LARGEST_TOLERANCE
from hyperdsl.theory.runge_kutta.order import prove_order as prove_part
from hyperdsl.theory.runge_kutta.order import stage_order as stage_order_of_part

HIGHEST_ADDITIVE_ORDER = 8
"""No coupled order beyond is looked for: there are 30,000 trees of order 8, and no method of order 6 is published."""

_BITS = 512

Expected = Callable[[PartTree], Fraction]
"""What Φ of a tree has to be: 1/γ, or of a power of θ its coefficient; it depends on no leaf's part."""


@dataclass(frozen=True)
class OrderReport:
    """What was proven of a row of weights: the coupled order for z' = Σ f^ν(s, z) and for z' = Σ f^ν(z), the first
    conditions of the next order that do not hold, and the orders of the parts alone, each with time.

    A failing condition is None where the bound on any method's order ended the search; where the search was not
    `finished`, whether there are higher orders is out of reach.
    """

    order: int
    order_autonomous: int
    failing: Condition[PartTree] | None
    failing_autonomous: Condition[PartTree] | None
    parts: tuple[tuple[str, int], ...]
    finished: bool = True


def prove_order(pair: Pair, row: int = 0, tolerance: Exact | None = None) -> OrderReport:
    """The largest coupled order whose conditions all hold, with and without time, and the conditions that stop there.

    With parameters a condition holds when it does so identically. With a tolerance τ it holds when |Φ − 1/γ| ≤ τ, each
    leaf read from c of its parent's part or from A^ν·1 of any.
    """
    alone = [(name, prove_part(tableau, row, tolerance)) for name, tableau in pair.parts]
    parts = tuple((name, report.order) for name, report in alone)
    names = pair.names
    if pair.is_consistent:
        bound = min(report.order for _, report in alone)
        alphabet = Alphabet.shared(names) if pair.has_one_c else Alphabet.autonomous(names)
        order, failing = _proven(pair, row, tolerance, alphabet, bound)
        finished = failing is not None or order < HIGHEST_ADDITIVE_ORDER
        return OrderReport(order, order, failing, failing, parts, finished)
    order, failing = _proven(pair, row, tolerance, Alphabet.timed(names), min(report.order for _, report in alone))
    bound = min(report.order_autonomous for _, report in alone)
    autonomous, other = _proven(pair, row, tolerance, Alphabet.autonomous(names), bound)
    finished = max(order, autonomous) < HIGHEST_ADDITIVE_ORDER
    return OrderReport(order, autonomous, failing, other, parts, finished)


def stage_order(pair: Pair, tolerance: Exact | None = None) -> int:
    """The largest q with B(q) and C(q) for every part; 0 where the parts' nodes differ, or are no row sums."""
    first, *others = pair.tableaux
    nodes = zip(first.c * len(others), (c for tableau in others for c in tableau.c), strict=True)
    if not all(vanishes(x - y, tolerance) for x, y in nodes):
        return 0
    return min(stage_order_of_part(tableau, tolerance) for tableau in pair.tableaux)


def principal_error(
    pair: Pair, order: int, row: int = 0, tolerance: Exact | None = None
) -> tuple[tuple[PartTree, Exact], ...]:
    """(Φ(t) − 1/γ(t))/σ(t) for the trees with order + 1 nodes, each of some part, with time leaves where a c is not
    A·1 (to the tolerance): the coefficients of the elementary differentials in the leading term of the local error."""
    weights = exact_weights(pair, _alphabet(pair, tolerance), row)
    found = []
    for size in range(1, order + 2):
        found = [(tree, (value - tree.expected) / tree.symmetry) for tree, value in weights.of(size)]
    return tuple(found)


def principal_error_norm(pair: Pair, order: int, row: int = 0, tolerance: Exact | None = None) -> float | None:
    """The 2-norm of `principal_error`, to the nearest double; None where it depends on a parameter."""
    if pair.parameters:
        errors = principal_error(pair, order, row, tolerance)
        square = sum((error * error for _, error in errors), ZERO)
        return None if square.parameters else nearest_double(lambda: square.ball().nonnegative_part().sqrt())
    return nearest_double(lambda: _error_ball(pair, order, row, _alphabet(pair, tolerance)))


def tolerance_needed(pair: Pair, order: int, row: int = 0) -> Fraction | None:
    """A bound, close from above, on what the conditions up to an order and the sums of rows miss; None where that is
    more than `LARGEST_TOLERANCE` or where there are parameters."""
    if pair.parameters or order > HIGHEST_ADDITIVE_ORDER:
        return None
    worst = Fraction(0)
    with flint.ctx.workprec(_BITS):
        for tableau in pair.tableaux:
            for c, total in zip(tableau.c, tableau.row_sums, strict=True):
                worst = max(worst, ball_ends(abs((c - total).ball()))[1])
        weights = BallWeights(
            pair,
            Alphabet.shared(pair.names) if worst <= LARGEST_TOLERANCE and _alike(pair) else Alphabet.timed(pair.names),
            row,
        )
        for size in range(1, order + 1):
            for tree, value in weights.of(size):
                worst = max(worst, ball_ends(abs(value - arb(fmpq(1, tree.density))))[1])
                if worst > LARGEST_TOLERANCE:
                    return None
    return worst


def _alike(pair: Pair) -> bool:
    """Whether the parts' nodes are about the same, so that one ball may hold them."""
    first, *others = pair.tableaux
    return all(abs(x - y) <= LARGEST_TOLERANCE for tableau in others for x, y in zip(first.c, tableau.c, strict=True))


def _alphabet(pair: Pair, tolerance: Exact | None) -> Alphabet:
    """What the nodes of the principal error's trees can be."""
    pairs = ((c, total) for tableau in pair.tableaux for c, total in zip(tableau.c, tableau.row_sums, strict=True))
    consistent = all(vanishes(c - total, tolerance) for c, total in pairs)
    return Alphabet.autonomous(pair.names) if consistent else Alphabet.timed(pair.names)


def _proven(
    pair: Pair, row: int, tolerance: Exact | None, alphabet: Alphabet, bound: int
) -> tuple[int, Condition[PartTree] | None]:
    """The largest order that is proven, at most `bound`, which the parts alone allow, and what fails next."""
    last = min(bound + 1, HIGHEST_ADDITIVE_ORDER)
    failing = next(failures(pair, row, tolerance, alphabet, last, lambda tree: tree.expected), None)
    return (last if failing is None else failing.tree.order - 1), failing


def failures(
    pair: Pair, row: int, tolerance: Exact | None, alphabet: Alphabet, last: int, expected: Expected
) -> Iterator[Condition[PartTree]]:
    """The conditions of trees with up to `last` nodes that do not hold; what a parameter moves has to hold."""
    if tolerance is not None and not pair.parameters:
        yield from _failures_beyond(pair, row, tolerance, alphabet, last, expected)
        return
    weights = exact_weights(pair, alphabet, row)
    for size in range(1, last + 1):
        for tree, value in weights.of(size):
            condition = Condition(tree, row, value, expected(tree))
            if not vanishes(condition.difference, tolerance):
                yield condition


def _failures_beyond(
    pair: Pair, row: int, tolerance: Exact, alphabet: Alphabet, last: int, expected: Expected
) -> Iterator[Condition[PartTree]]:
    """The conditions that miss by more than the tolerance: balls decide rigorously, all leaves at once where one ball
    can hold what they read, and what they leave open or find to fail is evaluated exactly."""
    exact = exact_weights(pair, alphabet, row)
    with flint.ctx.workprec(_BITS):
        limit = tolerance.ball()
        together = Alphabet.shared(pair.names) if _alike(pair) else alphabet
        weights = BallWeights(pair, together, row)
        for size in range(1, last + 1):
            for tree, value in weights.of(size):
                wanted = expected(tree)
                if abs(value - arb(fmpq(wanted.numerator, wanted.denominator))) <= limit:
                    continue
                for variant in variants(tree, alphabet) if together != alphabet else (tree,):
                    condition = Condition(variant, row, exact.one(variant), wanted)
                    if not vanishes(condition.difference, tolerance):
                        yield condition


def variants(tree: PartTree, alphabet: Alphabet) -> tuple[PartTree, ...]:
    """The tree with every choice of its leaves; the root is none."""
    choices = [
        variants(child, alphabet) if child.children else tuple(PartTree(leaf) for leaf in alphabet.leaves)
        for child in tree.children
    ]
    found = (PartTree(tree.part, tuple(sorted(chosen, key=_place))) for chosen in product(*choices))
    return tuple(dict.fromkeys(found))


def _place(tree: PartTree) -> tuple[int, bool, str]:
    return tree.order, tree.part == TIME, str(tree)


def _error_ball(pair: Pair, order: int, row: int, alphabet: Alphabet) -> arb:
    """The norm of the principal error in balls of the current precision."""
    weights, square = BallWeights(pair, alphabet, row), arb(0)
    for size in range(1, order + 2):
        found = list(weights.of(size))
    for tree, value in found:
        error = (value - arb(fmpq(1, tree.density))) / tree.symmetry
        square += error * error
    return square.nonnegative_part().sqrt()
