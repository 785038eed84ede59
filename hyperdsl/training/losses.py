"""The losses, each a module whose units batches are drawn from."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from hyperdsl.runtime.state import VectorField
from hyperdsl.training.protocol import past_of
from hyperdsl.training.rows import Rows, in_dtype, joined, norms, real
from hyperdsl.training.settings import Adversarial
from hyperdsl.training.stepping import Followed, Stepping, newest, replaced
from hyperdsl.training.targets import OUTLYING, TOGETHER, Targets
from hyperdsl.training.weighing import Weighing

if TYPE_CHECKING:
    from hyperdsl.training.alone import Launched

PERIOD = 16  # iterations between points at which training can be taken up again, and for which worst cases serve
SAMPLED = 2**13  # rows that tell what is usual
BLOCKS = 4  # rollouts of a batch: rows of each share their ε and s
STRAY = 10  # deviations from the reference at which a rollout goes on from the reference's state
POOL = 4  # groups whose worst cases are found at a time
COARSE = 8  # times fewer substeps while they are looked for


class Shuffled:
    """Units of training in a random order, without end: each comes once before any comes again."""

    def __init__(self, units: Tensor, generator: torch.Generator) -> None:
        self.units, self.generator, self.left = units, generator, units[:0]

    def take(self, count: int) -> Tensor:
        """The next `count` units."""
        while len(self.left) < count:
            again = torch.randperm(len(self.units), generator=self.generator)
            self.left = torch.cat((self.left, self.units[again]))
        taken, self.left = self.left[:count], self.left[count:]
        return taken


class Residuals(nn.Module):
    """The loss ‖g − R‖ / √‖R‖ of rows, as `Weighing` has it: halfway from the absolute to the relative error.

    `units` are what batches are drawn from: the rows with a finite target.
    """

    def __init__(self, g: nn.Module, rows: Rows, usable: Tensor, fabric: Launched) -> None:
        super().__init__()
        self.g, self.rows, self.units = g, rows, usable
        self.part, self.parts, self.device = fabric.global_rank, fabric.world_size, fabric.device
        pieces = torch.split(usable, 2**16)
        squares = [rows.target[piece].to(self.device).abs().square().sum(0) for piece in pieces]
        scale = (torch.stack(squares).sum(0) / len(usable)).sqrt()
        scale = torch.where(scale > 0, scale, torch.ones_like(scale))
        some = usable[:: math.ceil(len(usable) / SAMPLED)]  # of every group: rows of one share their ε
        self.weighing = Weighing(g, scale, rows.take(some).on(self.device))

    def losses(self, rows: Rows) -> Tensor:
        """The loss of each row."""
        return self.weighing.losses(rows)

    def batch(self, k: int, order: Shuffled, size: int) -> Tensor:
        """The rows of the batch of iteration k, for all processes."""
        return order.take(size)

    def forward(self, index: Tensor) -> Tensor:
        """The batch's mean loss as the mean over processes, each of which has its share of the rows."""
        return self.losses(self.rows.take(index[self.part :: self.parts]).on(self.device)).sum() * (
            self.parts / len(index)
        )


