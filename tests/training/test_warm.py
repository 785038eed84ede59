"""Training of bilinear correctors: a warm start is an approximation at once, and training goes on from it."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner, Result

from hyperdsl.cli import application
from hyperdsl.evaluation.packages import Package, load_package
from hyperdsl.training.settings import OutcomeWarning

SPEC = """corrector jvp {
    inputs z, dz, eps
    layers bilinear(32, activation = tanh)
    start field
}
corrector product {
    inputs z, dz, eps
    layers bilinear(32)
}
training fit {
    loss residual
    steps 4 .. 40
    reference rk4 {
        substeps 4
    }
    optimizer adamw(lr = 2e-3)
    iterations 200
    batch 128
}
hypersolver Warm {
    base euler
    corrector jvp
    training fit
}
hypersolver WarmHeun {
    base heun
    corrector jvp
    training fit
}
hypersolver Plain {
    base euler
    corrector product
    training fit
}
"""
MODULE = """import torch
from torch import nn
from hyperdsl.evaluation import Problem

class Field(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 3))
    def forward(self, s, z):
        return 4 * self.layers(z)

def sample(batch, generator):
    return torch.randn(batch, 3, generator=generator)

net = Problem(Field(), sample, (0.0, 2.0), (3,))
closed = Problem(lambda s, z: -z, sample, (0.0, 2.0), (3,))
"""


class Field(nn.Module):
    """f = W2 tanh(W1 z + b1) + b2, lively enough to be worth correcting."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(3, 32), nn.Linear(32, 3)
        with torch.no_grad():
            self.first.weight *= 3
            self.second.weight *= 3

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        return self.second(torch.tanh(self.first(z)))


def sample(batch: int, generator: torch.Generator) -> Tensor:
    return torch.randn(batch, 3, generator=generator)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(application(), [str(argument) for argument in arguments], env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    folder = tmp_path_factory.mktemp("warm")
    (folder / "pyproject.toml").touch()
    (folder / "warm_start.hyper").write_text(SPEC, "utf-8")
    done = run("compile", folder / "warm_start.hyper", "-o", folder / "generated")
    assert done.exit_code == 0, done.stderr
    return load_package(folder / "generated" / "warm_start")


def fitted(package: Package, solver: Any, iterations: int = 0) -> dict[float, float]:
    """δ after so many iterations; after none, that of a training that learns nothing."""
    train = package.train()
    settings = train.SETTINGS[type(solver)]
    changed = (
        replace(settings, iterations=iterations) if iterations else replace(settings, iterations=1, learning_rate=0)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutcomeWarning)
        history = train.fit(solver, Field(), sample, (0.0, 2.0), settings=changed, seed=1, progress=False)
    delta: dict[float, float] = history.delta
    return delta


def test_a_warm_start_approximates_untrained_and_gets_better(package: Package) -> None:
    """Untrained δ falls with ε, as what is left is of higher order; training lowers it where ε is not small."""
    solver: Any = package.choose("Warm")((3,), field=Field())
    weights = {name: value.clone() for name, value in solver.corrector.named_parameters()}
    untrained = fitted(package, solver)
    first, *_, last = untrained.values()
    assert first < 0.1
    assert first < last < 0.6
    assert all(torch.equal(value, weights[name]) for name, value in solver.corrector.named_parameters())
    assert solver.corrector.eps_range.tolist() == pytest.approx([0.05, 0.5], rel=0.05)
    kept = solver.corrector.eps_range.clone()
    trained = fitted(package, solver, 200)
    assert list(trained.values())[-1] < 0.85 * last
    assert torch.equal(solver.corrector.eps_range, kept)


def test_a_cold_start_and_a_higher_order_train_from_zero(package: Package) -> None:
    """Heun's leading term is another one: g is zero, its output is scaled, its factors are those of f."""
    for solver in (package.choose("Plain")((3,)), package.choose("WarmHeun")((3,), field=Field())):
        trained: Any = solver
        assert set(fitted(package, trained).values()) == {1.0}
        assert float(trained.corrector.scale.min()) != 1
        assert list(fitted(package, trained, 150).values())[4] < 0.7


def test_the_command_line_gives_the_field(package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("nets.py").write_text(MODULE, "utf-8")
    quick = ("--set", "fit.iterations=30", "--quiet", "--solver", "Warm")
    done = run("train", package.folder, "--problem", "nets:net", *quick)
    assert done.exit_code == 0, done.stderr
    weights = next(Path("runs").rglob("Warm.safetensors"))
    given = ("--problem", "nets:net", "--solver", "Warm", "--weights", weights, "--steps", "4,8", "--methods", "rk4")
    done = run("evaluate", package.folder, *given, "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["rows"][0]["corrector_over_field"] == pytest.approx(1.5, abs=0.5)
    assert 0.4 < found["rows"][0]["corrector_share"] < 0.8
    assert (found["verdict"] or "At equal").startswith("At equal")
    refused = run("train", package.folder, "--problem", "nets:closed", *quick)
    assert refused.exit_code == 2
    assert "Linear(in_features=3, out_features=32" in refused.stderr
