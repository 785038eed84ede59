"""Training on a grid: states and sizes from its own steps, points that move, and the spec that is written."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hyperdsl import compiler
from hyperdsl.diagnostics import has_errors
from hyperdsl.evaluation.packages import load_package
from hyperdsl.source import SpecFile
from hyperdsl.training.learned import parameter_groups, written
from hyperdsl.training.settings import Trajectory
from tests.training.test_learned import compiled

SPEC = """
corrector small {
    inputs z, dz, eps
    layers linear(16), silu
}
training fit {
    loss residual
    iterations 60
    batch 64
}
training whole {
    loss end
    optimizer adamw(lr = 5e-2)
    iterations 60
    batch 64
    trajectories 64
}
hypersolver Given {
    base heun
    corrector small
    training fit
    grid 0, 1/10, 3/10, 1
}
solver Moved {
    base heun
    training whole
    grid learned(3)
}
hypersolver Both {
    base learned(2)
    corrector small
    training whole
    grid learned(3)
}
solver Coefficients {
    base learned(4, start = dpmpp_2m)
    training whole
    grid 0, 1/4, 1
}
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Any:
    _, found = compiled(tmp_path_factory.mktemp("graded"), "graded", SPEC)
    return found


def early(s: Tensor, z: Tensor) -> Tensor:
    """All that happens, happens at the start: points belong there."""
    return -20 * torch.exp(-20 * s) * (1 + 0.1 * z)


def sample(batch: int, generator: torch.Generator) -> Tensor:
    return torch.randn(batch, 1, generator=generator, dtype=torch.float64)


def fit(package: Any, solver: Any, **more: Any) -> Any:
    return package.train().fit(solver, early, sample, (0.0, 1.0), progress=False, **more)


def test_residuals_are_those_of_the_grids_own_steps(package: Any) -> None:
    solver = package.choose("Given")((1,)).double()
    seen: set[tuple[float, float]] = set()

    def note(module: Any, given: tuple[Tensor, ...]) -> None:
        seen.update(zip(given[0].reshape(-1).tolist(), given[1].reshape(-1).tolist(), strict=False))

    hook = solver.corrector.register_forward_pre_hook(note)
    fit(package, solver)
    hook.remove()
    found = {(round(eps, 6), round(s, 6)) for eps, s in seen}
    assert found == {(0.1, 0.0), (0.2, 0.1), (0.7, 0.3)}
    solver(early, torch.ones(4, 1, dtype=torch.float64), (0.0, 1.0))
    assert solver.left == ()
    with pytest.warns(UserWarning, match="leaves what its g was trained for"):
        solver(early, torch.ones(4, 1, dtype=torch.float64), (0.0, 0.5))


def test_points_move_to_where_the_solution_does(package: Any) -> None:
    solver = package.choose("Moved")()
    history = fit(package, solver)
    first, second = solver.fractions()[1:3]
    assert first < 0.2
    assert first < second < 0.6
    assert history.outcome.helped == (1.0,)
    assert history.delta[1.0] < 0.5
    assert history.target_error[1.0] < 1e-3
    assert history.loss[-1] < history.loss[0] / 2


def test_delta_is_the_error_at_the_end_over_that_of_equal_steps(package: Any) -> None:
    """Of a linear field, whose solution is a formula."""
    solver = package.choose("Moved")()
    delta = fit(package, solver, seed=3).delta[1.0]
    z = torch.linspace(-1, 1, 33, dtype=torch.float64)[:, None]
    exact = (1 + 0.1 * z) * math.exp((math.exp(-20) - 1) / 10) / 0.1 - 10  # log(1 + z/10)' = −2 exp(−20 s)
    with torch.no_grad():
        moved, equal = (one(early, z, (0.0, 1.0)) for one in (solver, package.choose("Moved")()))
    assert delta == pytest.approx(float((moved - exact).abs().median() / (equal - exact).abs().median()), rel=0.1)


def test_points_do_not_decay(package: Any) -> None:
    solver = package.choose("Both")((1,))
    *_, own = parameter_groups(solver)
    assert own["weight_decay"] == 0
    assert {id(one) for one in own["params"]} == {id(solver.coefficients), id(solver.increments)}


@pytest.mark.parametrize("name", ["Moved", "Both", "Coefficients"])
def test_the_written_spec_is_the_trained_solver(package: Any, name: str, tmp_path: Path) -> None:
    """Its order is proven exactly, and without g it gives the same states."""
    kind = package.choose(name)
    solver = kind((1,)) if kind.residual_power else kind()
    fit(package, solver, iterations=20)
    text = written(solver, package.folder)
    path = tmp_path / "again.hyper"
    path.write_text(text)
    checked = compiler.check([SpecFile(path, path.name)])
    assert not has_errors(checked.diagnostics), checked.diagnostics
    (method,) = checked.specs[0].methods
    assert (method.facts.order, method.tolerance) == (solver.order, None)
    (found,) = checked.specs[0].solvers
    assert found.grid is not None
    assert [float(point) for point in found.grid.points] == solver.fractions()
    compiler.compile_checked(checked, tmp_path)
    if not kind.residual_power:
        again: Any = load_package(tmp_path / "again").choose(name)()
        z = torch.linspace(-1, 1, 5, dtype=torch.float64)[:, None]
        torch.testing.assert_close(again(early, z, (0.0, 1.0)), solver(early, z, (0.0, 1.0)), rtol=1e-13, atol=1e-13)


def test_losses_that_a_grid_cannot_have(package: Any) -> None:
    settings = package.train().SETTINGS
    moved, given = package.choose("Moved"), package.choose("Given")
    with pytest.raises(ValueError, match="targets would move"):
        fit(package, moved(), settings=replace(settings[moved], loss=None))
    with pytest.raises(ValueError, match="from within a grid"):
        fit(package, given((1,)), settings=replace(settings[given], loss=Trajectory(3)))
