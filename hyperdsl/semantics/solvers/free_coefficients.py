"""Learned coefficients: the family of all methods that share a structure, started from one of them.

z_i = z + ε Σ_j a_ij k_j and z' = z + ε Σ b_i k_i, in the spirit of bespoke solvers (Shaul et al. 2024, Bespoke
Non-Stationary Solvers). c = A·1 and Σ b_i = 1 hold for all values, so that every member has order 1; no higher order
is kept. `free_implicit` has what more is kept of implicit methods.
"""

from __future__ import annotations

from dataclasses import dataclass

from hyperdsl.semantics.methods.proofs import prove
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.model.entries import Entries
from hyperdsl.semantics.model.expressions import Constant, Expression, Variable, variables
from hyperdsl.semantics.model.left_open import Learned
from hyperdsl.semantics.model.parameter import Parameter
from hyperdsl.semantics.model.sums import less, total
from hyperdsl.semantics.reading.substitute import substituted
from hyperdsl.source import Place
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact
from hyperdsl.theory.runge_kutta.families import Interval
from hyperdsl.theory.runge_kutta.tableau import Row, Tableau

ORDER = 1
_NAMED = 9  # stages up to which a21 can only be one coefficient


@dataclass(frozen=True)
class Freed:
    """A tableau written in parameters, and where these start, in any order."""

    entries: Entries
    learned: tuple[Learned, ...]


def free_coefficients(name: str, place: Place, start: Tableau) -> tuple[m.Method, tuple[Learned, ...]]:
    """The family of explicit methods whose parameters are its coefficients, started from this explicit tableau."""
    return family(name, place, _explicit(start))


def family(name: str, place: Place, freed: Freed) -> tuple[m.Method, tuple[Learned, ...]]:
    """The method with these parameters, and these as learned ones, in the order in which its rows name them."""
    entries = freed.entries
    rows = [frozenset[str]().union(*map(variables, row)) for row in (*entries.a, entries.weights[0])]
    first = {name: i for i, row in reversed([*enumerate(rows)]) for name in row}
    learned = tuple(sorted(freed.learned, key=lambda one: first[one.name]))
    tableau = _tableau(substituted(entries, {one.name: Exact.parameter(one.name) for one in learned}))
    method = m.Method(
        name=name,
        place=place,
        tableau=tableau,
        entries=entries,
        parameters=tuple(Parameter(one.name, one.interval) for one in learned),
        claimed_order=ORDER,
        claimed_embedded=(),
        tolerance=None,
        autonomous=False,
        facts=prove(tableau, ORDER, None),
    )
    return method, learned


def named(letter: str, stages: int, *places: int) -> str:
    """a21 of the second row's first coefficient; a2_1 where there are more stages than digits."""
    return letter + ("_" if stages > _NAMED else "").join(str(place + 1) for place in places)


def _explicit(start: Tableau) -> Freed:
    stages = start.stages
    zero, one = Constant(ZERO), Constant(ONE)
    names = [[named("a", stages, i, j) for j in range(i)] for i in range(stages)]
    b_names = [named("b", stages, i) for i in range(stages - 1)]
    learned = [Learned(name, start.a[i][j], Interval()) for i, row in enumerate(names) for j, name in enumerate(row)]
    learned += [Learned(name, start.weights[0][i], Interval()) for i, name in enumerate(b_names)]
    a: list[tuple[Expression, ...]] = [(*map(Variable, row), *[zero] * (stages - len(row))) for row in names]
    b = tuple(map(Variable, b_names))
    return Freed(Entries(tuple(a), tuple(map(total, a)), ((*b, less(one, b)),)), tuple(learned))


def _tableau(entries: Entries) -> Tableau:
    """The coefficients of entries in which a number has been put in for every name."""

    def row(expressions: tuple[Expression, ...]) -> Row:
        return tuple(expression.value for expression in expressions if isinstance(expression, Constant))

    return Tableau(tuple(map(row, entries.a)), row(entries.c), tuple(map(row, entries.weights)))
