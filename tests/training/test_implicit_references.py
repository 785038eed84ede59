"""References by implicit methods, where explicit ones would not hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hyperdsl.evaluation.built_in import built_in
from hyperdsl.evaluation.errors import TrainingError
from hyperdsl.evaluation.training import train_package
from hyperdsl.training.equations import UnseenError, solved
from tests.training.test_learned import compiled

STIFFNESS = 1e5
SPEC = """
corrector plain {
    inputs s, eps
    layers linear(8), tanh
}
training implicitly {
    states trajectory
    steps 5 .. 10
    reference radau_iia5 { substeps 2 }
    iterations 40
    batch 32
    trajectories 16
}
training explicitly {
    states trajectory
    steps 5 .. 10
    reference rk4 { substeps 2 }
    iterations 2
    trajectories 16
}
hypersolver Implicitly {
    base backward_euler
    corrector plain
    training implicitly
}
hypersolver Explicitly {
    base backward_euler
    corrector plain
    training explicitly
}
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Any:
    _, found = compiled(tmp_path_factory.mktemp("referred"), "referred", SPEC)
    return found


def layer(s: Tensor, z: Tensor) -> Tensor:
    """Its solutions go to cos s at once, and stay there."""
    return -STIFFNESS * (z - torch.cos(s)) - torch.sin(s)


def sample(batch: int, generator: torch.Generator) -> Tensor:
    return 1 + 1e-3 * torch.randn(batch, 1, generator=generator, dtype=torch.float64)


def fit(package: Any, name: str) -> Any:
    torch.manual_seed(0)
    solver = package.solvers[name]((1,)).double()
    return solver, package.train().fit(solver, layer, sample, (0.0, 1.0), progress=False)


def test_a_stiff_problem_is_trained_from_an_implicit_reference(package: Any) -> None:
    solver, history = fit(package, "Implicitly")
    assert max(history.target_error.values()) < 1e-2
    z = torch.ones(4, 1, dtype=torch.float64)
    exact = torch.cos(torch.ones((), dtype=torch.float64))
    assert float((solver(layer, z, (0.0, 1.0), 7) - exact).detach().abs().max()) < 1e-4


def test_an_explicit_one_does_not_hold_there(package: Any) -> None:
    with pytest.raises(ValueError, match="finite"):
        fit(package, "Explicitly")


def test_equations_of_references_are_not_solved_all_as_one() -> None:
    z, h = torch.ones(3, 2, 1, dtype=torch.float64), torch.tensor(0.1, dtype=torch.float64)
    (slope,) = solved(layer, h, (h, z[0], (1.0,)))
    assert torch.allclose(slope, layer(h, z[0] + h * slope))
    with pytest.raises(UnseenError):
        torch.func.vmap(lambda z: solved(layer, h, (h, z, (1.0,)))[0])(z)


def test_a_training_that_jumps_over_a_transient_says_what_to_do(package: Any, tmp_path: Path) -> None:
    with pytest.raises(
        TrainingError, match=r"cannot be trained on hires: .* raise `steps` and `substeps`, or train on"
    ):
        train_package(package, built_in("hires"), solver="Implicitly", output=tmp_path / "weights.safetensors")
