"""Mutation: coefficients of good tableaux are changed, swapped or rounded; the verdict must be the oracle's."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf

from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.order import prove_order, row_sum_defects
from hyperdsl.theory.runge_kutta.tableau import Tableau

from . import tableaux
from .oracle import NOISE, Oracle, gamma, number, shape_of
from .tableaux import changed

SUBJECTS = [
    tableaux.HEUN,
    tableaux.TRAPEZOIDAL,
    tableaux.RK4,
    tableaux.BOSH3,
    tableaux.DOPRI5,
    tableaux.GAUSS4,
    tableaux.GAUSS6,
    tableaux.RADAU_IIA5,
    tableaux.SDIRK2,
    tableaux.SDIRK3,
    tableaux.AUTONOMOUS_RK4,
]

amounts = st.builds(
    lambda sign, digits, power: Exact.of(Fraction(sign * digits, 10**power)),
    st.sampled_from((-1, 1)),
    st.integers(1, 99),
    st.integers(1, 15),
)
"""From 10 down to 1e-15, of either sign."""


def entry(method: Tableau, part: str, row: int, column: int) -> Exact:
    return {"a": method.a, "b": method.weights, "c": (method.c,)}[part][row][column]


@st.composite
def places(draw: st.DrawFn, method: Tableau) -> tuple[str, int, int]:
    part = draw(st.sampled_from("abc"))
    rows = {"a": method.stages, "b": len(method.weights), "c": 1}[part]
    return part, draw(st.integers(0, rows - 1)), draw(st.integers(0, method.stages - 1))


@st.composite
def mutants(draw: st.DrawFn) -> Tableau:
    """One or two mutations of a good tableau; sometimes none that matters, which must be accepted."""
    method = draw(st.sampled_from(SUBJECTS))
    for _ in range(draw(st.integers(1, 2))):
        here, there = draw(places(method)), draw(places(method))
        old = entry(method, *here)
        match draw(st.sampled_from(("change", "swap", "round", "with its node", "columns"))):
            case "change":
                method = changed(method, *here, old + draw(amounts))
            case "swap":
                method = changed(changed(method, *here, entry(method, *there)), *there, old)
            case "round":
                digits = draw(st.integers(1, 20))
                method = changed(method, *here, Exact.of(round(Fraction(old.decimal(40)), digits)))
            case "with its node":
                by, stage, column = draw(amounts), draw(st.integers(0, method.stages - 1)), here[2]
                method = changed(method, "a", stage, column, method.a[stage][column] + by)
                method = changed(method, "c", 0, stage, method.c[stage] + by)
            case "columns":
                by, row = draw(amounts), draw(st.integers(0, method.stages - 1))
                for column, sign in ((here[2], 1), (there[2], -1)):
                    method = changed(method, "a", row, column, method.a[row][column] + sign * by)
    return method


def agrees(method: Tableau, tolerance: Exact | None) -> None:
    """Orders, failing conditions and row sums are what the oracle says."""
    oracle = Oracle(method)
    slack = mpf(0) if tolerance is None else number(tolerance)
    for row in range(len(method.weights)):
        report = prove_order(method, row, tolerance)
        assert report.order == oracle.order(row, slack)
        assert report.order_autonomous == oracle.order(row, slack, time=False)
        for order, failing in (
            (report.order, report.failing),
            (report.order_autonomous, report.failing_autonomous),
        ):
            assert failing is not None
            shape = shape_of(failing.tree)
            assert abs(oracle.weight(shape, row) - number(failing.value)) < NOISE
            assert abs(number(failing.value) - mpf(1) / gamma(shape)) > slack + NOISE
            assert failing.tree.order == order + 1
    assert [defect.row for defect in row_sum_defects(method, tolerance)] == oracle.row_sum_defects(slack)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(mutants())
def test_exact_proofs(method: Tableau) -> None:
    agrees(method, None)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(mutants(), st.integers(8, 16))
def test_proofs_to_a_tolerance(method: Tableau, digits: int) -> None:
    agrees(method, Exact.of(Fraction(1, 10**digits)))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sampled_from(SUBJECTS[:-1]), st.data())
def test_every_change_of_a_weight_is_refused(method: Tableau, data: st.DataObject) -> None:
    """Σ b = 1 alone sees it, however small it is."""
    column, by = data.draw(st.integers(0, method.stages - 1)), data.draw(amounts)
    report = prove_order(changed(method, "b", 0, column, method.weights[0][column] + by))
    assert report.order == 0
    assert report.failing is not None
    assert report.failing.difference == by
