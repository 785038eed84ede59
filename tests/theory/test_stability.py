"""Stability functions and intervals against the values in Hairer & Wanner, Solving ODEs II, §IV.2–3."""

from __future__ import annotations

import math

import pytest
from mpmath import mp, mpc, mpf

from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.order import prove_order
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.stability.linear import stability_function, stability_intervals

from . import tableaux
from .oracle import number
from .tableaux import ORDERS, exact, rounded, tableau

INF = math.inf
CUBIC = 2.5127453266183286
"""−the real zero of 2 + z + z²/2 + z³/6 (R = −1 for order 3 with three stages)."""

INTERVALS = {
    "euler": (2.0, 0.0),
    "midpoint": (2.0, 0.0),
    "heun": (2.0, 0.0),
    "kutta3": (CUBIC, math.sqrt(3)),
    "ssprk33": (CUBIC, math.sqrt(3)),
    "rk4": (2.785293563405282, 2 * math.sqrt(2)),
    "rk38": (2.785293563405282, 2 * math.sqrt(2)),
    "dopri5": (3.3065678926349604, 0.9971890086325299),
    "backward_euler": (INF, INF),
    "implicit_midpoint": (INF, INF),
    "trapezoidal": (INF, INF),
    "gauss4": (INF, INF),
    "gauss6": (INF, INF),
    "radau_iia3": (INF, INF),
    "radau_iia5": (INF, INF),
    "lobatto_iiic2": (INF, INF),
    "sdirk2": (INF, INF),
    "sdirk3": (INF, INF),
}


@pytest.mark.parametrize("name", INTERVALS)
def test_intervals(name: str) -> None:
    method, (order, *_) = ORDERS[name]
    real, imaginary = stability_intervals(method, order)
    assert imaginary == INTERVALS[name][1]
    assert real == pytest.approx(INTERVALS[name][0], rel=1e-14)


def modulus(method: Tableau, z: mpc) -> mpf:
    """|R(z)| = |1 + z b (I − zA)⁻¹ 1|, solved numerically."""
    size = method.stages
    a = mp.matrix([[number(x) for x in row] for row in method.a])
    k = mp.lu_solve(mp.eye(size) - z * a, mp.ones(size, 1))
    return abs(1 + z * sum(number(b) * x for b, x in zip(method.weights[0], k, strict=True)))


@pytest.mark.parametrize("name", ["kutta3", "rk4", "dopri5", "cash_karp", "fehlberg45", "cooper_verner8"])
def test_the_factor_passes_one_where_a_real_interval_ends(name: str) -> None:
    method, (order, *_) = ORDERS[name]
    real, imaginary = stability_intervals(method, order)
    assert real is not None
    assert imaginary is not None
    assert modulus(method, mpc(-real * 0.999)) < 1 < modulus(method, mpc(-real * 1.001))
    assert abs(modulus(method, mpc(-real)) - 1) < 1e-13
    if imaginary:
        assert modulus(method, mpc(0, imaginary * 0.999)) < 1 < modulus(method, mpc(0, imaginary * 1.001))
    else:
        assert modulus(method, mpc(0, 0.01)) > 1


@pytest.mark.parametrize("name", ["rk4", "gauss6", "radau_iia5", "sdirk2", "lobatto_iiic2"])
def test_the_stability_function_is_the_step_on_the_test_equation(name: str) -> None:
    method = ORDERS[name][0]
    z = mpc("-0.37", "0.81")
    above, below = ([number(q) for q in reversed(part)] for part in stability_function(method))
    assert abs(abs(mp.polyval(above, z) / mp.polyval(below, z)) - modulus(method, z)) < 1e-45


def test_printed_decimals_keep_the_interval_of_the_method() -> None:
    """Σ b_i c_i = 1/2 only to 1e-20 would make |R| > 1 at once, or leave a speck of stability."""
    exact_value = stability_intervals(tableaux.COOPER_VERNER8, 8)
    method, tolerance = rounded(tableaux.COOPER_VERNER8, 20), exact("1e-17")
    assert prove_order(method, tolerance=tolerance).order == 8
    assert stability_intervals(method, 8, tolerance) == pytest.approx(exact_value, rel=1e-12)


def test_an_interval_ends_where_it_first_leaves_the_disc() -> None:
    """R = 1 + z + 2z² leaves on the negative axis only at −1/2 …; R = 1 + z + z²/8·… touches −1 and goes on."""
    assert stability_intervals(tableau([[], [2]], [0, 2], [0, 1]), 1)[0] == 0.5
    touching = tableau([[], ["1/8"]], [0, "1/8"], [0, 1])  # R = 1 + z + z²/8 is −1 at −4, with slope 0
    assert stability_intervals(touching, 1)[0] == 8.0


def test_a_family_has_no_interval() -> None:
    assert stability_intervals(tableaux.second_order(Exact.parameter("alpha")), 2) == (None, None)
