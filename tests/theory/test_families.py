"""Families: orders for every parameter value, and the values that must be left out."""

from __future__ import annotations

from fractions import Fraction

import pytest

from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact
from hyperdsl.theory.runge_kutta.families import Interval, Region, excluded_in_region
from hyperdsl.theory.runge_kutta.order import prove_order
from hyperdsl.theory.runge_kutta.tableau import Tableau

from .oracle import Oracle
from .tableaux import exact, fourth_order, root, second_order, tableau

ALPHA, U, V = map(Exact.parameter, ("alpha", "u", "v"))
OPEN = Interval(ZERO, ONE, lower_open=True, upper_open=True)
UNIT_SQUARE = {"u": OPEN, "v": OPEN}


def with_entry(value: Exact) -> Tableau:
    return tableau([[]], [0], [value])


def test_second_order_for_every_alpha() -> None:
    report = prove_order(second_order(ALPHA))
    assert report.order == 2
    assert report.failing is not None
    assert str(report.failing.value) == "alpha/2"


def test_fourth_order_for_every_u_and_v() -> None:
    report = prove_order(fourth_order(U, V))
    assert (report.order, report.order_autonomous) == (4, 4)


@pytest.mark.parametrize(("u", "v"), [("1/3", "2/3"), ("2/5", "3/5"), ("-1/7", "5/3")])
def test_members_are_the_tableaux_with_the_numbers_put_in(u: str, v: str) -> None:
    member = fourth_order(U, V).substitute({"u": exact(u), "v": exact(v)})
    assert member == fourth_order(exact(u), exact(v))
    assert not member.parameters
    assert prove_order(member).order == Oracle(member).order() == 4


def test_a_member_at_a_pole_is_a_division_by_zero() -> None:
    with pytest.raises(ZeroDivisionError):
        fourth_order(U, V).substitute({"u": exact("1/2"), "v": exact("1/3")})


def test_an_order_that_holds_for_one_value_only_is_not_the_family_s() -> None:
    """Order 2 at alpha = 1/2 alone; a tolerance does not help what depends on a parameter."""
    method = tableau([[], [ALPHA]], [0, ALPHA], [0, 1])
    assert prove_order(method).order == 1
    assert prove_order(method, tolerance=exact(5)).order == 1
    assert prove_order(method.substitute({"alpha": exact("1/2")})).order == 2


@pytest.mark.parametrize(
    ("interval", "excluded"),
    [
        (Interval(ZERO, ONE, lower_open=True), []),
        (Interval(ZERO, ONE), ["alpha = 0"]),
        (Interval(-ONE, ZERO, upper_open=True), []),
        (Interval(-ONE, ZERO), ["alpha = 0"]),
        (Interval(lower=exact("1e-30")), []),
        (Interval(upper=ONE), ["alpha = 0"]),
        (Interval(), ["alpha = 0"]),
    ],
)
def test_ends_of_a_range(interval: Interval, excluded: list[str]) -> None:
    found = excluded_in_region(second_order(ALPHA), Region({"alpha": interval}))
    assert list(map(str, found)) == excluded


def test_a_parameter_without_a_range_may_be_anything() -> None:
    (found,) = excluded_in_region(second_order(ALPHA), Region())
    assert (str(found), found.remedy, str(found.factor)) == ("alpha = 0", ("alpha != 0",), "alpha")


def test_denominators_of_the_fourth_order_family() -> None:
    found = excluded_in_region(fourth_order(U, V), Region(UNIT_SQUARE))
    assert {str(excluded): excluded.remedy for excluded in found} == {
        "u = 1/2": ("u != 1/2",),
        "u - v = 0": ("u - v != 0",),
        "6*u*v - 4*u - 4*v + 3 = 0": ("6*u*v - 4*u - 4*v + 3 != 0",),
    }


def test_conditions_exclude_denominators() -> None:
    conditions = (V - U, 2 * U - 1, 3 - 4 * (U + V) + 6 * U * V)
    assert excluded_in_region(fourth_order(U, V), Region(UNIT_SQUARE, conditions)) == ()


def test_factors_of_several_parameters_are_proven_where_they_have_a_sign() -> None:
    assert excluded_in_region(with_entry(1 / (U * U + V * V + 1)), Region()) == ()
    assert excluded_in_region(with_entry(1 / (U + V)), Region(UNIT_SQUARE)) == ()
    closed = Interval(ZERO, ONE)
    (found,) = excluded_in_region(with_entry(1 / (U + V)), Region({"u": closed, "v": closed}))
    assert str(found) == "u + v = 0"
    assert excluded_in_region(with_entry(1 / (U + V)), Region({"u": OPEN, "v": closed})) == ()
    lower, upper = Interval(ZERO, exact("2/5")), Interval(exact("1/2"), ONE)
    assert excluded_in_region(with_entry(1 / (U - V)), Region({"u": lower, "v": upper})) == ()
    narrow = Region({"u": Interval(ZERO, exact("1/4")), "v": Interval(ZERO, exact("1/4"))})
    assert excluded_in_region(with_entry(1 / (6 * U * V - 4 * U - 4 * V + 3)), narrow) == ()


GAMMA = Exact.parameter("gamma")
QUADRATIC = with_entry(1 / (1 - 4 * GAMMA + 2 * GAMMA**2))


def test_roots_that_are_square_roots() -> None:
    (found,) = excluded_in_region(QUADRATIC, Region({"gamma": Interval(ZERO, ONE)}))
    assert found.zeros == ("1 - 1/2*sqrt(2)",)
    assert found.remedy == ("gamma != 1 - 1/2*sqrt(2)",)
    (found,) = excluded_in_region(QUADRATIC, Region())
    assert str(found) == "gamma = 1 - 1/2*sqrt(2) or gamma = 1 + 1/2*sqrt(2)"


def test_a_condition_may_name_a_square_root() -> None:
    low, high = 1 - root(2) / 2, 1 + root(2) / 2
    assert excluded_in_region(QUADRATIC, Region(nonzero=(GAMMA - low, GAMMA - high))) == ()
    (found,) = excluded_in_region(QUADRATIC, Region(nonzero=(GAMMA - low,)))
    assert found.zeros == (str(high),)
    assert len(excluded_in_region(QUADRATIC, Region(nonzero=(GAMMA - root(3),)))) == 1


def test_an_end_at_a_root_is_compared_exactly() -> None:
    low = 1 - root(2) / 2
    inside, outside = Interval(ZERO, low), Interval(ZERO, low, upper_open=True)
    assert len(excluded_in_region(QUADRATIC, Region({"gamma": inside}))) == 1
    assert excluded_in_region(QUADRATIC, Region({"gamma": outside})) == ()
    just_below = Interval(ZERO, low - exact("1e-60"))
    assert excluded_in_region(QUADRATIC, Region({"gamma": just_below})) == ()


def test_a_root_without_a_closed_form_is_excluded_by_its_polynomial() -> None:
    (found,) = excluded_in_region(with_entry(1 / (GAMMA**3 - 2)), Region())
    assert str(found) == "gamma ≈ 1.25992104989487"
    assert found.remedy == ("gamma^3 - 2 != 0",)
    assert excluded_in_region(with_entry(1 / (GAMMA**3 - 2)), Region(nonzero=(GAMMA**3 - 2,))) == ()


def test_a_denominator_without_real_zeros_excludes_nothing() -> None:
    assert excluded_in_region(with_entry(Fraction(1, 2) / (GAMMA**2 + 1)), Region()) == ()
