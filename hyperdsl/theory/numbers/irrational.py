"""Square roots and cosines of exact numbers, in whatever field they lie."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from flint import fmpq

from hyperdsl.theory.numbers.algebraic import cosine_of, square_root_of
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact, NotExact


def sqrt(x: Exact) -> Exact:
    """The square root of x ≥ 0 without parameters, otherwise NotExact."""
    if x.parameters:
        raise NotExact("a square root of a parameter is not supported")
    return Exact.sqrt(x) if x.is_rational else square_root_of(x)


def cos_pi(q: Fraction) -> Exact:
    """cos(π·q); NotExact where its degree is too large.

    It is a sum of square roots exactly for denominators 1, 2, 3, 4, 5, 6 and 12: the Galois group of Q(cos(2π/n)),
    which is (Z/n)*/±1, must have exponent two.
    """
    turn = q % 2
    cosine = _cosine_of_a_part(turn.denominator)
    if cosine is None:
        return cosine_of(turn)
    before, value = ONE, cosine  # Chebyshev: cos(kx) = 2·cos(x)·cos((k−1)x) − cos((k−2)x)
    for _ in range(turn.numerator - 1):
        before, value = value, 2 * cosine * value - before
    return value if turn else ONE


@lru_cache(maxsize=16)
def _cosine_of_a_part(n: int) -> Exact | None:
    """cos(π/n)."""
    half, quarter = Fraction(1, 2), fmpq(1, 4)
    table: dict[int, Exact] = {
        1: Exact.of(-1),
        2: ZERO,
        3: Exact.of(half),
        4: Exact({2: fmpq(1, 2)}),
        5: Exact({1: quarter, 5: quarter}),
        6: Exact({3: fmpq(1, 2)}),
        12: Exact({2: quarter, 6: quarter}),
    }
    return table.get(n)
