"""torchdyn's quickstart, a NeuralODE that tells two moons apart, with generated solvers as its solver."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from sklearn.datasets import make_moons
from torch import Tensor, nn

from generated.abm4 import ABM4
from generated.adaptive_dopri5 import AdaptiveDopri5
from generated.hyper_euler import HyperEuler
from generated.hyper_midpoint import HyperMidpoint
from hyperdsl.adapters.torchdyn import TorchdynSolver

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own imports
    from torchdyn.core import NeuralODE
    from torchdyn.numerics import odeint

SPAN = torch.linspace(0, 1, 5)


def field() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))


def moons() -> tuple[Tensor, Tensor]:
    points, labels = make_moons(64, noise=0.1, random_state=0)
    return torch.tensor(points, dtype=torch.float32), torch.tensor(labels)


def trained(solver: Any, iterations: int = 15, **settings: Any) -> tuple[list[float], Tensor, Any]:
    """The losses, the last trajectory and the model."""
    x, y = moons()
    model = NeuralODE(field(), solver=solver, **settings)
    optimizer = torch.optim.Adam(model.vf.parameters(), 0.02)
    losses, states = [], x
    for _ in range(iterations):
        _, states = model(x, SPAN)
        loss = nn.functional.cross_entropy(states[-1], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, states.detach(), model


@pytest.mark.parametrize(
    ("name", "solver", "settings", "tolerance"),
    [
        ("euler", lambda: HyperEuler((2,)), {}, 1e-5),  # untrained, they are their bases, which torchdyn has too
        ("midpoint", lambda: HyperMidpoint((2,)), {"steps": 1}, 1e-5),
        ("dopri5", AdaptiveDopri5, {"rtol": 1e-5, "atol": 1e-5}, 1e-3),
        ("dopri5", ABM4, {"steps": 4}, 1e-3),
    ],
)
def test_the_moons_are_learned_as_by_its_own_solver(name: str, solver: Any, settings: Any, tolerance: float) -> None:
    own: Any = {"atol": 1e-5, "rtol": 1e-5} if name == "dopri5" else {}
    expected, states, _ = trained(name, **own)
    found, own_states, _ = trained(TorchdynSolver(solver(), **settings))
    assert found == pytest.approx(expected, rel=tolerance, abs=tolerance)
    torch.testing.assert_close(own_states, states, rtol=10 * tolerance, atol=10 * tolerance)
    assert found[-1] < 0.9 * found[0]


def test_the_adjoint_takes_a_solver_of_its_own() -> None:
    solver = TorchdynSolver(HyperMidpoint((2,)), steps=4)
    by_graph, by_adjoint = (
        trained(solver, 5, **more)[0] for more in ({}, {"sensitivity": "adjoint", "solver_adjoint": "dopri5"})
    )
    assert by_adjoint == pytest.approx(by_graph, rel=1e-2)


def test_g_is_part_of_the_model_and_odeint_takes_the_solver_in_both_directions() -> None:
    solver = TorchdynSolver(HyperEuler((2,)), steps=200)
    model = NeuralODE(field(), solver=solver)
    assert {*solver.parameters()} <= {*model.parameters()}
    x = torch.tensor([[1.0, -0.5]])
    for span in (torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0])):
        _, states = odeint(lambda t, x: -x, x, span, solver=solver)
        torch.testing.assert_close(states[-1], x * torch.exp(span[0] - span[1]), rtol=1e-2, atol=0)


def test_what_is_not_taken_is_said() -> None:
    x, span = torch.tensor([[1.0, -0.5]]), torch.tensor([0.0, 1.0])
    with pytest.raises(TypeError, match=r"HyperEuler.*'rtol': it takes fixed steps"):
        odeint(lambda t, x: -x, x, span, solver=TorchdynSolver(HyperEuler((2,)), rtol=1e-3))
    with pytest.raises(TypeError, match=r"AdaptiveDopri5.*'steps': its steps follow"):
        odeint(lambda t, x: -x, x, span, solver=TorchdynSolver(AdaptiveDopri5(), steps=3))
    with pytest.raises(TypeError, match="a solver of a generated package"):
        TorchdynSolver(nn.Linear(1, 1))
