"""The losses, each a module whose units batches are drawn from."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint as checkpointed

from hyperdsl.runtime.state import VectorField
from hyperdsl.training.learned import corrector_of, learned_tensors
from hyperdsl.training.protocol import single_step
from hyperdsl.training.rows import Rows, copied, joined, norms, real, units
from hyperdsl.training.settings import Adversarial
from hyperdsl.training.targets import OUTLYING, Targets

PERIOD = 16  # iterations between points at which training can be taken up again, and for which worst cases serve
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
    """The loss ‖g − R‖ / √‖R‖ of rows: halfway from the absolute to the relative error.

    Both are in g's own units where it has such, else R is scaled. `units` are what batches are drawn from: the rows
    with a finite target.
    """

    def __init__(self, g: nn.Module, rows: Rows, usable: Tensor, fabric: Fabric) -> None:
        super().__init__()
        self.g, self.rows, self.units = g, rows, usable
        self.part, self.parts, self.device = fabric.global_rank, fabric.world_size, fabric.device
        pieces = torch.split(usable, 2**16)
        squares = [rows.target[piece].to(self.device).abs().square().sum(0) for piece in pieces]
        scale = (torch.stack(squares).sum(0) / len(usable)).sqrt()
        self.scale = torch.where(scale > 0, scale, torch.ones_like(scale))
        self.features = math.sqrt(scale.numel())
        typical = torch.cat([self.sizes(rows.take(piece).on(self.device)) for piece in pieces]).median()
        self.floor, self.most = 0.1 * typical.clamp_min(1e-3), OUTLYING * typical.clamp_min(1e-3)

    def sizes(self, rows: Rows) -> Tensor:
        """The norm of each row of R, scaled to be about one."""
        return norms(real(rows.target) / units(self.g, rows, self.scale)) / self.features

    def losses(self, rows: Rows) -> Tensor:
        """The loss of each row."""
        unit = units(self.g, rows, self.scale)
        weight = (norms(real(rows.target) / unit) / self.features + self.floor).rsqrt() / self.features
        return norms(real(rows.given(self.g) - rows.target) / unit) * weight

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
    """

    def __init__(
        self, g: nn.Module, rows: Rows, usable: Tensor, fabric: Fabric, targets: Targets, attack: Adversarial
    ) -> None:
        super().__init__(g, rows, usable, fabric)
        self.targets, self.attack = targets, attack
        self.deviation = real(rows.where[3][usable[: 2**16]]).std(0).to(self.device, targets.dtype)
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
        usable = self.sizes(rows) <= self.most
        return self.losses(rows.take(usable.nonzero()[:, 0])).sum() * (self.parts / len(index))

    def worst(self, first: int, count: int, generator: torch.Generator) -> Rows:
        """This process's share of a group's rows, moved to where the loss is larger."""
        attack, targets, training = self.attack, self.targets, self.g.training
        index = torch.arange(first, first + count)[self.part :: self.parts]
        rows = self.rows.take(index).on(self.device).to(targets.dtype)
        eps, s, x, z = rows.where
        given = (float(eps[0]), s[0], x)
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

    Relative to how far the base method goes astray. `units` are blocks of rows that share their ε and s. Only the
    states after each step are kept for the gradient: what is between them is computed again.
    """

    def __init__(
        self, g: nn.Module, rows: Rows, paths: Tensor, targets: Targets, f: VectorField, fabric: Fabric
    ) -> None:
        super().__init__()
        self.g, self.rows, self.paths, self.targets = g, rows, paths, targets
        self.solver = single_step(targets.solver)
        self.f = copied(f, targets.trained, fabric.device) if isinstance(f, nn.Module) else f
        self.part, self.parts, self.device = fabric.global_rank, fabric.world_size, fabric.device
        self.block = min(max(targets.settings.batch // BLOCKS, 1), len(paths) // targets.groups)
        self.blocks = len(paths) // targets.groups // self.block  # of a group
        self.units = torch.arange(targets.groups * self.blocks)
        self.deviation = real(paths[: 2**16, 0]).std(0).to(self.device)
        self.base = {int(unit): self.distances(*self.taken(int(unit)), self.base_step) for unit in self.units}

    def taken(self, unit: int, part: int = 0, parts: int = 1) -> tuple[Rows, Tensor]:
        """A part of a block: its rows, and the states after each step that the span has room for."""
        first = unit // self.blocks * (len(self.paths) // self.targets.groups) + unit % self.blocks * self.block
        index = torch.arange(first, first + self.block)
        rows = self.rows.take(index).on(self.device)
        count = self.targets.room(float(rows.where[0][0]), self.paths.shape[1])
        path = self.paths[index.to(self.paths.device), :count].to(rows.target.device)
        return rows.take(torch.arange(part, self.block, parts)), path[part::parts]

    def batch(self, k: int, order: Shuffled, size: int) -> Tensor:
        """The blocks of the batch of iteration k, for all processes."""
        return order.take(max(size // self.block, 1))

    def forward(self, units: Tensor) -> Tensor:
        """The batch's mean loss as the mean over processes, each of which has its share of each block."""
        losses = []
        for unit in units.tolist():
            rows, path = self.taken(unit, self.part, self.parts)
            base = self.base[unit]
            size = base.square().mean(0).sqrt().clamp_min(torch.finfo(base.dtype).tiny ** 0.5)
            weight = (base[self.part :: self.parts] / size + 0.1).rsqrt() / size
            losses.append((self.distances(rows, path, self.step) * weight).sum() * (self.parts / base.numel()))
        return torch.stack(losses).mean()

    def distances(self, rows: Rows, path: Tensor, step: Callable[..., Tensor]) -> Tensor:
        """How far from `path` rollouts are, in deviations: [rows, steps]. One that is lost goes on from the path."""
        eps, s, x, z = rows.where
        found = []
        for k in range(path.shape[1]):
            z = step(
                s[:1].squeeze() + k * eps[:1].squeeze(),
                x,
                z,
                eps[:1].squeeze(),
                {name: value[:1].squeeze() for name, value in rows.parameters().items()},
            )
            found.append(norms(real(z - path[:, k]) / self.deviation) / math.sqrt(self.deviation.numel()))
            lost = ~(found[-1] <= STRAY)
            found[-1] = found[-1].where(~lost, STRAY)
            z = torch.where(lost.view(-1, *[1] * (z.ndim - 1)), path[:, k], z)
        return torch.stack(found, 1)

    def base_step(self, s: Tensor, x: Tensor | None, z: Tensor, eps: Tensor, parameters: dict[str, Tensor]) -> Tensor:
        """A step of the base method alone."""
        return self.solver.base(self.f, s, x, z, eps, **parameters)[0]

    def step(self, s: Tensor, x: Tensor | None, z: Tensor, eps: Tensor, parameters: dict[str, Tensor]) -> Tensor:
        """A step of the solver, whose insides are not kept."""
        g, parameters = corrector_of(self.solver), parameters | learned_tensors(self.solver, z)

        def hyper(z: Tensor) -> Tensor:
            with torch.autocast(z.device.type, enabled=False):  # ψ in half precision would be another method
                base, seen = self.solver.base(self.f, s, x, z, eps, **parameters)
            if g is None:
                return base
            end: Tensor = base + eps ** (self.solver.order + 1) * g(eps, s, x, z, *seen, **parameters)
            return end

        end: Tensor = checkpointed(hyper, z, use_reentrant=False)
        return end


Objective = Residuals | Rollouts
