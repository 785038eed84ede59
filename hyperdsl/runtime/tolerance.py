"""Tolerances: numbers, or numbers for each component of the state."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from .control import Control, positive
from .precision import PrecisionWarning

Tolerance = float | Tensor | Sequence[Any]
"""A positive number, or numbers that broadcast to the state; for a tuple one of these for each part."""


FEWEST = 4
"""The smallest rtol, in units of the dtype's eps: rounding of a state alone is an error of about one."""


def fitted(control: Control, z: Tensor, shapes: Sequence[torch.Size] | None) -> Control:
    """The rule with tolerances that go with z; `shapes` are those of the parts that z is a vector of, if it is.

    An rtol below what z's dtype resolves is raised to that, with a PrecisionWarning: steps for it would be so short
    that the state loses their increments to rounding.
    """
    rtol, atol = (tolerance(name, getattr(control, name), z, shapes) for name in ("rtol", "atol"))
    rtol = _resolved(rtol, z)
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


def _resolved(rtol: float | Tensor, z: Tensor) -> float | Tensor:
    """rtol, at least as large as z's dtype resolves."""
    least = FEWEST * torch.finfo(z.dtype.to_real()).eps
    lowest = float(rtol.min()) if isinstance(rtol, Tensor) and rtol.numel() else rtol
    if not bool(lowest < least):
        return rtol
    name = str(z.dtype).removeprefix("torch.")
    told = f"rtol = {float(lowest):.3g} is below what {name} states resolve, and is taken as {least:.2g}"
    warnings.warn(f"{told}: set rtol to that or more, or use a state of more precision", PrecisionWarning, stacklevel=5)
    return rtol.clamp_min(least) if isinstance(rtol, Tensor) else least


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
