"""n evaluations of a known method on n equal parts of a step, as one explicit tableau: where `learned(n)` starts."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal
from fractions import Fraction

from hyperdsl.semantics.model.spec import Method
from hyperdsl.theory.numbers.exact import ZERO, Exact
from hyperdsl.theory.runge_kutta.tableau import Tableau

DEFAULT_START = "ab2"
STARTS = {"euler": 1, "ab2": 1, "dpmpp_2m": 1, "midpoint": 2, "heun": 2, "rk4": 4}
"""Known methods and how many evaluations a step of each takes."""

DIGITS = 60
"""Decimals of coefficients that are irrational."""
_WORKING = Context(prec=DIGITS + 20)

_Row = tuple[Fraction, ...]


def starts_of(evaluations: int) -> tuple[str, ...]:
    """The methods of which so many evaluations are whole steps."""
    return tuple(name for name, each in STARTS.items() if evaluations % each == 0)


def on_equal_grid(start: str, evaluations: int, library: Callable[[str], Method]) -> Tableau:
    """So many evaluations of the method, one of `starts_of` them, over one step."""
    if start == "ab2":
        return ab2(evaluations)
    if start == "dpmpp_2m":
        return dpmpp_2m(evaluations)
    return composed(library(start).tableau, evaluations // STARTS[start])


def composed(tableau: Tableau, steps: int) -> Tableau:
    """So many equal steps of an explicit method as one step (Hairer, Nørsett & Wanner I, §II.12)."""
    size, count = Exact.of(steps), tableau.stages
    a, c = [], []
    for step in range(steps):
        before = tuple(weight / size for weight in tableau.weights[0]) * step
        for row, node in zip(tableau.a, tableau.c, strict=True):
            own = tuple(q / size for q in row)
            a.append((*before, *own, *[ZERO] * (count * (steps - step - 1))))
            c.append((Exact.of(step) + node) / size)
    return Tableau(tuple(a), tuple(c), (tuple(weight / size for weight in tableau.weights[0]) * steps,))


def ab2(steps: int) -> Tableau:
    """Adams–Bashforth 2 after a first step of Euler's (Hairer, Nørsett & Wanner I, §III.1)."""
    states = [_zeros(steps)]
    for i in range(steps):
        slopes = {i: Fraction(3, 2), i - 1: Fraction(-1, 2)} if i else {0: Fraction(1)}
        states.append(_plus(states[-1], {j: weight / steps for j, weight in slopes.items()}))
    return _tableau(states)


def dpmpp_2m(steps: int) -> Tableau:
    """DPM-Solver++(2M) on the straight path z_t = (1 − t)·noise + t·data (Lu et al. 2022, arXiv:2211.01095, alg. 2).

    α = t, σ = 1 − t and λ = log(α/σ) = log(t/(1 − t)); with the velocity v = f(t, z) the prediction of the data is
    x = z + (1 − t) v. A step from t to t' is z' = σ'/σ z − α' (exp(−h) − 1) D with h = λ' − λ and
    D = x + w (x − x₋), where w = h/(2 h₋) and the minus stands for the step before. On the path
    α' exp(−h) = α σ'/σ, so that α' (1 − exp(−h)) = (t' − t)/(1 − t), and all is linear in the velocities:

        z' = z + (t' − t) v + w (t' − t)/(1 − t) (x − x₋),   x − x₋ = z − z₋ + (1 − t) v − (1 − t₋) v₋

    λ is −∞ at t = 0, so in the first step h is infinite, and in the second w = h/∞ = 0: both are Euler's. At t' = 1, λ'
    and with it w are infinite; there the method is of first order (`lower_order_final` of its implementations), again
    Euler's. Where all velocities are equal, x − x₋ = 0: c = A·1 holds. The w hold logarithms; what they enter is
    rounded to 60 decimals.
    """
    times = [Fraction(i, steps) for i in range(steps + 1)]
    states, predictions = [_zeros(steps)], list[_Row]()
    for i in range(steps):
        state, left = states[-1], 1 - times[i]
        predictions.append(_plus(state, {i: left}))
        following = _plus(state, {i: Fraction(1, steps)})
        if 2 <= i < steps - 1:
            weight = _log_odds_ratio(i + 1, i, steps) / (2 * _log_odds_ratio(i, i - 1, steps)) / (steps * left)
            rise = zip(following, predictions[i], predictions[i - 1], strict=True)
            following = tuple(q + weight * (x - before) for q, x, before in rise)
        states.append(following)
    return _tableau([tuple(map(_rounded, state)) for state in states])


def _log_odds_ratio(after: int, before: int, steps: int) -> Fraction:
    """λ at one point of the grid less λ at another, both inside."""
    odds = Fraction(after, steps - after) / Fraction(before, steps - before)
    return Fraction(_WORKING.ln(_WORKING.divide(Decimal(odds.numerator), Decimal(odds.denominator))))


def _rounded(value: Fraction) -> Fraction:
    """Numbers with logarithms in them to their decimals, quotients of integers as they are."""
    return value if value.denominator < 10**DIGITS else round(value, DIGITS)


def _zeros(count: int) -> _Row:
    return (Fraction(0),) * count


def _plus(row: _Row, further: dict[int, Fraction]) -> _Row:
    return tuple(q + further.get(j, 0) for j, q in enumerate(row))


def _tableau(states: list[_Row]) -> Tableau:
    """The tableau whose stages are these states, as what they take of each slope, and whose end is the last."""
    *stages, end = [tuple(map(Exact.of, state)) for state in states]
    return Tableau(tuple(stages), tuple(sum(row, ZERO) for row in stages), (end,))
