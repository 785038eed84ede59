"""What the dtype of a state can hold."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

ROUNDED = 0.1
"""What the rounding of fixed steps may come to at most, as a part of the state, without a word."""


class PrecisionWarning(UserWarning):
    """A tolerance is below what the dtype of the state can hold, or steps are so many that rounding may prevail."""


def doubted(z: Tensor, count: int) -> None:
    """A PrecisionWarning where the rounding of z in so many fixed steps may add up to a tenth of it."""
    each = torch.finfo(z.dtype.to_real()).eps / 2
    if count * each <= ROUNDED:
        return
    name, most = str(z.dtype).removeprefix("torch."), int(ROUNDED / each)
    told = f"each of {count} steps rounds the {name} state by up to {each:.1g} of it, which may prevail in the end"
    warnings.warn(f"{told}: take at most {most} steps, or a state of more precision", PrecisionWarning, stacklevel=5)
