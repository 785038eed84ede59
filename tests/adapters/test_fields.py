"""f(s, z) from f(z)."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from generated.adaptive_dopri5 import AdaptiveDopri5
from hyperdsl.adapters import autonomous


def test_a_module_keeps_its_parameters_which_the_adjoint_finds() -> None:
    net = nn.Linear(2, 2)
    f = autonomous(net)
    assert isinstance(f, nn.Module)
    assert [*f.parameters()] == [*net.parameters()]
    z0 = torch.tensor([[1.0, -0.5]])
    AdaptiveDopri5().adjoint(f, z0, (0.0, 1.0)).sum().backward()
    assert net.weight.grad is not None
    assert net.weight.grad.abs().sum() > 0


def test_any_callable_with_an_input_or_without() -> None:
    x, z = torch.tensor(3.0), torch.tensor(2.0)
    assert autonomous(lambda z: -z)(0.5, z) == -2
    assert autonomous(lambda x, z: x * z)(0.5, x, z) == 6
    with pytest.raises(TypeError, match="must be a function"):
        autonomous(1.0)  # type: ignore[arg-type]  # what is tested
