"""What chooses steps by looking at numbers says so where there are none to look at."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor


def require_plain(each: bool, *values: Any) -> None:
    """RuntimeError where one of the tensors has no numbers of its own: under vmap, in export, on meta devices."""
    exporting = torch.compiler.is_exporting()
    if torch.compiler.is_compiling() and not exporting:
        return
    for value in values:
        if not isinstance(value, Tensor):
            continue
        if _is_mapped(value):
            advice = "pass the batch itself as the first axis of z0" if each else "solve the batch with one step size, "
            advice += "" if each else "[batch, *state_shape], or give its control `per_sample yes`"
            raise RuntimeError(f"adaptive steps are chosen by numbers, which torch.vmap hides: {advice}")
        if exporting or value.is_meta or isinstance(value, FakeTensor):
            raise RuntimeError(
                "adaptive steps are chosen by numbers, which torch.export, meta and fake tensors have not: use a "
                "solver of fixed steps there"
            )


def _is_mapped(value: Tensor) -> bool:
    functorch = torch._C._functorch
    while functorch.is_functorch_wrapped_tensor(value):
        if functorch.is_batchedtensor(value):
            return True
        value = functorch.get_unwrapped(value)
    return False
