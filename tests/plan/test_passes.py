"""Each pass by itself, on steps that no method has."""

from __future__ import annotations

from dataclasses import replace

from hyperdsl.plan import Combine, Dense, Estimate, Evaluate, Learn, Linear, Solve, Step, Term, Weight
from hyperdsl.plan.constants import number_of
from hyperdsl.plan.passes import between, carry, drop_zeros, ends_solved, needed, prune, renamed, share
from hyperdsl.plan.step import Linearise, Resolve, defined, derivative, evaluations, exactly, state
from hyperdsl.semantics.model.expressions import Constant
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact
from tests.plan.made import names

TWO = Exact.of(2)


def at(node: int, name: str, *terms: Term) -> Evaluate:
    return Evaluate(name, exactly(Exact.of(node)), (*state(), *terms))


def slope(name: str, coefficient: int = 1) -> Term:
    return Term(exactly(Exact.of(coefficient)), name, 1)


def end(*terms: Term) -> Linear:
    return (*state(), *terms)


def test_terms_that_are_zero_are_dropped_from_every_sum() -> None:
    sum_ = end(slope("a", 0), slope("b"))
    solve = Solve((at(1, "c", slope("a", 0), slope("c")),), end(slope("a", 0)), "newton")
    step = drop_zeros(Step((at(0, "a"), at(1, "b", slope("a", 0)), solve, Combine("p", sum_)), sum_))
    assert step.body == (
        at(0, "a"),
        at(1, "b"),
        Solve((at(1, "c", slope("c")),), state(), "newton"),
        Combine("p", end(slope("b"))),
    )
    assert step.end == end(slope("b"))


def test_what_is_evaluated_twice_is_evaluated_once_and_its_terms_are_added_up() -> None:
    step = share(Step((at(0, "a"), at(0, "b"), at(1, "c", slope("a"), slope("b"))), end(slope("b"), slope("c"))))
    assert names(step) == ["a", "c"]
    assert [(term.name, term.coefficient.value) for term in step.end] == [("z", ONE), ("a", ONE), ("c", ONE)]
    (_, last) = step.body
    assert isinstance(last, Evaluate)
    assert [(term.name, term.coefficient.value) for term in last.of] == [("z", ONE), ("a", TWO)]


def test_sharing_goes_on_while_it_makes_evaluations_equal() -> None:
    body = (at(0, "a"), at(0, "b"), at(0, "c", slope("a"), slope("b", -1)), at(1, "d", slope("c")))
    assert names(share(Step(body, end(slope("d"))))) == ["a", "d"]


def test_evaluations_at_other_times_or_states_are_not_shared() -> None:
    body = (at(0, "a"), at(1, "b"), at(1, "c", slope("a")), at(1, "d", slope("a", 2)))
    assert len(share(Step(body, end(slope("d")))).body) == 4


def test_what_g_reads_follows_a_shared_name_and_is_read_once() -> None:
    body = (at(0, "a"), at(0, "b"), Learn("g", ("a", "b")))
    assert share(Step(body, end(Term(exactly(ONE), "g", 2)))).learns == (Learn("g", ("a",)),)


def test_dense_weights_of_a_shared_name_are_added_up() -> None:
    weights = tuple(Weight((ZERO, ONE), Constant(ONE), name) for name in "ab")
    dense = renamed(Step((), end(), dense=Dense(1, weights)), {"b": "a"}).dense
    assert dense is not None
    assert [(weight.name, weight.polynomial) for weight in dense.weights] == [("a", (ZERO, TWO))]
    assert [number_of(weight.written) for weight in dense.weights] == [TWO]


def test_what_is_given_follows_a_shared_name() -> None:
    step = share(Step((at(0, "a"), at(0, "b"), at(1, "c", slope("b"))), end(slope("c")), gives=("b", "c")))
    assert (names(step), step.gives) == (["a", "c"], ("a", "c"))


