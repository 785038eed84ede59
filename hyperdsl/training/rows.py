"""Rows of training data, and the dtypes and devices that data and vector fields move between."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, overload

import torch
from torch import Tensor, nn

from hyperdsl.runtime.state import VectorField, with_input
from hyperdsl.training.settings import Settings

Columns = tuple[Tensor | None, ...]


class Rows(NamedTuple):
    """What g reads, in its order from ε, s, x and z on, and the targets R; a row for each state."""

    inputs: tuple[Tensor | None, ...]
    target: Tensor
    names: tuple[str, ...]  # of the base's free parameters, the last inputs, which g takes as keywords

    @property
    def where(self) -> tuple[Tensor, Tensor, Tensor | None, Tensor]:
        """ε, s, x and z, which every row has but for x."""
        eps, s, x, z = self.inputs[:4]
        assert eps is not None
        assert s is not None
        assert z is not None
        return eps, s, x, z

    def take(self, index: Tensor) -> Rows:
        """The rows at `index`."""
        index = index.to(self.target.device)
        inputs = tuple(None if value is None else value[index] for value in self.inputs)
        return Rows(inputs, self.target[index], self.names)

    def on(self, device: torch.device) -> Rows:
        """The rows on a device: data beyond memory stay on the CPU."""
        inputs = tuple(on_device(value, device) for value in self.inputs)
        return Rows(inputs, self.target.to(device), self.names)

    def each(self) -> Rows:
        """With a number for each row in place of a scalar."""
        rows = len(self.target)
        inputs = tuple(value.expand(rows) if value is not None and value.ndim == 0 else value for value in self.inputs)
        return Rows(inputs, self.target, self.names)

    def to(self, dtype: torch.dtype) -> Rows:
        """The rows in `dtype`."""
        target = in_dtype(self.target, dtype)
        return Rows(tuple(in_dtype(value, dtype) for value in self.inputs), target, self.names)

    def given(self, g: Callable[..., Tensor]) -> Tensor:
        """What g gives for these rows."""
        return g(*self.inputs[: len(self.inputs) - len(self.names)], **self.parameters())

    def parameters(self) -> dict[str, Tensor]:
        """The base's free parameters by their names."""
        values = self.inputs[len(self.inputs) - len(self.names) :]
        return {name: value for name, value in zip(self.names, values, strict=True) if value is not None}


def joined(groups: Sequence[Rows]) -> Rows:
    """The groups as one."""

    def joined(column: Columns) -> Tensor | None:
        values = [value for value in column if value is not None]
        return torch.cat(values) if values else None

    columns = zip(*(group.each().inputs for group in groups), strict=True)
    target = torch.cat([group.target for group in groups])
    return Rows(tuple(map(joined, columns)), target, groups[0].names)


def grids_of(settings: Settings) -> tuple[int, ...]:
    """The numbers of steps that are trained for exactly, ascending; none where there is a range of ε.

    ValueError where they are no different numbers of steps.
    """
    if settings.grids is None:
        ends = settings.steps if settings.eps is None else None
        return (round(ends[0]),) if ends and ends[0] == ends[1] else ()
    grids = tuple(sorted(settings.grids))
    if not grids or grids[0] < 1 or len({*grids}) < len(grids):
        raise ValueError(f"grids must be different numbers of steps, each 1 or more, not {settings.grids}")
    return grids


def step_range(settings: Settings, length: float, least: int) -> tuple[float, float]:
    """The ends of the range of ε, with the sign of the span's length; at `least` so many steps fit in it."""
    grids = grids_of(settings)
    if grids and length:
        smallest, largest = abs(length) / grids[-1], abs(length) / grids[0]
    elif settings.eps is not None:
        smallest, largest = settings.eps
    elif settings.steps is not None and length:
        smallest, largest = abs(length) / settings.steps[1], abs(length) / settings.steps[0]
    elif settings.steps is None and length:
        smallest, largest = abs(length) / 200, abs(length) / 10  # until `with_visited_range` knows better
    else:
        raise ValueError("training needs a span of some length and a range, `steps` or `eps`")
    if grids and grids[0] < least:
        raise ValueError(f"a history of {least} steps does not fit in {grids[0]}, a number of steps of training")
    if least > 1:  # a history is shortened to what fits
        largest = min(largest, abs(length) / least)
    if not 0 < smallest <= largest <= abs(length) * (1 + 1e-12):
        raise ValueError(f"steps of {smallest:g} .. {largest:g} do not fit a span of length {abs(length):g}")
    return math.copysign(smallest, length), math.copysign(largest, length)


@overload
def in_dtype(x: Tensor, dtype: torch.dtype) -> Tensor: ...


@overload
def in_dtype(x: None, dtype: torch.dtype) -> None: ...


def in_dtype(x: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """x in `dtype`, or the complex one beside it; integers stay."""
    if x is None or not (x.is_floating_point() or x.is_complex()):
        return x
    return x.to(dtype.to_complex() if x.is_complex() else dtype)


def on_device(x: Tensor | None, device: torch.device) -> Any:
    """x on a device."""
    return None if x is None else x.to(device)


def copied(f: nn.Module, dtype: torch.dtype, device: torch.device) -> nn.Module:
    """A copy of f that takes states of `dtype` on a device and collects no gradients."""
    copied = copy.deepcopy(f).requires_grad_(False).to(device)
    return copied.double() if dtype == torch.float64 else copied.float()


def with_modules(f: VectorField, change: Callable[[nn.Module], nn.Module]) -> VectorField:
    """f where it is no module, else what `change` makes of it; of a sum of two, each part."""
    if getattr(type(f), "is_split", False):
        parts: VectorField = f.each(lambda part: with_modules(part, change))  # type: ignore[attr-defined]
        return parts
    return change(f) if isinstance(f, nn.Module) else f


def field_in(
    f: VectorField, states: Tensor, x: Tensor | None, start: float, dtype: torch.dtype
) -> tuple[VectorField, torch.dtype]:
    """f in `dtype` where that can be had, else in the states' dtype: a module as a copy, another f by trying."""
    moved = with_modules(f, lambda module: copied(module, dtype, states.device))
    s, z, inputs = torch.tensor(start, dtype=dtype, device=states.device), in_dtype(states, dtype), in_dtype(x, dtype)
    try:
        with torch.no_grad():
            derivative = with_input(moved, inputs)(s, z)
    except RuntimeError:  # torch's for dtypes that do not go together; any other comes again where f is used
        derivative = None
    if derivative is not None and derivative.dtype == z.dtype:
        return moved, dtype
    plain = with_modules(f, lambda module: copy.deepcopy(module).requires_grad_(False).to(states.device))
    return plain, states.dtype.to_real()


def real(z: Tensor) -> Tensor:
    """z, or real and imaginary parts side by side."""
    return torch.view_as_real(z) if z.is_complex() else z


def norms(z: Tensor) -> Tensor:
    """The norm of each row."""
    norms: Tensor = torch.linalg.vector_norm(z.flatten(1), dim=1)
    return norms


def rms(z: Tensor) -> float:
    """The root mean square of the rows' norms."""
    return float(norms(z).square().mean().sqrt())
