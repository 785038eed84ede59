"""Whether a vector field depends on time."""

from __future__ import annotations

import torch
from torch import Tensor

from hyperdsl.runtime.state import VectorField, with_input

TIMES = 64  # equal parts of the span, at whose ends f is compared
STATES = 16  # at so many states


def depends_on_time(f: VectorField, states: Tensor, x: Tensor | None, start: float, end: float) -> bool:
    """Whether f(s, z) differs, in any bit, between times of the span at the same states, or has a slope in s.

    A field that changes for less than a part of the span, between two of the times, is not seen to.
    """
    z, inputs = states[:STATES], None if x is None else x[:STATES]
    field, dtype = with_input(f, inputs), z.dtype.to_real()

    def at(k: int) -> Tensor:
        return torch.tensor(start + (end - start) * k / TIMES, dtype=dtype, device=z.device)

    with torch.no_grad():
        first = field(at(0), z).clone()
        if any(not torch.equal(field(at(k), z), first) for k in range(1, TIMES + 1)):
            return True
    with torch.enable_grad():
        s = at(TIMES // 3).requires_grad_()
        slope = field(s, z)
        if not slope.requires_grad:
            return False
        real = torch.view_as_real(slope) if slope.is_complex() else slope
        (found,) = torch.autograd.grad(real.square().sum() + real.sum(), s, allow_unused=True)
    return found is not None and bool(found != 0)
