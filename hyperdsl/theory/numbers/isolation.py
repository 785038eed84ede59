"""Positive roots of polynomials with exact real coefficients of any field, isolated by bisection on balls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import flint
from flint import arb, arb_poly, fmpq

from hyperdsl.theory.numbers.exact import ZERO, Exact, ball_ends, nearest_double

Polynomial = Sequence[Exact]
"""Coefficients without parameters, the constant one first; the last is not zero."""

_BITS = 256
_PRECISIONS = (256, 1024)
"""Bits with which a polynomial is tried before it is taken to have a multiple root."""


@dataclass(frozen=True)
class PositiveRoot:
    """The only root of a polynomial between two positive numbers, where it changes sign; or `low` = `high` itself."""

    polynomial: tuple[Exact, ...]
    low: Fraction
    high: Fraction

    def ball(self) -> arb:
        """A ball around it, about as small as flint's current precision allows."""
        sign = sign_at(self.polynomial, self.high)
        low, high = self.low, self.high
        for _ in range(flint.ctx.prec):
            if low == high:
                break
            middle = (low + high) / 2
            found = sign_at(self.polynomial, middle)
            if found == 0:
                low = high = middle
            elif found == sign:
                high = middle
            else:
                low = middle
        return _interval(low, high)

    def __float__(self) -> float:
        return nearest_double(self.ball)


def sign_at(polynomial: Polynomial, x: Fraction) -> int:
    """The sign of a polynomial's value at a rational number, exactly."""
    value = ZERO
    for q in reversed(polynomial):
        value = value * x + q
    return value.sign()


def non_positive_until(polynomial: Polynomial) -> float:
    """The largest x such that the polynomial is not positive on [0, x], to the nearest double."""
    roots = positive_roots(polynomial)
    with flint.ctx.workprec(_BITS):
        enclosures = [ball_ends(root.ball()) for root in roots]
    highs = [Fraction(0), *(high for _, high in enclosures)]
    lows = [*(low for low, _ in enclosures), highs[-1] + 2]
    for i, (high, low) in enumerate(zip(highs, lows, strict=True)):
        if sign_at(polynomial, (low + high) / 2) > 0:
            return float(roots[i - 1]) if i else 0.0
    return math.inf


def positive_roots(polynomial: Polynomial) -> tuple[PositiveRoot, ...]:
    """The distinct positive roots, in increasing order."""
    first = next(k for k, q in enumerate(polynomial) if not q.is_zero)
    reduced = tuple(polynomial[first:])
    for bits in _PRECISIONS:
        found = _bisected(reduced, bits)
        if found is not None:
            return found
    simple = _squarefree(reduced)
    bits = _PRECISIONS[0]
    while True:
        found = _bisected(simple, bits)
        if found is not None:
            return found
        bits *= 2


def _bisected(polynomial: tuple[Exact, ...], bits: int) -> tuple[PositiveRoot, ...] | None:
    """The positive roots; None where balls of so many bits do not tell some apart."""
    with flint.ctx.workprec(bits):
        return _told_apart(polynomial, deepest=bits // 3)


def _told_apart(polynomial: tuple[Exact, ...], deepest: int) -> tuple[PositiveRoot, ...] | None:
    balls = arb_poly([q.ball() for q in polynomial])
    slope = balls.derivative()
    found: list[PositiveRoot] = []
    pending = [(Fraction(0), _bound(polynomial), 0)]
    while pending:
        low, high, depth = pending.pop()
        ball = _interval(low, high)
        if not balls(ball).contains(0):
            continue
        if not slope(ball).contains(0):
            signs = sign_at(polynomial, low), sign_at(polynomial, high)
            if signs[1] == 0:
                found.append(PositiveRoot(polynomial, high, high))
            elif signs[0] * signs[1] < 0:
                found.append(PositiveRoot(polynomial, low, high))
            continue
        if depth == deepest:
            return None
        middle = (low + high) / 2
        pending += [(middle, high, depth + 1), (low, middle, depth + 1)]
    return tuple(found)


def _bound(polynomial: tuple[Exact, ...]) -> Fraction:
    """Larger than every root (Cauchy)."""
    leading = abs(polynomial[-1]).enclosure(_BITS)[0]
    largest = max(abs(q).enclosure(_BITS)[1] for q in polynomial)
    return Fraction(2 ** int(1 + largest / leading).bit_length())


def _interval(low: Fraction, high: Fraction) -> arb:
    ends = [arb(fmpq(end.numerator, end.denominator)) for end in (low, high)]
    return ends[0].union(ends[1])


def _squarefree(polynomial: tuple[Exact, ...]) -> tuple[Exact, ...]:
    """The polynomial over its greatest common divisor with its derivative."""
    common, rest = polynomial, tuple(q * k for k, q in enumerate(polynomial))[1:]
    while rest:
        common, rest = rest, _divided(common, rest)[1]
    return _divided(polynomial, common)[0]


def _divided(above: tuple[Exact, ...], below: tuple[Exact, ...]) -> tuple[tuple[Exact, ...], tuple[Exact, ...]]:
    """Quotient and remainder."""
    rest, quotient = list(above), []
    while len(rest) >= len(below):
        factor = rest[-1] / below[-1]
        quotient.append(factor)
        shift = len(rest) - len(below)
        rest = [q - factor * below[k - shift] if k >= shift else q for k, q in enumerate(rest)][:-1]
    while rest and rest[-1].is_zero:
        rest.pop()
    return tuple(quotient[::-1]), tuple(rest)
