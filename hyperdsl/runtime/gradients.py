"""Gradients that the operations of a solve do not give by themselves: of times, refused ones, and without the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint


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


_TWICE = "gradients of times cannot be differentiated again: take times that want none"


class _Carried(torch.autograd.Function):
    """z at a time, where its slope is f there: dz/ds = f."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, slope: Tensor, s: Tensor) -> Tensor:
        ctx.save_for_backward(z, slope, s)
        return z.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        z, slope, s = ctx.saved_tensors
        with torch.no_grad():
            product = (slope.conj() * gradient).real
            found = product.flatten(s.ndim).sum(-1) if product.ndim > s.ndim else product
        found = found.to(s.dtype)
        return gradient, None, refused(_TWICE, found, gradient, z) if torch.is_grad_enabled() else found


class _Located(torch.autograd.Function):
    """The time s where `value` is zero, which grows at this rate with s: ds = -d value / rate."""

    @staticmethod
    def forward(ctx: Any, s: Tensor, value: Tensor, rate: Tensor) -> Tensor:
        ctx.save_for_backward(value, rate)
        return s.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        value, rate = ctx.saved_tensors
        with torch.no_grad():
            found = (-gradient / rate).to(value.dtype)
        return None, refused(_TWICE, found, gradient, value) if torch.is_grad_enabled() else found, None


def carried(z: Tensor, slope: Tensor, s: Tensor) -> Tensor:
    """z, whose derivative by the time s is the slope; s is 0-d, or [batch] for z [batch, ...]."""
    found: Tensor = _Carried.apply(z, slope.detach(), s)  # type: ignore[no-untyped-call]
    return found


def located(s: Tensor, value: Tensor, rate: Tensor) -> Tensor:
    """s, where `value` is zero; rate is d value/ds."""
    found: Tensor = _Located.apply(s, value, rate)  # type: ignore[no-untyped-call]
    return found


def unkept() -> torch.autograd.graph.saved_tensors_hooks:
    """Within it gradients are taken that no later backward pass reads: a step computed again may do without them."""
    return torch.autograd.graph.saved_tensors_hooks(lambda tensor: tensor, lambda tensor: tensor)


Kept = Callable[[Callable[..., Any]], Callable[..., Any]]
"""A step to the same step, of which more or less is kept for a backward pass."""


def as_it_is(step: Callable[..., Any]) -> Callable[..., Any]:
    """The step, of which all is kept."""
    return step


def recomputed(step: Callable[..., Any]) -> Callable[..., Any]:
    """The step, computed again in a backward pass, so that of it nothing is kept but what it begins with."""

    def again(*arguments: Any) -> Any:
        return checkpoint(step, *arguments, use_reentrant=False)

    return again
