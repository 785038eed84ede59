"""What a training leaves with a generated solver: weights of its seed alone, its ranges, and nothing of time."""

from __future__ import annotations

import importlib
import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hyperdsl.training.settings import OutcomeWarning

package: Any = importlib.import_module("generated.hyper_heun")
train: Any = importlib.import_module("generated.hyper_heun.train")
SETTINGS = replace(train.SETTINGS[package.HyperHeun], steps=(2, 20), substeps=4, iterations=30, batch=64)


def swing(s: Tensor, z: Tensor) -> Tensor:
    return torch.stack((z[..., 1], -torch.sin(z[..., 0])), -1)


def driven(s: Tensor, z: Tensor) -> Tensor:
    return swing(s, z) + torch.sin(s)


def sample(batch: int, generator: torch.Generator) -> Tensor:
    return 2 * torch.rand(batch, 2, generator=generator) - 1


def careless(batch: int, generator: torch.Generator) -> Tensor:
    return 2 * torch.rand(batch, 2) - 1


def fitted(f: Any = swing, draw: Any = sample, seed: int = 0, **changes: Any) -> Any:
    solver = package.HyperHeun((2,))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutcomeWarning)
        train.fit(solver, f, draw, (0.0, 2.0), seed=seed, progress=False, settings=replace(SETTINGS, **changes))
    return solver


@pytest.mark.parametrize("draw", [sample, careless])
def test_a_seed_fixes_the_first_weights_and_leaves_the_global_numbers(draw: Any) -> None:
    found = []
    for state, seed in ((1, 5), (2, 5), (1, 6)):
        torch.manual_seed(state)
        solver = package.HyperHeun((2,))
        before = torch.get_rng_state()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            settings = replace(SETTINGS, iterations=3)
            train.fit(solver, swing, draw, (0.0, 2.0), seed=seed, progress=False, settings=settings)
        assert torch.equal(torch.get_rng_state(), before)
        found.append([value.clone() for value in solver.state_dict().values()])
    assert all(map(torch.equal, found[0], found[1]))
    assert not all(map(torch.equal, found[0], found[2]))


def test_first_weights_are_those_of_a_new_corrector_and_trained_ones_stay() -> None:
    torch.manual_seed(7)
    new = package.HyperHeun((2,)).corrector
    torch.manual_seed(7)
    (drawn := package.HyperHeun((2,)).double().corrector).redraw()
    torch.manual_seed(7)
    drawn.redraw()
    assert all(torch.equal(a.double(), b) for a, b in zip(new.parameters(), drawn.parameters(), strict=True))
    trained = fitted().corrector
    before = [value.clone() for value in trained.parameters()]
    trained.redraw()
    assert all(map(torch.equal, trained.parameters(), before))


def test_a_field_without_time_trains_a_g_without_time(tmp_path: Path) -> None:
    solver = fitted(iterations=100)
    assert solver.corrector.timeless
    assert json.loads(solver.about["trained"])["s"] is None
    z0 = sample(16, torch.Generator().manual_seed(1)).double()
    double = solver.double()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        early, late = double(swing, z0, (0.0, 2.0), 10), double(swing, z0, (1000.0, 1002.0), 10)
    assert torch.allclose(early, late, rtol=0, atol=1e-10)
    double.save(tmp_path / "w")
    (fresh := package.HyperHeun((2,)).double()).load(tmp_path / "w")
    assert torch.equal(fresh(swing, z0, (1000.0, 1002.0), 10), late)


def test_a_field_of_time_keeps_it_and_warns_beyond() -> None:
    solver = fitted(driven)
    assert not solver.corrector.timeless
    about = json.loads(solver.about["trained"])
    assert (about["eps"], about["s"], about["steps"]) == ([0.1, 1.0], [0.0, 2.0], [1, 20])
    assert len(about["states"]["deviation"]) == 2
    assert solver.about.keys() >= {"seed", "settings", "delta", "outcome", "versions", "spec_sha256", "solver"}
    with pytest.warns(package.OutsideWarning, match=r"s = 1000 \.\. 1002 \(0 \.\. 2\)"):
        solver(driven, sample(4, torch.Generator()), (1000.0, 1002.0), 10)


def test_what_was_known_is_forgotten_when_training_begins() -> None:
    solver = fitted(driven)
    with pytest.raises(ValueError, match="not finite"):
        train.fit(solver, driven, lambda n, g: torch.full((n, 2), torch.nan), (0.0, 2.0), progress=False)
    assert solver.about  # nothing has changed yet
    with pytest.raises(ValueError, match="is finite"):
        train.fit(solver, lambda s, z: 1e30 * z**3, sample, (0.0, 2.0), progress=False, settings=SETTINGS)
    assert not solver.about
