"""Numbers of general number fields, against mpmath; methods whose coefficients need them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import gcd

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from hyperdsl.theory.numbers import irrational
from hyperdsl.theory.numbers.algebraic import Algebraic, in_common_field
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact, NotExact
from hyperdsl.theory.numbers.isolation import non_positive_until, positive_roots
from hyperdsl.theory.runge_kutta.order import prove_order, stage_order
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.stability.linear import stability_function, stability_intervals

from .oracle import Oracle
from .tableaux import changed, collocation, exact, root

mp.dps = 60
CLOSE = mpf(10) ** -50

OUTER, INNER = (irrational.sqrt((15 + sign * 2 * root(30)) / 35) for sign in (1, -1))
"""Twice the nodes of the four-stage Gauss method, from the middle."""
COSINE = irrational.cos_pi(Fraction(1, 18))


def value(x: Exact) -> mpf:
    return mpf(x.decimal(60))


def gauss8() -> Tableau:
    half = exact("1/2")
    return collocation([half - OUTER / 2, half - INNER / 2, half + INNER / 2, half + OUTER / 2])


def gauss10() -> Tableau:
    outer, inner = (irrational.sqrt((35 + sign * 2 * root(70)) / 63) / 2 for sign in (1, -1))
    half = exact("1/2")
    return collocation([half - outer, half - inner, half, half + inner, half + outer])


def crouzeix4() -> Tableau:
    """Hairer & Wanner II, §IV.6: γ = cos(π/18)/√3 + 1/2."""
    gamma = COSINE / root(3) + Fraction(1, 2)
    delta = 1 / (6 * (2 * gamma - 1) ** 2)
    rows = ((gamma, ZERO, ZERO), (Fraction(1, 2) - gamma, gamma, ZERO), (2 * gamma, 1 - 4 * gamma, gamma))
    return Tableau(rows, (gamma, exact("1/2"), 1 - gamma), ((delta, 1 - 2 * delta, delta),))


SEEDS = [
    (OUTER, mp.sqrt((15 + 2 * mp.sqrt(30)) / 35)),
    (INNER, mp.sqrt((15 - 2 * mp.sqrt(30)) / 35)),
    (root(30), mp.sqrt(30)),
    (root(105), mp.sqrt(105)),
    (exact("-3/7"), mpf(-3) / 7),
]
Step = tuple[str, tuple[Exact, mpf]]
steps = st.tuples(st.sampled_from("+-*/"), st.sampled_from(SEEDS))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sampled_from(SEEDS), st.lists(steps, min_size=1, max_size=5))
def test_arithmetic_agrees_with_sixty_digits(
    start: tuple[Exact, mpf], path: list[tuple[str, tuple[Exact, mpf]]]
) -> None:
    found, expected = start
    for operator, (x, y) in path:
        match operator:
            case "+":
                found, expected = found + x, expected + y
            case "-":
                found, expected = found - x, expected - y
            case "*":
                found, expected = found * x, expected * y
            case "/":
                found, expected = found / x, expected / y
    if abs(expected) < CLOSE:
        assert found.is_zero
        return
    assert abs(value(found) - expected) < CLOSE * max(1, abs(expected))
    assert float(found) == float(expected)
    assert found.sign() == mp.sign(expected)
    assert (found - found).is_zero
    assert found / found == ONE


@pytest.mark.parametrize("denominator", [7, 8, 9, 10, 11, 15, 18, 20, 24, 30, 49])
def test_cosines(denominator: int) -> None:
    for numerator in (k for k in range(-3, 2 * denominator + 2) if gcd(k, denominator) == 1):
        found = irrational.cos_pi(Fraction(numerator, denominator))
        assert abs(value(found) - mp.cos(mp.pi * numerator / denominator)) < CLOSE


def test_numbers_are_equal_however_they_are_written() -> None:
    assert irrational.cos_pi(Fraction(1, 8)) == irrational.sqrt(2 + root(2)) / 2
    assert irrational.cos_pi(Fraction(1, 10)) == irrational.sqrt(10 + 2 * root(5)) / 4
    assert root(105) / 35 == OUTER * INNER
    assert root(105) == 35 * OUTER * INNER
    assert hash(OUTER * INNER * 35) == hash(root(105))
    assert (15 + 2 * root(30)) / 35 == OUTER**2
    assert Fraction(3, 35) == (OUTER * INNER) ** 2
    assert root(3) / 2 == 4 * COSINE**3 - 3 * COSINE
    assert OUTER not in (INNER, root(3), ONE, Exact.parameter("alpha"))
    assert len({OUTER, OUTER + INNER - INNER, irrational.sqrt(OUTER * OUTER)}) == 1


def test_what_can_be_denested_is() -> None:
    assert str(irrational.sqrt(3 + 2 * root(2))) == "1 + sqrt(2)"
    assert irrational.sqrt(5 - 2 * root(6)) == root(3) - root(2)
    assert not isinstance(irrational.sqrt(5 - 2 * root(6)), Algebraic)


def test_texts_are_as_one_would_write_them() -> None:
    assert str(OUTER) == "sqrt(3/7 + 2/35*sqrt(30))"
    assert str(1 - OUTER / 2) == "1 - 1/2*sqrt(3/7 + 2/35*sqrt(30))"
    assert str(root(30) * INNER + 2) == "2 + sqrt(30)*sqrt(3/7 - 2/35*sqrt(30))"
    assert str(COSINE / root(3)) == "1/3*cos(pi/9) + 1/3*cos(2*pi/9)"
    assert str(irrational.sqrt(root(2))) == "sqrt(sqrt(2))"


def test_a_number_next_to_a_rational_one_is_told_from_it() -> None:
    near = OUTER - exact(OUTER.decimal(40))
    assert 0 < abs(value(near)) < mpf(10) ** -39
    assert near.sign() == mp.sign(value(near))
    assert exact(OUTER.decimal(40)) != OUTER


def test_refusals_say_why() -> None:
    with pytest.raises(NotExact, match="is not a real number"):
        irrational.sqrt(INNER - OUTER)
    with pytest.raises(NotExact, match=r"cos\(pi/101\) is 50, more than 48"):
        irrational.cos_pi(Fraction(1, 101))
    with pytest.raises(NotExact, match="parameters"):
        COSINE + Exact.parameter("alpha")
    with pytest.raises(NotExact, match="degree"):
        (
            COSINE
            + irrational.cos_pi(Fraction(1, 7))
            + irrational.cos_pi(Fraction(1, 13))
            + irrational.cos_pi(Fraction(1, 11))
        )
    with pytest.raises(NotExact, match="too many digits"):
        COSINE**10**9
    with pytest.raises(NotExact, match=r"^a root in a number field, of a number with that many digits$"):
        irrational.sqrt(root(2) + 2**250_000)
    with pytest.raises(NotExact, match=r"^the number may have a degree of 240; more than 192 are not tried$"):
        irrational.cos_pi(Fraction(1, 97)) + irrational.cos_pi(Fraction(1, 11))
    for read in (COSINE.fraction, lambda: COSINE.terms):
        with pytest.raises(NotExact):
            read()


def test_one_field_holds_all() -> None:
    field, _ = in_common_field([OUTER, INNER, root(30), root(105), OUTER + INNER])
    assert field.degree == 8
    assert in_common_field([COSINE, root(3)])[0].degree == 6
    assert in_common_field([exact("1/2")])[0].degree == 1


def test_positive_roots_of_a_polynomial_over_the_field() -> None:
    """(t − α)²(t − 2)(t + 1)(t² + 1) with α the outer node: a double root, a rational one, others that do not count."""
    polynomial = [ONE]
    for factor in ([-OUTER, ONE], [-OUTER, ONE], [exact(-2), ONE], [ONE, ONE], [ONE, ZERO, ONE]):
        product = [ZERO] * (len(polynomial) + len(factor) - 1)
        for i, p in enumerate(polynomial):
            for j, q in enumerate(factor):
                product[i + j] += p * q
        polynomial = product
    assert [float(root) for root in positive_roots([ZERO, *polynomial])] == [float(OUTER), 2.0]
    assert non_positive_until(polynomial) == 2.0
    assert non_positive_until([-q for q in polynomial]) == 0.0
    assert non_positive_until([-OUTER, -ONE]) == float("inf")


@pytest.mark.parametrize(
    ("method", "order", "stages"), [(gauss8, 8, 4), (gauss10, 10, 5), (crouzeix4, 4, 1)], ids=["8", "10", "4"]
)
def test_orders(method: Callable[[], Tableau], order: int, stages: int) -> None:
    tableau = method()
    report = prove_order(tableau)
    assert (report.order, report.order_autonomous, stage_order(tableau)) == (order, order, stages)
    assert report.failing is not None
    assert report.failing.tree.order == order + 1


@pytest.mark.parametrize("by", ["1e-14", "1e-40"])
def test_a_changed_coefficient_is_refused(by: str) -> None:
    method = gauss8()
    wrong = changed(method, "a", 1, 2, method.a[1][2] + exact(by))
    wrong = changed(wrong, "a", 1, 1, wrong.a[1][1] - exact(by))
    report = prove_order(wrong)
    assert report.order == 2
    if by == "1e-14":
        assert Oracle(wrong).order() == 2


def test_stability() -> None:
    assert stability_intervals(gauss8(), 8) == (float("inf"), float("inf"))
    assert stability_intervals(crouzeix4(), 4) == (float("inf"), float("inf"))
    above, below = stability_function(gauss8())
    assert above == tuple(map(exact, ("1", "1/2", "3/28", "1/84", "1/1680")))  # Padé (Hairer & Wanner II, Table IV.3.1)
    assert below == tuple(map(exact, ("1", "-1/2", "3/28", "-1/84", "1/1680")))


def test_an_interval_whose_end_is_a_root_over_the_field() -> None:
    """R = 1 + z + z²·cos(π/9)/2 is 1 again at z = −2/cos(π/9), and above −1 on the way."""
    c = irrational.cos_pi(Fraction(1, 9))
    method = Tableau(((ZERO, ZERO), (c / 2, ZERO)), (ZERO, c / 2), ((ZERO, ONE),))
    real, _ = stability_intervals(method, 1)
    assert real == float(2 / c)
