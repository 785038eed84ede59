"""Real roots of polynomials, over Q and over any field, however close they lie."""

from __future__ import annotations

from fractions import Fraction

import pytest
from flint import fmpq_poly

from hyperdsl.theory.numbers.exact import ONE, Exact
from hyperdsl.theory.numbers.isolation import non_positive_until, positive_roots, sign_at
from hyperdsl.theory.numbers.polynomials import times
from hyperdsl.theory.numbers.roots import between, real_roots

from .tableaux import exact, root

GOLDEN = (1 + root(5)) / 2


def product(*factors: tuple[Exact, ...]) -> tuple[Exact, ...]:
    found: tuple[Exact, ...] = (ONE,)
    for factor in factors:
        found = times(found, factor)
    return found


def convergents(count: int) -> list[Fraction]:
    """Of √2, by turns below and above it."""
    p, q, found = 1, 1, []
    for _ in range(count):
        found.append(Fraction(p, q))
        p, q = p + 2 * q, p + q
    return found


@pytest.mark.parametrize("below", [True, False])
def test_roots_that_differ_in_the_fortieth_digit_are_in_order(below: bool) -> None:
    near = convergents(52)[-2 if below else -1]
    assert abs(near - 2 / near) < Fraction(1, 10**38)
    found = real_roots(fmpq_poly([-2, 0, 1]) * fmpq_poly([-near.numerator, near.denominator]))
    assert [one.exact for one in found] == ([None, near, None] if below else [None, None, near])
    assert found[1].compare(found[2].closed_form or ONE) == -1
    gaps = between(found[1:], Fraction(1))
    assert gaps[0] < found[1].enclosure(256)[0]
    assert found[1].enclosure(256)[1] < gaps[1] < found[2].enclosure(256)[0]
    assert found[2].enclosure(256)[1] < gaps[2]


def test_roots_say_what_they_are() -> None:
    found = real_roots(fmpq_poly([-2, 0, 0, 1]) * fmpq_poly([-1, 2]) * fmpq_poly([-1, -1, 1]) * fmpq_poly([1, 0, 1]))
    assert list(map(str, found)) == ["1/2 - 1/2*sqrt(5)", "1/2", "≈ 1.25992104989487", "1/2 + 1/2*sqrt(5)"]
    assert [one.closed_form for one in found] == [(1 - root(5)) / 2, exact("1/2"), None, GOLDEN]
    assert [one.compare(exact("1/2")) for one in found] == [-1, 0, 1, 1]
    assert [found[3].compare(GOLDEN + exact(by)) for by in ("-1e-50", "0", "1e-50")] == [1, 0, -1]
    assert between((), Fraction(3)) == (Fraction(4),)


def test_positive_roots_at_ends_of_halved_intervals() -> None:
    """1 and 2 are met by the bisection itself."""
    polynomial = product((exact(-1), ONE), (exact(-2), ONE), (-root(2), ONE), (exact(3), ONE))
    found = positive_roots(polynomial)
    assert [float(one) for one in found] == [1.0, float(root(2)), 2.0]
    assert [sign_at(polynomial, Fraction(x)) for x in ("1/2", "1", "5/4", "3/2", "2", "5/2")] == [-1, 0, 1, -1, 0, 1]


def test_two_roots_that_are_nearly_one() -> None:
    apart = exact("1e-60")
    found = positive_roots(product((-root(2), ONE), (-root(2) - apart, ONE)))
    assert len(found) == 2
    assert found[0].high <= found[1].low


def test_up_to_where_a_polynomial_is_not_positive() -> None:
    polynomial = product((-root(3), ONE), (exact(-3), ONE), (exact(-7), ONE))
    assert non_positive_until(polynomial) == float(root(3))
    assert non_positive_until(tuple(-q for q in polynomial)) == 0.0
    assert non_positive_until((-root(3), exact(-1))) == float("inf")
