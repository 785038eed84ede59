"""Coefficients of implicit methods as a family: where it starts, and what is kept for all values."""

from __future__ import annotations

from fractions import Fraction

import pytest

from hyperdsl import compiler
from hyperdsl.semantics.model.left_open import Learned
from hyperdsl.semantics.model.spec import Method
from hyperdsl.semantics.solvers.equal_grid import composed
from hyperdsl.semantics.solvers.free_coefficients import family
from hyperdsl.semantics.solvers.free_implicit import free_implicit
from hyperdsl.theory.numbers.exact import ZERO, Exact
from hyperdsl.theory.runge_kutta.merging import irreducible
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.stability.a_stability import linear_stability

METHODS = {
    "sdirk2": 1,
    "sdirk3": 1,
    "hairer_wanner_sdirk4": 1,
    "trbdf2": 2,
    "kvaerno43": 1,
    "crouzeix3": 1,
    "qin_zhang": 1,
    "implicit_midpoint": 2,
    "radau_iia5": 1,
    "gauss4": 1,
    "lobatto_iiia4": 1,
    "lobatto_iiic4": 1,
    "radau_ia3": 1,
}
"""Methods of every structure, and how many steps of each are one."""


def library(name: str) -> Method:
    method = compiler.library_method(name)
    assert method is not None
    return method


def freed(name: str, steps: int) -> tuple[Method, tuple[Learned, ...], Tableau]:
    """The family, its parameters, and the method itself."""
    method = library(name)
    start = irreducible(composed(method.tableau, steps))
    found = free_implicit(start, method.tolerance)
    assert not isinstance(found, str)
    return *family(name, method.place, found), start


def moved(method: Method, learned: tuple[Learned, ...]) -> Tableau:
    """A member some way off the start."""
    shifts = {one.name: Fraction(1 + i % 3, 40) * (-1) ** i for i, one in enumerate(learned)}
    return method.tableau.substitute(
        {one.name: Exact.of(Fraction(float(one.start)) + shifts[one.name]) for one in learned}
    )


@pytest.mark.parametrize("name", METHODS)
def test_it_starts_from_the_method_and_keeps_its_structure(name: str) -> None:
    method, learned, start = freed(name, METHODS[name])
    at_start = method.tableau.substitute({one.name: one.start for one in learned})
    for row, expected in zip(at_start.rows, start.rows, strict=True):
        assert [float(q) for q in row] == pytest.approx([float(q) for q in expected], abs=1e-10)
    assert method.facts.order == method.facts.report.order_autonomous == 1
    assert method.tableau.is_consistent
    assert method.tableau.kind == start.kind
    assert sum(method.tableau.weights[0], ZERO) == 1
    assert (method.tableau.a[-1] == method.tableau.weights[0]) == (start.a[-1] == start.weights[0])
    if start.kind == "dirk":
        diagonals = [[tableau.a[i][i] for i in range(start.stages)] for tableau in (start, method.tableau)]
        assert len(set(diagonals[0])) == len(set(diagonals[1]))  # so many factorisations
        assert [q.is_zero for q in diagonals[0]] == [q.is_zero for q in diagonals[1]]  # explicit stages


@pytest.mark.parametrize("name", METHODS)
def test_what_a_step_leaves_of_infinitely_stiff_components_is_kept(name: str) -> None:
    method, learned, start = freed(name, METHODS[name])
    tolerance = library(name).tolerance
    found, expected = linear_stability(moved(method, learned), 1), linear_stability(start, 1, tolerance)
    assert found is not None
    assert expected is not None
    assert found.at_infinity == pytest.approx(expected.at_infinity, abs=1e-12)
    if name in ("sdirk3", "trbdf2", "radau_iia5", "lobatto_iiic4"):
        assert found.at_infinity == 0


def test_names_and_ranges() -> None:
    _, learned, _ = freed("kvaerno43", 1)
    assert [one.name for one in learned] == ["r2", "gamma", "r3", "a32", "r4", "a42", "a43", "a53", "a54"]
    gamma = learned[1]
    assert gamma.interval.lower == gamma.start / Exact.of(2)
    assert gamma.interval.upper == gamma.start * Exact.of(2)
    assert [str(one.start) for one in learned if one.name == "r4"] == ["0"]  # 0 to its digits: the embedded end


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("backward_euler", "fix its coefficients"),
        ("implicit_midpoint", "fix its coefficients"),
        ("crank_nicolson", "fix its coefficients"),
        ("lobatto_iiib4", "no limit for infinitely stiff"),
    ],
)
def test_where_nothing_is_left_to_learn(name: str, reason: str) -> None:
    found = free_implicit(library(name).tableau)
    assert isinstance(found, str)
    assert reason in found
