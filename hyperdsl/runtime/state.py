"""States and times: one tensor out of what the user passes, and scalars that go with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

Scalar = float | Tensor
VectorField = Callable[..., Any]
"""f(s, z), or f(s, x, z) where there is an input x."""
State = TypeVar("State", bound=Tensor | tuple[Tensor, ...])


def real_dtype(z: Tensor) -> torch.dtype:
    """z's dtype, or that of its real part; `dtype.to_real` is not known to compilers."""
    return z.real.dtype if z.is_complex() else z.dtype


def scalars(z: Tensor, *values: Scalar | Sequence[float]) -> tuple[Tensor, ...]:
    """The values as tensors on z's device in its real dtype."""
    return tuple(torch.as_tensor(value, dtype=real_dtype(z), device=z.device) for value in values)


def times_of(z: Tensor, *values: Any) -> tuple[Tensor, ...]:
    """Times as float64 tensors, with their gradients: on z's device, or the CPU where that has no float64.

    They are rounded to z's dtype only where f or g gets them, so that no step is a difference of rounded times.
    TypeError for what is no number or list of numbers.
    """
    device = time_place(z)
    return tuple(_time(value, device) for value in values)


def time_place(z: Tensor) -> torch.device:
    """Where times are that go with z."""
    return torch.device("cpu") if z.device.type == "mps" else z.device


def _time(value: Any, device: torch.device) -> Tensor:
    if isinstance(value, (list, tuple)) and any(isinstance(one, Tensor) for one in value):
        return torch.stack([_time(one, device) for one in value])
    try:
        if not (isinstance(value, Tensor) and value.is_complex()):
            return torch.as_tensor(value, dtype=torch.float64, device=device)
    except (TypeError, ValueError, RuntimeError):
        pass
    raise TypeError(f"times are real numbers, not {value!r:.80}")


def sizes_of(z: Tensor, *times: Tensor) -> tuple[Tensor, ...]:
    """Differences of times as factors of states: in z's real dtype, but 0-d ones at least in float32.

    A 0-d factor in float32 leaves states of half precision as they are; beside 0-d states it would not.
    """
    dtype, exact = real_dtype(z), factor_dtype(z)
    return tuple(time.to(dtype if time.ndim else exact) for time in times)


def factor_dtype(z: Tensor) -> torch.dtype:
    """Of 0-d factors of states like z."""
    dtype = real_dtype(z)
    return torch.float32 if dtype.itemsize < 4 and z.ndim else dtype


def numbers_of(times: Any) -> list[float] | None:
    """Times as numbers, where they are at hand: None where a device would have to be waited for, or they are traced."""
    if isinstance(times, Tensor):
        at_hand = times.device.type == "cpu" and is_eager(times)
        return times.detach().reshape(-1).tolist() if at_hand else None
    if torch.compiler.is_compiling():
        return None
    found: list[float] = []
    for time in times:
        one = numbers_of(time) if isinstance(time, Tensor) else [float(time)]
        if one is None:
            return None
        found += one
    return found


def require_numbers(given: Any, *times: Tensor) -> None:
    """ValueError for a time that is not one number, or not finite where what was `given` is at hand."""
    for time in times:
        if time.ndim:
            raise ValueError(f"a time is a number or a 0-d tensor, not of shape {tuple(time.shape)}")
    for number in numbers_of(given) or ():
        if not math.isfinite(number):
            raise ValueError(f"times must be finite, not {number}")


def pair_of(z: Tensor, span: Any) -> tuple[Tensor, Tensor]:
    """Start and end of a span as times; ValueError where it is not two."""
    if not hasattr(span, "__len__") or isinstance(span, (str, dict)) or len(span) != 2:
        raise ValueError(f"span is (start, end), two times, not {span!r:.80}")
    start, end = times_of(z, span[0], span[1])
    return start, end


def span_of(z: Tensor, span: Any) -> tuple[Tensor, Tensor]:
    """The same where both are one number each; TypeError or ValueError where they are not."""
    start, end = pair_of(z, span)
    require_numbers(span, start, end)
    return start, end


def require_ordered(times: Sequence[float]) -> None:
    """ValueError where times are not finite, or neither ascend nor descend."""
    if not all(math.isfinite(time) for time in times):
        raise ValueError(f"times must be finite, not {times[0]:g} .. {times[-1]:g}")
    if list(times) != sorted(times, reverse=times[-1] < times[0]):
        raise ValueError("the times s must ascend or descend")


