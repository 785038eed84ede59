"""Solvers, methods and controls for tests of plans, made without a spec and without proofs where none is needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache

from hyperdsl.compiler import library_base, library_method
from hyperdsl.plan import Plan, Step, plan
from hyperdsl.plan.passes import with_sums
from hyperdsl.plan.step import Coefficient, Evaluate, Linear, Linearise, Solve, defined
from hyperdsl.semantics.methods.labels import PLAIN, parts_of
from hyperdsl.semantics.methods.tables import Table, read_table
from hyperdsl.semantics.model.control import Control, ErrorEstimate
from hyperdsl.semantics.model.entries import Entries
from hyperdsl.semantics.model.expressions import Constant
from hyperdsl.semantics.model.spec import (
    Corrector,
    External,
    Facts,
    HistorySolver,
    Method,
    Multistep,
    PredictorCorrector,
    Solver,
    Start,
)
from hyperdsl.semantics.reading.units import library_index, library_unit
from hyperdsl.source import Place, Source, Span
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.order import prove_order
from hyperdsl.theory.runge_kutta.tableau import Tableau

PLACE = Place(Source("spec.hyper", ""), Span(1, 1, 1, 2))


def solver(method: Method, corrector: Corrector | External | None = None) -> Solver:
    return Solver("Made", PLACE, method, method.tableau, method.entries, method.facts, (), (), corrector, None)


def library(name: str) -> Method:
    method = library_method(name)
    assert method is not None
    return method


def history(name: str, corrector: Corrector | External | None = None) -> Plan:
    """The plan of a multistep or predictor-corrector method of the library, two steps of rk4 to each first state."""
    base = library_base(name)
    assert base is not None
    assert isinstance(base, Multistep | PredictorCorrector)
    return plan(HistorySolver("Made", PLACE, base, Start(library("rk4"), 2), corrector, None))


def method_of(a: list[list[str]], c: list[str], b: list[str]) -> Method:
    """A method from fractions, as the front end would make it."""

    def row(values: list[str]) -> tuple[Exact, ...]:
        padded = values + ["0"] * (len(c) - len(values))
        return tuple(Exact.of(Fraction(value)) for value in padded)

    tableau = Tableau(tuple(map(row, a)), row(c), (row(b),))
    entries = Entries(
        tuple(tuple(map(Constant, values)) for values in tableau.a),
        tuple(map(Constant, tableau.c)),
        tuple(tuple(map(Constant, values)) for values in tableau.weights),
    )
    facts = Facts(prove_order(tableau), (), 1, tableau.is_fsal, 1, None, None, None)
    return Method("made", PLACE, tableau, entries, (), 1, (), None, False, facts)


def reading(*inputs: str) -> Corrector:
    return Corrector("g", PLACE, inputs, (), None)


def controlled(name: str, error: ErrorEstimate, corrector: External | None = None, *, fallback: bool = False) -> Plan:
    one = Exact.of(1)
    control = Control("c", PLACE, error, fallback, one, one, (one, one, one), one, (one, one), None, 9, False)
    method = library(name)
    return plan(replace(solver(method, corrector), control=control, dense=method.dense))


def names(step: Step) -> list[str]:
    """What the statements of a step define, in their order."""
    return [name for statement in step.body for name in defined(statement)]


def coefficients(step: Step) -> Iterator[Coefficient]:
    """Every coefficient of a step: of its sums and of its times."""
    found: list[Coefficient] = []

    def note(linear: Linear) -> Linear:
        found.extend(term.coefficient for term in linear)
        return linear

    with_sums(step, note)
    yield from found
    for statement in step.body:
        match statement:
            case Evaluate():
                yield statement.node
            case Solve():
                yield from (equation.node for equation in statement.equations)
            case Linearise():
                yield statement.ratio


@cache
def library_tables() -> dict[str, Table]:
    """Every tableau of the library that is a method by itself, read but not proven."""
    found = {}
    for (group, name), file in library_index().items():
        declaration = library_unit(file).declarations[group, name] if group == "method" else None
        if declaration is None or declaration.word.text != "method":
            continue
        if parts_of(declaration).keys() == {PLAIN}:
            parameters = tuple(
                argument.value.text for argument in declaration.parameters if isinstance(argument.value, n.Name)
            )
            table = read_table(library_unit(file).report, parts_of(declaration)[PLAIN], parameters)
            assert table is not None
            found[name] = table
    return found
