"""Corrector networks g: what they read, their scaling, and their form for states of any shape."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from .ranges import SLACK, Ranges
from .state import real_dtype

TIMELESS = 1e30
"""What stands for the spread of s where g is to see none of it; in float16 it is infinite, and the largest in files."""
UNTRAINED = 1e-9, 1e9
"""The ends of |ε| until training tells them."""
EVERYWHERE = 0.0, math.inf, -math.inf, math.inf
"""The ends of the ranges of ε and s for a g that does not say for which it was trained."""


class Corrector(nn.Module):
    """g(ε, s, x, z, *seen, **parameters), like z: fully connected layers `net` of normalised features.

    reads: the features in their order: z and what is in `seen` by their names, x, s, eps, the base's parameters.
    seen: the names of what a step hands over besides z, such as ("dz", "k2"); dz alone where `reads` has it.
    bound: each component is between ±bound, so that the base's order survives any weights.
    outside: what a solve does where ε, s or the number of steps leave the ranges of training: "warn" and go on, take
        the "base" alone where ε or s do, or "ignore" it.

    `features` is how many there are. `net`, the subclass's, ends with a `last` layer, which starts at zero: an
    untrained hypersolver is its base method. A complex state is read as two in a batch, real and imaginary part.
    """

    output: ClassVar[str] = "absolute"
    mean: Tensor
    spread: Tensor
    scale: Tensor
    eps_range: Tensor
    ends: Tensor
    net: nn.Module

    def __init__(
        self,
        state_shape: Sequence[int],
        reads: Sequence[str],
        *,
        seen: Sequence[str] | None = None,
        input_shape: Sequence[int] = (),
        bound: float | None = None,
        outside: str = "warn",
    ) -> None:
        super().__init__()
        for name, shape in (("state_shape", state_shape), ("input_shape", input_shape)):
            if not isinstance(shape, (tuple, list)):
                raise TypeError(f"{name} is a tuple of sizes such as ({shape},), not {shape!r:.80}")
        self.reads, self.bound, self.outside = tuple(reads), bound, outside
        self.seen = tuple(seen) if seen is not None else ("dz",) if "dz" in self.reads else ()
        self.state_shape, self.input_shape = tuple(state_shape), tuple(input_shape)
        self.axes, self.input_axes = len(state_shape), len(input_shape)
        self.shapes = {"x": self.input_axes, **dict.fromkeys(("z", *self.seen), self.axes)}
        self.outputs, self.inputs = self._sizes(state_shape, input_shape)
        self.features = self._count(self.reads)
        self._register(self.features)
        self.register_buffer("eps_range", torch.tensor(UNTRAINED))
        self.register_buffer("ends", torch.tensor([EVERYWHERE]), persistent=False)

    def forward(
        self, eps: Tensor, s: Tensor, x: Tensor | None, z: Tensor, *seen: Tensor, **parameters: Tensor
    ) -> Tensor:
        """g, like z; scalars are 0-d or [*batch]."""
        values = self._values(eps, s, x, z, seen, parameters)
        net: Tensor = self.net((self._read(self.reads, values, z) - self.mean) / self.spread)
        return self._kept(eps, s, self._output(self._scaled(net, values, z), z))

    def normalise(
        self, target: Tensor, eps: Tensor, s: Tensor, x: Tensor | None, z: Tensor, *seen: Tensor, **parameters: Tensor
    ) -> None:
        """Fit the scaling of in- and output to training data: the inputs of `forward`, and the g they should give."""
        with torch.no_grad():
            self.eps_range.copy_(torch.stack(torch.aminmax(eps.abs())))
            values = self._values(eps, s, x, z, seen, parameters)
            self._fit_inputs(values, z)
            self._fit_output(target, values, z)

    def limit(self, ranges: Ranges | None) -> None:
        """Leave g out beyond these ranges of ε and s, where the spec says `outside base`."""
        ends = [EVERYWHERE]
        if ranges is not None:
            s = ranges.s or (-math.inf, math.inf)
            slack = 0.0 if ranges.s is None else SLACK * (s[1] - s[0])
            ends = [(low, high, s[0] - slack, s[1] + slack) for low, high in ranges.intervals]
        self.ends = torch.tensor(ends).to(self.ends)

    def leave_out_time(self) -> bool:
        """Have g see nothing of s, as where f does not depend on it; False where that cannot be had."""
        if not self.timeless and hasattr(self, "spread"):
            self.spread[self._count(self.reads[: self.reads.index("s")])] = TIMELESS
        return self.timeless

    @property
    def timeless(self) -> bool:
        """Whether g sees nothing of s."""
        if "s" not in self.reads:
            return True
        spread = getattr(self, "spread", None)
        return spread is not None and bool(spread[self._count(self.reads[: self.reads.index("s")])] >= TIMELESS / 2)

    @property
    def _untrained(self) -> bool:
        """Whether nothing has told the range of ε yet."""
        return torch.equal(self.eps_range, torch.tensor(UNTRAINED).to(self.eps_range))

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        for name, largest in _halves(destination, prefix):  # files hold no infinite numbers
            destination[name] = destination[name].clamp(max=largest)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *others: Any) -> None:
        for name, largest in _halves(state_dict, prefix):
            state_dict[name] = torch.where(state_dict[name] >= largest, TIMELESS, state_dict[name].double())
        super()._load_from_state_dict(state_dict, prefix, *others)

    def described(self) -> dict[str, Any]:
        """What weights must have been trained as, beside their shapes, in JSON's types."""
        layers = [f"{name} {type(layer).__name__}" for name, layer in self.named_modules() if name]
        own = {"inputs": [*self.reads], "slopes": [*self.seen], "bound": self.bound, "layers": layers}
        return own | {"output": self.output}

    def redraw(self) -> None:
        """Draw the first weights anew from torch's random numbers, those of a new corrector; what is trained stays."""
        *layers, last = (layer for layer in self.net.modules() if isinstance(layer, (nn.Linear, nn.Conv2d)))
        if self._untrained and not any(bool(value.any()) for value in last.parameters()):
            for layer in (*self._own_layers(), last, *layers):  # as they are made
                _redraw(layer)
            zeroed(last)

    def _own_layers(self) -> tuple[nn.Module, ...]:
        """The layers of weights beside those of `net`."""
        return ()

    def _kept(self, eps: Tensor, s: Tensor, g: Tensor) -> Tensor:
        """g, zero outside its ranges where it is to be left out there."""
        if self.outside != "base":
            return g
        size, time, (low, high, first, last) = eps.abs().unsqueeze(-1), s.unsqueeze(-1), self.ends.unbind(-1)
        inside = ((size >= low) & (size <= high) & (time >= first) & (time <= last)).any(-1)
        return torch.where(inside.reshape((*inside.shape, *(1,) * self.axes)), g, torch.zeros_like(g))

    def require_fitting(self, z: Tensor) -> None:
        """TypeError or ValueError where g is not for states like z: of another dtype, on another device or shape."""
        own, dtype = self.eps_range, real_dtype(z)
        if not (z.is_floating_point() or z.is_complex()):
            raise TypeError(f"the state must be real or complex floating point, not {z.dtype}")
        if dtype != own.dtype and not torch.is_autocast_enabled(z.device.type):
            raise TypeError(
                f"the state is {z.dtype} and the corrector {own.dtype}: move one of them, as by "
                f"solver.to({dtype}) or z0.to({own.dtype})"
            )
        if z.device != own.device:
            raise ValueError(f"the state is on {z.device} and the corrector on {own.device}: solver.to({z.device})")
        if z.ndim < self.axes or not self._fits(z.shape[z.ndim - self.axes :]):
            raise ValueError(
                f"the state has the shape {tuple(z.shape)}, which does not end in the corrector's state_shape "
                f"{self.state_shape}"
            )

    def _fits(self, shape: Sequence[int]) -> bool:
        """Whether states of this shape can be read."""
        return tuple(shape) == self.state_shape

    def last(self, width: int, *, bias: bool = True) -> nn.Module:
        """The layer to the state's shape, of zeros."""
        return zeroed(nn.Linear(width, self.outputs, bias=bias))

    def _sizes(self, state_shape: Sequence[int], input_shape: Sequence[int]) -> tuple[int, int]:
        """How many features a state and an input are."""
        return math.prod(state_shape), math.prod(input_shape)

    def _count(self, names: Sequence[str]) -> int:
        sizes = {"x": self.inputs, **dict.fromkeys(("z", *self.seen), self.outputs)}
        return sum(sizes.get(name, 1) for name in names)

    def _register(self, features: int) -> None:
        """The buffers of the scaling."""
        self.register_buffer("mean", torch.zeros(self._each(features)))
        self.register_buffer("spread", torch.ones(self._each(features)))
        self.register_buffer("scale", torch.ones(self._each(self.outputs)))

    def _each(self, count: int) -> tuple[int, ...]:
        """The shape of a number for each feature."""
        return (count,)

    def _values(
        self,
        eps: Tensor,
        s: Tensor,
        x: Tensor | None,
        z: Tensor,
        seen: Sequence[Tensor],
        parameters: Mapping[str, Tensor],
    ) -> dict[str, Tensor]:
        """What there is to read, by name; TypeError without an x that is read."""
        values = dict(zip(self.seen, seen, strict=True))
        values["z"], values["s"], values["eps"] = z, s, self._near(eps)
        if parameters:
            values.update(parameters)
        if self.input_axes:
            if x is None:
                raise TypeError(f"{type(self).__name__} reads x: pass it with x=")
            values["x"] = x
        return values

    def _near(self, eps: Tensor) -> Tensor:
        """ε as a feature."""
        return eps.abs().clamp(self.eps_range[0], self.eps_range[1]).log()

    def _read(self, names: Sequence[str], values: Mapping[str, Tensor], z: Tensor) -> Tensor:
        """The features of these names: [*batch, features]."""
        batch = z.shape[: z.ndim - self.axes]
        if z.is_complex():
            batch = torch.Size((2, *batch))
        shapes, parts = self.shapes, []
        for name in names:
            value = values[name]
            axes = shapes.get(name)
            parts.append(value.expand(batch).unsqueeze(-1) if axes is None else columns(value, axes, batch))
        return parts[0] if len(parts) == 1 else torch.cat(parts, -1)

    def _table(self, features: Tensor) -> Tensor:
        """A row for each place that has features of its own."""
        return features.flatten(0, -2)

    def _outputs(self, target: Tensor) -> Tensor:
        """A table of what g should give."""
        batch = in_parts(target).shape[: target.ndim - self.axes + target.is_complex()]
        return columns(target, self.axes, batch).flatten(0, -2)

    def _fit_inputs(self, values: Mapping[str, Tensor], z: Tensor) -> None:
        table = self._table(self._read(self.reads, values, z))
        self.mean.copy_(table.mean(0).view_as(self.mean))
        self.spread.copy_(nonzero(table.std(0, correction=0), 1e-6 * table.abs().amax(0)).view_as(self.spread))

    def _fit_output(self, target: Tensor, values: Mapping[str, Tensor], z: Tensor) -> None:
        table = self._outputs(target)
        self.scale.copy_(nonzero(table.square().mean(0).sqrt(), torch.zeros(())).view_as(self.scale))

    def _scaled(self, net: Tensor, values: Mapping[str, Tensor], z: Tensor) -> Tensor:
        """g from what the network gives, in the network's form."""
        return self.scale * net

    def _output(self, g: Tensor, z: Tensor) -> Tensor:
        """g bounded, in the form of z."""
        if self.bound is not None:
            g = self.bound * torch.tanh(g / self.bound)
        return self._shaped(g, z)

    def _shaped(self, g: Tensor, z: Tensor) -> Tensor:
        """What is in the network's form in that of z."""
        if not z.is_complex():
            return g.reshape(z.shape)
        real, imaginary = g.reshape(2, *z.shape).unbind()
        return torch.complex(real, imaginary)


