"""Families of multistep formulas, and the numbers of their orders on one history."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest

from hyperdsl.theory.multistep.families import (
    Family,
    adams_bashforth,
    adams_moulton,
    backward_differentiation,
    family_of,
)
from hyperdsl.theory.multistep.formulas import LinearMultistep
from hyperdsl.theory.multistep.nordsieck import adams, backward
from hyperdsl.theory.multistep.predictor_corrector import FormulaPair
from hyperdsl.theory.multistep.variable import Variable, variable_formula, variable_pair
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact


def _q(*values: str) -> tuple[Exact, ...]:
    return tuple(Exact.of(Fraction(value)) for value in values)


def _value(p: tuple[Exact, ...], x: int) -> Exact:
    return sum((a * Exact.of(x) ** k if k else a for k, a in enumerate(p)), ZERO)


def _slope(p: tuple[Exact, ...], x: int) -> Exact:
    return _value(tuple(a * Exact.of(k) for k, a in enumerate(p))[1:], x)


def _shifted(p: tuple[Exact, ...]) -> tuple[Exact, ...]:
    """p(x + 1)."""
    places = range(len(p))
    return tuple(sum((p[i] * Exact.of(comb(i, j)) for i in places if i >= j), ZERO) for j in places)


def _added(p: tuple[Exact, ...], q: tuple[Exact, ...], factor: Exact) -> tuple[Exact, ...]:
    size = max(len(p), len(q))
    return tuple((p[i] if i < len(p) else ZERO) + factor * (q[i] if i < len(q) else ZERO) for i in range(size))


def test_formulas_are_published_ones() -> None:
    """HNW I, tables III.1.1 and III.1.2, and (III.1.22')."""
    assert backward_differentiation(3).alpha == _q("-2/11", "9/11", "-18/11", "1")
    assert backward_differentiation(3).beta == _q("0", "0", "0", "6/11")
    assert adams_bashforth(4).beta == _q("-9/24", "37/24", "-59/24", "55/24", "0")
    assert adams_moulton(3).beta == _q("1/24", "-5/24", "19/24", "9/24")


@pytest.mark.parametrize("steps", range(1, 13))
def test_orders(steps: int) -> None:
    assert adams_bashforth(steps).order == steps
    assert adams_moulton(steps).order == steps + 1
    assert backward_differentiation(steps).order == steps
    assert backward_differentiation(steps).is_zero_stable == (steps <= 6)  # Cryer 1972


def test_family_of_coefficients() -> None:
    """A formula belongs to a family by its numbers: one changed is of none."""
    assert family_of(backward_differentiation(2)) is Family.BDF
    assert family_of(adams_bashforth(1)) is Family.BASHFORTH
    assert family_of(adams_moulton(4)) is Family.MOULTON
    assert family_of(backward_differentiation(1)) is Family.BDF
    alpha, beta = adams_bashforth(3).alpha, list(adams_bashforth(3).beta)
    beta[0] += Exact.of(Fraction(1, 10**30))
    assert family_of(LinearMultistep(alpha, tuple(beta))) is None
    nystrom = LinearMultistep(_q("-1", "0", "1"), _q("0", "2", "0"))
    assert family_of(nystrom) is None
    assert variable_formula(nystrom) is None


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_history_of_backward_differentiation(steps: int) -> None:
    """From any polynomial on, with any new state, the slope is the formula's; the history goes through the states."""
    numbers = backward(6)
    row, history = (
        numbers.corrections[steps - 1],
        tuple(Exact.of(Fraction(7 * i * i + 3, i + 2)) for i in range(steps + 1)),
    )
    predicted, e = _shifted(history), Exact.of(Fraction(5, 3))
    after = _added(predicted, row, e)
    states = [after[0], *(_value(history, -j) for j in range(steps + 1))]
    formula = backward_differentiation(steps)
    left = sum((formula.alpha[steps - j] * states[j] for j in range(steps + 1)), ZERO)
    assert left == formula.beta[-1] * after[1]
    assert [_value(after, -j) for j in range(steps + 1)] == states[: steps + 1]
    raised = _added(after, numbers.changes[steps], e / Exact.of(_factorial(steps + 1)))
    assert [_value(raised, -j) for j in range(steps + 2)] == states
    if steps > 1:
        lowered = _added(after, numbers.changes[steps - 1], -after[steps])
        assert lowered[steps] == ZERO
        assert [_value(lowered, -j) for j in range(steps)] == states[:steps]


@pytest.mark.parametrize("raised", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 3, 6])
def test_history_of_adams(steps: int, raised: bool) -> None:
    """It predicts by Adams–Bashforth, corrects by Adams–Moulton, and has the slopes."""
    numbers, method = adams(7, raised), Variable(steps, True, raised)
    row, history = (
        numbers.corrections[steps - 1],
        tuple(Exact.of(Fraction(3 * i * i - 8, i + 3)) for i in range(steps + 1)),
    )
    slopes = [_slope(history, -j) for j in range(steps)]
    predicted, new = _shifted(history), Exact.of(Fraction(11, 7))
    pair = method.at(steps)
    assert isinstance(pair, FormulaPair)
    assert pair.order == steps + raised
    assert predicted[0] == history[0] + _weighed(pair.predictor.beta[:-1], slopes)
    e = new - predicted[1]
    after = _added(predicted, row, e)
    assert after[0] == history[0] + _weighed(pair.corrector.beta, [new, *slopes])
    assert [_slope(after, -j) for j in range(steps)] == [new, *slopes][:steps]
    more = _added(after, numbers.changes[steps], e / Exact.of(_factorial(steps + 1)))
    assert [_slope(more, -j) for j in range(steps + 1)] == [new, *slopes]
    assert more[0] == after[0]
    if steps > 1:
        less = _added(after, numbers.changes[steps - 1], -after[steps])
        assert [_slope(less, -j) for j in range(steps - 1)] == [new, *slopes][: steps - 1]
        assert less[0] == after[0]


def test_errors() -> None:
    """1/(q + 1) for BDF; the constants of Adams–Moulton, -1/2, -1/12, -1/24, … (HNW I, table III.1.2)."""
    assert backward(3).errors == _q("1/2", "1/3", "1/4")
    assert adams(4).errors == _q("-1/2", "-1/12", "-1/24", "-19/720")


def test_pairs() -> None:
    """PECE of Adams formulas whose orders go together; no other mode, no other formulas."""
    four = FormulaPair(adams_bashforth(4), adams_moulton(3), 1, True)
    assert variable_pair(four) == Variable(4, True)
    assert variable_pair(FormulaPair(adams_bashforth(3), adams_moulton(3), 1, True)) == Variable(3, True, True)
    assert variable_pair(FormulaPair(adams_bashforth(2), adams_moulton(3), 1, True)) is None
    assert variable_pair(FormulaPair(adams_bashforth(4), adams_moulton(3), 1, False)) is None
    assert variable_pair(FormulaPair(adams_bashforth(4), adams_moulton(3), 2, True)) is None
    assert variable_pair(FormulaPair(adams_bashforth(2), backward_differentiation(2), 1, True)) is None
    assert [one.order for one in Variable(3, True, True).orders] == [2, 3, 4]


def _weighed(beta: tuple[Exact, ...], slopes: list[Exact]) -> Exact:
    return sum((b * slope for b, slope in zip(reversed(beta), slopes, strict=False)), ZERO)


def _factorial(n: int) -> int:
    return n * _factorial(n - 1) if n else 1


def test_polynomials_are_monic() -> None:
    assert all(row[-1] == ONE for numbers in (backward(5), adams(5)) for row in numbers.changes)
