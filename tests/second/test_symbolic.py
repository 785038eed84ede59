"""Methods of the library as sympy's objects."""

from __future__ import annotations

import subprocess
import sys

import pytest
import sympy

from hyperdsl import compiler, library
from hyperdsl.semantics.model.spec import Method, Multistep
from hyperdsl.theory.runge_kutta.trees import count

R = sympy.Rational


def _held(name: str, order: int, row: int = 0) -> int:
    """How many conditions hold."""
    return sum(condition.doit() == sympy.true for condition in library.method(name).order_conditions(order, row))


def test_rk4_has_eight_conditions_and_misses_those_of_order_5() -> None:
    rk4 = library.method("rk4")
    assert rk4.tableau.c == sympy.Matrix([0, R(1, 2), R(1, 2), 1])
    assert rk4.tableau.a[2, 1] == R(1, 2)
    assert rk4.tableau.b == sympy.Matrix([[R(1, 6), R(1, 3), R(1, 3), R(1, 6)]])
    assert rk4.parameters == ()
    conditions = rk4.order_conditions(5)
    assert len(conditions) == count(5) == 17
    assert all(isinstance(condition, sympy.Eq) for condition in conditions)
    assert _held("rk4", 5) == 8
    assert conditions[1] == sympy.Eq(R(1, 2), R(1, 2), evaluate=False)


def test_a_family_has_symbols() -> None:
    family = library.method("second_order")
    (alpha,) = family.parameters
    assert (family.tableau.b - sympy.Matrix([[1 - 1 / (2 * alpha), 1 / (2 * alpha)]])).is_zero_matrix
    assert [condition.doit() for condition in family.order_conditions(2)] == [sympy.true, sympy.true]
    assert sympy.Eq(alpha / 2, R(1, 3), evaluate=False) in family.order_conditions(3)


@pytest.mark.parametrize("name", ["heun", "bosh3", "dopri5", "gauss4", "radau_iia5", "sdirk2", "third_order"])
def test_as_many_conditions_hold_as_the_order_has(name: str) -> None:
    method = compiler.library_method(name)
    assert isinstance(method, Method)
    order = min(method.facts.order, 5)
    assert _held(name, order) == len(library.method(name).order_conditions(order)) == count(order)


def test_embedded_rows_are_asked_for_by_number() -> None:
    assert _held("bosh3", 3) == 4
    assert _held("bosh3", 3, row=1) == 2
    with pytest.raises(IndexError, match="2 rows"):
        library.method("bosh3").order_conditions(3, row=2)


def test_multistep_methods_have_conditions_and_no_tableau() -> None:
    ab3 = library.method("ab3")
    assert ab3.alpha == (0, 0, -1, 1)
    assert ab3.beta == (R(5, 12), R(-4, 3), R(23, 12), 0)
    assert [condition.lhs for condition in ab3.order_conditions(4)] == [0, 0, 0, 0, R(3, 8)]
    assert isinstance(compiler.library_base("ab3"), Multistep)
    with pytest.raises(TypeError, match="alpha"):
        _ = ab3.tableau


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(KeyError, match="did you mean `dopri5`"):
        library.method("dopr5")
    with pytest.raises(TypeError, match="pair"):
        library.method("abm4")
    for order in (0, 11, True, 2.0):
        with pytest.raises(ValueError, match="up to order 10"):
            library.method("rk4").order_conditions(order)
        with pytest.raises(ValueError, match="up to order 10"):
            library.method("ab3").order_conditions(order)


def test_the_library_is_imported_without_sympy() -> None:
    script = "import sys; from hyperdsl import library; assert not {'sympy', 'torch', 'lark'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", script], check=True)
