"""Families: where the order rises, and what of the principal error vanishes."""

from __future__ import annotations

from fractions import Fraction

from hyperdsl.theory.numbers import irrational
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.families import Interval, Region
from hyperdsl.theory.runge_kutta.order import principal_error, prove_order
from hyperdsl.theory.runge_kutta.rises import rises
from hyperdsl.theory.runge_kutta.tableau import Tableau

from .tableaux import exact, fourth_order, second_order

ZERO, ONE = Exact.of(0), Exact.of(1)
HALF = Exact.of(Fraction(1, 2))


def test_two_thirds_of_the_second_order_family() -> None:
    alpha = Exact.parameter("alpha")
    found = rises(second_order(alpha), 2, Region({"alpha": Interval(ZERO, ONE, lower_open=True)}))
    assert found is not None
    assert found.order == ()
    (special,) = found.vanishing
    assert special.where == "alpha = 2/3"
    assert [(tree.differential(), str(error)) for tree, error in special.remaining] == [("f'f'f", "-1/6")]
    outside = rises(second_order(alpha), 2, Region({"alpha": Interval(HALF, exact("0.6"))}))
    assert outside is not None
    assert outside.vanishing == ()


def test_the_order_of_two_equal_diagonal_entries_rises_at_two_irrational_values() -> None:
    gamma = Exact.parameter("gamma")
    method = Tableau(((gamma, ZERO), (ONE - 2 * gamma, gamma)), (gamma, ONE - gamma), ((HALF, HALF),))
    found = rises(method, 2, Region())
    assert found is not None
    assert found.order == ("gamma = 1/2 - 1/6*sqrt(3)", "gamma = 1/2 + 1/6*sqrt(3)")
    value = HALF - irrational.sqrt(Exact.of(3)) / 6
    assert prove_order(method.substitute({"gamma": value})).order == 3
    away = rises(method, 2, Region({}, (gamma - value,)))
    assert away is not None
    assert away.order == ("gamma = 1/2 + 1/6*sqrt(3)",)


def test_no_four_stages_have_order_five() -> None:
    """Butcher 1964: the coefficients of the principal error have no common zero."""
    u, v = Exact.parameter("u"), Exact.parameter("v")
    unit = Interval(ZERO, ONE, lower_open=True, upper_open=True)
    method = fourth_order(u, v)
    found = rises(method, 4, Region({"u": unit, "v": unit}, (u - v,)))
    assert found is not None
    assert found.order == ()
    values = {special.where: special for special in found.vanishing}
    assert {"u = 2/5", "v = 3/5"} <= values.keys()
    errors = principal_error(method.substitute({"u": exact("2/5"), "v": exact("3/5")}), 4)
    still = {tree.differential() for tree, error in errors if not error.is_zero}
    remaining = [{tree.differential() for tree, _ in values[where].remaining} for where in ("u = 2/5", "v = 3/5")]
    assert still <= remaining[0] & remaining[1]


def test_several_parameters_with_a_common_zero() -> None:
    """Two stages with weights of their own: order 2 needs b_2 c = 1/2, b_1 + b_2 = 1 holds by construction."""
    b, c = Exact.parameter("b"), Exact.parameter("c")
    method = Tableau(((ZERO, ZERO), (c, ZERO)), (ZERO, c), ((ONE - b, b),))
    found = rises(method, 1, Region())
    assert found is not None
    assert found.order == ("2*b*c - 1 = 0",)
