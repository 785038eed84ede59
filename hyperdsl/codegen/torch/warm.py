"""Activations as modules and functions, and layers of weights, as Python text."""

from __future__ import annotations

from hyperdsl.semantics.model.layers import SmoothActivation

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


def layer_text(inputs: str, outputs: str, kernel: int | None = None) -> str:
    """A layer of weights: a convolution where there is a kernel."""
    if kernel is None:
        return f"nn.Linear({inputs}, {outputs})"
    return f'nn.Conv2d({inputs}, {outputs}, {kernel}, padding="same")'
