"""What `fit` is given is held against what it needs before any work begins, and what came of it is told."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from hyperdsl.training.given import drawn_states, ends_of
from hyperdsl.training.outcome import Outcome
from hyperdsl.training.timeless import depends_on_time
from tests.training.test_fit import fit, made, pendulum, sample

GENERATOR = torch.Generator()


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        (lambda n, g: torch.ones(1, 2), ValueError, r"states of shape \(1, 2\), for a batch of 512"),
        (lambda n, g: torch.ones(n, 3), ValueError, r"must give states \[batch, 2\]: it gave states of shape"),
        (lambda n, g: torch.ones(n), ValueError, r"states of shape \(512,\)"),
        (lambda n, g: torch.ones(()), ValueError, "for a batch of 512"),
        (lambda n, g: torch.full((n, 2), math.nan), ValueError, "not finite"),
        (lambda n, g: torch.ones(n, 2, dtype=torch.int64), TypeError, r"torch\.int64"),
        (lambda n, g: [[0.0, 1.0]] * n, TypeError, "not list"),
        (lambda n, g: (torch.ones(n, 2),), TypeError, "not a tuple of Tensor"),
        (lambda n, g: (torch.ones(n, 2), torch.ones(3, 1)), ValueError, r"x of shape \(3, 1\)"),
        (lambda n, g: None, TypeError, "not NoneType"),
    ],
)
def test_samples_that_are_none(train: ModuleType, given: Callable[..., Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        drawn_states(given, 512, GENERATOR, (2,))


def test_states_with_and_without_x() -> None:
    z, x = torch.zeros(2, 1), torch.ones(2, dtype=torch.int64)
    assert drawn_states(lambda n, g: z, 2, GENERATOR)[1] is None
    states, inputs = drawn_states(lambda n, g: (z.to(torch.complex64), x), 2, GENERATOR)
    assert states.is_complex()
    assert inputs is not None
    assert torch.equal(inputs, x)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"f": 3}, TypeError, "the vector field .* not int"),
        ({"draw": torch.ones(2, 2)}, TypeError, r"sample\(batch, generator\) must be a function, not Tensor"),
        ({"span": (0.0, math.nan)}, ValueError, "two different finite times"),
        ({"span": (1.0, 1.0)}, ValueError, "two different finite times"),
        ({"span": 3.0}, ValueError, "two times"),
        ({"span": (0.0, 1.0, 2.0)}, ValueError, "two times"),
        ({"span": ("a", 1.0)}, TypeError, "two real numbers"),
        ({"iterations": 0}, ValueError, "iterations must be 1 or more, not 0"),
        ({"iterations": -3}, ValueError, "iterations must be 1 or more"),
        ({"iterations": 2.5}, TypeError, "iterations must be an integer"),
        ({"batch": 0}, ValueError, "batch must be 1 or more"),
        ({"batch": True}, TypeError, "batch must be an integer"),
        ({"seed": "a"}, TypeError, "seed must be an integer"),
        ({"f": lambda s, z: z[:, :1]}, ValueError, "f returned the shape"),
        ({"f": lambda s, z: None}, TypeError, "f returned None"),
        ({"draw": lambda n, g: sample(1, g)}, ValueError, "for a batch of 512"),
    ],
)
def test_what_cannot_be_trained_is_said_at_once(
    train: ModuleType, change: dict[str, Any], error: type[Exception], text: str
) -> None:
    solver = made(train, "HyperEuler")
    before = [value.clone() for value in solver.state_dict().values()]
    with pytest.raises(error, match=text):
        fit(train, solver, **change)
    assert all(map(torch.equal, solver.state_dict().values(), before))


def test_phases_without_work_and_other_solvers_are_refused(train: ModuleType) -> None:
    settings = replace(train.SETTINGS[train.Phased], iterations=2)
    empty = replace(settings, then=(replace(settings.then[0], iterations=0),))
    with pytest.raises(ValueError, match="iterations must be 1 or more"):
        fit(train, made(train, "Phased"), settings=empty)
    with pytest.raises(TypeError, match=r"fit trains HyperEuler, .* not Linear"):
        fit(train, torch.nn.Linear(2, 2))


def test_the_ends_of_spans() -> None:
    assert ends_of((1, 0)) == (1.0, 0.0)
    assert ends_of(torch.tensor([0.0, 2.0])) == ends_of([0, torch.tensor(2.0)]) == (0.0, 2.0)


def test_what_came_of_it_in_a_line() -> None:
    assert Outcome({0.1: 0.5, 0.2: 0.25}).verdict == "training helped for ε from 0.1 to 0.2 (δ = 0.25 .. 0.5)"
    mixed = Outcome({0.1: 1.5, 0.2: 0.5, 0.4: 0.98, 0.8: 2.0, 1.6: math.nan})
    assert mixed.plain() == {"verdict": mixed.verdict, "helped": [0.2], "did_not_help": [0.4], "worse": [0.1, 0.8]}
    assert mixed.verdict == (
        "training helped at ε = 0.2 (δ = 0.5), did not help at ε = 0.4 (δ = 0.98), "
        "made the step worse than its base at ε = 0.1, 0.8 (δ = 1.5 .. 2), was not measured at ε = 1.6 (δ = nan)"
    )
    assert Outcome({}).verdict == "training was not measured"
    assert Outcome({0.1: math.inf}).worse == (0.1,)


def test_a_training_that_made_things_worse_warns(train: ModuleType) -> None:
    settings = replace(train.SETTINGS[train.HyperEuler], learning_rate=30.0, schedule="constant", iterations=5)
    with pytest.warns(train.FitWarning, match="made the step worse than its base"):
        history = fit(train, made(train, "HyperEuler"), settings=settings)
    assert history.outcome.worse


@pytest.mark.parametrize(
    ("f", "depends"),
    [
        (lambda s, z: -z, False),
        (lambda s, z: -z + 0 * s, False),
        (lambda s, z: -z * torch.cos(s), True),
        (lambda s, z: -z + 1e-15 * s, True),
        (lambda s, z: z * (1 if float(s) < 1.7 else 2), True),
        (pendulum, True),
    ],
)
def test_whether_a_field_depends_on_time(f: Callable[..., Tensor], depends: bool) -> None:
    states = sample(20, torch.Generator().manual_seed(0))
    assert depends_on_time(f, states, None, 0.0, 2.0) == depends
    assert depends_on_time(lambda s, x, z: x + f(s, z), states, torch.zeros(20, 1), 2.0, 0.0) == depends


def test_a_fit_may_end_without_a_word(train: ModuleType) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", train.FitWarning)
        fit(train, made(train, "HyperEuler"))
