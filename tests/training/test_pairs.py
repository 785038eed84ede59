"""Training of solvers whose f is a pair: every loss, f's weights, points of a grid, and the spec that is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hyperdsl import compiler
from hyperdsl.diagnostics import has_errors
from hyperdsl.evaluation.packages import load_package
from hyperdsl.source import SpecFile
from hyperdsl.training.learned import written
from hyperdsl.verifying.verify import verify
from tests.training.test_learned import compiled

SPEC = """
corrector small {
    inputs z, dz, eps
    layers linear(16), silu
}
training rows {
    loss residual
    steps 4
    iterations 100
    batch 32
    trajectories 32
}
training rolled {
    loss trajectory(steps = 2)
    steps 4
    iterations 100
    batch 32
    trajectories 32
}
training attacked {
    loss adversarial(radius = 1/100, steps = 1)
    steps 4
    iterations 100
    batch 32
    trajectories 32
}
training whole {
    loss end
    steps 4
    iterations 100
    batch 32
    trajectories 32
}
training points {
    loss end
    optimizer adamw(lr = 5e-2)
    iterations 60
    batch 32
    trajectories 32
}
hypersolver OfRows {
    base ars222
    corrector small
    training rows
}
hypersolver Rolled {
    base ars222
    corrector small
    training rolled
}
hypersolver Attacked {
    base ars222
    corrector small
    training attacked
}
hypersolver Whole {
    base ars222
    corrector small
    training whole
}
hypersolver Given {
    base ars222
    grid 0, 1/4, 1/2, 3/4, 1
    corrector small
    training rows
}
solver Moved {
    base ars222
    grid learned(3)
    training points
}
solver MovedRosenbrock {
    base rodas4
    grid learned(3)
    training points
}
method neither {
    # no part has equations to solve
    order 2(1)
    tableau explicit {
        0 |
        1 | 1
        --+---------
          | 1/2, 1/2
          | 1
    }
    tableau implicit {
        0 |
        1 | 1
        --+---------
          | 1/2, 1/2
          | 1
    }
}
control joint {
    error embedded
}
solver Neither {
    base neither
}
solver NeitherAdaptive {
    base neither
    control joint
}
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Any:
    _, found = compiled(tmp_path_factory.mktemp("pairs"), "pairs", SPEC)
    return found


class Model(nn.Module):
    """A vector field whose parts are modules."""

    def __init__(self) -> None:
        super().__init__()
        self.explicit, self.implicit = Forced(), Damped()


class Forced(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rate = nn.Parameter(torch.tensor(2.0))

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        return torch.sin(self.rate * z)


class Damped(nn.Module):
    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        return -3 * z


def early(s: Tensor, z: Tensor) -> Tensor:
    """All that happens, happens at the start: points belong there."""
    return -20 * torch.exp(-20 * s) * (1 + 0.1 * z)


def damped(s: Tensor, z: Tensor) -> Tensor:
    return -z


def sample(batch: int, generator: torch.Generator) -> Tensor:
    return torch.randn(batch, 1, generator=generator)


def double(batch: int, generator: torch.Generator) -> Tensor:
    return sample(batch, generator).double()


def fit(package: Any, solver: Any, f: Any, sample: Any = sample, **more: Any) -> Any:
    return package.train().fit(solver, f, sample, (0.0, 1.0), progress=False, **more)


@pytest.mark.parametrize("name", ["OfRows", "Rolled", "Attacked", "Whole", "Given"])
def test_every_loss_trains_a_solver_of_pairs(package: Any, name: str) -> None:
    """Weights of f's parts are left as they are, and references are made in float64."""
    solver, f = package.choose(name)((1,)), Model()
    history = fit(package, solver, f)
    assert history.delta
    assert max(history.delta.values()) < 0.9
    assert f.explicit.rate.dtype == torch.float32
    assert f.explicit.rate.grad is None
    assert max(history.target_error.values()) < 1e-3


def test_a_function_that_is_no_pair_is_refused(package: Any) -> None:
    with pytest.raises(TypeError, match="pair"):
        fit(package, package.choose("Whole")((1,)), damped)


@pytest.mark.parametrize(("name", "f"), [("Moved", (early, damped)), ("MovedRosenbrock", early)])
def test_points_move_and_are_written_with_their_method(package: Any, name: str, f: Any, tmp_path: Path) -> None:
    kind = package.choose(name)
    solver = kind()
    history = fit(package, solver, f, double)
    assert solver.fractions()[1] < 0.25
    assert history.delta[1.0] < 0.5
    path = tmp_path / "again.hyper"
    path.write_text(written(solver, package.folder))
    checked = compiler.check([SpecFile(path, path.name)])
    assert not has_errors(checked.diagnostics), checked.diagnostics
    compiler.compile_checked(checked, tmp_path)
    again: Any = load_package(tmp_path / "again").choose(name)()
    assert again.order == solver.order
    z = torch.linspace(-1, 1, 5, dtype=torch.float64)[:, None]
    torch.testing.assert_close(again(f, z, (0.0, 1.0)), solver(f, z, (0.0, 1.0)), rtol=1e-11, atol=1e-11)


def test_pairs_of_which_neither_part_is_implicit(package: Any) -> None:
    """They are the method that both parts are, of the sum; gradients are those of a solve, however they are made."""
    assert [difference for _, _, difference in verify([package.folder])] == [None]
    f, z = (torch.sin, damped), torch.linspace(-1, 1, 3, dtype=torch.float64)[:, None]
    pair = (lambda s, z: torch.sin(z), damped)
    h = 0.25
    k1 = f[0](z) - z
    k2 = f[0](z + h * k1) - (z + h * k1)
    torch.testing.assert_close(package.choose("Neither")().step(pair, 0.0, z, h), z + h / 2 * (k1 + k2))
    adaptive, leaf = package.choose("NeitherAdaptive")(), z.clone().requires_grad_()
    end = adaptive(pair, leaf, (0.0, 1.0))
    (gradient,) = torch.autograd.grad(end.sum(), leaf)
    (again,) = torch.autograd.grad(adaptive.adjoint(pair, leaf, (0.0, 1.0)).sum(), leaf)
    torch.testing.assert_close(gradient, again)
    solution = adaptive.solve(pair, z, (0.0, 1.0))
    assert solution.statistics.jacobians == 0
    torch.testing.assert_close(end.detach(), solution.z)
