"""Gradients by the adjoint problem: those of every weight, or an error that says which would be lost."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.runtime.methods import (
    Adams,
    AdamsAtEnd,
    AdjointHeunEuler,
    Family,
    HyperAdams,
    HyperEuler,
    HyperHeunEuler,
    Ones,
    OwnHeunEuler,
)

SPAN = (0.0, 1.0)


class Wave(nn.Module):
    """z' = w sin²(20 s): dz(S)/dw = S/2 − sin(40 S)/80, whatever w is."""

    def __init__(self, w: float) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(w, dtype=torch.float64))

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        return self.w * torch.sin(20 * s) ** 2 * torch.ones_like(z)


class Energy(nn.Module):
    """A Hamiltonian field by autograd within f; `careful` is the usual way to write it."""

    def __init__(self, careful: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.energy = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1)).double()
        self.careful = careful

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        if self.careful:
            with torch.enable_grad():
                return self.slope(z.requires_grad_())
        return self.slope(z)

    def slope(self, z: Tensor) -> Tensor:
        (slope,) = torch.autograd.grad(self.energy(z).sum(), z, create_graph=True)
        return torch.stack((slope[..., 1], -slope[..., 0]), -1)


class Hidden(nn.Module):
    """A module that keeps another where PyTorch does not see it."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.nets = [net]

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        return self.nets[0](z)


def ones(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.ones(shape, dtype=dtype, requires_grad=True)


@pytest.mark.parametrize("w", [0.0, 1e-6, 1.0])
def test_errors_of_weights_gradients_count(w: float) -> None:
    f, right = Wave(w), 0.5 - math.sin(40) / 80
    found = []
    for seminorm in (False, True):
        end = AdjointHeunEuler().adjoint(f, ones(1), SPAN, rtol=1e-3, atol=1e-3, seminorm=seminorm)
        found.append(float(torch.autograd.grad(end.sum(), f.w)[0]))
    assert found[0] == pytest.approx(right, abs=5e-3)
    if w < 1:  # nothing else keeps the steps short
        assert abs(found[1] - right) > 1e-2


def test_weights_that_are_not_known_are_asked_for() -> None:
    torch.manual_seed(0)
    net, z = nn.Linear(2, 2).double(), ones(2)

    def bound(s: Tensor, z: Tensor) -> Tensor:
        return net(z)

    fields: list[Any] = [lambda s, z: net(z), bound, partial(bound), net.forward]
    for f in fields:
        with pytest.raises(ValueError, match="pass what it depends on and may have a gradient as weights="):
            AdjointHeunEuler().adjoint(f, z, SPAN)
        with pytest.raises(ValueError, match="weights="):
            AdjointHeunEuler().adjoint(lambda s, z: (net(z[0]),), (z,), SPAN)
    with pytest.raises(TypeError, match="a list or tuple of tensors"):
        AdjointHeunEuler().adjoint(bound, z, SPAN, weights=net.weight)  # type: ignore[arg-type]
    plain = AdjointHeunEuler()(bound, z, SPAN, rtol=1e-5)
    wanted = torch.autograd.grad(plain.sum(), [z, *net.parameters()])
    given: list[Any] = [net, list(net.parameters()), net.parameters()]
    for weights in given:
        end = AdjointHeunEuler().adjoint(bound, z, SPAN, rtol=1e-5, weights=weights)
        for one, other in zip(torch.autograd.grad(end.sum(), [z, *net.parameters()]), wanted, strict=True):
            assert torch.allclose(one, other, rtol=1e-4)
    AdjointHeunEuler().adjoint(bound, z, SPAN, weights=()).sum().backward()
    assert net.weight.grad is None  # which is what was said


def test_tensors_that_are_no_parameters_of_a_module() -> None:
    net, z = nn.Linear(2, 2).double(), ones(2)
    with pytest.raises(ValueError, match=r"none of its parameters .*\(of shape .*\(2, 2\)"):
        AdjointHeunEuler().adjoint(Hidden(net), z, SPAN)
    with torch.no_grad():
        AdjointHeunEuler().adjoint(Hidden(net), z, SPAN)
    end = AdjointHeunEuler().adjoint(Hidden(net), z, SPAN, weights=tuple(net.parameters()))
    assert bool(torch.autograd.grad(end.sum(), net.weight)[0].any())
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    AdjointHeunEuler().adjoint(Hidden(net), z, SPAN)


def test_weights_that_were_computed() -> None:
    net, z, logarithm = nn.Linear(2, 2).double(), ones(2), torch.zeros(2, dtype=torch.float64, requires_grad=True)
    rate = logarithm.exp()
    end = AdjointHeunEuler().adjoint(lambda s, z: -rate * z, z, SPAN, rtol=1e-5, weights=[rate])
    (found,) = torch.autograd.grad(end.sum(), logarithm)
    assert torch.allclose(found, -torch.exp(-torch.ones_like(found)), rtol=1e-4)
    assert net.weight.grad is None


@pytest.mark.parametrize("careful", [True, False])
def test_f_may_differentiate_within_itself(careful: bool) -> None:
    f = Energy(careful)
    wanted = [z := ones(3, 2), *f.energy.parameters()]
    start = torch.ones(3, 2, dtype=torch.float64)
    assert AdjointHeunEuler().adjoint(f, start, SPAN).shape == (3, 2)
    assert not start.requires_grad
    both = [solve(f, z, SPAN, rtol=1e-5).square().sum() for solve in (AdjointHeunEuler(), AdjointHeunEuler().adjoint)]
    for one, other in zip(*(torch.autograd.grad(end, wanted, allow_unused=True) for end in both), strict=True):
        assert torch.allclose(one if one is not None else torch.zeros_like(other), other, rtol=1e-3, atol=1e-4)


def test_states_and_weights_of_several_dtypes() -> None:
    rate = torch.tensor([0.3 + 1j], dtype=torch.complex64, requires_grad=True)
    real, turned = ones(2), ones(1, dtype=torch.complex128)
    end = AdjointHeunEuler().adjoint(lambda s, z: -z * rate.abs().double(), real, SPAN, rtol=1e-5, weights=[rate])
    plain = AdjointHeunEuler()(lambda s, z: -z * rate.abs().double(), real, SPAN, rtol=1e-5)
    found, wanted = (torch.autograd.grad(value.sum(), rate)[0] for value in (end, plain))
    assert found.dtype is torch.complex64
    assert torch.allclose(found, wanted, rtol=1e-4)
    end = AdjointHeunEuler().adjoint(lambda s, z: 1j * rate.abs() * z, turned, SPAN, rtol=1e-5, weights=[rate])
    plain = AdjointHeunEuler()(lambda s, z: 1j * rate.abs() * z, turned, SPAN, rtol=1e-5)
    for one, other in zip(
        *(torch.autograd.grad(value.abs().square().sum() + value.real.sum(), [turned, rate]) for value in (end, plain)),
        strict=True,
    ):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-5)


def test_a_constant_slope_has_gradients_of_zero() -> None:
    end = AdjointHeunEuler().adjoint(lambda s, z: torch.ones_like(z), z := ones(2), SPAN, weights=())
    assert torch.equal(torch.autograd.grad(end.sum(), z)[0], torch.ones_like(z))


def test_gradients_are_not_differentiated_again() -> None:
    end = AdjointHeunEuler().adjoint(lambda s, z: -z * z, z := ones(2), SPAN, weights=())
    (gradient,) = torch.autograd.grad(end.sum(), z, create_graph=True)
    with pytest.raises(RuntimeError, match="cannot be differentiated again"):
        (z.sum() + gradient.sum()).backward()


class Learned(nn.Module):
    """g of one layer."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, eps: Tensor, s: Tensor, x: Tensor | None, z: Tensor, *seen: Tensor) -> Tensor:
        return self.net(z)


