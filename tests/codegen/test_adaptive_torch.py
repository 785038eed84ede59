"""Adaptive solvers and torch: gradients, adjoints, reads from the device, compiled steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.codegen.adaptive import (
    SOLVERS,
    Net,
    given_to,
    made,
    pendulum,
)


@pytest.mark.parametrize("name", SOLVERS)
def test_gradients_are_those_of_differences(adaptive: ModuleType, name: str) -> None:
    torch.manual_seed(0)
    solver, f, more = made(adaptive, name), Net(), given_to(name)
    z = torch.randn(2, 2, dtype=torch.float64, requires_grad=True)
    direction = torch.randn(2, 2, dtype=torch.float64)
    small = 1e-6 if solver.order <= 2 else 1e-9
    tolerance = {"rtol": small, "atol": small}

    def end(z: Tensor) -> Tensor:
        return (solver(f, z, (0.0, 1.0), **tolerance, **more) * direction).sum()

    gradient, *weights = torch.autograd.grad(end(z), [z, *f.parameters()])
    assert all(bool(weight.isfinite().all()) and bool(weight.any()) for weight in weights)
    with torch.no_grad():
        moved = torch.randn(2, 2, dtype=torch.float64)
        difference = (end(z + 1e-6 * moved) - end(z - 1e-6 * moved)) / 2e-6
    close = (1e-2 if solver.order <= 2 else 1e-5) * float(difference.abs())  # differences feel the steps change
    assert float((gradient * moved).sum()) == pytest.approx(float(difference), abs=close)


@pytest.mark.parametrize("name", ["Dopri", "Fehlberg", "Halves", "Alpha"])
def test_the_adjoint_has_the_gradients_of_back_propagation(adaptive: ModuleType, name: str) -> None:
    torch.manual_seed(0)
    solver, f, more = made(adaptive, name), Net(), given_to(name)
    small = 1e-6 if solver.order <= 2 else 1e-9
    z = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    x = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    wanted = [z, x, *f.parameters()]

    def field(s: Tensor, x: Tensor, z: Tensor) -> Tensor:
        return f(s, z) * x

    given = {"rtol": small, "atol": small, "x": x, **more}
    by_adjoint = solver.adjoint(field, z, (0.0, 1.0), weights=list(f.parameters()), **given)
    plain = solver(field, z, (0.0, 1.0), **given)
    assert torch.equal(by_adjoint, plain)
    direction, close = torch.randn_like(z), 30 * small ** (solver.order / (solver.order + 1))
    found = torch.autograd.grad((by_adjoint * direction).sum(), wanted)
    for gradient, exact in zip(found, torch.autograd.grad((plain * direction).sum(), wanted), strict=True):
        assert float((gradient - exact).norm()) <= close * float(exact.norm())
    one, other = solver.adjoint(lambda s, z: (z[1], -z[0]), (z, x), (1.0, 0.0), weights=(), **{**given, "x": None})
    turned = torch.autograd.grad((one + other).sum(), [z, x])
    assert torch.allclose(turned[0], torch.full_like(z, math.cos(1) + math.sin(1)), atol=1e-3)
    assert torch.allclose(turned[1], torch.full_like(z, math.cos(1) - math.sin(1)), atol=1e-3)


def test_the_adjoint_keeps_nothing_of_the_way(adaptive: ModuleType) -> None:
    """The graph of a call grows with the number of steps, that of the adjoint does not."""

    def nodes(end: Tensor) -> int:
        seen, waiting = set(), [end.grad_fn]
        while waiting:
            node = waiting.pop()
            if node is not None and node not in seen:
                seen.add(node)
                waiting += [following for following, _ in node.next_functions]
        return len(seen)

    solver, f, z = made(adaptive, "Dopri"), Net(), torch.ones(2, 2, dtype=torch.float64, requires_grad=True)
    assert nodes(solver(f, z, (0.0, 5.0))) > 500
    assert nodes(solver.adjoint(f, z, (0.0, 5.0))) < 20


@pytest.mark.parametrize("name", SOLVERS)
def test_one_synchronisation_a_step(adaptive: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step reads one number, or one tensor of numbers, from the device."""
    solver, z = made(adaptive, name), torch.tensor([[1.0, 0.0], [0.1, 0.5]], dtype=torch.float64)
    reads: list[str] = []
    for read in ("item", "tolist", "__float__", "__bool__", "__int__"):
        known = getattr(Tensor, read)

        def counted(self: Tensor, read: str = read, known: Callable[..., Any] = known) -> Any:
            reads.append(read)
            return known(self)

        monkeypatch.setattr(Tensor, read, counted)
    found = solver.solve(pendulum, z, (0.0, 9.0), rtol=1e-4, atol=1e-4, dense=False, **given_to(name)).statistics
    monkeypatch.undo()
    steps = torch.as_tensor(found.accepted) + torch.as_tensor(found.rejected)
    assert int(steps.max()) > 5
    assert len(reads) <= int(steps.max()) + 4


@pytest.mark.parametrize("name", ["Dopri", "Both", "Own"])
def test_a_compiled_step_is_the_same(adaptive: ModuleType, name: str) -> None:
    """In one graph, which serves all steps and calls."""
    torch._dynamo.reset()
    solver, compiled = made(adaptive, name), made(adaptive, name)
    compiled.compile(backend="eager", fullgraph=True)
    z = torch.tensor([[1.0, 0.0], [0.1, 0.5]], dtype=torch.float64)
    for span in ((0.0, 3.0), (1.0, -1.0)):
        one, other = (each.solve(pendulum, z, span, rtol=1e-4, atol=1e-4) for each in (solver, compiled))
        assert torch.allclose(one.z, other.z, rtol=1e-12)
        assert one.statistics.evaluations == other.statistics.evaluations
