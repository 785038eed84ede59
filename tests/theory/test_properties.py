"""Simplifying assumptions, symmetry, A- and L-stability and SSP coefficients, against the literature and oracles."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact
from hyperdsl.theory.numbers.polynomials import times
from hyperdsl.theory.runge_kutta.merging import irreducible
from hyperdsl.theory.runge_kutta.order import prove_order, stage_order
from hyperdsl.theory.runge_kutta.simplifying import (
    Assumptions,
    is_stiffly_accurate,
    is_symmetric,
    is_symplectic,
    simplifying_assumptions,
)
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.stability.a_stability import has_roots_on_the_right_only, linear_stability
from hyperdsl.theory.stability.ssp import ssp_coefficient

from . import tableaux
from .tableaux import ORDERS, exact, rounded, tableau

SSPRK104 = tableau(
    [["1/6"] * i if i < 5 else ["1/15"] * 5 + ["1/6"] * (i - 5) for i in range(10)],
    ["0", "1/6", "1/3", "1/2", "2/3", "1/3", "1/2", "2/3", "5/6", "1"],
    ["1/10"] * 10,
)
LOBATTO_IIIA4 = tableau([[], ["5/24", "1/3", "-1/24"], ["1/6", "2/3", "1/6"]], ["0", "1/2", "1"], ["1/6", "2/3", "1/6"])
LOBATTO_IIIB4 = tableau(
    [["1/6", "-1/6", 0], ["1/6", "1/3", 0], ["1/6", "5/6", 0]], ["0", "1/2", "1"], ["1/6", "2/3", "1/6"]
)

ASSUMPTIONS = {  # Hairer & Wanner II, Table IV.5.13, and Butcher's for explicit methods
    "gauss4": (4, 2, 2),
    "gauss6": (6, 3, 3),
    "radau_iia3": (3, 2, 1),
    "radau_iia5": (5, 3, 2),
    "lobatto_iiic2": (2, 1, 1),
    "rk4": (4, 1, 1),
    "euler": (1, math.inf, 0),
    "trapezoidal": (2, 2, 0),
}


@pytest.mark.parametrize("name", ASSUMPTIONS)
def test_simplifying_assumptions(name: str) -> None:
    method, (order, *_) = ORDERS[name]
    found = simplifying_assumptions(method)
    assert found == Assumptions(*ASSUMPTIONS[name])
    assert stage_order(method) == min(found.b, found.c)
    assert order >= min(found.b, found.c + found.d + 1, 2 * found.c + 2)  # Butcher 1964


def test_what_holds_of_2s_and_one_powers_holds_of_all() -> None:
    """f(s, z) is the only stage: c = 0 fulfils C(q) for every q, of which so many are asked for."""
    found = [simplifying_assumptions(tableaux.EULER, highest=highest) for highest in (1, 2, 3, 4)]
    assert [(one.b, one.c, one.d) for one in found] == [(1, 1, 0), (1, 2, 0), (1, math.inf, 0), (1, math.inf, 0)]


def test_lobatto_methods_have_theirs() -> None:
    assert simplifying_assumptions(LOBATTO_IIIA4) == Assumptions(4, 3, 1)
    assert simplifying_assumptions(LOBATTO_IIIB4) == Assumptions(4, 1, 3)


def test_a_digit_spoils_an_assumption_and_a_tolerance_forgives_it() -> None:
    method = rounded(tableaux.GAUSS4, 20)
    assert simplifying_assumptions(method).c < 2
    assert simplifying_assumptions(method, exact("1e-18")) == Assumptions(4, 2, 2)
    assert is_symplectic(method, exact("1e-18"))
    assert is_symmetric(method, exact("1e-18"))
    method = rounded(tableaux.GAUSS6, 20)
    assert is_symplectic(method, exact("1e-18"))
    assert not is_symplectic(method)
    assert not is_symmetric(rounded(tableaux.GAUSS6, 19))


def test_symplectic_and_symmetric_methods() -> None:
    symplectic = {name for name, (method, _) in ORDERS.items() if is_symplectic(method)}
    symmetric = {name for name, (method, _) in ORDERS.items() if is_symmetric(method)}
    assert {"implicit_midpoint", "gauss4", "gauss6"} <= symplectic
    assert {"implicit_midpoint", "gauss4", "gauss6", "trapezoidal"} <= symmetric
    assert not {"rk4", "euler", "radau_iia3", "radau_iia5", "lobatto_iiic2", "sdirk2"} & (symplectic | symmetric)
    assert "trapezoidal" not in symplectic
    assert is_symmetric(LOBATTO_IIIA4)
    assert not is_symplectic(LOBATTO_IIIA4)
    assert is_symmetric(LOBATTO_IIIB4)


def test_stages_in_another_order_change_nothing() -> None:
    method = tableaux.GAUSS6
    order = (2, 0, 1)
    shuffled = Tableau(
        tuple(tuple(method.a[i][j] for j in order) for i in order),
        tuple(method.c[i] for i in order),
        (tuple(method.weights[0][i] for i in order),),
    )
    assert is_symmetric(shuffled)
    assert is_symplectic(shuffled)


def test_stages_that_are_all_alike_do_not_take_for_ever() -> None:
    size = 16
    rows = [[f"1/{2 * size}"] * size for _ in range(size)]
    assert is_symmetric(tableau(rows, ["1/2"] * size, [f"1/{size}"] * size)) is True
    rows[-1][-1] = "1/7"
    assert is_symmetric(tableau(rows, ["1/2"] * size, [f"1/{size}"] * size)) in (None, False)


def test_stiffly_accurate_methods() -> None:
    found = {name for name, (method, _) in ORDERS.items() if is_stiffly_accurate(method)}
    assert {"radau_iia3", "radau_iia5", "lobatto_iiic2", "sdirk2", "backward_euler", "trapezoidal"} <= found
    assert not {"gauss4", "gauss6", "implicit_midpoint", "sdirk3", "rk4", "dopri5"} & found


def test_a_stage_that_the_weights_do_not_read_makes_no_method_stiffly_accurate() -> None:
    closing = tableau([["1/2"], ["1"]], ["1/2", "1"], ["1", "0"])  # the midpoint rule, and f at the end of its step
    assert is_stiffly_accurate(closing) is False
    estimated = tableau([["1"], ["1/3", "1/4"]], ["1", "7/12"], ["1", "0"])  # backward Euler, and a stage for its error
    assert is_stiffly_accurate(estimated) is True


def test_decimals_are_stiffly_accurate_to_their_tolerance() -> None:
    rounded = tableau([["0.2929"], ["0.7071", "0.2929"]], ["0.2929", "0.9999"], ["0.7071", "0.2929"])
    assert is_stiffly_accurate(rounded) is False
    assert is_stiffly_accurate(rounded, exact("1/10000")) is True
    assert is_stiffly_accurate(rounded, exact("1/20000")) is False


MIDPOINT_WITH_A_DIGRESSION = tableau([["1/2"], ["1/2", "1/3"]], ["1/2", "5/6"], ["1", "0"])
MIDPOINT_TWICE = tableau([["1/2"], ["1/6", "1/3"]], ["1/2", "1/2"], ["1/4", "3/4"])


@pytest.mark.parametrize("method", [MIDPOINT_WITH_A_DIGRESSION, MIDPOINT_TWICE])
def test_superfluous_stages_hide_no_property(method: Tableau) -> None:
    """The implicit midpoint rule with a stage that it does not depend on, and with its stage as two equal ones."""
    (half,) = irreducible(method).c
    assert half == exact("1/2")
    assert is_symplectic(method) is True
    assert is_symmetric(method) is True


@pytest.mark.parametrize("name", ORDERS)
def test_without_stages_that_embedded_rows_alone_read_a_method_is_the_same(name: str) -> None:
    method, _ = ORDERS[name]
    left = irreducible(method)
    assert left.stages == method.stages - (name in {"bosh3", "dopri5", "fehlberg45"})
    assert all(weight in method.weights[0] for weight in left.weights[0])
    assert prove_order(left).order == prove_order(method).order


def test_a_family_is_decided_where_all_its_members_agree() -> None:
    alpha = Exact.parameter("alpha")
    theta = Tableau(((ZERO, ZERO), (ONE - alpha, alpha)), (ZERO, ONE), ((ONE - alpha, alpha),))
    assert is_stiffly_accurate(theta) is True
    assert (is_symplectic(theta), is_symmetric(theta)) == (None, None)  # symmetric for alpha = 1/2
    one_stage = Tableau(((alpha,),), (alpha,), ((ONE,),))
    assert is_stiffly_accurate(one_stage) is None  # for alpha = 1
    late = Tableau(((alpha,),), (exact("1/2"),), ((ONE,),))
    assert is_stiffly_accurate(late) is False  # for no alpha: its node is 1/2
    split = Tableau(  # the midpoint rule, its stage as two equal ones
        ((alpha, exact("1/2") - alpha), (alpha, exact("1/2") - alpha)), (exact("1/2"),) * 2, ((alpha, ONE - alpha),)
    )
    assert (is_symplectic(split), is_symmetric(split)) == (True, True)


LINEAR = {  # A-stable, L-stable, |R(∞)|: Hairer & Wanner II, §IV.3, §IV.5, Table IV.6.3
    "backward_euler": (True, True, 0.0),
    "implicit_midpoint": (True, False, 1.0),
    "trapezoidal": (True, False, 1.0),
    "gauss4": (True, False, 1.0),
    "gauss6": (True, False, 1.0),
    "radau_iia3": (True, True, 0.0),
    "radau_iia5": (True, True, 0.0),
    "lobatto_iiic2": (True, True, 0.0),
    "sdirk2": (True, True, 0.0),
    "sdirk3": (True, False, math.sqrt(3) - 1),
    "rk4": (False, False, math.inf),
}


@pytest.mark.parametrize("name", LINEAR)
def test_a_and_l_stability(name: str) -> None:
    method, (order, *_) = ORDERS[name]
    found = linear_stability(method, order)
    assert found is not None
    assert (found.a_stable, found.l_stable) == LINEAR[name][:2]
    assert found.at_infinity == pytest.approx(LINEAR[name][2], rel=1e-15)


def test_the_limits_of_a_stability_are_exact() -> None:
    """θ-method at θ = 1/2; two equal γ: A-stable from γ = 1/4 on (Hairer & Wanner II, Table IV.6.4)."""

    def theta(value: str) -> Tableau:
        return tableau([[value]], [value], [1])

    digits = "4999999999999999999999999999999999999999"
    for method, stable in ((theta("1/2"), True), (theta("0." + digits), False)):
        found = linear_stability(method, 1)
        assert found is not None
        assert found.a_stable is stable
    quarter = tableau([["1/4"], ["1/2", "1/4"]], ["1/4", "3/4"], ["1/2", "1/2"])
    found = linear_stability(quarter, 2)
    assert found is not None
    assert found.a_stable
    assert not found.l_stable


def test_a_pole_on_the_left_is_not_a_stable() -> None:
    """|R| ≤ 1 on the whole imaginary axis is not enough: R = 1/(1 + z)."""
    method = tableau([[-1]], [-1], [-1])
    found = linear_stability(method, 0)
    assert found is not None
    assert found.at_infinity == 0
    assert not found.a_stable


def test_printed_decimals_of_a_stable_methods() -> None:
    for name in ("radau_iia5", "gauss6", "sdirk2"):
        method, (order, *_) = ORDERS[name]
        found = linear_stability(rounded(method, 30), order, exact("1e-27"))
        assert found is not None
        assert (found.a_stable, found.l_stable) == LINEAR[name][:2]


def test_routh_s_scheme_agrees_with_numerical_roots() -> None:
    chance = random.Random(0)
    seen = set()
    for _ in range(300):
        p: tuple[Exact, ...] = (Exact.of(1),)
        for _ in range(chance.randint(1, 3)):
            if chance.random() < 0.5:
                p = times(p, (Exact.of(chance.randint(-6, 12)), Exact.of(chance.choice((-1, -2, -3)))))
            else:
                half, size = chance.randint(-2, 6), chance.randint(1, 9)
                p = times(p, (Exact.of(half * half + size), Exact.of(-2 * half), Exact.of(1)))
        roots = np.roots([float(q) for q in reversed(p)])
        right = bool((roots.real > 1e-6).all())
        assert has_roots_on_the_right_only(p) is right, p
        seen.add(right)
    assert seen == {True, False}


SSP = {  # Gottlieb, Ketcheson & Shu 2011, ch. 3–7; Kraaijevanger 1991
    "euler": 1.0,
    "heun": 1.0,
    "midpoint": 0.0,
    "ssprk33": 1.0,
    "kutta3": 0.0,
    "rk4": 0.0,
    "backward_euler": math.inf,
    "implicit_midpoint": 2.0,
    "trapezoidal": 2.0,
    "gauss4": 0.0,
    "sdirk2": 1 + math.sqrt(2),
    "dopri5": 0.0,
}


@pytest.mark.parametrize("name", SSP)
def test_ssp_coefficients(name: str) -> None:
    assert ssp_coefficient(ORDERS[name][0]) == pytest.approx(SSP[name], rel=1e-15)


def test_ssprk104_has_the_coefficient_six() -> None:
    assert prove_order(SSPRK104).order == 4
    assert ssp_coefficient(SSPRK104) == 6.0


def monotone(method: Tableau, r: float) -> bool:
    """Kraaijevanger's conditions in floats."""
    a = np.array([[float(x) for x in row] for row in method.a])
    b, one = np.array([float(x) for x in method.weights[0]]), np.ones(method.stages)
    inverse = np.linalg.inv(np.eye(method.stages) + r * a)
    least = min((a @ inverse).min(), (b @ inverse).min(), (inverse @ one).min(), 1 - r * b @ inverse @ one)
    return bool(least > -1e-12)


def test_ssp_coefficients_of_random_methods_are_where_monotonicity_ends() -> None:
    chance = random.Random(1)
    positive = 0
    for _ in range(60):
        rows = [[f"{chance.randint(1, 9)}/12" for _ in range(i + chance.randint(0, 1))] for i in range(3)]
        method = tableau(rows, [0, 0, 0], [f"{chance.randint(1, 9)}/12" for _ in range(3)])
        found = ssp_coefficient(method)
        assert found is not None
        if 0 < found < 50:
            positive += 1
            assert monotone(method, 0.999 * found)
            assert not monotone(method, 1.001 * found + 1e-9)
    assert positive > 30


def test_a_family_has_none() -> None:
    family = tableaux.second_order(Exact.parameter("alpha"))
    assert ssp_coefficient(family) is None
    assert linear_stability(family, 2) is None
    assert simplifying_assumptions(family) == Assumptions(2, 1, 0)
