"""One process that trains by itself: what a training asks of a Fabric, without loading Fabric, which takes seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    Launched: TypeAlias = "Fabric | Alone"
    """The processes that a training runs in."""


@dataclass(frozen=True)
class Alone:
    """The only process of a training, on `device`: methods are those of Fabric by name and meaning, in full precision.

    Gives the bits that `Fabric(devices=1)` gives.
    """

    device: torch.device
    global_rank = 0
    world_size = 1
    is_global_zero = True
    loggers = ()

    def setup(self, module: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[nn.Module, torch.optim.Optimizer]:
        """Both, the module on the device."""
        return module.to(self.device), optimizer

    def backward(self, loss: Tensor, *, inputs: Sequence[Tensor]) -> None:
        """The gradients of a loss by `inputs` alone."""
        torch.autograd.backward(loss, inputs=inputs)

    def clip_gradients(self, module: nn.Module, optimizer: torch.optim.Optimizer, *, max_norm: float) -> None:
        """Scale the gradients to a norm of at most `max_norm`; RuntimeError where one is not finite."""
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        nn.utils.clip_grad_norm_(weights, max_norm, error_if_nonfinite=True)

    def log_dict(self, metrics: Mapping[str, object], step: int) -> None:
        """Nothing: there are no loggers."""

    def all_reduce(self, value: Tensor, *, reduce_op: str) -> Tensor:
        """The value: there are no others."""
        return value

    def broadcast(self, value: bytes | None) -> bytes | None:
        """The value: it is the first process's."""
        return value