def test_a_statement_that_no_result_reads_is_dropped_with_what_it_alone_reads() -> None:
    body = (at(0, "a"), at(1, "b"), Combine("p", end(slope("b"))), at(1, "c", slope("a")))
    assert names(prune(Step(body, end(slope("c"))))) == ["a", "c"]
    assert names(prune(Step(body, end(slope("c")), gives=("p",)))) == ["a", "b", "p", "c"]
    dense = Dense(1, (Weight((ZERO, ONE), Constant(ONE), "b"),))
    assert names(prune(Step(body, end(slope("c")), dense=dense))) == ["a", "b", "c"]


def test_needed_tells_phases_apart() -> None:
    dense = Dense(1, (Weight((ZERO, ONE), Constant(ONE), "c"),))
    step = Step((at(0, "a"), at(1, "b"), at(1, "c", slope("b"))), end(slope("a")), dense=dense)
    assert needed(step, step.end) == (at(0, "a"),)
    assert needed(step, step.end, also=("b",)) == (at(0, "a"), at(1, "b"))
    assert [defined(statement) for statement in between(step)] == [("b",), ("c",)]
    assert [defined(statement) for statement in between(replace(step, gives=("b",)))] == [("c",)]
    judged = replace(step, estimates=(Estimate((slope("b"),), 2, step.end),))
    assert [defined(statement) for statement in between(judged)] == [("c",)]
    assert between(replace(step, dense=None)) == ()


def test_f_at_the_end_is_taken_by_the_next_step() -> None:
    body = (at(0, "a"), at(1, "b", slope("a")))
    step = Step(body, end(slope("a")), gives=("b",))
    carried = carry(step)
    assert (names(carried), carried.takes, carried.gives) == (["b"], ("a",), ("b",))


def test_nothing_is_carried_that_is_not_f_at_the_end_or_is_not_given() -> None:
    body = (at(0, "a"), at(1, "b", slope("a")))
    learned = replace(Step((*body, Learn("g", ())), end(slope("a"), Term(exactly(ONE), "g", 2))), gives=("b",))
    early = Step((at(0, "a"), at(0, "b", slope("a"))), end(slope("a")), gives=("b",))
    for step in (Step(body, end(slope("a", 2)), gives=("b",)), Step(body, end(slope("a"))), learned, early):
        assert carry(step) == step


def test_equations_are_evaluations_and_read_one_another() -> None:
    solve = Solve((at(1, "b", slope("c")), at(1, "c", slope("b"))), end(slope("a")), "newton")
    step = Step((at(0, "a"), solve), end(slope("c")))
    assert evaluations(step.body) == 3
    assert prune(step) == step
    assert derivative(step) == "a"
    assert derivative(Step((solve,), end(slope("c")))) is None


def test_steps_end_in_a_solution_where_all_is_solved_for_and_the_last_is_the_end() -> None:
    """As algebraic equations need it: stages that are evaluated, carried or followed by a sum do not do."""
    own = at(1, "a", slope("a"))
    solved = Solve((own,), state(), "newton")
    assert ends_solved(Step((solved,), own.of))
    assert not ends_solved(Step((solved,), end(slope("a", 2))))
    evaluated = at(1, "b", slope("a"), slope("b"))
    assert not ends_solved(Step((at(0, "a"), Solve((evaluated,), state(), "newton")), evaluated.of))
    assert not ends_solved(Step((Solve((evaluated,), state(), "newton"),), evaluated.of))  # a is of the step before
    assert not ends_solved(Step((), state()))

    def rosenbrock(node: int, last: Linear) -> Step:
        matrix = Linearise("w", "fs", exactly(TWO))
        resolved = Resolve("k", "w", (Term(exactly(ONE), "f"),))
        return Step((matrix, at(node, "f"), resolved), last)

    assert ends_solved(rosenbrock(1, end(slope("k", 2))))
    assert not ends_solved(rosenbrock(1, end(slope("k"))))
    assert not ends_solved(rosenbrock(0, end(slope("k", 2))))
