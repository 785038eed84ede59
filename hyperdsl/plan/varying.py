"""Methods of variable order as steps on one history: a table n1, n2, … of scaled derivatives, h^j p^(j)(s)/j!.

The step is that of one order, for a table that belongs to steps of this size; `theory.multistep.nordsieck` has what it
is, and how the table follows where the order or the size changes.
"""

from __future__ import annotations

from math import comb

from hyperdsl.plan.multistep import numbered
from hyperdsl.plan.step import Combine, Estimate, Evaluate, Linear, Solve, Statement, Step, Term, exactly, state
from hyperdsl.theory.multistep.variable import Variable
from hyperdsl.theory.numbers.exact import ONE, Exact

PREDICTED, SLOPE, CORRECTION = "p", "d", "e"
"""The predicted state, ε times the predicted slope, and what corrects them."""
NEW, LAST = "fn", "c"
"""f at the end of the step, and what corrects the table by it."""


def varying(method: Variable, order: int) -> Step:
    """The step of a history of this order, which takes and gives its table."""
    numbers = method.numbers
    row, error = numbers.corrections[order - 1], numbers.errors[order - 1]
    table = numbered("n", 1, order)
    predicted = [tuple(_times(comb(i, j), name) for i, name in _from(table, j)) for j in range(order + 1)]
    body: list[Statement] = [Combine(PREDICTED, (*state(), *predicted[0])), Combine(SLOPE, predicted[1])]
    if method.adams:
        point = "fp"
        body += [Evaluate(point, exactly(ONE), state(PREDICTED)), Combine(CORRECTION, _less(point, ONE))]
        end = (*state(PREDICTED), Term(exactly(row[0]), CORRECTION))
        body += [Evaluate(NEW, exactly(ONE), end), Combine(LAST, _less(NEW, ONE))]
    else:
        end = (*state(PREDICTED), *_less(NEW, row[1]))
        body += [
            Solve((Evaluate(NEW, exactly(ONE), end),), state(PREDICTED), "newton"),
            Combine(CORRECTION, _less(NEW, row[1])),
        ]
    last = LAST if method.adams else CORRECTION
    given = tuple(f"m{j}" for j in range(1, order + 1))
    body += [Combine(name, (*predicted[j], Term(exactly(row[j]), last))) for j, name in enumerate(given, 1)]
    estimate = Estimate((Term(exactly(error), CORRECTION),), order + 1, end, against=order)
    return Step(tuple(body), end, table, given, (estimate,))


def _from(table: tuple[str, ...], j: int) -> list[tuple[int, str]]:
    """The columns of the table from the j-th on, with their numbers."""
    return [(i, name) for i, name in enumerate(table, 1) if i >= max(j, 1)]


def _times(factor: int, name: str) -> Term:
    return Term(exactly(Exact.of(factor)), name)


def _less(slope: str, leading: Exact) -> Linear:
    """ε times a slope less what was predicted of it, over l_1."""
    share = ONE / leading
    return Term(exactly(share), slope, 1), Term(exactly(-share), SLOPE)