class ConvCorrector(Corrector):
    """The same by convolutions, for states [channels, height, width]; numbers are constant channels."""

    def last(self, width: int, kernel: int = 3, *, bias: bool = True) -> nn.Module:
        """The layer to the state's channels, of zeros."""
        return zeroed(nn.Conv2d(width, self.outputs, kernel, padding="same", bias=bias))

    def _sizes(self, state_shape: Sequence[int], input_shape: Sequence[int]) -> tuple[int, int]:
        if len(state_shape) != 3:
            raise ValueError(
                f"a convolutional corrector needs states [channels, height, width], not {tuple(state_shape)}"
            )
        if self.input_axes and (len(input_shape) != 3 or tuple(input_shape[1:]) != tuple(state_shape[1:])):
            raise ValueError(f"inputs must be [channels, height, width] like the states, not {tuple(input_shape)}")
        return state_shape[0], input_shape[0] if self.input_axes else 0

    def _fits(self, shape: Sequence[int]) -> bool:
        return shape[0] == self.state_shape[0]

    def _each(self, count: int) -> tuple[int, ...]:
        return (count, 1, 1)

    def _read(self, names: Sequence[str], values: Mapping[str, Tensor], z: Tensor) -> Tensor:
        """The features of these names: [*batch, channels, height, width]."""
        batch, space = in_parts(z).shape[:-3], z.shape[-2:]
        parts = [
            in_parts(values[name]).expand(*batch, -1, -1, -1)
            if name in self.shapes
            else values[name].expand(batch)[..., None, None, None].expand(*batch, 1, *space)
            for name in names
        ]
        features = parts[0] if len(parts) == 1 else torch.cat(parts, -3)
        return features.reshape(-1, *features.shape[-3:])

    def _table(self, features: Tensor) -> Tensor:
        return features.movedim(-3, -1).flatten(0, -2)

    def _outputs(self, target: Tensor) -> Tensor:
        return self._table(in_parts(target))


