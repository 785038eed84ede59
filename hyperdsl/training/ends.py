"""The loss at the end of the span, after all steps of a grid."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from hyperdsl.runtime.state import VectorField
from hyperdsl.training.losses import Shuffled
from hyperdsl.training.rows import Rows, grids_of, joined, norms, real
from hyperdsl.training.settings import FitWarning
from hyperdsl.training.stepping import Parameters, Stepping
from hyperdsl.training.targets import DRAWS, Targets
from hyperdsl.training.trained import COMPONENTS

SCALED = 64  # trajectories along which g's in- and outputs are looked at for their scaling


def steps_of(targets: Targets, steps: int, z: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The times and the sizes of a solve's steps over the span, as scalars like z: `steps` equal ones."""
    length = targets.end - targets.start
    at = [targets.start + length * k / steps for k in range(steps)]
    *times, eps = z.new_tensor([*at, length / steps], dtype=z.dtype.to_real())
    return [(s, eps) for s in times]


class Ends(nn.Module):
    """The loss of whole solves: the distance from the reference where they end, halfway from absolute to relative.

    Relative to how far the base method goes astray. `units` are trajectories: their starts, x and ends. Each grid takes
    an equal share of a batch. Free parameters of the base have one of a few values in a batch.
    """

    def __init__(
        self,
        g: nn.Module,
        starts: Tensor,
        x: Tensor | None,
        ends: Tensor,
        targets: Targets,
        f: VectorField,
        fabric: Fabric,
    ) -> None:
        super().__init__()
        self.g, self.starts, self.x, self.ends, self.targets = g, starts, x, ends, targets
        self.stepping = Stepping(targets, f, fabric.device, recomputed=False)
        self.part, self.parts, self.device = fabric.global_rank, fabric.world_size, fabric.device
        self.grids = grids_of(targets.settings)
        free = {name for name, low, high in targets.ranges if low < high}
        dtype = starts.dtype.to_real()
        self.draws = [
            {name: torch.tensor(value, dtype=dtype, device=self.device) for name, value in draw.items()}
            for draw in targets.draws(DRAWS if free else 1)
        ]
        usable = ends.flatten(1).isfinite().all(1)
        self.spread = _spread(ends[usable])
        self.weights, lost = self._weights()
        self.units = (usable & ~lost).nonzero()[:, 0].cpu()
        if not len(self.units):
            raise ValueError("no solution has a finite end: shorten the span, or take more steps")
        if not lost[usable].logical_not().all():
            warnings.warn(
                f"the base method does not reach a finite end from {int(lost[usable].sum())} of {int(usable.sum())} "
                "training states: left out",
                FitWarning,
                stacklevel=5,
            )

    def batch(self, k: int, order: Shuffled, size: int) -> Tensor:
        """The trajectories of the batch of iteration k, for all processes."""
        return order.take(max(size, len(self.grids)))

    def forward(self, index: Tensor) -> Tensor:
        """The batch's mean loss as the mean over processes, each of which has its share of each grid's trajectories."""
        draw = int(index[0]) % len(self.draws)
        losses = []
        for k, steps in enumerate(self.grids):
            mine = index[k :: len(self.grids)][self.part :: self.parts].to(self.ends.device)
            distances = self.distances(mine, steps, self.stepping.hyper, self.draws[draw])
            losses.append((distances * self.weights[draw][k][mine].to(self.device)).sum())
        return torch.stack(losses).sum() * (self.parts / len(index))

    def distances(self, index: Tensor, steps: int, step: Callable[..., Tensor], parameters: Parameters) -> Tensor:
        """How far from the reference solves of so many steps end, in deviations: [rows]."""
        z = self.starts[index].to(self.device)
        x = None if self.x is None else self.x[index].to(self.device)
        for s, eps in steps_of(self.targets, steps, z):
            z = step(s, x, z, eps, parameters)
        return norms(real(z - self.ends[index].to(self.device)) / self.spread.to(self.device)) / math.sqrt(
            real(self.ends)[0].numel()
        )

    def _weights(self) -> tuple[list[list[Tensor]], Tensor]:
        """Of each draw of parameters and each grid: the weight of each trajectory; and which the base loses."""
        lost = torch.zeros(len(self.starts), dtype=torch.bool, device=self.starts.device)
        found: list[list[Tensor]] = []
        for parameters in self.draws:
            found.append([])
            for steps in self.grids:
                pieces = torch.split(torch.arange(len(self.starts)), self.targets.settings.batch)
                base = torch.cat(
                    [self.distances(piece, steps, self.stepping.base, parameters).to(lost.device) for piece in pieces]
                )
                finite = base.isfinite()
                lost |= ~finite
                size = base[finite].square().mean().sqrt().clamp_min(torch.finfo(base.dtype).tiny ** 0.5)
                found[-1].append((base / size + 0.1).rsqrt() / size)
        return found, lost


def _spread(ends: Tensor) -> Tensor:
    """The deviation of each component of ends [n, ...], of large states one of all together; nowhere zero."""
    table = real(ends)
    spread = table.std(0, correction=0)
    together = spread.square().mean().sqrt()
    if spread.numel() > COMPONENTS or not together:
        return torch.where(together > 0, together, torch.ones_like(together))
    return torch.where(spread > 0, spread, together)


def rows_on_grids(targets: Targets, starts: Tensor, x: Tensor | None) -> Rows:
    """The residuals along some solutions, at the points of the grids: what g reads there, and what it should give."""
    z0, given = starts[:SCALED].to(targets.dtype), None if x is None else x[:SCALED]
    found = []
    for steps in grids_of(targets.settings):
        z = z0
        for s, eps in steps_of(targets, steps, z0):
            end = targets.advance(s, given, z, eps, targets.settings.substeps)
            found.append(targets.residuals_to(end, float(eps), s, given, z, targets.parameters()))
            z = end
    return joined(found)
