"""Activations as modules and functions, and layers like a bilinear one's, as Python text."""

from __future__ import annotations

from hyperdsl.semantics.model.layers import Bilinear, SmoothActivation

MODULES: dict[SmoothActivation, str] = {
    "tanh": "nn.Tanh",
    "softplus": "nn.Softplus",
    "silu": "nn.SiLU",
    "gelu": "nn.GELU",
    "sin": "Sine",
}
FUNCTIONS: dict[SmoothActivation, str] = {
    "tanh": "torch.tanh",
    "softplus": "nn.functional.softplus",
    "silu": "nn.functional.silu",
    "gelu": "nn.functional.gelu",
    "sin": "torch.sin",
}


def layer_of(layer: Bilinear, inputs: str, outputs: str) -> str:
    """A layer of the form of the bilinear layer's maps."""
    if layer.kernel is None:
        return f"nn.Linear({inputs}, {outputs})"
    return f'nn.Conv2d({inputs}, {outputs}, {layer.kernel}, padding="same")'
