"""Correctors of a JVP-like first layer, which may start from the layers of the vector field."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .corrector import ConvCorrector, Corrector, Sine, nonzero

Layer = nn.Linear | nn.Conv2d
DERIVATIVES: dict[type[nn.Module], Callable[[Tensor], Tensor]] = {
    nn.Tanh: lambda a: 1 - torch.tanh(a) ** 2,
    nn.Softplus: torch.sigmoid,
    nn.SiLU: lambda a: torch.sigmoid(a) * (1 + a * torch.sigmoid(-a)),
    nn.GELU: lambda a: 0.5 * torch.erfc(-a / math.sqrt(2)) + a * torch.exp(-(a**2) / 2) / math.sqrt(2 * math.pi),
    Sine: torch.cos,
}
"""σ' for each σ."""


class Bilinear(Corrector):
    """g whose first layer is σ'(a) ⊙ b, the form of J f for f = W2 σ(W1 z): a is affine in `reads`, b linear in `seen`.

    Where g reads s, b has a constant term: time's own slope is 1. The subclass sets `net`, what follows. With `warm`
    it then calls `start`: f's own scales serve, and features are not normalised.
    """

    slope_spread: Tensor

    def __init__(
        self,
        state_shape: Sequence[int],
        reads: Sequence[str],
        *,
        seen: Sequence[str],
        width: int,
        activation: type[nn.Module],
        kernel: int = 0,
        warm: bool = False,
        scaled: bool = True,
        input_shape: Sequence[int] = (),
        bound: float | None = None,
        outside: str = "warn",
    ) -> None:
        self.warm, self.scaled = warm, scaled  # which buffers there are
        super().__init__(state_shape, reads, seen=seen, input_shape=input_shape, bound=bound, outside=outside)
        self.activation, self.kernel, self.width = activation, kernel, width
        self.a = self._layer(self.features, width)
        self.b = self._layer(self._count(self.seen), width, bias="s" in self.reads)

    def forward(
        self, eps: Tensor, s: Tensor, x: Tensor | None, z: Tensor, *seen: Tensor, **parameters: Tensor
    ) -> Tensor:
        """g, like z; scalars are 0-d or [*batch]."""
        values = self._values(eps, s, x, z, seen, parameters)
        features, slopes = self._read(self.reads, values, z), self._read(self.seen, values, z)
        if not self.warm:
            features, slopes = (features - self.mean) / self.spread, slopes / self.slope_spread
        net: Tensor = self.net(DERIVATIVES[self.activation](self.a(features)) * self.b(slopes))
        return self._kept(eps, s, self._output(self._scaled(net, values, z), z))

    def described(self) -> dict[str, Any]:
        """As of any corrector, with the activation, which is no layer, and what the features are scaled by."""
        more = {"activation": self.activation.__name__, "warm": self.warm, "scaled": self.scaled}
        return super().described() | more

    def redraw(self) -> None:
        """As of any corrector; what was taken from the field's layers stays."""
        taken = copy.deepcopy([self.a.state_dict(), self.b.state_dict()]) if self.warm else None
        super().redraw()
        if taken is not None:
            self.a.load_state_dict(taken[0])
            self.b.load_state_dict(taken[1])

    def _own_layers(self) -> tuple[nn.Module, ...]:
        return self.a, self.b

    @property
    def fresh(self) -> bool:
        """Whether it is untrained, though it is not zero."""
        return not self.scaled and self._untrained

    def start(self, field: nn.Module, factor: float | None = None) -> None:
        """Take a and b from the first layer of the vector field, and `net` from `factor` times the second, if any.

        ValueError where the field does not begin with such layers.
        """
        inward, outward = self._layer(self.outputs, self.width, device="meta"), []
        if factor is not None:
            outward = [self._layer(self.width, self.outputs, device="meta")]
        first, *second = first_layers(field, self.activation, inward, *outward)
        if factor is not None:
            with torch.no_grad():
                self.net.get_parameter("weight").copy_(factor * second[0].weight)
        _take(self.a, first.weight, first.bias)
        _take(self.b, first.weight)

    def _layer(self, inputs: int, outputs: int, *, bias: bool = True, device: str | None = None) -> Layer:
        return nn.Linear(inputs, outputs, bias=bias, device=device)

    def _register(self, features: int) -> None:
        if not self.warm:
            self.register_buffer("mean", torch.zeros(self._each(features)))
            self.register_buffer("spread", torch.ones(self._each(features)))
            self.register_buffer("slope_spread", torch.ones(self._each(self._count(self.seen))))
        if self.scaled:
            self.register_buffer("scale", torch.ones(self._each(self.outputs)))

    def _near(self, eps: Tensor) -> Tensor:
        """ε as a feature; itself, where f's own scales serve."""
        near = eps.abs().clamp(self.eps_range[0], self.eps_range[1])
        return near if self.warm else near.log()

    def _fit_inputs(self, values: Mapping[str, Tensor], z: Tensor) -> None:
        if not self.warm:
            super()._fit_inputs(values, z)
            rates = self._table(self._read(self.seen, values, z))
            spread = nonzero(rates.square().mean(0).sqrt(), torch.zeros(()))
            self.slope_spread.copy_(spread.view_as(self.slope_spread))

    def _scaled(self, net: Tensor, values: Mapping[str, Tensor], z: Tensor) -> Tensor:
        return super()._scaled(net, values, z) if self.scaled else net

    def _fit_output(self, target: Tensor, values: Mapping[str, Tensor], z: Tensor) -> None:
        if self.scaled:
            super()._fit_output(target, values, z)


class ConvBilinear(Bilinear, ConvCorrector):
    """The same by convolutions."""

    def _layer(self, inputs: int, outputs: int, *, bias: bool = True, device: str | None = None) -> Layer:
        return nn.Conv2d(inputs, outputs, self.kernel, padding="same", bias=bias, device=device)


def first_layers(field: nn.Module, activation: type[nn.Module], *wanted: Layer) -> list[Layer]:
    """The first layers of f, in the order in which it holds them; ValueError where they are not as wanted."""
    modules, name = [*field.modules()] if isinstance(field, nn.Module) else [], type(field).__name__
    found = [layer for layer in modules if isinstance(layer, (nn.Linear, nn.Conv2d))][: len(wanted)]
    if len(found) < len(wanted) or any(_form(one) != _form(other) for one, other in zip(found, wanted, strict=True)):
        raise ValueError(
            f"the corrector starts from a field whose first layers are {[*wanted]}, those of {name} are {found}"
        )
    for module in modules:
        if type(module).__module__ == nn.Tanh.__module__ and not isinstance(module, activation):
            raise ValueError(f"the corrector starts from a field with {activation.__name__}, and {name} has {module}")
    return found


def _form(layer: Layer) -> tuple[object, ...]:
    """What two layers of one form have in common."""
    kind = (layer.weight.shape, layer.weight.is_complex())
    if isinstance(layer, nn.Linear):
        return kind
    same = tuple(size // 2 for size in layer.kernel_size)
    padding = same if layer.padding == "same" else layer.padding
    return (*kind, layer.stride, layer.dilation, layer.groups, padding, layer.padding_mode)


@torch.no_grad()
def _take(layer: Layer, weight: Tensor, bias: Tensor | None = None) -> None:
    """Put weights into a layer, which may read more than they do: that has no weight at first."""
    layer.weight.zero_()
    layer.weight[:, : weight.shape[1]] = weight
    if layer.bias is not None:
        layer.bias.copy_(torch.zeros_like(layer.bias) if bias is None else bias)
