"""The numbers of the second prover: zero and sign are decided exactly."""

from __future__ import annotations

import signal
from typing import Any

import pytest
import sympy
from sympy import Rational, cos, pi, sqrt

from hyperdsl.second.budget import Undecided, limited
from hyperdsl.second.expressions import expression, rational
from hyperdsl.second.numbers import Numbers
from hyperdsl.second.written import Bounds
from hyperdsl.syntax import nodes as n

ZEROS = [
    sqrt(2) * sqrt(3) - sqrt(6),
    sqrt(5 - 2 * sqrt(6)) - (sqrt(3) - sqrt(2)),
    8 * cos(pi / 9) ** 3 - 6 * cos(pi / 9) - 1,
    1 / (1 + sqrt(2)) + 1 - sqrt(2),
]


@pytest.mark.parametrize("value", ZEROS, ids=str)
def test_zero_is_zero_however_it_is_written(value: Any) -> None:
    """As an unevaluated sum of its parts, so that sympy's simplifications have no say."""
    numbers = Numbers(value.args)
    assert numbers.sign(sum(numbers.element(part) for part in value.args)) == 0


def test_what_is_nearly_zero_has_a_sign() -> None:
    tiny = Rational(1, 10**40)
    for sign in (1, -1):
        parts = (sqrt(2), -sqrt(2) - sqrt(3), sqrt(3), sign * tiny)
        numbers = Numbers(parts)
        assert numbers.sign(sum(map(numbers.element, parts))) == sign
    convergents = sqrt(2) - Rational(1855077841, 1311738121)  # 2e-19: 2q² − p² = 1
    numbers = Numbers([convergents])
    assert numbers.sign(numbers.element(convergents)) == 1


def test_signs_of_nested_roots() -> None:
    outer, other = sqrt(2 + sqrt(2)), sqrt(2 - sqrt(2))
    numbers = Numbers([outer, other])
    for value in (outer, other, outer - other, outer - 3 * other, outer * other - sqrt(2) + Rational(1, 10**20)):
        assert numbers.sign(numbers.element(value)) == (1 if value.evalf(40) > 0 else -1)


def test_digits_are_read_as_they_are_written() -> None:
    texts = {"12": 12, "0.1": Rational(1, 10), ".5": Rational(1, 2), "1e-6": Rational(1, 10**6), "2.50E2": 250}
    assert {text: rational(text) for text in texts} == texts
    assert not rational("0.1") - Rational(1, 10)


def test_what_cannot_be_decided_says_so() -> None:
    u = sympy.Symbol("u", real=True)
    for value, reason in [
        (sqrt(u), "under a root"),
        (sympy.exp(2), "`exp`"),
        (sum(sqrt(p) for p in (2, 3, 5, 7, 11, 13, 17)), "different roots"),
    ]:
        with pytest.raises(Undecided, match=reason):
            Numbers([value]).element(value)
    span: Any = None
    zero = n.Binary("-", n.Number("1", span), n.Number("1", span), span)
    with pytest.raises(Undecided, match="not a real number"):
        expression(n.Binary("/", n.Number("1", span), zero, span), {})


def test_time_is_limited() -> None:
    with pytest.raises(Undecided, match=r"more than 0\.05 seconds"):
        _for_ever()
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)


def _for_ever() -> None:
    with limited(0.05):
        while True:
            sympy.factorint(2**61 - 1)


def test_the_nearer_bound_counts() -> None:
    bounds = Bounds().cut("<", 2).cut("<=", 1).cut("<", 3).cut(">=", 0).cut(">", 0).cut(">", -1)
    assert bounds.upper is not None
    assert bounds.lower is not None
    assert (bounds.lower.at, bounds.lower.closed, bounds.upper.at, bounds.upper.closed) == (0, False, 1, True)
    assert bounds.cut("<", 1).upper != bounds.upper