class Residual(nn.Module):
    """h + block(h)."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.block = nn.Sequential(*layers)

    def forward(self, h: Tensor) -> Tensor:
        """Like h."""
        change: Tensor = self.block(h)
        return h + change


class Sine(nn.Module):
    """The sine of each component."""

    def forward(self, h: Tensor) -> Tensor:
        """Like h."""
        return torch.sin(h)


def _halves(tensors: Mapping[str, Tensor], prefix: str) -> list[tuple[str, float]]:
    """Which of the scales may be beyond their dtype, as in float16, and its largest number."""
    names = [name for name in (f"{prefix}spread", f"{prefix}eps_range") if name in tensors]
    found = [(name, torch.finfo(tensors[name].dtype).max) for name in names]
    return [(name, largest) for name, largest in found if largest < TIMELESS]


def _redraw(layer: nn.Module) -> None:
    """Draw a layer's weights anew, as torch does for a new one, which may have been moved since."""
    new = copy.deepcopy(layer).to("cpu", torch.get_default_dtype())
    new.reset_parameters()  # type: ignore[operator]  # linear layers and convolutions have it
    layer.load_state_dict(new.state_dict())


def zeroed(layer: nn.Linear | nn.Conv2d) -> nn.Linear | nn.Conv2d:
    """The layer with weights of zero."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def columns(value: Tensor, axes: int, batch: Sequence[int]) -> Tensor:
    """[*batch, *shape], with `axes` axes of shape, as [*batch, features]."""
    if value.is_complex():
        value = in_parts(value)
    return (value.flatten(-axes) if axes else value.unsqueeze(-1)).expand(*batch, -1)


def nonzero(scale: Tensor, least: Tensor) -> Tensor:
    """One where a scale says that nothing varies."""
    return torch.where(scale > least.to(scale), scale, torch.ones_like(scale))


def in_parts(value: Tensor) -> Tensor:
    """A complex tensor as its real and imaginary parts, a batch of two; a real one as it is."""
    return torch.stack((value.real, value.imag)) if value.is_complex() else value