def with_input(f: VectorField, x: Tensor | None) -> VectorField:
    """f(s, z) from f(s, x, z)."""
    return f if x is None else lambda s, z: f(s, x, z)


def one_tensor(f: VectorField, z: State) -> tuple[VectorField, Tensor, Restore]:
    """A state as one tensor: f for it, the tensor, and the way back. A tuple of tensors becomes one vector.

    TypeError for what is neither, for parts of several dtypes or none of floating point; ValueError for several
    devices.
    """
    if isinstance(z, Tensor):
        _require_floating(z)
        return f, z, Restore()
    _require_parts(z)
    parts: tuple[Tensor, ...] = z
    restore = Restore(tuple(part.shape for part in parts), getattr(type(z), "_make", tuple))
    return Joined(f, parts, restore), _joined(parts), restore


@dataclass(frozen=True)
class Restore:
    """The way back from one tensor to the state that it was made of: a tuple where there are shapes."""

    shapes: tuple[torch.Size, ...] | None = None
    make: Callable[[Sequence[Tensor]], Any] = tuple

    def __call__(self, flat: Tensor) -> Any:
        """The state, or [n, ...] states."""
        if self.shapes is None:
            return flat
        pieces = torch.split(flat, [shape.numel() for shape in self.shapes], dim=-1)
        pairs = zip(pieces, self.shapes, strict=True)
        return self.make([piece.reshape((*flat.shape[:-1], *shape)) for piece, shape in pairs])


class Joined:
    """f of a tuple of tensors as one of a vector; what it returns must be like its parts."""

    def __init__(self, f: VectorField, parts: Sequence[Tensor], restore: Restore) -> None:
        self.f, self.likes, self.restore = f, [part.detach() for part in parts], restore
        self.given_jacobian = getattr(f, "given_jacobian", None)

    def __call__(self, *arguments: Any) -> Tensor:
        """f(s, z) or f(s, x, z) with z a vector."""
        slopes = self.f(*arguments[:-1], self.restore(arguments[-1]))
        count = len(self.likes)
        if not isinstance(slopes, (tuple, list)) or len(slopes) != count:
            given = f"{len(slopes)} parts" if isinstance(slopes, (tuple, list)) else type(slopes).__name__
            raise TypeError(f"f returned {given} for a state of {count} parts: return a tuple of {count} tensors")
        for number, (slope, like) in enumerate(zip(slopes, self.likes, strict=True)):
            require_like(slope, like, f"part {number} of the state")
        return _joined(slopes)


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def _require_floating(z: Tensor) -> None:
    if not (z.is_floating_point() or z.is_complex()):
        raise TypeError(f"the state must be real or complex floating point, not {z.dtype}")


def _require_parts(z: Any) -> None:
    """TypeError or ValueError where z is not a tuple of tensors that go together."""
    if not isinstance(z, tuple) or not z or not all(isinstance(part, Tensor) for part in z):
        given = f"a tuple of {', '.join(type(part).__name__ for part in z)}" if isinstance(z, tuple) and z else ""
        raise TypeError(f"the state must be a tensor or a tuple of tensors, not {given or type(z).__name__}")
    for part in z:
        _require_floating(part)
    if len({part.dtype for part in z}) != 1:
        raise TypeError(f"the tensors of a state must have one dtype, not {', '.join(str(part.dtype) for part in z)}")
    if len({part.device for part in z}) != 1:
        raise ValueError(f"the tensors of a state must be on one device, not {', '.join(str(p.device) for p in z)}")


def require_like(slope: Any, z: Tensor, whose: str) -> None:
    """TypeError or ValueError where f returned something that is not of z's shape, dtype and device."""
    if not isinstance(slope, Tensor):
        told = "None; is its `return` missing?" if slope is None else f"{type(slope).__name__}, not a tensor"
        raise TypeError(f"f returned {told} ({whose} is {z.dtype} of shape {tuple(z.shape)})")
    if slope.shape != z.shape:
        raise ValueError(f"f returned the shape {tuple(slope.shape)} for {whose}, whose shape is {tuple(z.shape)}")
    if slope.dtype != z.dtype:
        raise TypeError(f"f returned {slope.dtype} for {whose}, which is {z.dtype}: let both have one dtype")
    if slope.device != z.device:
        raise ValueError(f"f returned a tensor on {slope.device} for {whose}, which is on {z.device}")


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
