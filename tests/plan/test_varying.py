"""Methods of variable order in the step language: the step of each order, from a table of its history."""

from __future__ import annotations

import pytest

from hyperdsl.plan.interpret import Interpreter
from hyperdsl.plan.step import evaluations
from hyperdsl.plan.varying import varying
from hyperdsl.theory.multistep.formulas import LinearMultistep
from hyperdsl.theory.multistep.predictor_corrector import FormulaPair
from hyperdsl.theory.multistep.variable import Variable

H, START = 0.125, 0.5


def decaying(s: float, z: float) -> float:
    return 3 * s - 2 * z


def _value(table: list[float], x: float) -> float:
    return sum(n * x**j for j, n in enumerate(table))


def _slope(table: list[float], x: float) -> float:
    return sum(j * n * x ** (j - 1) for j, n in enumerate(table) if j) / H


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_step_of_adams_is_the_pair(order: int) -> None:
    """Predicted, evaluated, corrected, evaluated, with the slopes of the history's polynomial."""
    table = [START, *(0.3 / (j + 1) for j in range(order))]
    method = Variable(order, True)
    step, pair = varying(method, order), method.at(order)
    assert isinstance(pair, FormulaPair)
    slopes = [_slope(table, -j) for j in range(order)]
    predicted = START + H * sum(float(b) * f for b, f in zip(reversed(pair.predictor.beta[:-1]), slopes, strict=True))
    new = decaying(1 + H, predicted)
    past = [new, *slopes]
    expected = START + H * sum(float(b) * f for b, f in zip(reversed(pair.corrector.beta), past, strict=False))
    found = Interpreter(step)(decaying, 1.0, START, H, tuple(table[1:]))
    assert found.end == pytest.approx(expected, rel=1e-12)
    after = [found.end, *found.given]
    assert _slope(after, 0) == pytest.approx(decaying(1 + H, expected), rel=1e-12)
    assert evaluations(step.body) == 2


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_step_of_backward_differentiation_is_the_formula(order: int) -> None:
    """Of a linear field the equation is solved by hand."""
    table = [START, *(0.3 / (j + 1) for j in range(order))]
    method = Variable(order, False)
    step, formula = varying(method, order), method.at(order)
    assert isinstance(formula, LinearMultistep)
    states = [_value(table, -j) for j in range(order)]
    beta = float(formula.beta[-1])
    known = -sum(float(a) * z for a, z in zip(reversed(formula.alpha[:-1]), states, strict=True))
    expected = (known + H * beta * 3 * (1 + H)) / (1 + 2 * H * beta)
    found = Interpreter(step)(decaying, 1.0, START, H, tuple(table[1:]))
    assert found.end == pytest.approx(expected, rel=1e-9)
    after = [found.end, *found.given]
    assert [_value(after, -1 - j) for j in range(order)] == pytest.approx(states, rel=1e-7)
    assert evaluations(step.body) == 1