@pytest.mark.parametrize("solver", [HyperEuler(Ones()), Family(), Adams(), AdamsAtEnd(), HyperAdams(Ones())])
def test_steps_computed_again_give_the_same_gradients(solver: Any) -> None:
    """Exactly, those of x, of f's and g's weights, of the parameters of the method and of times among them."""
    f, given = Energy(True), [z := ones(3, 2), x := ones(3, 2), end := ones()]
    more: dict[str, Any] = {}
    if solver.free:
        more = {"alpha": torch.tensor(0.6, dtype=torch.float64, requires_grad=True)}
    net = nn.Linear(2, 2).double()
    if solver.residual_power is not None:
        solver.corrector = Learned(net)
    wanted = [*given, *more.values(), *f.parameters(), *net.parameters()]

    def field(s: Tensor, x: Tensor, z: Tensor) -> Tensor:
        return f(s, z) * x * torch.cos(s)

    both = [call(field, z, (0.0, end), 5, x=x, **more).square().sum() for call in (solver, solver.adjoint)]
    assert torch.equal(*both)
    found = [torch.autograd.grad(value, wanted, allow_unused=True, materialize_grads=True) for value in both]
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


def test_of_a_step_computed_again_its_start_alone_is_kept() -> None:
    def kept(call: Any, layers: int) -> int:
        net = nn.Sequential(*(nn.Sequential(nn.Linear(2, 2), nn.Tanh()) for _ in range(layers))).double()
        saved: list[int] = []

        def pack(tensor: Tensor) -> Tensor:
            saved.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            call(lambda s, z: net(z), ones(5, 2), SPAN, 8, alpha=0.5)
        return sum(saved)

    assert kept(Family().adjoint, 6) == kept(Family().adjoint, 1)
    assert kept(Family(), 6) > 3 * kept(Family(), 1)


