"""Arithmetic of exact numbers, against sympy and mpmath."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from hyperdsl.theory.numbers import irrational
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact, NotExact
from hyperdsl.theory.numbers.matrices import entrywise, vector

from .oracle import number
from .tableaux import exact, root

rationals = st.fractions(-20, 20, max_denominator=30)


@st.composite
def numbers(draw: st.DrawFn) -> Exact:
    """Sums of up to three rational multiples of square roots of 1 … 12."""
    parts = draw(st.lists(st.tuples(rationals, st.integers(1, 12)), min_size=1, max_size=3))
    return sum((q * root(d) for q, d in parts), ZERO)


def symbolic(x: Exact) -> sympy.Expr:
    """For comparison only."""
    terms = (sympy.Rational(int(q.p), int(q.q)) * sympy.sqrt(d) for d, q in x.terms.items())
    return sympy.Add(*terms)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(numbers(), numbers())
def test_sums_and_products(x: Exact, y: Exact) -> None:
    assert sympy.expand(symbolic(x) + symbolic(y) - symbolic(x + y)) == 0
    assert sympy.expand(symbolic(x) - symbolic(y) - symbolic(x - y)) == 0
    assert sympy.expand(symbolic(x) * symbolic(y) - symbolic(x * y)) == 0
    assert sympy.expand(symbolic(x) ** 3 - symbolic(x**3)) == 0


@settings(max_examples=80, deadline=None, derandomize=True)
@given(numbers(), numbers())
def test_quotients_undo_products(x: Exact, y: Exact) -> None:
    if y.is_zero:
        with pytest.raises(ZeroDivisionError):
            x / y
        return
    assert x / y * y == x
    assert abs(number(x / y) - number(x) / number(y)) < mpf(10) ** -40
    assert y**-2 * y * y == ONE


@settings(max_examples=100, deadline=None, derandomize=True)
@given(numbers(), st.integers(-40, 40))
def test_signs_and_doubles(x: Exact, power: int) -> None:
    near = x - Exact.of(Fraction(x.decimal(25))) if power % 3 == 0 else x  # about 1e-25, of either sign
    assert near.sign() == (mp.sign(number(near)) if near.terms else 0)
    scaled = near * Exact.of(Fraction(10) ** power)
    assert float(scaled) == float(number(scaled))
    assert (near < x, near == x, near > x) == ((x - near).sign() > 0, near.terms == x.terms, (x - near).sign() < 0)


def test_square_roots() -> None:
    assert root(12) == 2 * root(3)
    assert str(irrational.sqrt(exact("3/8"))) == "1/4*sqrt(6)"
    assert root(2) * root(3) == root(6)
    assert (root(2) + root(3)) ** 2 == 5 + 2 * root(6)
    assert 1 / (root(2) - 1) == root(2) + 1
    assert irrational.sqrt(ZERO) == ZERO
    assert irrational.sqrt(exact("1e-400")) == exact("1e-200")


@pytest.mark.parametrize("denominator", [1, 2, 3, 4, 5, 6, 12])
def test_cosines(denominator: int) -> None:
    for numerator in range(-3 * denominator, 3 * denominator + 1):
        q = Fraction(numerator, denominator)
        assert abs(number(irrational.cos_pi(q)) - mp.cos(mp.pi * numerator / denominator)) < mpf(10) ** -55


ALPHA, BETA = Exact.parameter("alpha"), Exact.parameter("beta")


@pytest.mark.parametrize(
    ("radicand", "reason"),
    [
        (exact(-2), r"sqrt\(-2\) is not a real number"),
        (1 - root(2), "is not a real number"),
        (ALPHA, "of a parameter"),
        (Exact.of(10**18 + 9) * (10**18 + 3), "too large to factor"),
        (Exact.of(10**18 + 9), "18 digits"),
    ],
)
def test_square_roots_that_are_refused(radicand: Exact, reason: str) -> None:
    with pytest.raises(NotExact, match=reason):
        irrational.sqrt(radicand)


def test_too_many_radicals_are_refused() -> None:
    product = ONE
    for prime in (2, 3, 5, 7, 11, 13):
        product = product * (1 + root(prime))
    assert len(product.terms) == 64
    with pytest.raises(NotExact, match="square roots"):
        product * (1 + root(17))


@pytest.mark.parametrize(
    "power",
    [
        lambda: exact(2) ** 10**7,
        lambda: root(2) ** 10**18,
        lambda: (1 + root(2)) ** 10**7,
        lambda: exact("1/3") ** -(10**9),
        lambda: ALPHA**10**6,
        lambda: (ALPHA + BETA + 1) ** 200,
    ],
)
def test_powers_that_would_fill_the_memory_are_refused(power: object) -> None:
    with pytest.raises(NotExact, match="the power"):
        power()  # type: ignore[operator]


def test_small_powers() -> None:
    assert (-ONE) ** 10**18 == ONE
    assert ZERO**10**18 == ZERO
    assert ZERO**0 == ONE
    assert (root(2) ** 7, exact("2/3") ** -3) == (8 * root(2), Fraction(27, 8))
    assert (ALPHA + 1) ** 2 == ALPHA * ALPHA + 2 * ALPHA + 1


def test_division_by_zero() -> None:
    for divide in (lambda: ONE / ZERO, lambda: 1 / (root(2) - root(2)), lambda: ZERO**-1, lambda: 1 / (ALPHA - ALPHA)):
        with pytest.raises(ZeroDivisionError):
            divide()


def test_rational_functions_have_one_form() -> None:
    x = 1 / (ALPHA - 1) - 1 / (ALPHA + 1)
    assert x == 2 / (ALPHA**2 - 1)
    assert (x * (ALPHA**2 - 1)).fraction() == 2
    assert hash(x) == hash(2 / ((ALPHA - 1) * (ALPHA + 1)))
    assert ((ALPHA + BETA) - BETA, (BETA - BETA).is_zero) == (ALPHA, True)
    assert (x.parameters, x.is_rational, ALPHA.is_zero) == (frozenset({"alpha"}), False, False)
    assert list(map(str, x.denominators())) == ["alpha + 1", "alpha - 1"]
    assert (ALPHA * root(2)) ** 2 == 2 * ALPHA**2


def test_denominators_with_square_roots_are_their_norms() -> None:
    assert list(map(str, (1 / (ALPHA - root(2))).denominators())) == ["alpha^2 - 2"]


def test_substitution() -> None:
    x = (ALPHA + root(3)) / (BETA - 1)
    assert x.substitute({"alpha": root(3), "beta": exact("1/2")}) == -4 * root(3)
    assert x.substitute({"alpha": BETA}).parameters == {"beta"}
    assert x.substitute({"gamma": ONE}) is x
    with pytest.raises(ZeroDivisionError):
        x.substitute({"beta": ONE})


def test_nothing_is_left_of_a_function_times_zero() -> None:
    function = (1 / ALPHA).terms[1]
    for zero in (0, fmpq(0)):
        assert (type(function * zero), function * zero) == (fmpq, 0)
        assert (type(zero * function), zero * function) == (fmpq, 0)
    assert type(0 / function) is fmpq
    assert entrywise(vector([ALPHA, ZERO]), vector([ZERO, 1 / ALPHA])) == {1: [0, 0]}


def test_products_entry_by_entry() -> None:
    x, y = (root(2), ALPHA, 1 + root(3)), (root(6), 2 * root(2), exact("1/2"))
    assert entrywise(vector(x), vector(y)) == vector([p * q for p, q in zip(x, y, strict=True)])
    assert entrywise(vector(x), vector([ZERO] * 3)) == {}


def test_what_depends_on_a_parameter_has_no_value() -> None:
    for read in (ALPHA.fraction, ALPHA.sign, lambda: float(ALPHA), lambda: ALPHA.decimal(5)):
        with pytest.raises(NotExact):
            read()
    with pytest.raises(NotExact, match="not a rational number"):
        root(2).fraction()


def test_texts() -> None:
    cases = {
        ZERO: "0",
        exact("-1/3"): "-1/3",
        exact("1/2") - root(3) / 6: "1/2 - 1/6*sqrt(3)",
        -root(5): "-sqrt(5)",
        1 - 1 / (2 * ALPHA): "(2*alpha - 1)/(2*alpha)",
        ALPHA * root(2) + 1: "1 + alpha*sqrt(2)",
        (ALPHA - 1) * root(2): "(alpha - 1)*sqrt(2)",
    }
    assert {value: str(value) for value in cases} == cases


def test_decimals_are_rounded_correctly() -> None:
    assert exact("2/3").decimal(5) == "0.66667"
    assert root(2).decimal(30) == "1.41421356237309504880168872421"
    assert (root(2) - exact("1.41421356237309504880168872420")).decimal(3) == "9.70E-30"
    assert exact("1/8").decimal(20) == "0.125"


def test_numbers_beside_integers_and_fractions() -> None:
    assert (1 - root(2), 2 / root(2), Fraction(1, 2) * root(2)) == (-(root(2) - 1), root(2), root(2) / 2)
    assert (exact(3) == 3, hash(exact("1/2")) == hash(Fraction(1, 2)), exact(3) != Fraction(3, 2)) == (True,) * 3
    assert (root(2) > 1, root(2) <= Fraction(3, 2), abs(1 - root(2)) == root(2) - 1) == (True,) * 3
    with pytest.raises(TypeError):
        root(2) + 1.5  # type: ignore[operator]
