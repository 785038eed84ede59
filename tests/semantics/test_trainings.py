"""What `training` declarations mean: losses, further phases, and one number of steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyperdsl.semantics.check import check_file
from hyperdsl.semantics.model.spec import Training
from hyperdsl.semantics.model.training import AdversarialLoss, EndLoss, ResidualLoss, TrajectoryLoss
from hyperdsl.semantics.reading.scope import Project
from hyperdsl.theory.numbers.exact import Exact


def training(tmp_path: Path, body: str) -> Training:
    path = tmp_path / "spec.hyper"
    path.write_text(f"training fit {{\n{body}\n}}\n")
    spec, found = check_file(path, path.name, Project())
    assert not found
    (only,) = spec.trainings
    return only


@pytest.mark.parametrize(
    ("text", "loss"),
    [
        ("residual", ResidualLoss()),
        ("end", EndLoss()),
        ("trajectory", TrajectoryLoss(8)),
        ("trajectory(steps = 3)", TrajectoryLoss(3)),
        ("adversarial", AdversarialLoss(Exact.of(1) / 10, 5)),
        ("adversarial(steps = 2, radius = 1/3)", AdversarialLoss(Exact.of(1) / 3, 2)),
    ],
)
def test_losses(tmp_path: Path, text: str, loss: object) -> None:
    assert training(tmp_path, f"loss {text}").loss == loss


def test_a_further_phase_inherits_what_it_does_not_set(tmp_path: Path) -> None:
    whole = training(
        tmp_path,
        """
        batch 64
        states box
        optimizer adamw(lr = 1/50, clip = 2)
        seed 7
        then {
            loss trajectory(steps = 4)
            optimizer adamw(lr = 1/1000)
            iterations 100
            then {
                iterations 50
            }
        }
        then {
            loss residual
            steps 4
            reference kutta3 {
                substeps 16
            }
        }
        """,
    )
    first, second, third, fourth = whole.phases
    assert [phase.loss for phase in whole.phases] == [
        ResidualLoss(),
        TrajectoryLoss(4),
        TrajectoryLoss(4),
        ResidualLoss(),
    ]
    assert [phase.iterations for phase in whole.phases] == [3000, 100, 50, 50]
    assert {phase.batch for phase in whole.phases} == {64}
    assert {phase.seed for phase in whole.phases} == {7}
    assert {phase.states for phase in whole.phases} == {first.states}
    assert second.optimizer.clip == Exact.of(2)
    assert second.optimizer.learning_rate == third.optimizer.learning_rate == Exact.of(1) / 1000
    assert fourth.steps.lower == fourth.steps.upper == Exact.of(4)
    assert (fourth.reference.method.name, fourth.reference.substeps) == ("kutta3", 16)
    assert third.reference.method.name == "rk4"
    assert not any(phase.then for phase in (second, third, fourth))


def test_one_step_size(tmp_path: Path) -> None:
    steps = training(tmp_path, "eps 1/8").steps
    assert (steps.unit, steps.lower, steps.upper) == ("eps", Exact.of(1) / 8, Exact.of(1) / 8)


@pytest.mark.parametrize(
    ("text", "grids"),
    [
        ("steps 1, 2, 4, 8", (1, 2, 4, 8)),
        ("steps 8, 1, 2", (1, 2, 8)),
        ("steps 4", (4,)),
        ("steps 2 .. 20", ()),
        ("eps 1/8", ()),
        ("loss end", (1,)),
        ("loss end\nsteps 6", (6,)),
        ("loss end\nsteps 3, 1", (1, 3)),
    ],
)
def test_numbers_of_steps_that_are_trained_for_exactly(tmp_path: Path, text: str, grids: tuple[int, ...]) -> None:
    steps = training(tmp_path, text).steps
    assert steps.grids == grids
    assert not grids or (steps.unit, steps.lower, steps.upper) == ("steps", Exact.of(grids[0]), Exact.of(grids[-1]))


def test_the_end_of_the_span_takes_one_step_where_no_range_is_given(tmp_path: Path) -> None:
    first, second = training(tmp_path, "iterations 5\nthen {\nloss end\n}").phases
    assert (first.steps.grids, second.steps.grids) == ((), (1,))
    listed = training(tmp_path, "steps 2, 3\nthen {\nloss end\n}").phases
    assert [phase.steps.grids for phase in listed] == [(2, 3), (2, 3)]


def test_as_many_trajectories_as_asked_for(tmp_path: Path) -> None:
    assert training(tmp_path, "batch 8").trajectories == 512
    whole = training(tmp_path, "trajectories 64\nthen {\nbatch 8\n}")
    assert [phase.trajectories for phase in whole.phases] == [64, 64]


def test_a_reference_by_a_family_is_the_member_proven(tmp_path: Path) -> None:
    fit = training(tmp_path, "reference third_order(u = 1/2, v = 3/4) {\nsubsteps 8\n}\nthen {\nreference rk4\n}")
    method = fit.reference.method
    assert method.name == "third_order(u = 1/2, v = 3/4)"
    assert (method.parameters, method.facts.order, fit.reference.substeps) == ((), 3, 8)
    assert [str(q) for q in method.tableau.c] == ["0", "1/2", "3/4"]
    assert fit.then[0].reference.method.name == "rk4"
