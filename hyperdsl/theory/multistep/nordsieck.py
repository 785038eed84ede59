"""Formulas of every order of a family on one history, whose step and order may change (Nordsieck 1962; Gear 1971;
Hairer, Nørsett & Wanner I, §III.6; Byrne & Hindmarsh 1975).

The history is the polynomial p that a formula of order q keeps, as N_j = h^j p^(j)(s)/j! for j = 0..q. In x = (t − s)/h
the next step's prediction is P_j = Σ_i C(i, j)·N_i, and the formula gives N = P + l·e:

    BDF      e = ∇^(q+1) z = z[n+1] − P_0,      l(x) = Π_{i=1..q} (1 + x/i), solved for h·f[n+1] = P_1 + l_1·e,
    Adams    e = ∇^q h·f[n+1] = h·f[n+1] − P_1, l'(x) = Π_{i=1..q−1} (1 + x/i), l(−1) = 0.

p goes through z[n+1], …, z[n+1−q] (BDF), or has the slopes f[n+1], …, f[n+2−q] and the value z[n+1] (Adams). A step of
another size takes N_j·r^j, the same polynomial at other points. The polynomial of one order less, or more, differs by a
multiple of m(x) = x(x + 1)…, which vanishes where both have the same values (for Adams: its derivative does):

    from q to q − 1:  N − N_q·m_q,        from q to q + 1:  N + e/(q + 1)!·m_{q+1}.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from hyperdsl.theory.multistep.families import adams_constant, rising
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact
from hyperdsl.theory.numbers.polynomials import Polynomial, combined, integral, times, value


@dataclass(frozen=True)
class Nordsieck:
    """The numbers of a family's orders 1 to `highest`, row q − 1 for order q.

    `corrections` are the l, with q + 1 coefficients. The error of a step of order q is as large as `errors`·e. `changes` are the
    monic m_q that an order is left or reached by.
    """

    corrections: tuple[Polynomial, ...]
    errors: tuple[Exact, ...]
    changes: tuple[Polynomial, ...]

    @property
    def highest(self) -> int:
        """The highest order."""
        return len(self.corrections)


def backward(highest: int) -> Nordsieck:
    """BDF of the orders up to the highest; the error is h^(q+1)·z^(q+1)/(q + 1), as codes on BDF have it."""
    orders = range(1, highest + 1)
    return Nordsieck(
        tuple(_nodes(q) for q in orders),
        tuple(Exact.of(Fraction(1, q + 1)) for q in orders),
        tuple(rising(q) for q in orders),
    )


def adams(highest: int, raised: bool = False) -> Nordsieck:
    """Adams–Bashforth and Adams–Moulton of equal order, up to the highest; the error is that of Adams–Moulton.

    raised: the new state is that of Adams–Moulton of one order more, which adds the error to it.
    """
    orders = range(1, highest + 1)
    errors = tuple(adams_constant(q, -1) for q in orders)
    corrections = tuple(_through(integral(_nodes(q - 1))) for q in orders)
    if raised:
        corrections = tuple((row[0] + e, *row[1:]) for row, e in zip(corrections, errors, strict=True))
    return Nordsieck(corrections, errors, tuple(_scaled(integral(rising(q - 1)), Exact.of(q)) for q in orders))


def _nodes(count: int) -> Polynomial:
    """Π (1 + x/i) for i = 1..count."""
    product: Polynomial = (ONE,)
    for i in range(1, count + 1):
        product = times(product, (ONE, Exact.of(Fraction(1, i))))
    return product


def _through(p: Polynomial) -> Polynomial:
    """p with the constant that makes it zero at −1."""
    return combined(p, ONE, (value(p, -ONE),), -ONE)


def _scaled(p: Polynomial, factor: Exact) -> Polynomial:
    return combined(p, factor, (), ZERO)
