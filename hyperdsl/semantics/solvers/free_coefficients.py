"""Learned coefficients: the family of all explicit methods with a number of stages, started from one of them.

z_i = z + ε Σ_{j<i} a_ij k_j and z' = z + ε Σ b_i k_i, in the spirit of bespoke solvers (Shaul et al. 2024, Bespoke
Non-Stationary Solvers). c = A·1 and Σ b_i = 1 hold for all values, so that every member has order 1; no higher order
is kept.
"""

from __future__ import annotations

from functools import reduce

from hyperdsl.semantics.methods.proofs import prove
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.model.entries import Entries
from hyperdsl.semantics.model.expressions import Binary, Constant, Expression, Variable
from hyperdsl.semantics.model.left_open import Learned
from hyperdsl.semantics.model.parameter import Parameter
from hyperdsl.source import Place
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact
from hyperdsl.theory.runge_kutta.families import Interval
from hyperdsl.theory.runge_kutta.tableau import Row, Tableau

ORDER = 1
_NAMED = 9  # stages up to which a21 can only be one coefficient


def free_coefficients(name: str, place: Place, start: Tableau) -> tuple[m.Method, tuple[Learned, ...]]:
    """The family whose parameters are its coefficients, and these as learned ones that start from this tableau."""
    stages = start.stages
    gap = "_" if stages > _NAMED else ""
    a_names = [[f"a{i + 1}{gap}{j + 1}" for j in range(i)] for i in range(stages)]
    b_names = [f"b{i + 1}" for i in range(stages - 1)]
    learned = [Learned(name, start.a[i][j], Interval()) for i, row in enumerate(a_names) for j, name in enumerate(row)]
    learned += [Learned(name, start.weights[0][i], Interval()) for i, name in enumerate(b_names)]
    tableau = _tableau(a_names, b_names)
    family = m.Method(
        name=name,
        place=place,
        tableau=tableau,
        entries=_entries(a_names, b_names),
        parameters=tuple(Parameter(parameter.name, parameter.interval) for parameter in learned),
        claimed_order=ORDER,
        claimed_embedded=(),
        tolerance=None,
        autonomous=False,
        facts=prove(tableau, ORDER, None),
    )
    return family, tuple(learned)


def _tableau(a_names: list[list[str]], b_names: list[str]) -> Tableau:
    stages = len(a_names)
    a = tuple((*map(Exact.parameter, row), *[ZERO] * (stages - len(row))) for row in a_names)
    b = tuple(map(Exact.parameter, b_names))
    return Tableau(a, tuple(map(_total, a)), ((*b, ONE - _total(b)),))


def _total(row: Row) -> Exact:
    return sum(row, ZERO)


def _entries(a_names: list[list[str]], b_names: list[str]) -> Entries:
    """The same as a reader would write it."""
    stages = len(a_names)
    zero = Constant(ZERO)
    a: list[tuple[Expression, ...]] = [(*map(Variable, row), *[zero] * (stages - len(row))) for row in a_names]
    c = tuple(_sum([Variable(name) for name in row]) if row else zero for row in a_names)
    last: Expression = Constant(ONE)
    for name in b_names:
        last = Binary("-", last, Variable(name))
    return Entries(tuple(a), c, ((*map(Variable, b_names), last),))


def _sum(terms: list[Variable]) -> Expression:
    start: Expression = terms[0]
    return reduce(lambda total, term: Binary("+", total, term), terms[1:], start)
