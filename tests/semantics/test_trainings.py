"""What `training` declarations mean: losses, further phases, and one number of steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyperdsl.semantics.check import check_file
from hyperdsl.semantics.model.spec import AdversarialLoss, ResidualLoss, Training, TrajectoryLoss
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
