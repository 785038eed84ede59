"""Learned parameters and coefficients of the base: found, kept in range, and written back as a proven spec."""

from __future__ import annotations

import math
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hyperdsl import compiler
from hyperdsl.diagnostics import has_errors
from hyperdsl.evaluation.packages import load_package
from hyperdsl.source import SpecFile
from hyperdsl.training.learned import kept_in_range, parameter_groups, written
from tests.training.test_fit import fit, made, middle, pendulum, sample

SPEC = """
corrector small {
    inputs z, dz, eps, alpha
    layers linear(16), silu
}
training fit {
    loss residual
    steps 4 .. 16
    optimizer adamw(lr = 2e-2)
    iterations 100
    batch 64
    reference rk4 {
        substeps 8
    }
    trajectories 256
}
solver Alpha {
    base second_order(alpha = learned(1/2, 3/10 .. 1))
    training fit
}
solver Narrow {
    base second_order(alpha = learned(1/2, 3/10 .. 11/20))
    training fit
}
solver Fourth {
    base fourth_order(u = learned(1/3), v = learned(2/3))
    training fit
}
solver Free {
    base learned(kutta3)
    training fit
}
solver TwoSteps {
    base learned(midpoint, steps = 2)
    training fit
}
hypersolver Both {
    base second_order(alpha = learned(1/2))
    corrector small
    training fit
}
"""


def compiled(folder: Path, name: str, text: str) -> tuple[Any, Any]:
    """The spec checked, and its package."""
    path = folder / f"{name}.hyper"
    path.write_text(text)
    checked = compiler.check([SpecFile(path, path.name)])
    assert not has_errors(checked.diagnostics)
    compiler.compile_checked(checked, folder)
    return checked.specs[0], load_package(folder / name)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Any:
    spec, found = compiled(tmp_path_factory.mktemp("learned"), "learned", SPEC)
    assert all(not solver.fixed and not solver.free for solver in spec.solvers)
    return found


def quadrature(s: Tensor, z: Tensor) -> Tensor:
    """z' = cos(2s): a two-stage method is best at alpha = 2/3, where its quadrature has order 3."""
    return torch.cos(2 * s).expand_as(z)


def trained(package: Any, name: str, f: Any = pendulum, **options: Any) -> tuple[Any, Any]:
    cls = package.solvers[name]
    torch.manual_seed(0)
    solver = (cls((2,)) if name == "Both" else cls()).double()
    return solver, fit(package.train(), solver, f, **options)


def test_untrained_is_the_base(package: Any) -> None:
    z = sample(8, torch.Generator().manual_seed(0))
    times = torch.tensor([0.0, 0.1, 0.2], dtype=torch.float64)
    k1 = pendulum(times[0], z)
    k2 = pendulum(times[1], z + 0.1 * k1)
    k3 = pendulum(times[2], z + 0.2 * (2 * k2 - k1))
    step = package.solvers["Free"]().step(pendulum, 0.0, z, 0.2)
    assert torch.allclose(step, z + 0.2 * (k1 / 6 + 2 / 3 * k2 + k3 / 6), rtol=0, atol=1e-14)
    twice = package.solvers["TwoSteps"]().step(pendulum, 0.0, z, 0.2)
    midpoint = package.solvers["Alpha"]()(pendulum, z, (0.0, 0.2), 2)
    assert torch.allclose(twice, midpoint, rtol=0, atol=1e-14)


def test_training_finds_the_best_alpha(package: Any) -> None:
    solver, history = trained(package, "Alpha", quadrature)
    assert solver.values()["alpha"] == pytest.approx(2 / 3, abs=0.02)
    assert middle(history) < 0.2


def test_learned_parameters_stay_in_their_range(package: Any) -> None:
    solver, history = trained(package, "Narrow", quadrature)
    assert solver.values()["alpha"] == pytest.approx(0.55, abs=1e-6)
    assert middle(history) < 1


def test_no_step_leads_to_a_pole(package: Any) -> None:
    train, solver = package.train(), package.solvers["Fourth"]()
    allowed = train.LEARNED[package.solvers["Fourth"]]
    with kept_in_range(solver, allowed), torch.no_grad():
        solver.coefficients.copy_(torch.tensor([0.5, 0.5 + 1e-9]))
    assert float(torch.stack(allowed.coefficients(*solver.coefficients.detach())).abs().max()) <= 3 + 1e-5
    assert solver.values() != {"u": 1 / 3, "v": 2 / 3}  # a part of the step is taken


@pytest.mark.parametrize("name", ["Alpha", "Fourth", "Free", "Both"])
def test_the_local_error_shrinks(package: Any, name: str) -> None:
    _, history = trained(package, name)
    assert middle(history) < 1


def test_a_corrector_and_its_base_learn_together(package: Any) -> None:
    solver, history = trained(package, "Both", iterations=300)
    assert solver.values()["alpha"] != 0.5
    assert bool(solver.corrector.net[-1].weight.any())
    assert middle(history) < 0.3


@pytest.mark.parametrize("name", ["Alpha", "Fourth", "Free", "TwoSteps"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_what_is_written_is_the_trained_method_proven(
    package: Any, tmp_path: Path, name: str, dtype: torch.dtype
) -> None:
    solver, _ = trained(package, name, iterations=5)
    spec, again = compiled(tmp_path, "written", written(solver.to(dtype), package.folder))
    (method,), order = spec.methods, solver.order
    assert (method.facts.order, method.tolerance) == (order, None)
    assert sum(method.tableau.weights[0][1:], method.tableau.weights[0][0]) == 1
    z = sample(8, torch.Generator().manual_seed(0))
    step = again.solvers[name]().step(pendulum, 0.3, z, 0.2)
    digits = 1e-14 if dtype == torch.float64 else 1e-8
    assert torch.allclose(step, solver.double().step(pendulum, 0.3, z, 0.2), rtol=0, atol=digits)


def test_delta_is_over_the_base_at_its_start(train: ModuleType) -> None:
    """The solver's errors and those at alpha = 1/2, measured apart."""
    solver = made(train, "Learned")
    history = fit(train, solver, iterations=40)
    eps = list(history.delta)[4]
    z = sample(512, torch.Generator().manual_seed(5))
    s, step = torch.tensor(0.7, dtype=torch.float64), torch.tensor(eps, dtype=torch.float64)
    exact = z
    for k in range(64):
        h = step / 64
        exact = train._rk4_step(pendulum, s + k * h, exact, h)
    alphas = [torch.tensor(value, dtype=torch.float64) for value in (float(solver.coefficients.detach()), 0.5)]
    now, start = [
        float((solver.base(pendulum, s, None, z, step, alpha)[0] - exact).detach().norm(dim=1).median())
        for alpha in alphas
    ]
    assert now / start < 1
    assert math.log(now / start) == pytest.approx(math.log(history.delta[eps]), abs=0.5)


def test_learned_parameters_do_not_decay(train: ModuleType) -> None:
    solver = made(train, "HyperLearned")
    groups = parameter_groups(solver)
    assert [len(group["params"]) for group in groups] == [4, 1]
    assert groups[1]["params"][0] is solver.coefficients
    assert groups[1]["weight_decay"] == 0


def test_written_needs_learned_parameters(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no learned parameters"):
        written(nn.Linear(1, 1), tmp_path)