class WorstCases(Residuals):
    """The loss of rows at the worst states near their own, for g as it was at most PERIOD iterations ago.

    Projected gradient ascent (Madry et al. 2018): each component of a state moves by up to `radius` deviations, in
    steps along the gradient's sign, from a random start. Targets there are exact; on the way the reference is coarse.
    `origins` are the states that are moved, a row each: the rows' own, or the oldest ones that their steps follow.
    """

    def __init__(
        self,
        g: nn.Module,
        rows: Rows,
        origins: Tensor,
        usable: Tensor,
        fabric: Launched,
        targets: Targets,
        attack: Adversarial,
    ) -> None:
        super().__init__(g, rows, usable, fabric)
        self.targets, self.attack, self.origins = targets, attack, origins
        self.most = OUTLYING * self.weighing.typical.clamp_min(1e-3)
        self.deviation = real(origins[usable[: 2**16].to(origins.device)]).std(0).to(self.device, targets.dtype)
        self.units = torch.arange(targets.groups)
        self.pool, self.within = rows, Shuffled(usable[:0], torch.Generator())

    def batch(self, k: int, order: Shuffled, size: int) -> Tensor:
        """As of `Residuals`, from worst cases that are found anew in each PERIOD."""
        if k % PERIOD == 0:
            group = len(self.rows.target) // self.targets.groups
            self.pool = joined([self.worst(int(i) * group, group, order.generator) for i in order.take(POOL)])
            self.within = Shuffled(torch.arange(POOL * group), order.generator)
        return self.within.take(size)

    def forward(self, index: Tensor) -> Tensor:
        """As of `Residuals`; this process has its share of each group of the pool."""
        size = len(self.rows.target) // self.targets.groups
        group, row = index // size, index % size
        mine = row % self.parts == self.part
        rows = self.pool.take((group * len(range(self.part, size, self.parts)) + row // self.parts)[mine])
        usable = self.weighing.sizes(rows) <= self.most
        return self.losses(rows.take(usable.nonzero()[:, 0])).sum() * (self.parts / len(index))

    def worst(self, first: int, count: int, generator: torch.Generator) -> Rows:
        """This process's share of a group's rows, moved to where the loss is larger."""
        attack, targets, training = self.attack, self.targets, self.g.training
        index = torch.arange(first, first + count)[self.part :: self.parts]
        rows = self.rows.take(index).on(self.device).to(targets.dtype)
        eps, s, x, _ = rows.where
        z = in_dtype(self.origins[index.to(self.origins.device)].to(self.device), targets.dtype)
        given = (float(eps[0]), s[0] - past_of(targets.solver) * eps[0], x)
        parameters = {name: float(value[0]) for name, value in rows.parameters().items()}
        clean = real(z)
        start = torch.rand((count, *clean.shape[1:]), generator=generator, dtype=clean.dtype)[self.part :: self.parts]
        moved = clean + attack.radius * self.deviation * (2 * start.to(z.device) - 1)
        coarse = max(targets.settings.substeps // COARSE, 1)
        self.g.eval()
        for _ in range(attack.steps):
            with torch.enable_grad():
                moved.requires_grad_()
                at = torch.view_as_complex(moved) if z.is_complex() else moved
                seen = targets.residuals(*given, at, parameters, coarse)
                (slope,) = torch.autograd.grad(self.losses(seen.to(targets.trained)).sum(), moved)
            far = (
                moved.detach() - clean + 2.5 * attack.radius / attack.steps * self.deviation * slope.sign().nan_to_num()
            )
            moved = clean + torch.clamp(far, -attack.radius * self.deviation, attack.radius * self.deviation)
        self.g.train(training)
        at = torch.view_as_complex(moved) if z.is_complex() else moved
        with torch.no_grad():
            return targets.residuals(*given, at, parameters, targets.settings.substeps).each().to(targets.trained)


class Rollouts(nn.Module):
    """The loss of rollouts: the distance from the reference after each step, halfway from absolute to relative.

    Relative to how far the base method goes astray. `paths` has, a row each, the states before the rows' own that their
    steps follow, the oldest first, and those after each step. `units` are blocks of rows that share their ε and s, or
    rows where all of them do. Where memory does not allow more, only the states after each step are kept for the
    gradient, and what is between them is computed again.
    """

    def __init__(
        self, g: nn.Module, rows: Rows, paths: Tensor, targets: Targets, f: VectorField, fabric: Launched
    ) -> None:
        super().__init__()
        self.g, self.rows, self.paths, self.targets = g, rows, paths, targets
        self.stepping = Stepping(targets, f, fabric.device)
        self.part, self.parts, self.device = fabric.global_rank, fabric.world_size, fabric.device
        group = len(paths) // targets.groups
        self.block = min(max(targets.settings.batch // BLOCKS, 1), group)
        starts = [k * group + first for k in range(targets.groups) for first in range(0, group, self.block)]
        blocks = [torch.arange(first, first + self.block) for first in starts if first % group + self.block <= group]
        self.blocks = None if targets.shared else blocks
        self.units = torch.arange(len(paths) if targets.shared else len(blocks))
        self.deviation = real(paths[: 2**16, self.stepping.past]).std(0).to(self.device)
        self._settle(blocks[0])
        pieces = torch.split(self.units, TOGETHER) if targets.shared else blocks
        base = [self.distances(*self.taken(piece), self.stepping.base) for piece in pieces]
        self.base, self.weights = _weighed([torch.cat(base)] if targets.shared else base)

    def pieces(self, units: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The rows of these units, all of one ε and s in each piece, and the weight of their distances."""
        if self.blocks is None:
            return [(units, self.weights[0][units.to(self.device)])]
        return [(self.blocks[unit], self.weights[unit]) for unit in units.tolist()]

    def taken(self, index: Tensor, part: int = 0, parts: int = 1) -> tuple[Rows, Tensor]:
        """A part of the rows of one ε and s, and the states before them and after each step there is room for."""
        past = self.stepping.past
        count = past + self.targets.room(float(self.rows.where[0][index[0]]), self.paths.shape[1] - past)
        index = index[part::parts]
        rows = self.rows.take(index).on(self.device)
        return rows, self.paths[index.to(self.paths.device), :count].to(self.device)

    def batch(self, k: int, order: Shuffled, size: int) -> Tensor:
        """The units of the batch of iteration k, for all processes."""
        return order.take(size if self.blocks is None else max(size // self.block, 1))

    def forward(self, units: Tensor) -> Tensor:
        """The batch's mean loss as the mean over processes, each of which has its share of each piece."""
        losses = []
        for index, weight in self.pieces(units):
            rows, path = self.taken(index, self.part, self.parts)
            weighted = self.distances(rows, path, self.stepping.hyper) * weight[self.part :: self.parts]
            losses.append(weighted.sum() * (self.parts / weight.numel()))
        return torch.stack(losses).mean()

    def _settle(self, block: Tensor) -> None:
        """Have the steps recomputed where memory asks for it."""
        rows, path = self.taken(block[:2])
        eps, s, x, z = rows.where
        parameters, (earlier, after) = {name: value[0] for name, value in rows.parameters().items()}, self.split(path)
        self.stepping.settle(s[0], x, [z, *earlier], eps[0], parameters, self.targets.settings.batch * len(after))

    def split(self, path: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Of a path: the states before the rows' own, the newest first, and those after each step."""
        past, states = self.stepping.past, list(path.unbind(1))
        return states[:past][::-1], states[past:]

    def distances(self, rows: Rows, path: Tensor, step: Callable[..., Followed]) -> Tensor:
        """How far from `path` rollouts are, in deviations: [rows, steps]. One that is lost goes on from the path."""
        eps, s = (value[:1].squeeze() for value in rows.where[:2])
        x, z = rows.where[2:]
        parameters = {name: value[:1].squeeze() for name, value in rows.parameters().items()}
        earlier, after = self.split(path)
        exact, found = [z, *earlier], []
        followed = self.stepping.known(s, x, exact, eps)
        for k, there in enumerate(after):
            followed = step(s + k * eps, x, followed, eps, parameters)
            found.append(norms(real(newest(followed) - there) / self.deviation) / math.sqrt(self.deviation.numel()))
            lost = ~(found[-1] <= STRAY)
            found[-1] = found[-1].where(~lost, STRAY)
            exact.insert(0, there)
            if not self.stepping.past or lost.any():
                followed = replaced(lost, followed, self.stepping.known(s + (k + 1) * eps, x, exact, eps))
        return torch.stack(found, 1)


def _weighed(base: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """How far the base method goes astray, [rows, steps] of each piece, and the weight of distances there."""
    sizes = [one.square().mean(0).sqrt().clamp_min(torch.finfo(one.dtype).tiny ** 0.5) for one in base]
    return base, [(one / size + 0.1).rsqrt() / size for one, size in zip(base, sizes, strict=True)]
