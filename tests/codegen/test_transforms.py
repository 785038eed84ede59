"""Generated solvers under torch's compilers, function transforms and tensors without numbers."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

SOLVERS: dict[str, Callable[[ModuleType], Any]] = {
    "a hypersolver": lambda module: module.HyperHeun((3,)),
    "a solver": lambda module: module.Dopri5(),
    "a family": lambda module: module.HyperAlpha((3,)),
    "a learned family": lambda module: module.HyperLearned((3,)),
    "learned coefficients": lambda module: module.LearnedFour(),
    "a warm start": lambda module: module.HyperWarm(
        (3,), field=nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 3))
    ),
}


class Field(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        out: Tensor = torch.tanh(self.layer(z)) * (1 + s)
        return out


class Problem(nn.Module):
    """A model with a solver in it."""

    def __init__(self, solver: Any, name: str) -> None:
        super().__init__()
        self.f = Field()
        self.solver = solver
        self.given = {"alpha": 0.7} if name == "a family" else {}

    def forward(self, z: Tensor) -> Tensor:
        end: Tensor = self.solver(self.f, z, (0.0, 1.0), 3, **self.given)
        return end


@pytest.fixture(params=SOLVERS)
def model(request: pytest.FixtureRequest, everything: ModuleType) -> Problem:
    name = request.param
    made = Problem(SOLVERS[name](everything), name)
    with torch.no_grad():
        for part, weight in made.solver.named_parameters():
            if part != "coefficients":  # those have poles
                weight.normal_()
    return made


def test_compiled_in_one_graph(model: Problem) -> None:
    z = torch.randn(5, 3)
    torch.compiler.reset()
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    assert torch.allclose(compiled(z), model(z), rtol=1e-6)


def test_a_compiled_step_takes_any_time_without_a_new_graph(everything: ModuleType) -> None:
    solver, f = everything.HyperHeun((3,)), Field()
    z = torch.randn(5, 3)
    torch.compiler.reset()
    counted = torch._dynamo.testing.CompileCounter()
    step = torch.compile(lambda s, z, eps: solver.step(f, s, z, eps), fullgraph=True, backend=counted)
    for k in range(4):
        s, eps = torch.tensor(0.1 * k), torch.tensor(0.3 / (k + 1))
        assert torch.allclose(step(s, z, eps), solver.step(f, s, z, eps), rtol=1e-6)
    assert counted.frame_count == 1


def test_exported(model: Problem) -> None:
    batch = torch.export.Dim("batch", min=2)
    program = torch.export.export(model, (torch.randn(5, 3),), dynamic_shapes=({0: batch},))
    z = torch.randn(8, 3)
    assert torch.allclose(program.module()(z), model(z), rtol=1e-6)


def test_mapped_over_a_batch(model: Problem) -> None:
    z = torch.randn(5, 3)
    assert torch.allclose(torch.func.vmap(model)(z), model(z), rtol=1e-5, atol=1e-6)


def test_derivatives_forwards_and_backwards_agree(model: Problem) -> None:
    model = model.double()
    z, direction = torch.randn(2, 4, 3, dtype=torch.float64)
    end, tangent = torch.func.jvp(model, (z,), (direction,))  # type: ignore[misc]  # no aux, no third
    assert torch.allclose(end, model(z))
    difference = (model(z + 1e-6 * direction) - model(z - 1e-6 * direction)) / 2e-6
    assert torch.allclose(tangent, difference, rtol=1e-5, atol=1e-7)
    _, pullback = torch.func.vjp(model, z)  # type: ignore[misc]  # no aux, no third
    cotangent = torch.randn_like(end)
    assert torch.allclose((pullback(cotangent)[0] * direction).sum(), (cotangent * tangent).sum())


def test_on_the_meta_device(model: Problem) -> None:
    """No number is looked at and no tensor is made elsewhere, so that any device does."""
    model = model.to("meta")
    end = model(torch.empty(5, 3, device="meta"))
    assert (end.shape, end.device.type) == ((5, 3), "meta")
    states = model.solver.odeint(model.f, torch.empty(5, 3, device="meta"), [0.0, 0.5], **model.given)
    assert states.shape == (2, 5, 3)


def test_fake_tensors(model: Problem) -> None:
    from torch._subclasses import FakeTensorMode  # noqa: PLC0415 — what torch.export uses within

    with FakeTensorMode(allow_non_fake_inputs=True):
        assert model(torch.empty(5, 3)).shape == (5, 3)


def test_time_may_run_backwards(model: Problem) -> None:
    """There and back again, up to the local errors."""
    model = model.double()
    for part, weight in model.solver.named_parameters():
        if part != "coefficients":
            nn.init.zeros_(weight)
    z = torch.randn(5, 3, dtype=torch.float64)
    end = model.solver(model.f, z, (0.0, 1.0), 200, **model.given)
    back = model.solver(model.f, end, (1.0, 0.0), 200, **model.given)
    assert torch.allclose(back, z, atol=max(1e-4, 2 / 200**model.solver.order))
    assert not torch.allclose(end, z, atol=1e-1)


def test_the_span_has_a_gradient(everything: ModuleType) -> None:
    solver, f = everything.Dopri5(), Field().double()
    z = torch.randn(3, dtype=torch.float64)
    end = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    state = solver(f, z, (0.0, end), 20)
    (slope,) = torch.autograd.grad(state.sum(), end)
    assert torch.allclose(slope, f(end, state).sum(), rtol=1e-5)
