"""Estimates that see nothing of a class of problems: of which pairs, and what is said to a solver that takes one."""

from __future__ import annotations

import pytest

from hyperdsl.compiler import library_base
from hyperdsl.semantics.model.rosenbrock import Rosenbrock
from hyperdsl.semantics.model.spec import Method
from hyperdsl.theory.numbers.exact import ZERO
from hyperdsl.theory.rosenbrock.tableau import RosenbrockTableau
from hyperdsl.theory.stability.blind import is_blind_to_linear, is_blind_to_time

LINEAR = {"ros3p", "ros3pr", "ros3pw", "ros34pw1a", "ros34pw1b"}
TIME = {"fehlberg56", "fehlberg78", "rodas5"}
SEEING = {
    "ros3",
    "rodas3",
    "rodas4",
    "rodas5p",
    "ros34pw2",
    "dopri5",
    "bosh3",
    "fehlberg45",
    "tsit5",
    "dopri8",
    "trbdf2",
}


@pytest.mark.parametrize("name", sorted(LINEAR | TIME | SEEING))
def test_of_which_problems_the_librarys_pairs_see_no_error(name: str) -> None:
    method = library_base(name)
    assert isinstance(method, Method | Rosenbrock)
    tableau = method.tableau
    if isinstance(tableau, RosenbrockTableau):
        linear, sums = tableau.linear, tableau.gamma_sums
    else:
        linear, sums = tableau, (ZERO,) * tableau.stages
    assert is_blind_to_linear(linear, method.tolerance) == (name in LINEAR)
    assert is_blind_to_time(tableau.weights, tableau.c, sums, method.tolerance) == (name in TIME)
