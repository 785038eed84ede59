"""Gradients that the operations of a solve do not give by themselves: those of times, and those that are refused."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class Refused(torch.autograd.Function):
    """A value whose gradient is refused: RuntimeError with `text` where a backward pass comes by.

    It wants a gradient where one of `others` does.
    """

    @staticmethod
    def forward(ctx: Any, text: str, value: Tensor, *others: Tensor) -> Tensor:
        ctx.text = text
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        raise RuntimeError(ctx.text)


def refused(text: str, value: Tensor, *others: Tensor) -> Tensor:
    """The value, whose gradient is refused."""
    found: Tensor = Refused.apply(text, value, *others)  # type: ignore[no-untyped-call]
    return found
