"""Proofs of order for published tableaux, beside an oracle with 60 digits."""

from __future__ import annotations

import math
import subprocess
import sys
from fractions import Fraction

import pytest
from mpmath import mpf

from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.order import (
    principal_error,
    principal_error_norm,
    prove_order,
    row_sum_defects,
    stage_order,
    tolerance_needed,
)
from hyperdsl.theory.runge_kutta.tableau import Tableau

from . import tableaux
from .oracle import NOISE, Oracle, gamma, number, shape_of
from .tableaux import AUTONOMOUS_RK4, ORDERS, changed, exact, extrapolated_midpoint, rounded, tableau


@pytest.mark.parametrize("name", ORDERS)
def test_published_orders(name: str) -> None:
    method, orders = ORDERS[name]
    oracle = Oracle(method)
    assert row_sum_defects(method) == ()
    for row, order in enumerate(orders):
        report = prove_order(method, row)
        assert report.order == report.order_autonomous == order
        assert report.finished
        assert oracle.order(row, time=False) == order
        assert report.failing is not None
        shape = shape_of(report.failing.tree)
        assert abs(oracle.weight(shape, row) - number(report.failing.value)) < NOISE
        assert report.failing.expected == Fraction(1, gamma(shape))
        assert report.failing.value != report.failing.expected
        assert report.failing.tree.order == order + 1
        assert report.failing.row == row


@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5])
def test_extrapolation_reaches_every_even_order(columns: int) -> None:
    method = extrapolated_midpoint(columns)
    assert prove_order(method).order == 2 * columns
    printed = rounded(method, 80)
    assert prove_order(printed, tolerance=Exact.of(Fraction(1, 10**75))).order == 2 * columns
    if columns > 1:  # decimals passed off as exact
        assert prove_order(printed).order < 2 * columns


def test_first_failing_condition_of_heun() -> None:
    failing = prove_order(tableaux.HEUN).failing
    assert failing is not None
    assert (str(failing.tree), failing.value, failing.expected) == ("[τ,τ]", Fraction(1, 2), Fraction(1, 3))
    assert failing.difference == Fraction(1, 6)


def test_a_wrong_node_shows_only_in_time() -> None:
    report = prove_order(AUTONOMOUS_RK4)
    assert (report.order, report.order_autonomous) == (1, 4)
    assert report.failing is not None
    assert (str(report.failing.tree), str(report.failing.value)) == ("[s]", "4/9")
    (defect,) = row_sum_defects(AUTONOMOUS_RK4)
    assert (defect.row, defect.c, defect.total) == (2, Fraction(1, 3), Fraction(1, 2))


def test_a_mixed_colouring_can_be_the_first_to_fail() -> None:
    """Both Σ b_i c_i² and Σ b_i (Σ a_ij)² are 1/3 here, and so are the means; Σ b_i c_i (Σ a_ij) is not."""
    gauss = tableaux.GAUSS4
    swapped = Tableau(gauss.a, gauss.c[::-1], gauss.weights)
    report = prove_order(swapped)
    assert (report.order, report.order_autonomous) == (2, 4)
    assert report.failing is not None
    assert str(report.failing.tree) == "[τ,s]"
    assert Oracle(swapped).order() == 2


@pytest.mark.parametrize(("digits", "held"), [(16, 15), (30, 28), (80, 78)])
def test_rounded_tableaux_hold_to_a_tolerance(digits: int, held: int) -> None:
    method = rounded(tableaux.COOPER_VERNER8, digits)
    assert prove_order(method).order < 8
    assert prove_order(method, tolerance=Exact.of(Fraction(1, 10 ** (held - 2)))).order == 8
    assert prove_order(method, tolerance=Exact.of(Fraction(1, 10 ** (digits + 4)))).order < 8


def test_a_tolerance_reads_every_colouring() -> None:
    """c_3 is off by 1e-9: A·1 alone would still be of order 4 to 1e-12."""
    method = changed(tableaux.RK4, "c", 0, 2, exact("1/2") + exact("1e-9"))
    report = prove_order(method, tolerance=exact("1e-12"))
    assert (report.order, report.order_autonomous) == (1, 4)
    assert prove_order(method, tolerance=exact("1e-8")).order == 4
    assert [defect.row for defect in row_sum_defects(method, exact("1e-10"))] == [2]
    assert row_sum_defects(method, exact("1e-9")) == ()


def test_a_tolerance_is_met_exactly() -> None:
    method = changed(tableaux.HEUN, "b", 0, 0, exact("1/2") + exact("1e-10"))
    assert prove_order(method, tolerance=exact("1e-10")).order == 2
    assert prove_order(method, tolerance=exact("0.99999999e-10")).order == 0


def test_a_tolerance_met_exactly_without_time_reads_no_nodes() -> None:
    """b·A·1 is 1/2 + 1e-10, which no ball decides; b·c is a third of that."""
    method = changed(tableaux.HEUN, "b", 0, 1, exact("1/2") + exact("1e-10"))
    report = prove_order(changed(method, "c", 0, 1, exact("1/3")), tolerance=exact("1e-10"))
    assert (report.order, report.order_autonomous) == (1, 2)


