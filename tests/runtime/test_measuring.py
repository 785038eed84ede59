"""The slope by which packages measure their order, on errors of which the order is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from hyperdsl.runtime.measuring import slope


@pytest.mark.parametrize("order", [2, 3, 4, 6])
def test_coefficients_that_hold_to_a_tolerance_do_not_hide_the_order(order: int) -> None:
    def error(eps: float) -> Tensor:
        return torch.tensor([eps ** (order + 1) * (1 + eps) + 3e-11 * eps], dtype=torch.float64)

    assert abs(slope(order, error, 1e-10) - order - 1) < 0.15
    assert order != 4 or slope(order, error) < order + 0.8  # what a package's test asks for
