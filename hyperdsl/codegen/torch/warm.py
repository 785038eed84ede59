"""The view of a corrector's start from the first layers of the vector field."""

from __future__ import annotations

from dataclasses import dataclass

from hyperdsl.codegen.torch.expressions import number
from hyperdsl.semantics.layer_model import Bilinear, SmoothActivation
from hyperdsl.theory.exact import Exact

_MODULES: dict[SmoothActivation, str] = {
    "tanh": "nn.Tanh",
    "softplus": "nn.Softplus",
    "silu": "nn.SiLU",
    "gelu": "nn.GELU",
    "sin": "_Sine",
}
FUNCTIONS: dict[SmoothActivation, str] = {
    "tanh": "torch.tanh",
    "softplus": "nn.functional.softplus",
    "silu": "nn.functional.silu",
    "gelu": "nn.functional.gelu",
    "sin": "torch.sin",
}
_NOWHERE = ', device="meta"'  # of the form alone: no numbers are drawn


@dataclass(frozen=True)
class WarmView:
    """The layers that the vector field must begin with, its activation, and the factor of J f, "" for a g of zero."""

    first: str
    second: str
    activation: str
    sine: bool
    factor: str


def warm_view(layer: Bilinear, leading: Exact | None) -> WarmView:
    """What a corrector with this bilinear layer takes from the field, for states of `size` features."""
    return WarmView(
        first=layer_of(layer, "size", str(layer.width), _NOWHERE),
        second=layer_of(layer, str(layer.width), "size", _NOWHERE),
        activation=_MODULES[layer.activation],
        sine=layer.activation == "sin",
        factor="" if leading is None else number(leading),
    )


def layer_of(layer: Bilinear, inputs: str, outputs: str, device: str = "") -> str:
    """A layer of the form of the bilinear layer's maps."""
    if layer.kernel is None:
        return f"nn.Linear({inputs}, {outputs}{device})"
    return f'nn.Conv2d({inputs}, {outputs}, {layer.kernel}, padding="same"{device})'
