"""The loss at the end of the span, after all steps of a grid."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from hyperdsl.runtime.state import VectorField
from hyperdsl.training.losses import Shuffled
from hyperdsl.training.protocol import is_graded, past_of
from hyperdsl.training.rows import Rows, grids_of, in_dtype, joined, norms, real
from hyperdsl.training.settings import FitWarning, History
from hyperdsl.training.stepping import Followed, Parameters, Stepping, newest
from hyperdsl.training.targets import DRAWS, Targets, Trajectories
from hyperdsl.training.trained import COMPONENTS

if TYPE_CHECKING:
    from hyperdsl.training.alone import Launched

SCALED = 64  # trajectories along which g's in- and outputs are looked at for their scaling


def steps_of(targets: Targets, steps: int, z: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The times and the sizes of a solve's steps over the span, as scalars like z: `steps` equal ones, or its grid's.

    Those of a learned grid have gradients.
    """
    if is_graded(targets.solver):
        times = z.new_tensor([targets.start, targets.end], dtype=torch.float64)
        (places,) = targets.solver.places(z, times, times, targets.solver.count, {})
        return [(s.to(z.dtype.to_real()), eps.to(z.dtype.to_real())) for s, eps in places]
    return equal_steps(targets, steps, z)


def equal_steps(targets: Targets, steps: int, z: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The same for `steps` equal ones."""
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
        fabric: Launched,
    ) -> None:
        super().__init__()
        self.g, self.starts, self.x, self.ends, self.targets = g, starts, x, ends, targets
        self.stepping = Stepping(targets, f, fabric.device)
        self.part, self.parts, self.device = fabric.global_rank, fabric.world_size, fabric.device
        self.grids = grids_of(targets.settings)
        free = {name for name, low, high in targets.ranges if low < high}
        dtype = starts.dtype.to_real()
        self.draws = [
            {name: torch.tensor(value, dtype=dtype, device=self.device) for name, value in draw.items()}
            for draw in targets.draws(DRAWS if free else 1)
        ]
        usable = ends.flatten(1).isfinite().all(1)
        self.scale = _scale(ends[usable]).to(self.device)
        self._settle()
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
        parameters, weights = self.draws[draw], self.weights[draw]
        losses = []
        for k, steps in enumerate(self.grids):
            mine = index[k :: len(self.grids)][self.part :: self.parts].to(self.ends.device)
            distances = self.distances(mine, steps, self.stepping.hyper, parameters)
            losses.append(torch.dot(distances, weights[k][mine].to(self.device)))
        return sum(losses[1:], losses[0]) * (self.parts / len(index))

    def distances(self, index: Tensor, steps: int, step: Callable[..., Followed], parameters: Parameters) -> Tensor:
        """How far from the reference solves of so many steps end, in deviations: [rows]."""
        z, end = (states[index].to(self.device) for states in (self.starts, self.ends))
        x = None if self.x is None else self.x[index].to(self.device)
        z = _solved(self.stepping, step, steps_of(self.targets, steps, z), x, z, parameters)
        return norms(real(z - end) * self.scale)

    def _settle(self) -> None:
        """Have the steps recomputed where memory asks for it."""
        z, x = self.starts[:2].to(self.device), None if self.x is None else self.x[:2].to(self.device)
        (s, eps), *_ = steps_of(self.targets, self.grids[0], z)
        each = max(self.targets.settings.batch // len(self.grids), 1)
        self.stepping.settle(s, x, [z] * (self.stepping.past + 1), eps, self.draws[0], each * sum(self.grids))

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


def _scale(ends: Tensor) -> Tensor:
    """What a norm of states is the root mean square in deviations with: of each component, of large states together."""
    table = real(ends)
    spread = table.std(0, correction=0)
    together = spread.square().mean().sqrt()
    together = torch.where(together > 0, together, torch.ones_like(together))
    deviation = together if spread.numel() > COMPONENTS else torch.where(spread > 0, spread, together)
    return 1 / (deviation * math.sqrt(spread.numel()))


def _solved(
    stepping: Stepping,
    step: Callable[..., Followed],
    steps: Sequence[tuple[Tensor, Tensor]],
    x: Tensor | None,
    z: Tensor,
    parameters: Parameters,
) -> Tensor:
    """The state after a whole solve from z; the first steps of a history are by the method of its first states."""
    followed = stepping.first(steps[0][0], x, z)
    for s, eps in steps[: stepping.past]:
        followed = stepping.begin(s, x, followed, eps)
    for s, eps in steps[stepping.past :]:
        followed = step(s, x, followed, eps, parameters)
    return newest(followed)


def rows_on_grids(targets: Targets, starts: Tensor, x: Tensor | None) -> Rows:
    """The residuals along some solutions, at the points of the grids: what g reads there, and what it should give."""
    z0, given = starts[:SCALED].to(targets.dtype), None if x is None else x[:SCALED]
    found = []
    for steps in grids_of(targets.settings):
        states, past = [z0], past_of(targets.solver)
        for k, (s, eps) in enumerate(steps_of(targets, steps, z0)):
            end = targets.advance(s, given, states[0], eps, targets.settings.substeps)
            if k >= past:
                known = states[: past + 1]
                found.append(targets.residuals_to(end, float(eps), s, given, known, targets.parameters()))
            states.insert(0, end)
    return joined(found)


def reached(targets: Targets, stepping: Stepping, unseen: Trajectories, losses: Sequence[float]) -> History:
    """What the training of a grid reached: as δ, the error where solves end over that of the base on equal steps.

    Local errors of steps that begin elsewhere and have other sizes are not to be compared.
    """
    z0, x, length = unseen.z[0], unseen.x, targets.end - targets.start
    count = grids_of(targets.settings)[0]
    exact, doubled = (_end(targets, x, z0, k * count * targets.settings.substeps) for k in (1, 2))
    parameters = {name: z0.new_tensor(value, dtype=targets.trained) for name, value in targets.parameters().items()}

    def missed(step: Callable[..., Followed], steps: Callable[..., list[tuple[Tensor, Tensor]]]) -> Tensor:
        z, given = in_dtype(z0, targets.trained), in_dtype(x, targets.trained)
        z = _solved(stepping, step, steps(targets, count, z), given, z, parameters)
        return norms(real(in_dtype(z, targets.dtype) - exact))

    base = missed(stepping.base, equal_steps).median()
    delta = float(missed(stepping.hyper, steps_of).median() / base)
    return History([*losses], {length: delta}, {length: float(norms(real(exact - doubled)).median() / base)}, math.nan)


def _end(targets: Targets, x: Tensor | None, z: Tensor, substeps: int) -> Tensor:
    s, length = z.new_tensor([targets.start, targets.end - targets.start], dtype=targets.dtype)
    return targets.advance(s, x, z, length, substeps)
