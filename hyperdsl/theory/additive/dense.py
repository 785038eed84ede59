"""Dense output of additive methods: z(s + θε) ≈ z + ε Σ_ν Σ b_i(θ)·k^ν_i, the same polynomials b_i for every part
(Kennedy & Carpenter 2003, §2.1.4), proven.

As for Runge–Kutta methods each power of θ is a row of weights of its own, with conditions of its own: those of all
trees with every choice of a part for each node.
"""

from __future__ import annotations

from collections.abc import Iterator

from hyperdsl.theory.additive.order import HIGHEST_ADDITIVE_ORDER, failures
from hyperdsl.theory.additive.pair import Pair
from hyperdsl.theory.additive.trees import Alphabet
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.numbers.polynomials import Polynomial
from hyperdsl.theory.runge_kutta.dense import DenseCondition, DenseReport, earliest, expected, with_dense_weights


def with_shared_weights(pair: Pair, weights: tuple[Polynomial, ...]) -> Pair:
    """The pair whose row j − 1 of weights has the coefficients of θ^j, in every part."""
    return Pair(tuple((name, with_dense_weights(part.a, part.c, weights)) for name, part in pair.parts))


def prove_dense(
    pair: Pair,
    weights: tuple[Polynomial, ...],
    highest: int,
    tolerance: Exact | None = None,
    *,
    autonomous: bool = False,
) -> DenseReport:
    """The coupled order for every θ, at most `highest`, the method's own: at θ = 1 the conditions are its own.

    Time is read throughout unless `autonomous`; with a tolerance τ each coefficient of each Φ_θ is within τ.
    """
    between = with_shared_weights(pair, weights)
    leaves = Alphabet.shared if pair.has_one_c else Alphabet.autonomous
    if not (pair.is_consistent or autonomous):
        leaves = Alphabet.timed
    alphabet, last = leaves(pair.names), min(between.rows, highest + 1, HIGHEST_ADDITIVE_ORDER)

    def failing(power: int, last: int) -> Iterator[DenseCondition]:
        for found in failures(between, power - 1, tolerance, alphabet, last, lambda tree: expected(tree, power)):
            yield DenseCondition(found.tree, power, found.value, found.expected)

    first = earliest(between.rows, last, failing)
    return DenseReport(min(last, highest) if first is None else first.tree.order - 1, first)
