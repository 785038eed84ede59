"""Adaptive steps whose base has something to learn: what estimates their error, and the spec that is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hyperdsl import compiler
from hyperdsl.diagnostics import has_errors
from hyperdsl.evaluation.packages import load_package
from hyperdsl.source import SpecFile
from hyperdsl.training.learned import written
from hyperdsl.verifying.verify import verify
from tests.training.test_learned import compiled

FAMILY = """
method of_alpha(alpha) {
    where 1/4 <= alpha <= 1
    order 2(1)
    tableau {
        0     |
        alpha | alpha
        ------+---------------------------
              | 1 - 1/(2*alpha), 1/(2*alpha)
              | 1
    }
}
control joint {
    error embedded
    rtol 1e-3
    atol 1e-3
    max_step 1/2
}
"""
SPEC = f"""{FAMILY}
control doubled {{
    error doubling
    rtol 1e-3
    atol 1e-3
}}
control each {{
    error doubling
    rtol 1e-3
    atol 1e-3
    per_sample yes
}}
training fit {{
    loss end
    steps 4
    optimizer adamw(lr = 1e-2)
    iterations 40
    batch 32
    trajectories 32
}}
corrector g {{
    inputs z, dz, eps
    layers linear(8), silu
}}
solver Embedded {{
    base of_alpha(alpha = learned(1/2))
    control joint
    training fit
}}
solver Open {{
    base of_alpha(alpha = free)
    control joint
}}
solver Doubled {{
    base learned(kutta3)
    control doubled
    training fit
}}
solver Each {{
    base learned(kutta3)
    control each
    training fit
}}
solver Implicit {{
    base learned(sdirk2)
    control doubled
    training fit
}}
hypersolver Corrected {{
    base of_alpha(alpha = learned(1/2))
    control joint
    corrector g
    training fit
}}
solver Pair {{
    base ars222
    control doubled
}}
solver PairEach {{
    base ars222
    control each
}}
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Any:
    _, found = compiled(tmp_path_factory.mktemp("controlled"), "controlled", SPEC)
    return found


def field(s: Tensor, z: Tensor) -> Tensor:
    return torch.stack((2 * torch.sin(z[..., 1]), -2 * (z[..., 1] - torch.cos(3 * s))), -1)


def sample(batch: int, generator: torch.Generator) -> Tensor:
    return torch.randn(batch, 2, generator=generator, dtype=torch.float64)


def exact() -> Tensor:
    """The state at 1, by the fourth-order method in 200 steps."""
    z, h = START, 1 / 200
    for k in range(200):
        s = torch.tensor(k * h, dtype=torch.float64)
        a = field(s, z)
        b = field(s + h / 2, z + h / 2 * a)
        c = field(s + h / 2, z + h / 2 * b)
        z = z + h / 6 * (a + 2 * b + 2 * c + field(s + h, z + h * c))
    return z


START = torch.tensor([[1.0, 0.5], [0.3, -0.8]], dtype=torch.float64)


def test_package_is_what_the_spec_says(package: Any) -> None:
    assert [difference for _, _, difference in verify([package.folder])] == [None]


@pytest.mark.parametrize("name", ["Embedded", "Doubled", "Each", "Implicit"])
def test_training_goes_on_in_adaptive_steps_and_is_written_with_its_control(
    package: Any, name: str, tmp_path: Path
) -> None:
    kind = package.choose(name)
    solver = kind()
    history = package.train().fit(solver, field, sample, (0.0, 1.0), progress=False)
    assert sum(history.loss[-5:]) < 0.95 * sum(history.loss[:5])
    path = tmp_path / "again.hyper"
    path.write_text(written(solver, package.folder))
    checked = compiler.check([SpecFile(path, path.name)])
    assert not has_errors(checked.diagnostics), checked.diagnostics
    compiler.compile_checked(checked, tmp_path)
    again: Any = load_package(tmp_path / "again").choose(name)()
    assert (again.order, vars(again.control)) == (solver.order, vars(solver.control))
    found, other = (one.solve(field, START, (0.0, 1.0)) for one in (solver, again))
    torch.testing.assert_close(found.z, other.z, rtol=1e-9, atol=1e-9)
    assert float((found.z - exact()).abs().max()) < 1e-2


@pytest.mark.parametrize("name", ["Embedded", "Doubled"])
def test_gradients_of_coefficients_go_through_steps_that_are_computed_again(package: Any, name: str) -> None:
    solver = package.choose(name)()
    found = [
        torch.autograd.grad(call(field, START, (0.0, 1.0)).sum(), solver.coefficients)[0]
        for call in (solver, solver.adjoint)
    ]
    assert bool((found[0] != 0).any())
    torch.testing.assert_close(found[0], found[1])


def test_a_corrector_is_trained_with_its_adaptive_base(package: Any) -> None:
    solver = package.choose("Corrected")((2,)).double()
    start = solver.coefficients.item()
    history = package.train().fit(solver, field, sample, (0.0, 1.0), progress=False)
    assert sum(history.loss[-5:]) < sum(history.loss[:5]) / 2
    assert solver.coefficients.item() != start
    assert solver.solve(field, START, (0.0, 1.0)).statistics.accepted < 100


def test_families_with_free_parameters_have_adaptive_steps(package: Any) -> None:
    solution = package.choose("Open")().solve(field, START, (0.0, 1.0), alpha=2 / 3)
    assert float((solution.z - exact()).abs().max()) < 1e-2


@pytest.mark.parametrize("name", ["Pair", "PairEach"])
def test_doubling_controls_pairs_without_embedded_weights(package: Any, name: str) -> None:
    def implicit(s: Tensor, z: Tensor) -> Tensor:
        return -1e4 * (z - (torch.cos(s)[:, None] if s.ndim else torch.cos(s)))

    solver = package.choose(name)()
    solution = solver.solve((lambda s, z: torch.sin(z), implicit), START, (0.0, 1.0))
    assert float((solution.z - torch.cos(torch.ones(()))).abs().max()) < 2e-3
    assert int(torch.as_tensor(solution.statistics.accepted).max()) < 60


@pytest.mark.parametrize(
    ("base", "text"),
    [
        ("learned(bosh3)", "order 1 alone is kept"),
        ("learned(radau_iia3)", "order 1 alone is kept"),
        ("learned(ars222)", "parameters of a family can be learned"),
        ("learned(ros3p)", "parameters of a family can be learned"),
        ("learned(ab3)", "has a history"),
    ],
)
def test_what_no_estimate_is_to_be_had_of(tmp_path: Path, base: str, text: str) -> None:
    path = tmp_path / "made.hyper"
    path.write_text(f"{FAMILY}\nsolver Made {{\n    base {base}\n    control joint\n}}\n")
    (found,) = (one for one in compiler.check([SpecFile(path, path.name)]).diagnostics if one.severity == "error")
    assert text in found.message
    assert found.help
