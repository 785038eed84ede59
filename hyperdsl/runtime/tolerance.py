"""Tolerances: numbers, or numbers for each component of the state."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from .control import Control, positive

Tolerance = float | Tensor | Sequence[Any]
"""A positive number, or numbers that broadcast to the state; for a tuple one of these for each part."""


def fitted(control: Control, z: Tensor, shapes: Sequence[torch.Size] | None) -> Control:
    """The rule with tolerances that go with z; `shapes` are those of the parts that z is a vector of, if it is."""
    rtol, atol = (tolerance(name, getattr(control, name), z, shapes) for name in ("rtol", "atol"))
    same = rtol is control.rtol and atol is control.atol
    return control if same else replace(control, rtol=rtol, atol=atol)


def tolerance(name: str, value: Any, z: Tensor, shapes: Sequence[torch.Size] | None) -> float | Tensor:
    """A number, or a tensor that broadcasts to z, from a number, a list or a tensor; for parts one of these each.

    ValueError where a number is not positive and finite or the shape does not broadcast, TypeError where it is none.
    """
    if isinstance(value, (int, float)) or (isinstance(value, Tensor) and value.ndim == 0):
        number: float = positive(name, value)
        return number
    if shapes is None:
        return _like(name, value, z, z.shape, "the state")
    if not isinstance(value, (list, tuple)) or len(value) != len(shapes):
        raise ValueError(f"{name} must be a number or a list of {len(shapes)}, one for each part of the state")
    parts = []
    for number, (one, shape) in enumerate(zip(value, shapes, strict=True)):
        found = _like(name, one, z, shape, f"part {number} of the state")
        parts.append(found.expand(shape).reshape(-1))
    return torch.cat(parts)


def widened(value: Tensor) -> Tensor:
    """The value alone, at least in single precision, in which norms are taken."""
    value = value.detach()
    if value.dtype.to_real().itemsize >= 4:
        return value
    return value.to(torch.complex64 if value.is_complex() else torch.float32)


def _like(name: str, value: Any, z: Tensor, shape: torch.Size, whose: str) -> Tensor:
    """One tolerance as a tensor in the precision of norms."""
    dtype = widened(z.new_empty(0)).dtype.to_real()
    try:
        found = torch.as_tensor(value, dtype=dtype, device=z.device).detach()
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{name} must be a number or a tensor of numbers, not {value!r:.80}") from None
    try:
        fits = found.expand(shape).shape == shape
    except RuntimeError:
        fits = False
    if not fits:
        raise ValueError(
            f"{name} has the shape {tuple(found.shape)}, which does not broadcast to that of {whose}, {tuple(shape)}"
        )
    if not bool(((found > 0) & (found < math.inf)).all()):
        raise ValueError(f"{name} must be positive everywhere, not {found.min():g} .. {found.max():g}")
    return found
