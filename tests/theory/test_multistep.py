"""Multistep and predictor-corrector methods: published facts, exact decisions, and measured slopes."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from hyperdsl.semantics.model.spec import Multistep
from hyperdsl.semantics.reading.scope import Project
from hyperdsl.theory.multistep.formulas import LinearMultistep, is_a_stable, real_stability
from hyperdsl.theory.multistep.predictor_corrector import FormulaPair
from hyperdsl.theory.multistep.root_condition import boundary, largest_root, satisfies_root_condition
from hyperdsl.theory.numbers import irrational
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.numbers.polynomials import Polynomial, times


def polynomial(*coefficients: Exact | Fraction | int) -> Polynomial:
    return tuple(a if isinstance(a, Exact) else Exact.of(a) for a in coefficients)


def formula(alpha: tuple[Fraction | int, ...], beta: tuple[Fraction | int, ...]) -> LinearMultistep:
    return LinearMultistep(polynomial(*alpha), polynomial(*beta))


def library(name: str) -> LinearMultistep:
    scope = Project().library_scope("method", name)
    assert scope is not None
    method = scope.own(name)
    assert isinstance(method, Multistep)
    return method.formula


UNSTABLE = formula((-5, 4, 1), (2, 4, 0))
"""The explicit two-step method of order 3 (HNW I, (III.3.1)); ρ has the root −5."""


# Hairer, Nørsett & Wanner I, §III.1–2; Lambert 1991, tables 3.2 and 3.3.
CONSTANTS = {
    "ab1": "1/2",
    "ab2": "5/12",
    "ab3": "3/8",
    "ab4": "251/720",
    "ab5": "95/288",
    "ab6": "19087/60480",
    "ab7": "5257/17280",
    "ab8": "1070017/3628800",
    "am0": "-1/2",
    "am1": "-1/12",
    "am2": "-1/24",
    "am3": "-19/720",
    "am4": "-3/160",
    "am5": "-863/60480",
    "am6": "-275/24192",
    "am7": "-33953/3628800",
    **{f"bdf{k}": str(Fraction(-1, k + 1)) for k in range(1, 9)},
    "nystrom2": "1/6",
    "nystrom3": "1/6",
    "milne_simpson": "-1/180",
    "milne": "7/90",
}


@pytest.mark.parametrize("name", CONSTANTS)
def test_error_constants_are_the_published_ones(name: str) -> None:
    constant = library(name).error_constant
    assert constant is not None
    assert constant.fraction() == Fraction(CONSTANTS[name])


def order_of(name: str) -> int:
    number = int(name[-1])
    return number + 1 if name.startswith("am") else number


@pytest.mark.parametrize("name", [name for name in CONSTANTS if name[-1].isdigit()])
def test_orders_and_zero_stability(name: str) -> None:
    method = library(name)
    assert method.order == order_of(name)
    assert method.is_zero_stable is (name not in ("bdf7", "bdf8"))
    assert method.explicit is name.startswith(("ab", "nystrom"))


def test_first_states_may_be_one_order_lower() -> None:
    assert [library(name).start_order for name in ("ab1", "ab2", "ab4")] == [1, 1, 3]


def test_an_unstable_consistent_method() -> None:
    assert UNSTABLE.order == 3
    assert UNSTABLE.is_consistent
    assert not UNSTABLE.is_zero_stable
    root, size = largest_root(UNSTABLE.rho)
    assert root.real == pytest.approx(-5)
    assert size == pytest.approx(5)


# Hairer & Wanner II, §V.1; Lambert 1991, figures 3.2 and 3.3.
@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("ab1", 2.0),
        ("ab2", 1.0),
        ("ab3", 6 / 11),
        ("ab4", 0.3),
        ("ab5", 90 / 551),
        ("am0", math.inf),
        ("am1", math.inf),
        ("am2", 6.0),
        ("am3", 3.0),
        ("am4", 90 / 49),
        ("bdf2", math.inf),
        ("bdf6", math.inf),
        ("nystrom2", 0.0),
        ("milne_simpson", 0.0),
    ],
)
def test_real_stability_intervals(name: str, length: float) -> None:
    assert real_stability(library(name)) == length


def two_steps(newest: Fraction) -> LinearMultistep:
    """z[n+2] − z[n+1] = h(β₂ f[n+2] + …) of order 2, A-stable where β₂ is 1/2 or more (Nevanlinna & Liniger 1978)."""
    return formula((0, -1, 1), (newest - Fraction(1, 2), Fraction(3, 2) - 2 * newest, newest))


def test_a_stable_formulas_are_those_of_the_literature() -> None:
    names = [f"ab{k}" for k in range(1, 7)] + [f"am{k}" for k in range(7)] + [f"bdf{k}" for k in range(1, 7)]
    assert {name for name in names if is_a_stable(library(name))} == {"am0", "am1", "bdf1", "bdf2"}
    assert [is_a_stable(two_steps(Fraction(k, 8))) for k in (2, 3, 4, 5, 6, 8)] == [
        False,
        False,
        True,
        True,
        True,
        True,
    ]
    assert is_a_stable(formula((-1, 0, 1), (1, 0, 1)))  # the trapezoidal rule over two steps
    assert is_a_stable(formula((-1, 0, 1), (2, -2, 2)))  # Re ρ/σ = 0 on the circle, and σ has its roots there
    assert not is_a_stable(formula((-1, 0, 1), (Fraction(1, 4), Fraction(3, 2), Fraction(1, 4))))  # one is outside


def test_stability_with_irrational_coefficients_is_not_claimed() -> None:
    root = irrational.sqrt(Exact.of(2))
    method = LinearMultistep(polynomial(-1, 1), (Exact.of(1) - root, root))
    assert real_stability(method) is None
    assert is_a_stable(method) is None


def test_the_root_condition_where_roots_are_on_the_circle() -> None:
    pair = polynomial(5, -6, 5)  # (3 ± 4i)/5: on the circle, and no roots of unity
    assert satisfies_root_condition(pair)
    assert not satisfies_root_condition(pair, strictly=True)
    assert not satisfies_root_condition(times(pair, pair))
    assert satisfies_root_condition(times(pair, polynomial(-1, 2)))
    assert satisfies_root_condition(polynomial(-1, 0, 0, 0, 0, 1))
    assert not satisfies_root_condition(times(polynomial(-1, 0, 1), polynomial(1, 1)))
    lehmer = polynomial(1, 1, 0, -1, -1, -1, -1, -1, 0, 1, 1)  # Lehmer 1933: one root of modulus 1.17628…
    assert not satisfies_root_condition(lehmer)
    root = irrational.sqrt(Exact.of(2))
    assert satisfies_root_condition((Exact.of(1), -root, Exact.of(1)))
    assert not satisfies_root_condition((Exact.of(1), -(root * 2), Exact.of(1)))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1, max_size=4))
def test_the_root_condition_on_known_roots(pairs: list[tuple[int, int]]) -> None:
    """Products of x² − 2ax + a² + b², the roots (a ± bi)/6, judged by what their roots are."""
    product: Polynomial = polynomial(1)
    roots: list[tuple[int, int]] = []
    for a, b in pairs:
        product = times(product, polynomial(Fraction(a * a + b * b, 36), Fraction(-a, 3), 1))
        roots += [(a, b), (a, -b)]
    sizes = [a * a + b * b for a, b in roots]
    on_circle = [root for root, size in zip(roots, sizes, strict=True) if size == 36]
    sound = max(sizes) <= 36 and len(set(on_circle)) == len(on_circle)
    assert satisfies_root_condition(product) is sound
    assert satisfies_root_condition(product, strictly=True) is (max(sizes) < 36)


def test_the_root_locus_curve_is_that_of_the_method() -> None:
    points = boundary(library("ab2").rho, library("ab2").sigma, 4)
    assert points[0] == pytest.approx(0)
    assert points[2] == pytest.approx(-1)


# Measured: z' = f(s, z) with the solution sin s, nonlinear and non-autonomous, in numbers of 40 digits.


def field(s: mpf, z: mpf) -> mpf:
    return mp.cos(s) + (z - mp.sin(s)) * (1 + z * z - s / 2) + (z**3 - mp.sin(s) ** 3) / 3


def run(method: FormulaPair, steps: int) -> mpf:
    """The error at s = 2 from exact first states, with the history that the mode keeps."""
    k, eps = method.steps, mpf(1) / steps
    z = [mp.sin(1 + j * eps) for j in range(k)]
    f = [field(1 + j * eps, z[j]) for j in range(k)]
    predict, correct = method.predictor, method.corrector
    numbers = [
        [mpf(a.fraction().numerator) / a.fraction().denominator for a in row]
        for row in (predict.alpha, predict.beta, correct.alpha, correct.beta)
    ]
    for n in range(k, steps + 1):
        s = 1 + n * eps

        def past(alpha: list[mpf], beta: list[mpf], size: int) -> mpf:
            return sum(-alpha[j] * z[len(z) - size + j] + eps * beta[j] * f[len(f) - size + j] for j in range(size))

        history = past(numbers[2], numbers[3], correct.steps)
        new = past(numbers[0], numbers[1], predict.steps)
        for _ in range(method.corrections):
            slope = field(s, new)
            new = history + eps * numbers[3][-1] * slope
        z.append(new)
        f.append(field(s, new) if method.evaluates_last else slope)
    return abs(z[-1] - mp.sin(2))


PAIRS = [
    ("ab1", "am1", 1, True),
    ("ab1", "am1", 1, False),
    ("ab1", "am2", 1, True),
    ("ab1", "am2", 2, True),
    ("ab1", "am3", 2, False),
    ("ab2", "am1", 1, True),
    ("ab2", "am2", 1, False),
    ("ab2", "am3", 1, True),
    ("ab3", "am2", 1, True),
    ("ab3", "am3", 1, True),
    ("ab4", "am3", 1, True),
    ("ab4", "am3", 2, False),
    ("milne", "milne_simpson", 1, True),
    ("milne", "hamming", 1, True),
]


@pytest.mark.slow
@pytest.mark.parametrize(("predictor", "corrector", "corrections", "last"), PAIRS)
def test_predictor_correctors_have_the_slope_of_their_proven_order(
    predictor: str, corrector: str, corrections: int, last: bool
) -> None:
    method = FormulaPair(library(predictor), library(corrector), corrections, last)
    with mp.workdps(40):
        errors = [run(method, steps) for steps in (160, 320, 640)]
        slopes = [float(mp.log(coarse / fine, 2)) for coarse, fine in pairwise(errors)]
    assert slopes[-1] == pytest.approx(method.order, abs=0.15)


def test_orders_of_predictor_correctors() -> None:
    def order(predictor: str, corrector: str, corrections: int, last: bool) -> int:
        return FormulaPair(library(predictor), library(corrector), corrections, last).order

    assert [order("ab1", "am3", m, True) for m in (1, 2, 3, 4)] == [2, 3, 4, 4]
    assert order("ab3", "am3", 1, True) == 4
    assert order("ab3", "am3", 1, False) == 4
    assert FormulaPair(library("ab4"), library("am3"), 2, False).evaluations_per_step == 2


def test_a_pair_needs_an_explicit_predictor_and_an_implicit_corrector() -> None:
    with pytest.raises(ValueError, match="explicit"):
        FormulaPair(library("am1"), library("am1"), 1, True)
    with pytest.raises(ValueError, match="k \\+ 1"):
        formula((1,), (1,))
