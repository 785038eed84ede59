"""How much errors of g count where steps are single ones."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from hyperdsl.training.rows import Rows, norms, real

SMALL = 2.0  # typical sizes: errors on targets far below them count alike
WIDE = 16.0  # typical sizes beyond which targets count less: a few fast transients would be all that g learns


class Weighing:
    """The loss of errors e of g, ‖e‖/√(‖R‖ + SMALL typical sizes) of a target R.

    Errors on usual targets count as they are; on large ones halfway from the absolute to the relative error.

    Both are in the middle, geometrically, of the unit that g has there and its usual one, where g has a unit: states
    where dz is large then count neither by dz's size, as in absolute units, nor as little as slow ones, as in g's own.
    Beyond WIDE typical sizes of R it is ‖e‖/‖R‖^(3/4). The usual unit is the geometric mean, the typical size the
    median of `rows`; where g has no unit, R is in `scale`, that of each feature.
    """

    def __init__(self, g: nn.Module, scale: Tensor, rows: Rows) -> None:
        self.g, self.scale, self.features = g, scale, math.sqrt(scale.numel())
        own = self._own(rows)
        usual = own.where(own.isfinite(), math.nan).log().nanmean(0).exp()
        self.usual = torch.where(usual > 0, usual, torch.ones_like(usual))
        self.typical = norms(real(rows.target) / self._unit(rows)).median() / self.features

    def sizes(self, rows: Rows) -> Tensor:
        """The size of each row's target, in units."""
        return norms(real(rows.target) / self._unit(rows)) / self.features

    def terms(self, rows: Rows) -> tuple[Tensor, Tensor]:
        """What errors, in `real` form, are divided by, and the weight of each row's norm of them."""
        unit, typical = self._unit(rows), self.typical.clamp_min(1e-3)
        size = norms(real(rows.target) / unit) / self.features
        weight = (size + SMALL * typical).rsqrt() * (1 + size / (WIDE * typical)) ** -0.25
        return unit, weight / self.features

    def losses(self, rows: Rows) -> Tensor:
        """The loss of each row."""
        unit, weight = self.terms(rows)
        return norms(real(rows.given(self.g) - rows.target) / unit) * weight

    def _unit(self, rows: Rows) -> Tensor:
        return self.usual * (self._own(rows) / self.usual).sqrt()

    def _own(self, rows: Rows) -> Tensor:
        """What g gives for a net of one, or `scale`; infinite where it is zero, for g can give nothing else there."""
        unit = getattr(self.g, "unit", None)
        if unit is None:
            scale = self.scale.unsqueeze(-1) if rows.target.is_complex() else self.scale
            return scale.expand_as(real(rows.target))
        own = real(rows.given(unit))
        return own.where(own > 0, math.inf)