def test_steps_of_several_tensors_computed_again() -> None:
    one, other = ones(2), ones(3)
    ends = [
        call(lambda s, z: (z[1][:2], -z[1]), (one, other), SPAN, 4, alpha=0.5) for call in (Family(), Family().adjoint)
    ]
    found = [torch.autograd.grad(end[0].sum() + end[1].square().sum(), [one, other]) for end in ends]
    for pair in zip(*found, strict=True):
        assert torch.equal(*pair)


class Net(nn.Module):
    """g of a hidden layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.layers = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2)).double()

    def forward(self, eps: Tensor, s: Tensor, x: Tensor | None, z: Tensor, *seen: Tensor) -> Tensor:
        return self.layers(z)


@pytest.mark.parametrize("made", [lambda: HyperHeunEuler(Net()), OwnHeunEuler])
def test_adaptive_steps_that_have_no_adjoint_problem_are_computed_again(made: Any) -> None:
    solver, net, z = made(), nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2)).double(), ones(3, 2)
    weights, found = [z, *net.parameters(), *solver.parameters()], list[tuple[Tensor, int]]()
    for solve in (solver, solver.adjoint):
        kept: list[Tensor] = []

        def keep(value: Tensor, kept: list[Tensor] = kept) -> Tensor:
            kept.append(value)
            return value

        with torch.autograd.graph.saved_tensors_hooks(keep, _same):
            end = solve(lambda s, z: net(z), z, SPAN, rtol=1e-6, atol=1e-6)
        found.append((end, sum(value.shape == (3, 8) for value in kept)))  # within f and g
    (plain, many), (end, few) = found
    assert torch.equal(plain, end)
    assert few < 4
    assert many > 100
    for one, other in zip(*(torch.autograd.grad(value.square().sum(), weights) for value in (plain, end)), strict=True):
        assert torch.equal(one, other)


def _same(value: Tensor) -> Tensor:
    return value
