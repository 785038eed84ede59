"""All coefficients of a step as a family, started from a known method."""

from __future__ import annotations

import pytest

from hyperdsl import compiler
from hyperdsl.semantics.model.spec import Method
from hyperdsl.semantics.solvers.equal_grid import composed
from hyperdsl.semantics.solvers.free_coefficients import free_coefficients
from hyperdsl.theory.runge_kutta.order import prove_order
from hyperdsl.theory.runge_kutta.tableau import Tableau


def library(name: str) -> Method:
    method = compiler.library_method(name)
    assert method is not None
    return method


def at_the_start(name: str, steps: int) -> tuple[Method, Tableau]:
    method = library(name)
    family, learned = free_coefficients(name, method.place, composed(method.tableau, steps))
    return family, family.tableau.substitute({one.name: one.start for one in learned})


@pytest.mark.parametrize("name", ["euler", "heun", "kutta3", "rk4", "rk38"])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_it_starts_from_the_method(name: str, steps: int) -> None:
    family, start = at_the_start(name, steps)
    expected = composed(library(name).tableau, steps)
    assert (start.a, start.c, start.weights) == (expected.a, expected.c, expected.weights)
    assert prove_order(start).order == library(name).facts.order
    assert family.facts.order == family.facts.report.order_autonomous == 1


def test_steps_are_taken_one_after_another() -> None:
    """Two steps of midpoint as one."""
    two = composed(library("midpoint").tableau, 2)
    assert [[str(q) for q in row] for row in two.a] == [
        ["0", "0", "0", "0"],
        ["1/4", "0", "0", "0"],
        ["0", "1/2", "0", "0"],
        ["0", "1/2", "1/4", "0"],
    ]
    assert [str(q) for q in two.c] == ["0", "1/4", "1/2", "3/4"]
    assert [str(q) for q in two.weights[0]] == ["0", "1/2", "0", "1/2"]
    assert two.is_consistent


def test_every_member_is_consistent() -> None:
    """Σ b = 1 and c = A·1 as polynomials in the coefficients, whatever their values."""
    family, _ = at_the_start("rk4", 1)
    assert sum(family.tableau.weights[0][1:], family.tableau.weights[0][0]) == 1
    assert family.tableau.is_consistent


def test_names_of_many_stages_do_not_meet() -> None:
    family, _ = at_the_start("rk4", 4)
    names = [parameter.name for parameter in family.parameters]
    assert len(set(names)) == len(names) == 16 * 15 // 2 + 15
