"""Families of Rosenbrock and additive methods in solvers: parameters that are free in calls, or found by training."""

from __future__ import annotations

import subprocess
import sys
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

ROSENBROCK = """
method of_gamma(gamma) {
    where 3/5 <= gamma <= 2
    order 2(1)
    tableau {
        0 |
        1 | 1
        --+---------
          | 1/2, 1/2
          | 1
    }
    gamma {
        gamma
        -2*gamma, gamma
    }
    dense 2 {
        | theta - (theta^2/2 - gamma*theta)/(1 - 2*gamma), (theta^2/2 - gamma*theta)/(1 - 2*gamma)
    }
}
"""
SPEC = f"""{ROSENBROCK}
method of_alpha(alpha) {{
    where 1/4 <= alpha <= 1
    order 2(1)
    tableau explicit {{
        0     |
        alpha | alpha
        ------+---------------------------
              | 1 - 1/(2*alpha), 1/(2*alpha)
              | 1
    }}
    tableau implicit {{
        0     |
        alpha | 0, alpha
        ------+---------------------------
              | 1 - 1/(2*alpha), 1/(2*alpha)
              | 1
    }}
}}
control joint {{
    error embedded
}}
control each {{
    error embedded
    per_sample yes
}}
training fit {{
    loss end
    steps 4
    optimizer adamw(lr = 2e-2)
    iterations 60
    batch 32
    trajectories 32
}}
corrector g {{
    inputs z, dz, eps, gamma
    layers linear(8), silu
}}
solver Open {{
    base of_gamma(gamma = free)
}}
solver Fixed {{
    base of_gamma(gamma = 4/5)
    control joint
}}
solver Adaptive {{
    base of_gamma(gamma = 3/5 .. 1)
    control joint
}}
solver Each {{
    base of_gamma(gamma = 3/5 .. 1)
    control each
}}
solver Found {{
    base of_gamma(gamma = learned(2))
    training fit
}}
hypersolver Both {{
    base of_gamma(gamma = learned(1))
    corrector g
    training fit
}}
hypersolver Drawn {{
    base of_gamma(gamma = 3/5 .. 1)
    corrector g
    training fit
}}
solver Pair {{
    base of_alpha(alpha = learned(1/2))
    training fit
}}
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Any:
    _, found = compiled(tmp_path_factory.mktemp("open_stiff"), "open_stiff", SPEC)
    return found


def explicit(s: Tensor, z: Tensor) -> Tensor:
    return torch.stack((torch.sin(z[..., 1]), 0 * z[..., 1]), -1)


def implicit(s: Tensor, z: Tensor) -> Tensor:
    forced = torch.cos(3 * s)[:, None] if s.ndim else torch.cos(3 * s)
    return torch.stack((0 * z[..., 0], -20 * (z[..., 1] - forced.squeeze(-1))), -1)


def field(s: Tensor, z: Tensor) -> Tensor:
    return explicit(s, z) + implicit(s, z)


def sample(batch: int, generator: torch.Generator) -> Tensor:
    return torch.randn(batch, 2, generator=generator, dtype=torch.float64)


START = torch.tensor([[1.0, 0.5], [0.3, -0.8]], dtype=torch.float64)


def test_package_is_what_the_spec_says_and_the_certificate_holds(package: Any) -> None:
    assert [difference for _, _, difference in verify([package.folder])] == [None]
    tool = Path(__file__).parents[2] / "tools" / "check_certificate.py"
    command = [sys.executable, str(tool), str(package.folder / "certificate.json")]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout
    assert "does not hold" not in told.stdout


@pytest.mark.parametrize("gamma", [0.6, 1.0, 2.0])
def test_order_is_kept_for_every_value(package: Any, gamma: float) -> None:
    solver = package.choose("Open")()

    def mild(s: Tensor, z: Tensor) -> Tensor:
        return torch.sin(z) * torch.cos(s)

    exact = solver(mild, START, (0.0, 1.0), steps=400, gamma=1.0)
    errors = [float((solver(mild, START, (0.0, 1.0), steps=n, gamma=gamma) - exact).norm()) for n in (20, 40)]
    assert 3.4 < errors[0] / errors[1] < 4.6


def test_a_step_is_that_of_the_method_with_its_value_put_in(package: Any) -> None:
    given, fixed = package.choose("Adaptive")(), package.choose("Fixed")()
    s = torch.linspace(0, 1, 7, dtype=torch.float64)
    loose = {"rtol": 1e-3, "atol": 1e-3}
    states = fixed.odeint(field, START, s, **loose)
    torch.testing.assert_close(given.odeint(field, START, s, gamma=0.8, **loose), states)
    each = package.choose("Each")().odeint(field, START, s, gamma=0.8, **loose)
    torch.testing.assert_close(each, states, rtol=1e-2, atol=1e-2)
    with pytest.raises(ValueError, match="gamma"):
        given(field, START, (0.0, 1.0), gamma=0.1)


@pytest.mark.parametrize("name", ["Open", "Adaptive"])
def test_gradients_by_the_parameter_are_those_of_differences(package: Any, name: str) -> None:
    """Through the factorised matrix, the drift, and the weights of dense output."""
    solver, gamma = package.choose(name)(), torch.tensor(0.8, dtype=torch.float64, requires_grad=True)

    def end(value: Any) -> Tensor:
        if name == "Open":
            return solver(field, START, (0.0, 1.0), steps=3, gamma=value).sum()
        large = {"first_step": 0.15, "rtol": 1e3, "atol": 1e3}
        return solver.solve(field, START, (0.0, 0.3), **large, gamma=value).dense(0.1).sum()

    (found,) = torch.autograd.grad(end(gamma), gamma)
    assert float(found) == pytest.approx(float(end(0.8 + 1e-6) - end(0.8 - 1e-6)) / 2e-6, rel=1e-5)


@pytest.mark.parametrize(("name", "f"), [("Found", field), ("Pair", (explicit, implicit))])
def test_training_finds_a_value_and_writes_the_method(package: Any, name: str, f: Any, tmp_path: Path) -> None:
    kind = package.choose(name)
    solver = kind()
    start = solver.coefficients.item()
    history = package.train().fit(solver, f, sample, (0.0, 1.0), progress=False)
    assert abs(solver.coefficients.item() - start) > 0.01
    assert max(history.delta.values()) < 0.95
    path = tmp_path / "again.hyper"
    path.write_text(written(solver, package.folder))
    checked = compiler.check([SpecFile(path, path.name)])
    assert not has_errors(checked.diagnostics), checked.diagnostics
    compiler.compile_checked(checked, tmp_path)
    again: Any = load_package(tmp_path / "again").choose(name)()
    assert again.order == solver.order == 2
    ends = [one(f, START, (0.0, 1.0), steps=4) for one in (again, solver)]
    torch.testing.assert_close(*ends, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["Both", "Drawn"])
def test_correctors_read_the_parameter(package: Any, name: str) -> None:
    solver = package.choose(name)((2,)).double()
    history = package.train().fit(solver, field, sample, (0.0, 1.0), progress=False)
    assert sum(history.loss[-5:]) < sum(history.loss[:5]) / 2


@pytest.mark.parametrize(
    ("where", "value", "code"),
    [
        ("-1 <= gamma <= 1", "free", "H207"),
        ("0 < gamma <= 1", "learned(1/2)", None),
        ("0 < gamma <= 1", "free", "H207"),
        ("1/10 <= gamma <= 1", "free", None),
    ],
)
def test_no_matrix_is_factorised_where_gamma_may_be_zero(tmp_path: Path, where: str, value: str, code: str) -> None:
    """Coefficients have no pole there, but what a step computes with has."""
    text = ROSENBROCK[: ROSENBROCK.index("    dense")] + "}\nsolver Made {\n    base of_gamma(gamma = VALUE)\n}\n"
    path = tmp_path / "made.hyper"
    path.write_text(text.replace("3/5 <= gamma <= 2", where).replace("VALUE", value))
    found = compiler.check([SpecFile(path, path.name)]).diagnostics
    assert [one.code for one in found if one.severity == "error"] == ([code] if code else [])


def test_a_pole_of_dense_output_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pole.hyper"
    path.write_text(ROSENBROCK.replace("3/5 <= gamma <= 2", "1/4 <= gamma <= 2"))
    (found,) = compiler.check([SpecFile(path, path.name)]).diagnostics
    assert "gamma = 1/2" in str(found)
