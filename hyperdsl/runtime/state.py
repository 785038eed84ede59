"""States and times: one tensor out of what the user passes, and scalars that go with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

Scalar = float | Tensor
VectorField = Callable[..., Any]
"""f(s, z), or f(s, x, z) where there is an input x."""
State = TypeVar("State", bound=Tensor | tuple[Tensor, ...])


def scalars(z: Tensor, *values: Scalar | Sequence[float]) -> tuple[Tensor, ...]:
    """The values as tensors on z's device in its real dtype; TypeError for a state of integers."""
    if not (z.is_floating_point() or z.is_complex()):
        raise TypeError(f"the state must be real or complex floating point, not {z.dtype}")
    dtype = z.real.dtype if z.is_complex() else z.dtype
    return tuple(torch.as_tensor(value, dtype=dtype, device=z.device) for value in values)


def with_input(f: VectorField, x: Tensor | None) -> VectorField:
    """f(s, z) from f(s, x, z)."""
    return f if x is None else lambda s, z: f(s, x, z)


def one_tensor(f: VectorField, z: Tensor | tuple[Tensor, ...]) -> tuple[VectorField, Tensor, Callable[[Tensor], Any]]:
    """A tuple of tensors as one vector: f for it, the vector, and the way back."""
    if isinstance(z, Tensor):
        return f, z, lambda flat: flat
    parts: tuple[Tensor, ...] = z
    if len({part.dtype for part in parts}) != 1:
        raise TypeError("the tensors of a state must have one dtype")
    shapes = [part.shape for part in parts]
    sizes = [part.numel() for part in parts]

    def restore(flat: Tensor) -> tuple[Tensor, ...]:
        pieces = zip(torch.split(flat, sizes, dim=-1), shapes, strict=True)
        return tuple(piece.reshape((*flat.shape[:-1], *shape)) for piece, shape in pieces)

    def joined(tensors: Sequence[Tensor]) -> Tensor:
        return torch.cat([tensor.reshape(-1) for tensor in tensors])

    return lambda *arguments: joined(f(*arguments[:-1], restore(arguments[-1]))), joined(parts), restore


def beside(value: Tensor, z: Tensor) -> Tensor:
    """A value for each sample in a form that goes with z."""
    return value.reshape(-1, *(1,) * (z.ndim - 1))


def in_range(z: Tensor, name: str, value: Scalar, low: float, high: float, ends: str) -> Tensor:
    """A parameter of the method as a scalar; `ends` are the brackets of its range, round where an end is left out.

    ValueError for a float outside; a tensor is not looked at.
    """
    if not isinstance(value, Tensor):
        above = low <= value if ends[0] == "[" else low < value
        below = value <= high if ends[1] == "]" else value < high
        if not (above and below):
            raise ValueError(f"{name} = {value} is outside the range {ends[0]}{low}, {high}{ends[1]} of the method")
    return scalars(z, value)[0]


def looked_at(z: Tensor, check: bool | None) -> bool:
    """Whether to look at the numbers of a solve: as `check` says, which by default is in plain eager mode only."""
    return is_eager(z) if check is None else check


def is_eager(z: Tensor) -> bool:
    """Whether z has numbers to look at, which compilers, function transforms, meta and fake tensors have not."""
    if torch.compiler.is_compiling() or z.is_meta or type(z) not in (Tensor, nn.Parameter):
        return False
    return not torch._C._functorch.is_functorch_wrapped_tensor(z)
