"""The layers of a corrector, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# Those whose derivative is not piecewise constant.
SmoothActivation = Literal["tanh", "softplus", "silu", "gelu", "sin"]
Activation = SmoothActivation | Literal["relu", "prelu"]


@dataclass(frozen=True)
class Linear:
    """A fully connected layer of `width` outputs."""

    width: int


@dataclass(frozen=True)
class Conv2d:
    """A convolution of `channels` outputs with a square kernel and `same` padding."""

    channels: int
    kernel: int


@dataclass(frozen=True)
class Activate:
    """An elementwise activation."""

    function: Activation


@dataclass(frozen=True)
class Residual:
    """h + W2 σ(W1 h), with `width` features inside; convolutions where there is a `kernel`."""

    width: int
    activation: Activation
    kernel: int | None


@dataclass(frozen=True)
class Bilinear:
    """σ'(a) ⊙ b of `width`: a is affine in the inputs that are no slopes, b linear in dz and the stages.

    For f = W2 σ(W1 z + b1) and the layer W2 on it this is the form of J f. Convolutions where there is a `kernel`.
    """

    width: int
    activation: SmoothActivation
    kernel: int | None


Layer = Linear | Conv2d | Activate | Residual | Bilinear