def test_a_tolerance_wider_than_everything_ends_at_the_bound() -> None:
    report = prove_order(tableaux.EULER, tolerance=exact(10))
    assert (report.order, report.failing) == (1, None)


STAGE_ORDERS = {
    "euler": 1,
    "backward_euler": 1,
    "rk4": 1,
    "trapezoidal": 2,
    "gauss4": 2,
    "gauss6": 3,
    "radau_iia3": 2,
    "radau_iia5": 3,
    "sdirk2": 1,
    "lobatto_iiic2": 1,
}


@pytest.mark.parametrize("name", STAGE_ORDERS)
def test_stage_orders(name: str) -> None:
    assert stage_order(ORDERS[name][0]) == STAGE_ORDERS[name]


def test_stage_order_without_row_sums_is_zero() -> None:
    assert stage_order(AUTONOMOUS_RK4) == 0


def test_principal_error_norm() -> None:
    assert principal_error_norm(tableaux.HEUN, 2) == math.sqrt(5) / 12
    assert principal_error_norm(tableaux.EULER, 1) == 0.5
    assert principal_error_norm(tableaux.RK4, 4) == pytest.approx(0.0145045823432, abs=1e-13)
    assert principal_error_norm(tableaux.DOPRI5, 5) == pytest.approx(3.99e-4, abs=1e-6)  # Dormand & Prince 1980


def test_principal_error_of_ralston_is_one_differential() -> None:
    errors = {str(tree): error for tree, error in principal_error(tableaux.RALSTON2, 2)}
    assert errors == {"[τ,τ]": 0, "[[τ]]": Fraction(-1, 6)}


@pytest.mark.parametrize("method", [tableaux.RK4, tableaux.GAUSS4, AUTONOMOUS_RK4], ids=["rk4", "gauss4", "coloured"])
def test_principal_error_against_the_oracle(method: Tableau) -> None:
    oracle, order = Oracle(method), prove_order(method).order
    square = mpf(0)
    for tree, error in principal_error(method, order):
        shape = shape_of(tree)
        expected = (oracle.weight(shape) - mpf(1) / gamma(shape)) / tree.symmetry
        assert abs(number(error) - expected) < NOISE
        square += expected**2
    assert principal_error_norm(method, order) == float(square**0.5)


def test_the_norm_of_a_family() -> None:
    alpha = Exact.parameter("alpha")
    assert principal_error_norm(tableaux.second_order(alpha), 2) is None
    assert principal_error_norm(tableaux.second_order(alpha), 0) == 0.0


def test_kinds_and_fsal() -> None:
    assert [m.kind for m in (tableaux.RK4, tableaux.SDIRK2, tableaux.GAUSS4)] == ["explicit", "dirk", "implicit"]
    assert [m.is_fsal for m in (tableaux.DOPRI5, tableaux.BOSH3, tableaux.RK4)] == [True, True, False]
    assert tableaux.TRAPEZOIDAL.is_fsal
    assert not changed(tableaux.BOSH3, "a", 3, 0, exact("2/9") + exact("1e-30")).is_fsal


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="rows of s weights"):
        Tableau(((exact(0),),), (exact(0),), ((exact(1), exact(0)),))
    with pytest.raises(ValueError, match="rows of s weights"):
        tableau([[]], [0])


def test_proofs_do_not_import_sympy() -> None:
    """It costs half a second, and no proof needs it."""
    modules = ("numbers.exact", "runge_kutta.families", "runge_kutta.order", "stability.linear")
    imports = "".join(f"import hyperdsl.theory.{module}; " for module in modules)
    code = f"import sys; {imports}assert not {{'sympy', 'torch'}} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_tolerance_that_printed_digits_need() -> None:
    printed = rounded(tableaux.GAUSS6, 20)
    needed = tolerance_needed(printed, 6)
    assert needed is not None
    assert Fraction(1, 10**21) < needed < Fraction(1, 10**19)
    assert prove_order(printed, 0, Exact.of(needed)).order == 6
    assert tolerance_needed(printed, 7) is None
    assert tolerance_needed(tableaux.second_order(Exact.parameter("alpha")), 2) is None


@pytest.mark.slow
def test_order_fourteen_in_fifty_stages() -> None:
    """Gragg's rule extrapolated seven times; the trees of order 15 are 87811, of which the first one fails."""
    report = prove_order(extrapolated_midpoint(7))
    assert report.order == 14
    assert report.failing is not None
    assert report.failing.tree.order == 15


def test_the_principal_error_of_decimals_is_that_of_the_method_they_print() -> None:
    printed = rounded(tableaux.COOPER_VERNER8, 40)
    tolerance = exact("1e-37")
    assert not printed.is_consistent
    expected = principal_error_norm(tableaux.COOPER_VERNER8, 8)
    assert principal_error_norm(printed, 8, 0, tolerance) == pytest.approx(expected, rel=1e-15)
