"""What a step evaluates, and in which order."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from hyperdsl.compiler import library_method
from hyperdsl.plan import StepPlan, plan_solver
from hyperdsl.semantics.control_model import Control, ErrorEstimate
from hyperdsl.semantics.expressions import Constant
from hyperdsl.semantics.model import Corrector, Entries, External, Facts, Method, Solver
from hyperdsl.source import Place, Source, Span
from hyperdsl.theory.exact import Exact
from hyperdsl.theory.order import prove_order
from hyperdsl.theory.tableau import Tableau

HALF = Exact.of(Fraction(1, 2))
PLACE = Place(Source("spec.hyper", ""), Span(1, 1, 1, 2))


def solver(method: Method, corrector: Corrector | External | None = None) -> Solver:
    return Solver("Made", PLACE, method, method.tableau, method.entries, method.facts, (), (), corrector, None)


def library(name: str) -> Method:
    method = library_method(name)
    assert method is not None
    return method


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


def names(plan: StepPlan) -> list[str]:
    return [stage.name for stage in plan.stages]


EVALUATIONS = {
    "euler": 1, "midpoint": 2, "heun": 2, "ralston2": 2, "ralston3": 3, "ralston4": 4, "kutta3": 3, "rk4": 4,
    "rk38": 4, "ssprk33": 3, "ssprk54": 5, "bosh3": 3, "fehlberg45": 5, "cash_karp": 6, "dopri5": 6, "tsit5": 6,
    "dopri8": 13, "second_order": 2, "third_order": 3, "fourth_order": 4,
}  # fmt: skip


@pytest.mark.parametrize(("name", "evaluations"), EVALUATIONS.items())
def test_stages_of_embedded_weights_alone_are_dropped(name: str, evaluations: int) -> None:
    assert plan_solver(solver(library(name))).evaluations_per_step == evaluations


def test_zero_terms_are_gone() -> None:
    plan = plan_solver(solver(library("dopri5")))
    assert [term.stage for term in plan.update] == ["k1", "k3", "k4", "k5", "k6"]
    assert [[term.stage for term in stage.terms] for stage in plan.stages[:3]] == [[], ["k1"], ["k1", "k2"]]


@pytest.mark.parametrize("corrector", [reading("z", "dz", "eps"), External()])
def test_the_first_stage_is_dz(corrector: Corrector | External) -> None:
    plan = plan_solver(solver(library("rk4"), corrector))
    assert names(plan) == ["k1", "k2", "k3", "k4"]
    assert plan.seen == ("k1",)


def test_stages_leave_out_the_one_given_as_dz() -> None:
    assert plan_solver(solver(library("heun"), reading("dz", "stages"))).seen == ("k1", "k2")
    assert plan_solver(solver(library("heun"), reading("stages"))).seen == ("k1", "k2")
    assert plan_solver(solver(library("heun"), reading("z", "eps"))).seen == ()


def test_stages_that_the_corrector_reads_are_kept() -> None:
    assert plan_solver(solver(library("dopri5"), reading("dz"))).evaluations_per_step == 6
    assert plan_solver(solver(library("dopri5"), reading("stages"))).evaluations_per_step == 7


@pytest.mark.parametrize("a", ["0", "1/3"])
def test_a_method_without_dz_pays_for_it(a: str) -> None:
    """No stage is f(s, z) where each sees a later time."""
    method = method_of([["0"], [a]], ["1/3", "2/3"], ["1/2", "1/2"])
    plan = plan_solver(solver(method, reading("dz")))
    assert names(plan) == ["dz", "k1", "k2"]
    assert plan.seen == ("dz",)
    assert plan_solver(solver(method)).evaluations_per_step == 2


def test_equal_derivatives_are_evaluated_once() -> None:
    method = method_of([["0"], ["0"], ["1/2", "1/2"]], ["0", "0", "1"], ["1/4", "1/4", "1/2"])
    plan = plan_solver(solver(method, reading("stages")))
    assert names(plan) == ["k1", "k3"]
    assert [(term.stage, term.coefficient.value.fraction()) for term in plan.update] == [
        ("k1", Fraction(1, 2)),
        ("k3", Fraction(1, 2)),
    ]
    assert plan.seen == ("k1", "k3")


def test_opposite_terms_of_one_derivative_vanish() -> None:
    method = method_of([["0"], ["0"], ["1", "-1"]], ["0", "0", "1"], ["0", "0", "1"])
    assert names(plan_solver(solver(method))) == ["k3"]


def test_implicit_methods_are_declined() -> None:
    with pytest.raises(ValueError, match="explicit"):
        plan_solver(solver(library("gauss2")))


def controlled(
    name: str, error: ErrorEstimate, corrector: External | None = None, *, fallback: bool = False
) -> StepPlan:
    one = Exact.of(1)
    control = Control("c", PLACE, error, fallback, one, one, (one, one, one), one, (one, one), None, 9, False)
    return plan_solver(replace(solver(library(name), corrector), control=control))


def test_the_last_stage_is_carried_where_the_state_is_its_argument() -> None:
    plan = controlled("dopri5", "embedded")
    assert (plan.carried, [stage.name for stage in plan.after], plan.evaluations_per_step) == ("k7", ["k7"], 6)
    assert controlled("bosh3", "embedded").evaluations_per_step == 3
    assert controlled("fehlberg45", "embedded").carried == ""
    assert controlled("fehlberg45", "embedded").evaluations_per_step == 6


def test_nothing_is_carried_where_g_is_added() -> None:
    plan = controlled("dopri5", "embedded", External())
    assert (plan.carried, plan.evaluations_per_step) == ("", 7)
    assert controlled("dopri5", "learned", External()).evaluations_per_step == 6


def test_the_error_is_the_propagated_less_the_embedded_row() -> None:
    plan = controlled("heun_euler", "learned", External(), fallback=True)
    assert [(term.stage, term.coefficient.value) for term in plan.error] == [("k1", -HALF), ("k2", HALF)]
    assert controlled("heun_euler", "learned", External()).error == ()


def test_one_evaluation_a_step_for_learned_steps_of_order_one() -> None:
    assert controlled("euler", "learned", External()).evaluations_per_step == 1
    assert controlled("heun", "learned", External()).evaluations_per_step == 2
    assert controlled("rk4", "doubling").evaluations_per_step == 11
