"""Flows by maximum likelihood: the divergence and the density against closed forms, and that training raises it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal
from torch.func import jacrev, vmap

from hyperdsl.evaluation import cnf
from hyperdsl.evaluation.built_in import BUILT_IN
from hyperdsl.evaluation.flows import FlowField, FlowRecipe, train_flow
from hyperdsl.evaluation.shapes import SHAPES, eight_gaussians
from hyperdsl.evaluation.solvers import torchdiffeq_solve

MATRIX = torch.tensor([[0.3, -0.8], [0.5, -0.4]], dtype=torch.float64)
OFFSET = torch.tensor([0.2, -0.1], dtype=torch.float64)
SMALL = cnf.CnfRecipe(
    FlowRecipe("eight_gaussians", 16, 2, iterations=1), iterations=25, batch=128, learning_rate=3e-2, steps=4
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def linear() -> FlowField:
    """f(s, z) = A z + b, whose density is Gaussian for every s."""
    field = FlowField(hidden=3, layers=0).double().requires_grad_(False)
    weights = {"weight": torch.cat((MATRIX, torch.zeros(2, 1)), 1), "bias": OFFSET}
    field.layers[0].load_state_dict(weights)
    return field


def gaussian() -> MultivariateNormal:
    """The density of the linear field at s = 1, from exp of the matrix that has b as another column."""
    whole = torch.matrix_exp(torch.cat((torch.cat((MATRIX, OFFSET.unsqueeze(1)), 1), torch.zeros(1, 3)), 0))
    return MultivariateNormal(whole[:2, 2], whole[:2, :2] @ whole[:2, :2].T)


@pytest.mark.parametrize("waves", [0, 3])
def test_the_jacobian_is_that_of_automatic_differentiation(waves: int) -> None:
    torch.manual_seed(1)
    field, z = FlowField(8, 3, waves).double(), torch.randn(6, 2, dtype=torch.float64)
    for s in (torch.tensor(0.3), torch.rand(6, 1, dtype=torch.float64)):
        value, columns = field.with_jacobian(s, z)
        at = s.expand(6, 1)
        expected = vmap(jacrev(lambda point, time: field(time, point)))(z, at)
        torch.testing.assert_close(value, field(s, z))
        torch.testing.assert_close(columns, expected.movedim(-1, 0))
        slope = cnf.Augmented(field)(s, cnf.augmented(z))
        torch.testing.assert_close(slope[:, 2], -expected.diagonal(dim1=1, dim2=2).sum(1))


def test_the_density_of_a_linear_field_is_gaussian() -> None:
    """By the augmented state, and by the map from data to noise."""
    field, data = linear(), torch.randn(20, 2, generator=generator(), dtype=torch.float64)
    exact = gaussian().log_prob(data)
    end = torchdiffeq_solve(cnf.Augmented(field), cnf.augmented(data), (1.0, 0.0), tolerance=1e-9)
    torch.testing.assert_close(cnf.log_likelihood(end), exact, rtol=0, atol=1e-7)
    back = partial(torchdiffeq_solve, field, span=(1.0, 0.0), tolerance=1e-9)
    torch.testing.assert_close(cnf.log_likelihood_of_map(back, data), exact, rtol=0, atol=1e-7)
    loss, kinetic, jacobian = cnf.likelihood_loss(field, data, 20)
    assert float(loss) == pytest.approx(-float(exact.mean()), abs=1e-6)
    assert float(jacobian) == pytest.approx(float(MATRIX.square().sum()), rel=1e-9)
    assert float(kinetic) == pytest.approx(float(_mean_square_on_the_way(data)), abs=1e-6)


def _mean_square_on_the_way(data: Tensor) -> Tensor:
    """∫|A z + b|² ds along the exact solutions, by a fine sum."""
    fixed, total = torch.linalg.solve(MATRIX, OFFSET), torch.zeros((), dtype=torch.float64)
    for k in range(400):
        z = (data + fixed) @ torch.matrix_exp(-MATRIX * (k + 0.5) / 400).T
        total += (z @ MATRIX.T).square().sum(1).mean() / 400
    return total


def test_a_map_of_one_step_has_its_own_density() -> None:
    """Euler's step back, T x = x − A x, has det(1 − A), which is not what the trace says."""
    data = torch.randn(5, 2, generator=generator(), dtype=torch.float64)
    found = cnf.log_likelihood_of_map(lambda x: x - x @ MATRIX.T, data)
    determinant = torch.linalg.det(torch.eye(2, dtype=torch.float64) - MATRIX)
    torch.testing.assert_close(found, cnf.log_normal(data - data @ MATRIX.T) + determinant.abs().log())
    assert abs(float(determinant.log() + MATRIX.trace())) > 0.1


def test_training_raises_the_likelihood_and_is_kept(tmp_path: Path) -> None:
    data = eight_gaussians(1000, generator(7))
    before = train_flow(0, SMALL.start, progress=False)
    field = cnf.cnf_field(0, SMALL, tmp_path, progress=False)
    with torch.no_grad():
        first, last = (float(cnf.likelihood_loss(f, data, 8)[0]) for f in (before, field))
    assert last < first - 0.05
    again = cnf.cnf_field(0, SMALL, tmp_path, progress=False)
    assert all(torch.equal(a, b) for a, b in zip(field.parameters(), again.parameters(), strict=True))
    problem = cnf.likelihood_problem(field, "eight_gaussians", "back")
    z, _ = problem.draw(3, generator())
    assert problem.span == (1.0, 0.0)
    assert torch.equal(z, cnf.augmented(eight_gaussians(3, generator())))


def test_they_are_built_in() -> None:
    assert {f"cnf_{shape}" for shape in SHAPES} == set(cnf.RECIPES) <= set(BUILT_IN)
