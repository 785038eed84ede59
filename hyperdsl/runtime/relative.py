"""Correctors that hold across scales: what they read and give is relative to the size of dz."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .corrector import ConvCorrector, Corrector, in_parts, nonzero

SIZE, LOG_SIZE = "|dz|", "log|dz|"
"""The size of dz among what there is to read; no names of the base's parameters."""
WIDE = 16.0
"""A 99th percentile of |R|/|dz| over the median beyond which outputs are logarithmic; that percentile is net = WIDE."""
BEYOND = 2.0
"""g goes up to so many times what it was to give at most in training, relative to |dz|."""
ALL = 1e4
"""What stands for no limit, in every number format."""


class RelativeCorrector(Corrector):
    """g = |dz| h(net), and zero where dz is zero; `net` reads z, dz/|dz|, (k − dz)/|dz| of other slopes k, and log|dz|.

    |dz| is the root mean square of dz over the state, of a complex one for each part. h is a scale for each output or,
    where the targets are spread over orders of magnitude, sinh(κ net) times one: κ follows from their spread. Beyond
    the sizes of training log|dz| stays at their ends, so that g is proportional to |dz| there.
    """

    output = "relative"
    bend: Tensor
    kappa: Tensor
    reach: Tensor
    sizes: Tensor

    def __init__(self, state_shape: Sequence[int], reads: Sequence[str], **more: Any) -> None:
        super().__init__(state_shape, (*reads, LOG_SIZE), **more)
        if "dz" not in self.seen:
            raise ValueError("a corrector relative to dz reads dz")

    def unit(self, eps: Tensor, s: Tensor, x: Tensor | None, z: Tensor, *seen: Tensor, **parameters: Tensor) -> Tensor:
        """What g gives, like z, where `net` gives one: the unit in which its errors count; zero where dz is."""
        values = self._values(eps, s, x, z, seen, parameters)
        one = (self.scale + self.bend * torch.sinh(self.kappa)) * self._read((SIZE,), values, z)
        return self._shaped(one.abs(), z)

    def _register(self, features: int) -> None:
        super()._register(features)
        for name, value in (("bend", 0.0), ("kappa", 0.0), ("reach", ALL)):
            self.register_buffer(name, torch.full(self._each(self.outputs), value))
        self.register_buffer("sizes", torch.tensor([-ALL, ALL]))

    def _values(self, *given: Any) -> dict[str, Tensor]:
        values = super()._values(*given)
        dz = in_parts(values["dz"])
        size, some = size_of(dz, self.axes)
        unit = size.reshape((*size.shape, *(1,) * self.axes))
        for name in self.seen:
            values[name] = (dz if name == "dz" else in_parts(values[name]) - dz) / unit
        values[SIZE] = torch.where(some, size, torch.zeros_like(size))
        values[LOG_SIZE] = size.log().clamp(self.sizes[0], self.sizes[1])
        return values

    def _scaled(self, net: Tensor, values: Mapping[str, Tensor], z: Tensor) -> Tensor:
        net = net.clamp(-self.reach, self.reach)
        ratio = torch.addcmul(self.scale * net, self.bend, torch.sinh(self.kappa * net))
        return self._read((SIZE,), values, z) * ratio

    def _fit_inputs(self, values: Mapping[str, Tensor], z: Tensor) -> None:
        some = values[SIZE] > 0
        if some.any():
            self.sizes.copy_(torch.stack(torch.aminmax(values[SIZE][some].log())))
        logs = torch.where(some, values[SIZE], torch.ones_like(values[SIZE])).log()
        super()._fit_inputs({**values, LOG_SIZE: logs.clamp(self.sizes[0], self.sizes[1])}, z)

    def _fit_output(self, target: Tensor, values: Mapping[str, Tensor], z: Tensor) -> None:
        size = self._table(self._read((SIZE,), values, z))[:, 0]
        ratios = (self._outputs(target).abs()[size > 0] / size[size > 0, None]).double()
        if len(ratios):
            for buffer, value in zip((self.scale, self.bend, self.kappa, self.reach), bent(ratios), strict=True):
                buffer.copy_(value.view_as(buffer))


class RelativeConvCorrector(RelativeCorrector, ConvCorrector):
    """The same by convolutions: |dz| is the root mean square over channels and space."""


def size_of(slope: Tensor, axes: int) -> tuple[Tensor, Tensor]:
    """The root mean square of a real slope over its last axes, and where there is one: of zero slopes the size is one.

    Neither squares nor derivatives overflow: slopes are divided by their largest component first, which is a constant
    there, since it does not matter.
    """
    flat = slope.flatten(-axes) if axes else slope.unsqueeze(-1)
    largest = flat.detach().abs().amax(-1)
    some = largest >= torch.finfo(largest.dtype).tiny
    largest = torch.where(some, largest, torch.ones_like(largest))
    mean = (flat / largest.unsqueeze(-1)).square().mean(-1)
    return largest * torch.where(some, mean, torch.ones_like(mean)).sqrt(), some


def bent(ratios: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`scale`, `bend`, κ and the largest |net| for each output, from a table of |R|/|dz|.

    With r the 99th percentile over the median m: where r ≤ WIDE, or m is zero, κ = 0 and net = 1 is the root mean
    square, of values up to WIDE·m. Else sinh(WIDE·κ)/sinh(κ) = r: net = 1 is the median, net = WIDE the percentile.
    """
    ordered = ratios.sort(0).values
    median, most = ordered[(len(ratios) - 1) // 2], ordered[-1]
    spread = ordered[int(0.99 * (len(ratios) - 1))] / median
    wide = (spread > WIDE) & spread.isfinite()
    ceiling = torch.where((median > 0) & ~wide, WIDE * median, most)
    rms = nonzero(torch.minimum(ratios, ceiling).square().mean(0).sqrt(), torch.zeros(()))
    kappa = torch.where(wide, _kappa(torch.where(wide, spread, 2 * WIDE)), 0.0)
    scale, bend = torch.where(wide, 0.0, rms), torch.where(wide, median / torch.sinh(kappa), 0.0)
    logarithmic = torch.asinh(BEYOND * most / bend) / kappa
    return scale, bend, kappa, torch.where(wide, logarithmic, BEYOND * most / rms).clamp(1, ALL)


def _kappa(spread: Tensor) -> Tensor:
    """κ with sinh(WIDE·κ)/sinh(κ) = spread > WIDE, by bisection: it is below log(spread)/(WIDE − 1)."""
    low, high = torch.zeros_like(spread), spread.log() / (WIDE - 1)
    for _ in range(60):
        middle = (low + high) / 2
        less = _log_sinh(WIDE * middle) - _log_sinh(middle) < spread.log()
        low, high = torch.where(less, middle, low), torch.where(less, high, middle)
    return high


def _log_sinh(x: Tensor) -> Tensor:
    return x + torch.log(-torch.expm1(-2 * x) / 2)
