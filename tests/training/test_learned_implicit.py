"""Learned coefficients of implicit methods: gradients, training on a stiff problem, and what is written back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hyperdsl.training.learned import kept_in_range, written
from tests.training.test_fit import fit
from tests.training.test_learned import compiled

NAMES = {
    "Sdirk3": "sdirk3",
    "Trbdf2": "trbdf2",
    "Crouzeix3": "crouzeix3",
    "RadauIIA3": "radau_iia3",
    "Gauss4": "gauss4",
}
SPEC = """
training fit {
    loss end
    steps 2
    optimizer adamw(lr = 1e-2)
    iterations 12
    batch 16
    trajectories 16
    reference radau_iia5 {
        substeps 2
    }
}
""" + "".join(
    f"solver {name} {{\n base learned({method})\n training fit\n}}\nsolver Plain{name} {{\n base {method}\n}}\n"
    for name, method in NAMES.items()
)
STIFF = 1e4


def slow(s: Tensor, z: Tensor) -> Tensor:
    """Two oscillating components, and one that follows their product very fast."""
    x, y, fast = z.unbind(-1)
    return torch.stack([2 * y, -2 * x - x**3, STIFF * (x * y - fast)], -1)


def sample(batch: int, generator: torch.Generator) -> Tensor:
    x, y = (2 * torch.rand(2, batch, generator=generator, dtype=torch.float64) - 1).unbind()
    return torch.stack([x, y, x * y], -1)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return compiled(tmp_path_factory.mktemp("implicit"), "implicit", SPEC)[1]


@pytest.mark.parametrize("name", NAMES)
def test_untrained_is_the_base(package: Any, name: str) -> None:
    z = sample(8, torch.Generator().manual_seed(0))
    step, expected = (package.solvers[one]().step(slow, 0.0, z, 0.2) for one in (name, f"Plain{name}"))
    assert torch.allclose(step, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_by_the_coefficients(package: Any, name: str) -> None:
    """The implicit function theorem's against central differences."""
    solver = package.solvers[name]()
    z = sample(4, torch.Generator().manual_seed(0))

    def loss() -> Tensor:
        return (solver(slow, z, (0.0, 0.6), 2) ** 2).sum()

    loss().backward()
    found = solver.coefficients.grad.tolist()
    differences = []
    for i in range(len(found)):
        ends = []
        for sign in (1, -1):
            with torch.no_grad():
                solver.coefficients[i] += sign * 1e-5
                ends.append(float(loss()))
                solver.coefficients[i] -= sign * 1e-5
        differences.append((ends[0] - ends[1]) / 2e-5)
    assert found == pytest.approx(differences, rel=1e-4, abs=1e-6)
    assert any(abs(one) > 1e-3 for one in found)


def left_over(package: Any, solver: Any) -> float:
    """How far two steps over the span end from where many of Radau's do, on states that training has not seen."""
    z = sample(64, torch.Generator().manual_seed(5))
    with torch.no_grad():
        exact = package.solvers["PlainRadauIIA3"]()(slow, z, (0.0, 1.0), 100)
        return float((solver(slow, z, (0.0, 1.0), 2) - exact).norm())


@pytest.mark.parametrize("name", ["Crouzeix3", "RadauIIA3"])
def test_training_gains_over_the_start(package: Any, name: str) -> None:
    solver = package.solvers[name]()
    before = left_over(package, solver)
    fit(package.train(), solver, slow, sample, (0.0, 1.0))
    assert left_over(package, solver) < 0.9 * before


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_the_method_proven_anew(package: Any, tmp_path: Path, name: str) -> None:
    solver = package.solvers[name]()
    with torch.no_grad():
        solver.coefficients *= 1.01
    spec, again = compiled(tmp_path, "written", written(solver, package.folder))
    (method,) = spec.methods
    plain = package.solvers[f"Plain{name}"]()
    assert method.facts.order == 1
    assert method.facts.stiffly_accurate == (name in ("Sdirk3", "Trbdf2", "RadauIIA3"))
    z = sample(8, torch.Generator().manual_seed(1))
    ends = [one.step(slow, 0.0, z, 0.5).detach() for one in (again.solvers[name](), solver, plain)]
    assert torch.allclose(ends[0], ends[1], rtol=0, atol=1e-9)
    assert not torch.allclose(ends[0], ends[2], rtol=0, atol=1e-6)


def test_no_coefficient_leaves_its_bound(package: Any) -> None:
    """Towards a pole, here y1 = y2, a part of a step is taken: the equations' coefficients are looked at."""
    solver, train = package.solvers["Crouzeix3"](), package.train()
    allowed = train.LEARNED[type(solver)]
    with kept_in_range(solver, allowed), torch.no_grad():
        solver.coefficients.copy_(torch.tensor([0.8, 1 / 0.8 + 1e-9]))
    values = solver.coefficients.detach()
    assert float(torch.stack([*map(torch.as_tensor, allowed.coefficients(*values))]).abs().max()) <= 3 + 1e-5


@pytest.mark.parametrize("name", ["Sdirk3", "Gauss4"])
def test_steps_compile(package: Any, name: str) -> None:
    """Learned weights of equations are tensors, whose values a compiler may not look at."""
    solver = package.solvers[name]()
    z = sample(3, torch.Generator().manual_seed(0))
    with torch.no_grad():
        step = torch.compile(lambda z: solver.step(slow, 0.0, z, 0.25), backend="eager", fullgraph=True)
        assert torch.allclose(step(z), solver.step(slow, 0.0, z, 0.25), rtol=0, atol=1e-9)
