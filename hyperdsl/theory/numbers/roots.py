"""Real roots of polynomials with rational coefficients, isolated rigorously."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any

import flint
from flint import arb, arb_poly, fmpq_poly, fmpz_poly

from hyperdsl.theory.numbers.budget import spend
from hyperdsl.theory.numbers.exact import Exact, NotExact, ball_ends, nearest_double

_START_BITS = 64


@dataclass(frozen=True)
class RealRoot:
    """The `index`-th real root, in increasing order, of an irreducible polynomial over the integers."""

    polynomial: fmpz_poly
    index: int

    @property
    def exact(self) -> Fraction | None:
        """The root where it is rational."""
        if self.polynomial.degree() > 1:
            return None
        return Fraction(int(-self.polynomial[0]), int(self.polynomial[1]))

    @property
    def closed_form(self) -> Exact | None:
        """The root as an exact number, where it is rational or a quadratic irrational."""
        if self.exact is not None:
            return Exact.of(self.exact)
        if self.polynomial.degree() != 2:
            return None
        c, b, a = (Exact.of(int(q)) for q in self.polynomial.coeffs())  # flint's factors have a > 0
        try:
            width = Exact.sqrt(b * b - 4 * a * c)
        except NotExact:
            return None
        return (-b + (width if self.index else -width)) / (2 * a)

    def __str__(self) -> str:
        """The exact number, or its first 15 digits."""
        return str(self.closed_form) if self.closed_form is not None else f"≈ {float(self):.15g}"

    def ball(self) -> arb:
        """A ball around this root and no other, about as small as flint's current precision allows.

        Newton's method on balls: the root is in m − p(m)/p'(x) for every ball x around it, m its middle.
        """
        ball, polynomial = self._isolated, arb_poly(self.polynomial)
        slope = polynomial.derivative()
        while True:
            middle = arb(ball.mid())
            better = middle - polynomial(middle) / slope(ball)
            if not better.is_finite() or better.rad() > ball.rad() / 2:
                return ball
            ball = better

    @cached_property
    def _isolated(self) -> arb:
        """A ball around this root alone, on which the polynomial is monotonic."""
        slope = self.polynomial.derivative()
        bits = _START_BITS
        while True:
            with flint.ctx.workprec(bits):
                ball = real_balls(self.polynomial)[self.index]
                if not arb_poly(slope)(ball).contains(0):
                    return ball
            bits *= 2

    def enclosure(self, bits: int) -> tuple[Fraction, Fraction]:
        """Rational numbers on both sides of the root, or the root twice."""
        if self.exact is not None:
            return self.exact, self.exact
        with flint.ctx.workprec(bits):
            return ball_ends(self.ball())

    def compare(self, other: Exact) -> int:
        """−1, 0 or 1 as the root is below, at or above the number, decided exactly."""
        could_be = _value(self.polynomial, other).is_zero
        bits = _START_BITS
        while True:
            low, high = self.enclosure(bits)
            below, above = other.enclosure(bits)
            if high < below or low > above:
                return -1 if high < below else 1
            if could_be and self._alone(min(low, below), max(high, above)):
                return 0
            bits *= 2

    def _alone(self, low: Fraction, high: Fraction) -> bool:
        """Whether none of the polynomial's other real roots can lie between these numbers."""
        count = len(real_balls(self.polynomial))
        others = [RealRoot(self.polynomial, i).enclosure(_START_BITS) for i in range(count) if i != self.index]
        return all(end < low or start > high for start, end in others)

    def __float__(self) -> float:
        return float(self.exact) if self.exact is not None else nearest_double(self.ball)


def real_roots(polynomial: fmpq_poly) -> tuple[RealRoot, ...]:
    """The distinct real roots of a non-zero polynomial, in increasing order."""
    found = [
        RealRoot(factor, index)
        for factor, _ in polynomial.numer().factor()[1]
        for index in range(len(real_balls(factor)))
    ]
    return _sorted(found)


def between(roots: tuple[RealRoot, ...], start: Fraction) -> tuple[Fraction, ...]:
    """A rational number in each gap that the roots, all above `start`, leave: after `start`, …, after the last root."""
    points = []
    for i, root in enumerate(roots):
        bits = _START_BITS
        while True:
            low = roots[i - 1].enclosure(bits)[1] if i else start
            high = root.enclosure(bits)[0]
            if low < high:
                break
            bits *= 2
        points.append((low + high) / 2)
    points.append(roots[-1].enclosure(_START_BITS)[1] + 1 if roots else start + 1)
    return tuple(points)


def _sorted(roots: list[RealRoot]) -> tuple[RealRoot, ...]:
    """In increasing order; different irreducible factors have no root in common, so enough bits separate all."""
    bits = _START_BITS
    while True:
        ordered = sorted((root.enclosure(bits), i) for i, root in enumerate(roots))
        if all(left[0][1] < right[0][0] for left, right in pairwise(ordered)):
            return tuple(roots[i] for _, i in ordered)
        bits *= 2


def real_balls(polynomial: fmpz_poly) -> list[arb]:
    """Balls around the real roots of an irreducible polynomial; flint gives those an exactly real ball."""
    spend(int(polynomial.degree()) ** 3 // 16)
    roots: Any = polynomial.complex_roots()
    return sorted((root.real for root, _ in roots if root.imag == 0), key=ball_ends)


def _value(polynomial: fmpz_poly, x: Exact) -> Exact:
    value = Exact.of(0)
    for coefficient in reversed(polynomial.coeffs()):
        value = value * x + int(coefficient)
    return value
