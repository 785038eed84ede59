"""The view of the training settings, and the text that it becomes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from hyperdsl.codegen.files import GeneratedFile
from hyperdsl.codegen.python import formatted
from hyperdsl.codegen.torch.runtime import FOLDER, TARGET
from hyperdsl.codegen.torch.training import setting, train_view
from hyperdsl.plan import plan
from hyperdsl.semantics.solvers.trainings import default_training
from hyperdsl.theory.numbers import irrational
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.training.settings import Adversarial, Settings, Trajectory

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Exact.of(3) / 5, "0.6"),
        (Exact.of(1) / 3, "1 / 3"),
        (Exact.of(1) / 1000000, "1e-6"),
        (Exact.of(-7) / 3, "-7 / 3"),
        (Exact.of(32), "32"),
        (Exact.of(2**60 + 1) / 7, repr((2**60 + 1) / 7)),
        (Exact.of(10**30), "1e+30"),
        (irrational.sqrt(Exact.of(2)), "1.4142135623730951"),
        (Exact.of(123456789) / 10**8, "123456789 / 100000000"),
    ],
)
def test_numbers_are_short_and_nearest(value: Exact, text: str) -> None:
    assert setting(value) == text
    numerator, _, denominator = text.partition(" / ")
    assert float(numerator) / float(denominator or 1) == float(value)


def test_reference_step_is_straight_line(hand: Any) -> None:
    (reference,) = train_view(tuple(map(plan, hand.SOLVERS))).references
    assert (reference.function, reference.order) == ("_rk4_step", 4)
    assert reference.lines == (
        "k1 = f(s, z)",
        "k2 = f(s + 1 / 2 * h, z + 1 / 2 * h * k1)",
        "k3 = f(s + 1 / 2 * h, z + 1 / 2 * h * k2)",
        "k4 = f(s + h, z + h * k3)",
        "return z + h * (1 / 6 * k1 + 1 / 3 * k2 + 1 / 3 * k3 + 1 / 6 * k4)",
    )


def test_settings_are_those_of_the_spec(train: ModuleType) -> None:
    settings = train.SETTINGS[train.HyperEuler]
    assert [tuple(part) for part in settings.states] == [("trajectory", 0.6, 0), ("noise", 0.2, 0.05), ("box", 0.2, 0)]
    assert (settings.steps, settings.eps, settings.substeps, settings.dtype) == ((2, 40), None, 16, torch.float64)
    assert (settings.learning_rate, settings.weight_decay, settings.clip) == (0.01, 1e-6, 1)
    assert (settings.schedule, settings.iterations, settings.batch, settings.seed) == ("cosine", 300, 128, 0)
    assert not hasattr(train, "Plain")  # nothing to train


def test_what_is_not_named_is_the_language_s_default(hand: Any) -> None:
    """The defaults of `Settings` are those of the language: a training that sets nothing names its reference alone."""
    rk4 = hand.TRAINING.reference.method
    view = train_view((plan(hand.solver("A", training=default_training(rk4))),))
    assert view.groups[0].values == (("reference", "_rk4_step"),)
    settings = Settings(reference=lambda f, s, z, h: z)
    training = default_training(rk4)
    assert settings.states == tuple(
        (part.kind, float(part.share), float(part.noise or Exact.of(0))) for part in training.states
    )
    assert settings.steps == (float(training.steps.lower), float(training.steps.upper))
    optimizer = training.optimizer
    assert (settings.learning_rate, settings.weight_decay, settings.clip) == tuple(
        map(float, (optimizer.learning_rate, optimizer.weight_decay, optimizer.clip))
    )
    named = ("schedule", "iterations", "batch", "seed")
    assert all(getattr(settings, name) == getattr(training, name) for name in named)
    assert (settings.substeps, str(settings.dtype)) == (training.reference.substeps, "torch.float64")


def test_phases_are_settings_of_their_own(train: ModuleType) -> None:
    settings = train.SETTINGS[train.Phased]
    assert settings.loss is None
    assert [phase.loss for phase in settings.then] == [Trajectory(4)] * 2
    assert [phase.iterations for phase in settings.then] == [60, 5]
    assert [phase.learning_rate for phase in (settings, *settings.then)] == [0.01, 0.002, 0.002]
    assert train.SETTINGS[train.Attacked].loss == Adversarial(0.2, 3)
    assert train.SETTINGS[train.Fixed].steps == (8, 8)


def test_generated_text_passes_ruff_and_mypy(hand: Any, tmp_path: Path) -> None:
    config = str(ROOT / "pyproject.toml")
    for name, solvers in {"plain": hand.SOLVERS[:1], "rolled": hand.SOLVERS[7:8], "whole": hand.SOLVERS}.items():
        folder = tmp_path / name
        folder.mkdir()
        shutil.copytree(FOLDER, folder / TARGET)
        (folder / "__init__.py").write_text("")
        (folder / "solver.py").write_text((Path(__file__).parent / "solvers.py").read_text())
        (text,) = formatted([GeneratedFile("train.py", hand.rendered(*solvers))])
        (folder / "train.py").write_text(text.text)
        run(sys.executable, "-m", "ruff", "check", "--config", config, str(folder / "train.py"))
        run(sys.executable, "-m", "ruff", "format", "--check", "--config", config, str(folder / "train.py"))
    packages = ("-p", "plain", "-p", "rolled", "-p", "whole")
    run(sys.executable, "-m", "mypy", "--config-file", config, *packages, folder=tmp_path)


def run(*command: str, folder: Path | None = None) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"MYPYPATH": str(ROOT), "MYPY_CACHE_DIR": str(ROOT / ".mypy_cache")},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_two_references_make_two_functions(hand: Any) -> None:
    other = replace(hand.TRAINING, reference=replace(hand.TRAINING.reference, method=hand.method("mine", hand.HEUN)))
    view = train_view(tuple(map(plan, (hand.solver("A"), hand.solver("B", training=other), hand.solver("C")))))
    assert [reference.function for reference in view.references] == ["_rk4_step", "_mine_step"]
    assert [(group.solvers, dict(group.values)["reference"]) for group in view.groups] == [
        (("A", "C"), "_rk4_step"),
        (("B",), "_mine_step"),
    ]
