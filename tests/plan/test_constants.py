"""Expressions as the exact numbers that they are, and formulas as their terms."""

from __future__ import annotations

from fractions import Fraction

import pytest

from hyperdsl.plan.constants import folded, number_of
from hyperdsl.plan.multistep import multistep
from hyperdsl.plan.step import Coefficient, Linear, Solve
from hyperdsl.semantics.model.expressions import (
    Binary,
    Constant,
    Expression,
    Function,
    Negation,
    Operator,
    Pi,
    Variable,
)
from hyperdsl.theory.multistep.formulas import LinearMultistep
from hyperdsl.theory.numbers import irrational
from hyperdsl.theory.numbers.exact import Exact

HALF, TWO, THREE = (Constant(Exact.of(Fraction(value))) for value in ("1/2", "2", "3"))


@pytest.mark.parametrize(("operator", "value"), [("+", "5"), ("-", "1"), ("*", "6"), ("/", "3/2"), ("^", "9")])
def test_operators_are_those_of_numbers(operator: Operator, value: str) -> None:
    assert number_of(Binary(operator, THREE, TWO)) == Exact.of(Fraction(value))


def test_signs_roots_and_cosines() -> None:
    assert number_of(Negation(HALF)) == Exact.of(Fraction(-1, 2))
    assert number_of(Function("sqrt", THREE)) == irrational.sqrt(Exact.of(3))
    assert number_of(Binary("*", TWO, Function("cos", Binary("/", Pi(), THREE)))) == Exact.of(1)


def test_parts_without_parameters_become_one_exact_constant() -> None:
    alpha, root = Variable("alpha"), Function("sqrt", THREE)
    sixth = Constant(Exact.of(Fraction(1, 6)))
    product = Binary("*", Binary("/", HALF, THREE), alpha)
    assert folded(product) == Binary("*", sixth, alpha)
    assert folded(Negation(Binary("/", alpha, Binary("+", root, Negation(TWO))))) == Negation(
        Binary("/", alpha, Constant(irrational.sqrt(Exact.of(3)) - 2))
    )
    value = Exact.parameter("alpha") * Fraction(1, 6)
    assert Coefficient(value, product).written == Binary("*", sixth, alpha)
    assert Coefficient(Exact.of(2), product).written == product  # it is the value that is read


@pytest.mark.parametrize("expression", [Variable("alpha"), Function("sin", HALF)])
def test_what_is_no_number_of_a_tableau(expression: Expression) -> None:
    with pytest.raises(ValueError, match=r"not a number of a tableau: .*(alpha|sin)"):
        number_of(expression)


def terms(linear: Linear) -> list[tuple[str, str, int]]:
    return [(str(term.coefficient.value), term.name, term.power) for term in linear]


def test_an_implicit_formula_s_terms() -> None:
    """z[n+1] = 4/3 z[n] − 1/3 z[n−1] + 2/3 h f[n+1]"""
    alpha, beta = (tuple(Exact.of(Fraction(q)) for q in row) for row in (("1/3", "-4/3", "1"), ("0", "0", "2/3")))
    step, slopes = multistep(LinearMultistep(alpha, beta))
    assert terms(step.end) == [("4/3", "z", 0), ("-1/3", "z1", 0), ("2/3", "fn", 1)]
    solved = step.body[-1]
    assert isinstance(solved, Solve)
    assert solved.equations[0].of == step.end
    assert (step.takes, step.gives, slopes) == (("z1",), ("z",), ("f0",))


def test_a_formula_of_one_state_takes_no_past_states() -> None:
    alpha, beta = (tuple(map(Exact.of, row)) for row in ((0, -1, 1), (-1, 2, 0)))
    step, _ = multistep(LinearMultistep(alpha, beta))
    assert (step.takes, step.gives) == (("f1",), ("f0",))
    assert terms(step.end) == [("1", "z", 0), ("2", "f0", 1), ("-1", "f1", 1)]
