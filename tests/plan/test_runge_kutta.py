"""Runge–Kutta methods as steps: what they evaluate, in which order, and what they solve for together."""

from __future__ import annotations

from fractions import Fraction

import pytest

from hyperdsl.plan import Evaluate, Solve, method_step, plan
from hyperdsl.plan.passes import simplified
from hyperdsl.plan.runge_kutta import runge_kutta, tableau_step
from hyperdsl.plan.step import defined, evaluations
from hyperdsl.semantics.model.spec import Corrector, External
from tests.plan.made import history, library, library_tables, method_of, names, reading, solver

EVALUATIONS = {
    "euler": 1, "midpoint": 2, "heun": 2, "ralston2": 2, "ralston3": 3, "ralston4": 4, "kutta3": 3, "rk4": 4,
    "rk38": 4, "ssprk33": 3, "ssprk54": 5, "bosh3": 3, "fehlberg45": 5, "cash_karp": 6, "dopri5": 6, "tsit5": 6,
    "dopri8": 13, "second_order": 2, "third_order": 3, "fourth_order": 4,
}  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), EVALUATIONS.items())
def test_stages_of_embedded_weights_alone_are_dropped(name: str, expected: int) -> None:
    table = library_tables()[name]
    assert evaluations(simplified(runge_kutta(table.tableau, table.entries)[0]).body) == expected


def test_zero_terms_are_gone() -> None:
    step = simplified(tableau_step(library_tables()["dopri5"].tableau))
    assert [term.name for term in step.end] == ["z", "k1", "k3", "k4", "k5", "k6"]
    stages = [statement for statement in step.body if isinstance(statement, Evaluate)]
    assert [[term.name for term in stage.of] for stage in stages[:3]] == [["z"], ["z", "k1"], ["z", "k1", "k2"]]


@pytest.mark.parametrize("corrector", [reading("z", "dz", "eps"), External()])
def test_the_first_stage_is_dz(corrector: Corrector | External) -> None:
    made = plan(solver(library("rk4"), corrector))
    assert names(made.step) == ["k1", "k2", "k3", "k4", "g"]
    assert made.seen == ("k1",)
    assert [(term.name, term.power) for term in made.step.end][-1] == ("g", 5)
    assert made.step.base == plan(solver(library("rk4"))).step.end


def test_a_plan_holds_what_its_solver_says() -> None:
    made = solver(library("heun"), reading("dz"))
    found = plan(made)
    assert (found.name, found.order, found.base, found.residual_power) == ("Made", 2, "heun", 3)
    assert (found.corrector, found.control, found.training) == (made.corrector, None, None)
    (table,) = found.tables
    assert (table.rows, table.c, table.weights) == (made.entries.a, made.entries.c, made.entries.weights[:1])
    assert (found.free, found.learned, found.parameters) == ((), (), ())
    assert (found.summary, found.facts["corrector_inputs"]) == ("heun (order 2, proven)", ["dz"])
    assert history("ab2").tables == ()


def test_stages_leave_out_the_one_given_as_dz() -> None:
    assert plan(solver(library("heun"), reading("dz", "stages"))).seen == ("k1", "k2")
    assert plan(solver(library("heun"), reading("stages"))).seen == ("k1", "k2")
    assert plan(solver(library("heun"), reading("z", "eps"))).seen == ()


def test_stages_that_the_corrector_reads_are_kept() -> None:
    assert plan(solver(library("dopri5"), reading("dz"))).evaluations_per_step == 6
    assert plan(solver(library("dopri5"), reading("stages"))).evaluations_per_step == 7


@pytest.mark.parametrize("a", ["0", "1/3"])
def test_a_method_without_dz_pays_for_it(a: str) -> None:
    """No stage is f(s, z) where each sees a later time."""
    method = method_of([["0"], [a]], ["1/3", "2/3"], ["1/2", "1/2"])
    made = plan(solver(method, reading("dz")))
    assert names(made.step) == ["dz", "k1", "k2", "g"]
    assert made.seen == ("dz",)
    assert plan(solver(method)).evaluations_per_step == 2


def test_equal_derivatives_are_evaluated_once() -> None:
    method = method_of([["0"], ["0"], ["1/2", "1/2"]], ["0", "0", "1"], ["1/4", "1/4", "1/2"])
    made = plan(solver(method, reading("stages")))
    assert names(made.step) == ["k1", "k3", "g"]
    assert [(term.name, term.coefficient.value.fraction()) for term in made.step.base if term.power] == [
        ("k1", Fraction(1, 2)),
        ("k3", Fraction(1, 2)),
    ]
    assert made.seen == ("k1", "k3")


def test_opposite_terms_of_one_derivative_vanish() -> None:
    method = method_of([["0"], ["0"], ["1", "-1"]], ["0", "0", "1"], ["0", "0", "1"])
    assert names(method_step(method)) == ["k3"]


TOGETHER = {
    "trbdf2": [("k1",), ("k2",), ("k3",)], "kvaerno43": [("k1",), ("k2",), ("k3",), ("k4",), ("k5",)],
    "sdirk3": [("k1",), ("k2",), ("k3",)], "gauss6": [("k1", "k2", "k3")], "radau_iia5": [("k1", "k2", "k3")],
    "lobatto_iiia4": [("k1",), ("k2", "k3")], "lobatto_iiib4": [("k1", "k2"), ("k3",)],
    "lobatto_iiic_star6": [("k1",), ("k2", "k3"), ("k4",)],
}  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), TOGETHER.items())
def test_stages_that_read_one_another_are_solved_for_together(name: str, expected: list[tuple[str, ...]]) -> None:
    body = tableau_step(library_tables()[name].tableau).body
    blocks = [
        tuple(one.name for one in statement.equations) if isinstance(statement, Solve) else defined(statement)
        for statement in body
    ]
    assert blocks == expected


def test_a_circle_of_stages_is_solved_at_once_though_no_two_read_each_other() -> None:
    method = method_of([["0", "1", "0"], ["0", "0", "1"], ["1", "0", "0"]], ["1", "1", "1"], ["0", "0", "1"])
    (solve,) = tableau_step(method.tableau).body
    assert isinstance(solve, Solve)
    assert [one.name for one in solve.equations] == ["k1", "k2", "k3"]


def test_every_implicit_method_of_the_library_lowers() -> None:
    implicit = {name: table for name, table in library_tables().items() if table.tableau.kind != "explicit"}
    assert len(implicit) == 80
    for name, table in implicit.items():
        step = runge_kutta(table.tableau, table.entries)[0]
        solved = [statement for statement in step.body if isinstance(statement, Solve)]
        assert {statement.by for statement in solved} == {"newton"}, name
        assert names(step) == [f"k{i + 1}" for i in range(table.tableau.stages)], name
        if table.tableau.kind == "dirk":
            assert all(len(statement.equations) == 1 for statement in solved), name
            at = [i for i in range(table.tableau.stages) if not table.tableau.a[i][i].is_zero]
            assert [one.equations[0].name for one in solved] == [f"k{i + 1}" for i in at], name
        else:
            assert any(len(statement.equations) > 1 for statement in solved), name


def test_an_implicit_step_takes_a_learned_term_as_any_other() -> None:
    """No lowering or pass is its own: what learned terms need of a base, implicit steps have."""
    made = plan(solver(library("trbdf2"), reading("dz")))
    assert (names(made.step), made.seen) == (["k1", "k2", "k3", "g"], ("k1",))
    assert made.evaluations_per_step == 3
