"""Multistep and predictor-corrector methods as steps that take the past and give it on."""

from __future__ import annotations

from hyperdsl.plan import Combine, Evaluate, Solve
from hyperdsl.plan.passes import simplified
from hyperdsl.plan.predictor_corrector import predictor_corrector
from hyperdsl.plan.step import evaluations
from hyperdsl.theory.multistep.formulas import LinearMultistep
from hyperdsl.theory.multistep.predictor_corrector import FormulaPair
from hyperdsl.theory.numbers.exact import Exact
from tests.plan.made import history, names, reading


def exact(*values: int) -> tuple[Exact, ...]:
    return tuple(map(Exact.of, values))


HALF = Exact.of(1) / Exact.of(2)
AB2 = LinearMultistep(exact(0, -1, 1), (-HALF, HALF + 1, Exact.of(0)))
TRAPEZOID = LinearMultistep(exact(-1, 1), (HALF, HALF))


def test_an_explicit_formula_takes_old_slopes_and_gives_the_newest() -> None:
    plan = history("ab4")
    assert (names(plan.step), plan.evaluations_per_step) == (["f0"], 1)
    assert (plan.step.takes, plan.step.gives) == (("f1", "f2", "f3"), ("f0", "f1", "f2"))
    assert plan.step.start is not None
    assert (plan.step.start.name, plan.step.start.substeps, len(plan.step.start.step.body)) == ("rk4", 2, 4)


def test_an_implicit_formula_is_solved_by_iteration_from_a_step_forward() -> None:
    plan = history("bdf2")
    first, solved = plan.step.body
    assert isinstance(first, Evaluate)
    assert isinstance(solved, Solve)
    assert (solved.by, solved.equations[0].of) == ("iteration", plan.step.end)
    assert [(term.name, term.power) for term in solved.guess] == [("z", 0), ("f0", 1)]
    assert (plan.step.takes, plan.step.gives) == (("z1",), ("z",))
    assert plan.evaluations_per_step == 2


def pair(corrections: int, *, evaluates_last: bool) -> FormulaPair:
    return FormulaPair(AB2, TRAPEZOID, corrections, evaluates_last)


def test_a_pair_with_a_last_evaluation_evaluates_f_first_in_the_next_step() -> None:
    step, slopes = predictor_corrector(pair(1, evaluates_last=True))
    assert (names(step), evaluations(step.body)) == (["f0", "p", "fp"], 2)
    assert (step.takes, step.gives, slopes) == (("f1",), ("f0",), ("f0", "f1", "fp"))


def test_a_pair_without_it_hands_on_the_slope_that_it_corrected_with() -> None:
    step, slopes = predictor_corrector(pair(1, evaluates_last=False))
    assert (names(step), evaluations(step.body)) == (["p", "fp"], 1)
    assert (step.takes, step.gives, slopes) == (("f0", "f1"), ("fp", "f0"), ("f0", "f1", "fp"))


def test_each_correction_has_names_of_its_own() -> None:
    step, slopes = predictor_corrector(pair(2, evaluates_last=True))
    assert names(step) == ["f0", "p1", "fp1", "p", "fp"]
    corrected = step.body[3]
    assert isinstance(corrected, Combine)
    assert [term.name for term in corrected.sum] == ["z", "fp1", "f0"]
    assert [term.name for term in step.end] == ["z", "fp", "f0"]
    assert slopes == ("f0", "f1", "fp")
    assert simplified(step) == step


def test_g_reads_f_at_the_start_and_the_slopes_at_hand() -> None:
    assert history("ab2", reading("dz")).seen == ("f0",)
    assert history("ab2", reading("dz", "stages")).seen == ("f0", "f1")
    plan = history("ab2", reading("z"))
    assert (plan.seen, plan.evaluations_per_step) == ((), 1)
