"""What chooses steps by looking at numbers says so where there are none to look at."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch.autograd import forward_ad

from .state import is_eager


def unmixed(z: Tensor) -> AbstractContextManager[Any]:
    """Where arithmetic has the precision of its numbers, whatever autocast is around: that is meant for f and g."""
    kind = z.device.type
    return torch.autocast(kind, enabled=False) if torch.is_autocast_enabled(kind) else nullcontext()


def is_plain(z: Tensor) -> bool:
    """Whether z has numbers to look at, and no transform or forward-mode derivative goes along with the operations.

    One of what f reads, such as its weights, is not seen in z, and would get lost where iterations are not followed.
    """
    if not is_eager(z):
        return False
    return torch._C._functorch.peek_interpreter_stack() is None and forward_ad._current_level < 0


def require_followed(plain: bool) -> None:
    """RuntimeError where the steps' equations are not `plain`: how they are solved is looked at to choose steps."""
    if not plain:
        raise RuntimeError(
            "steps with a control are chosen by how their equations are solved, which compilers, torch.func and "
            "forward-mode derivatives do not follow: take gradients by backward() or torch.autograd.grad, compile f "
            "alone, or take a solver of fixed steps"
        )


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
