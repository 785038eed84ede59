"""Estimates of the error, what is carried to the next step, and what a step with a control costs."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from hyperdsl.plan import Combine, Dense, Evaluate, Plan, Solve, Step, Term, Weight
from hyperdsl.plan.constants import number_of
from hyperdsl.plan.estimates import doubled
from hyperdsl.plan.passes import between, needed
from hyperdsl.plan.step import defined, exactly, state
from hyperdsl.semantics.model.control import ErrorEstimate
from hyperdsl.semantics.model.expressions import Constant
from hyperdsl.semantics.model.spec import External
from hyperdsl.theory.numbers.exact import Exact
from tests.plan.made import coefficients, controlled, names

HALF = Exact.of(Fraction(1, 2))


def deferred(plan: Plan) -> list[str]:
    """What the error reads and the end does not."""
    step = plan.step
    ended = needed(step, step.end)
    judged = needed(step, step.end, *(estimate.error for estimate in step.estimates))
    return [name for one in judged if one not in ended for name in defined(one)]


def test_the_last_stage_is_carried_where_the_state_is_its_argument() -> None:
    plan = controlled("dopri5", "embedded")
    assert (plan.step.takes, plan.step.gives) == (("k1",), ("k7",))
    assert (deferred(plan), plan.evaluations_per_step) == (["k7"], 6)
    assert controlled("bosh3", "embedded").evaluations_per_step == 3


def test_a_method_whose_last_stage_is_another_evaluates_f_at_its_end() -> None:
    plan = controlled("fehlberg45", "embedded")
    assert (plan.step.takes, plan.step.gives, plan.evaluations_per_step) == (("k1",), ("following",), 6)


def test_nothing_is_carried_where_g_is_added() -> None:
    plan = controlled("dopri5", "embedded", External())
    assert (plan.step.gives, plan.evaluations_per_step) == (("following",), 7)
    assert controlled("dopri5", "learned", External()).evaluations_per_step == 6


def test_a_step_without_a_control_takes_and_gives_nothing() -> None:
    plan = controlled("bosh3", "embedded")
    assert plan.attempt is plan.step
    assert names(plan.step) == ["k2", "k3", "k4"]


def test_the_error_is_the_propagated_less_the_embedded_row() -> None:
    plan = controlled("heun_euler", "learned", External(), fallback=True)
    learned, embedded = plan.step.estimates
    assert [(term.name, term.power) for term in learned.error] == [("g", 3)]
    assert [(term.name, term.coefficient.value) for term in embedded.error] == [("k1", -HALF), ("k2", HALF)]
    assert (learned.role, learned.power, learned.end) == ("main", 3, plan.step.end)
    assert (embedded.role, embedded.power, embedded.end) == ("fallback", 2, plan.step.base)
    assert (learned.against, embedded.against) == (None, 1)
    assert len(controlled("heun_euler", "learned", External()).step.estimates) == 1


def test_f_at_the_end_doubts_learned_steps_of_order_one() -> None:
    """ε b·k + ε² g less what the trapezoidal rule makes of the same step."""
    _, doubt = controlled("euler", "learned", External()).step.estimates
    assert (doubt.role, doubt.power, doubt.against) == ("doubt", 2, 2)
    assert [(term.name, term.power, term.coefficient.value) for term in doubt.error] == [
        ("k1", 1, HALF),
        ("g", 2, Exact.of(1)),
        ("following", 1, -HALF),
    ]


COSTS = [("euler", "learned", 1), ("heun", "learned", 2), ("rk4", "doubling", 11), ("oliver5", "doubling", 20)]


@pytest.mark.parametrize(("name", "error", "expected"), COSTS)
def test_evaluations_of_a_step_with_a_control(name: str, error: str, expected: int) -> None:
    corrector = External() if error == "learned" else None
    assert controlled(name, error, corrector).evaluations_per_step == expected  # type: ignore[arg-type]


def test_a_doubled_step_is_three_that_share_f_at_the_start() -> None:
    attempt = controlled("euler", "doubling").attempt
    assert names(attempt) == ["middle", "k1b", "whole", "following"]
    (estimate,) = attempt.estimates
    assert (estimate.role, estimate.power, estimate.end, estimate.against) == ("main", 2, attempt.end, 1)
    assert [(term.name, term.power, term.coefficient.value) for term in estimate.error] == [
        ("middle", 0, Exact.of(1)),
        ("k1b", 1, HALF),
        ("whole", 0, Exact.of(-1)),
    ]


def test_both_halves_have_their_own_learned_term() -> None:
    attempt = controlled("euler", "doubling", External()).attempt
    learned = [(learn.name, learn.size, learn.node, learn.state) for learn in attempt.learns]
    zero, one = Exact.of(0), Exact.of(1)
    assert learned == [("ga", HALF, zero, "z"), ("gb", HALF, HALF, "middle"), ("g", one, zero, "z")]


def test_both_halves_of_an_implicit_step_are_solved_for_from_where_they_start() -> None:
    solved = [one for one in controlled("trbdf2", "doubling").attempt.body if isinstance(one, Solve)]
    assert [one.equations[0].name for one in solved] == ["k2a", "k3a", "k2b", "k3b", "k2", "k3"]
    guesses = [term.name for one in solved for term in one.guess]
    assert guesses == ["z", "z", "middle", "middle", "z", "z"]


def test_states_on_the_way_are_those_of_each_part() -> None:
    way = Combine("p", (*state(), Term(exactly(HALF), "k1", 1)))
    at_end = Evaluate("following", exactly(Exact.of(1)), state("p"))
    attempt = doubled(Step((way, at_end), state("p"), ("k1",), ("following",)), 1)
    assert names(attempt) == ["pa", "middle", "k1b", "pb", "p", "whole", "following"]
    sums = {one.name: one.sum for one in attempt.body if isinstance(one, Combine)}
    read = {name: [(term.name, term.coefficient.value) for term in sums[name]] for name in ("pa", "pb", "p")}
    one, quarter = Exact.of(1), HALF * HALF
    assert read == {
        "pa": [("z", one), ("k1", quarter)],
        "pb": [("middle", one), ("k1b", quarter)],
        "p": [("z", one), ("k1", HALF)],
    }


WRITTEN: list[tuple[str, ErrorEstimate]] = [
    ("rk4", "doubling"), ("bosh3", "doubling"), ("trbdf2", "doubling"), ("dopri5", "embedded"), ("euler", "learned")
]  # fmt: skip


@pytest.mark.parametrize(("name", "error"), WRITTEN)
def test_coefficients_are_worth_what_readers_of_the_code_see_of_them(name: str, error: ErrorEstimate) -> None:
    found = list(coefficients(controlled(name, error, External() if error == "learned" else None).attempt))
    assert len(found) > 5
    for coefficient in found:
        assert number_of(coefficient.written) == coefficient.value


def test_dense_output_stands_in_the_step_where_neither_g_nor_halves_change_its_end() -> None:
    dense = controlled("tsit5", "embedded").step.dense
    assert dense is not None
    assert (dense.order, [weight.name for weight in dense.weights]) == (4, [f"k{i + 1}" for i in range(7)])
    assert controlled("tsit5", "embedded").evaluations_per_step == 6
    assert controlled("tsit5", "embedded", External()).step.dense is None
    assert controlled("tsit5", "doubling").step.dense is None


def test_stages_that_dense_output_alone_reads_cost_a_step_nothing() -> None:
    plan = controlled("bosh3", "embedded")
    extra = Evaluate("k5", exactly(HALF), plan.step.end)
    weight = Weight((Exact.of(0), Exact.of(1)), Constant(Exact.of(1)), "k5")
    step = replace(plan.step, body=(*plan.step.body, extra), dense=Dense(1, (weight,)))
    assert between(step) == (extra,)
    assert replace(plan, step=step, attempt=step).evaluations_per_step == plan.evaluations_per_step == 3
