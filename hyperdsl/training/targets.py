"""Where g is trained and what it should give there: R = (z(s + ε) − base step)/ε^(p+1) by fixed substeps."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, cast

import torch
from torch import Tensor

from hyperdsl.runtime.state import VectorField, with_input
from hyperdsl.training.protocol import AnySolver, Solver, has_history, is_graded, learned_names, past_of, steps_on
from hyperdsl.training.rows import Columns, Rows, grids_of, in_dtype, joined, norms, real
from hyperdsl.training.settings import Adversarial, End, FitWarning, Sampler, Settings, Share, Trajectory
from hyperdsl.training.together import Making, Sought, alone, together

SNAPSHOTS = 64  # states kept along each trajectory
GROUPS = 256  # of rows that share their ε and s, as f takes them
TOGETHER = 512  # starting states of whole solutions
AT_ONCE = 32  # groups whose solutions are found at once,
NUMBERS = 2**12  # if their states have no more numbers: with more, what networks keep of them leaves the cache
DRAWS = 16  # values of the base's free parameters in each group
REUSE = 12  # how often training meets each row
OUTER = 0.01  # share of states beyond each end of the usual box
OUTLYING = 1000  # times the median, in norm: a target beyond is left out, for it would set the scale of all


@dataclass(frozen=True)
class Trajectories:
    """Solutions z [SNAPSHOTS + 1, starts, *state_shape] at equal distances over the span, and their x [starts, ...]."""

    z: Tensor
    x: Tensor | None


Picked = tuple[Tensor, Tensor | None, Tensor, Tensor]
"""Of rows: s, x, z, and which trajectories they are of."""


@dataclass(frozen=True)
class Targets:
    """Makes states and targets, with the vector field f in `dtype`; `steps` are the ends of the range of ε.

    `trained` is the corrector's dtype; `sampler` moves the states, if there is one. `ranges` are those that the base's
    parameters are drawn from: of learned ones where they start.
    """

    solver: AnySolver
    f: VectorField
    dtype: torch.dtype
    settings: Settings
    start: float
    end: float
    steps: tuple[float, float]
    generator: torch.Generator
    trained: torch.dtype
    sampler: Sampler | None
    ranges: tuple[tuple[str, float, float], ...]

    @property
    def groups(self) -> int:
        """How many groups of rows with one s and one ε there are."""
        if self.shared or isinstance(self.settings.loss, End):
            return math.ceil(self._wanted / TOGETHER)
        most = GROUPS // 4 if isinstance(self.settings.loss, Trajectory) else GROUPS  # a rollout's rows take longer
        return min(most, self._wanted // 32)

    @property
    def rows(self) -> int:
        """Of a group."""
        return math.ceil(self._wanted / self.groups)

    @property
    def _wanted(self) -> int:
        """How many rows there should be: no more than trajectories where each of these can give but one."""
        settings, enough = self.settings, max(self.settings.iterations * self.settings.batch // REUSE, 1024)
        if isinstance(settings.loss, End):
            return settings.trajectories
        alone = self.shared and self.sampler is None and all(kind == "trajectory" for kind, _, _ in settings.states)
        return min(enough, settings.trajectories) if alone else enough

    @property
    def grids(self) -> tuple[float, ...]:
        """The ε of training, the smallest first, where it is for the points of some grids alone; else none."""
        length = self.end - self.start
        if is_graded(self.solver):
            return tuple(sorted({eps for _, eps in steps_on(self.solver, length)}, key=abs))
        return tuple(length / steps for steps in reversed(grids_of(self.settings)))

    def starts(self, eps: float, room: float) -> list[float]:
        """How long after the start of the span the steps of size ε begin that end within `room` more."""
        own = steps_on(self.solver, self.end - self.start)
        return [after for after, size in own if size == eps] or [eps * k for k in range(round(room / eps) + 1)]

    def room(self, eps: float, steps: int) -> int:
        """As many of the steps as the span has room for after a history."""
        return min(steps, int((self.end - self.start) / eps * (1 + 1e-6)) - past_of(self.solver))

    def moved(self, s: Tensor, z: Tensor) -> Tensor:
        """Training states where the user wants them."""
        return z if self.sampler is None else self.sampler(s, z, self.generator).to(z)

    def advance(self, s: Tensor, x: Tensor | None, z: Tensor, eps: Tensor, substeps: int) -> Tensor:
        """The state at s + ε by `substeps` equal steps."""
        field, h = with_input(self.f, x), eps / substeps
        for k in range(substeps):
            z = self.settings.reference(field, s + k * h, z, h)
        return z

    @property
    def shared(self) -> bool:
        """Whether all rows have one s, one ε, and the same parameters: those of a solve in one step."""
        return self.grids == (self.end - self.start,) and all(low == high for _, low, high in self.ranges)

    @property
    def snapshots(self) -> int:
        """How many states of a trajectory are kept after its first: its end alone where steps start at its start."""
        return 1 if self.grids == (self.end - self.start,) else SNAPSHOTS

    @property
    def between(self) -> int:
        """Steps from one snapshot of a trajectory to the next, as long as the longest substep of the targets."""
        return math.ceil((self.end - self.start) / self.steps[1] * self.settings.substeps / self.snapshots)

    def trajectories(self, states: Tensor, x: Tensor | None) -> Trajectories:
        """The solutions from these states on; those that do not stay finite are left out."""
        times = torch.linspace(self.start, self.end, self.snapshots + 1, dtype=self.dtype, device=states.device)
        x = in_dtype(x, self.dtype)
        snapshots = [in_dtype(states, self.dtype)]
        for s, following in itertools.pairwise(times):
            snapshots.append(self.advance(s, x, snapshots[-1], following - s, self.between))
        z = torch.stack(snapshots)
        finite = z.isfinite().transpose(0, 1).flatten(1).all(1)
        if not finite.any():
            raise ValueError(
                f"no solution from {self.start:g} to {self.end:g} is finite: shorten the span or the steps"
            )
        return Trajectories(z[:, finite], None if x is None else x[finite])

    def states(
        self, trajectories: Trajectories, eps: float, rows: int, part: int = 0, parts: int = 1, steps: int = 1
    ) -> tuple[Tensor, Tensor | None, Tensor]:
        """A time s, uniform in a part of the times that leave room for the steps, and x and z of trajectories there."""
        return self.picked(trajectories, eps, rows, part, parts, steps)[:3]

    def picked(
        self, trajectories: Trajectories, eps: float, rows: int, part: int = 0, parts: int = 1, steps: int = 1
    ) -> Picked:
        """The same, and which trajectories they are of."""
        return alone(self.picking(trajectories, eps, rows, part, parts, steps), self.advance)

    def picking(
        self, trajectories: Trajectories, eps: float, rows: int, part: int = 0, parts: int = 1, steps: int = 1
    ) -> Making[Picked]:
        """`picked` in the making."""
        z, length = trajectories.z, self.end - self.start
        room = length - (steps + past_of(self.solver)) * eps  # a history is followed from its oldest state
        reached = (part + float(torch.rand((), generator=self.generator))) / parts
        after = reached * room
        if self.grids:
            starts = self.starts(eps, room)
            after = starts[min(int(reached * len(starts)), len(starts) - 1)]
        snapshot = int(after / length * self.snapshots)
        before = length * snapshot / self.snapshots
        if self.shared and rows <= z.shape[1]:
            index = torch.randperm(z.shape[1], generator=self.generator)[:rows].to(z.device)
        else:
            index = torch.randint(z.shape[1], (rows,), generator=self.generator).to(z.device)
        x = None if trajectories.x is None else trajectories.x[index]
        s, rest = torch.tensor([self.start + before, after - before], dtype=self.dtype, device=z.device)
        if after == before:
            return s, x, z[snapshot, index], index
        there = yield Sought(s, x, z[snapshot, index], rest, self.between)
        return s + rest, x, there, index

    def parameters(self) -> dict[str, float]:
        """The base's free parameters, each drawn uniformly from its range."""
        (values,) = self.draws(1)
        return values

    def draws(self, count: int) -> list[dict[str, float]]:
        """`count` values of them, of each parameter one in every equal part of its range (McKay et al. 1979)."""
        drawn: list[dict[str, float]] = [{} for _ in range(count)]
        for name, low, high in self.ranges:
            parts = torch.randperm(count, generator=self.generator) + torch.rand(count, generator=self.generator)
            for values, part in zip(drawn, (parts / count).tolist(), strict=True):
                values[name] = low + (high - low) * part
        return drawn

    def residuals(
        self, eps: float, s: Tensor, x: Tensor | None, z: Tensor, parameters: dict[str, float], substeps: int
    ) -> Rows:
        """R = (z(s + ε) − base step)/ε^(p+1) at the states z, with what g reads there."""
        return alone(self.making(eps, s, x, z, parameters, substeps), self.advance)

    def making(
        self, eps: float, s: Tensor, x: Tensor | None, z: Tensor, parameters: dict[str, float], substeps: int
    ) -> Making[Rows]:
        """The residuals in the making; z is the oldest state of a solver's history."""
        s, states = yield from self.history(eps, s, x, z, substeps)
        end = yield Sought(s, x, states[0], torch.full_like(s, eps), substeps)
        return self.residuals_to(end, eps, s, x, states, parameters)

    def history(
        self, eps: float, s: Tensor, x: Tensor | None, z: Tensor, substeps: int
    ) -> Making[tuple[Tensor, list[Tensor]]]:
        """What a step follows whose oldest state is z at s: its own time, and the exact states, the newest first."""
        states, step = [z], torch.full_like(s, eps)
        for _ in range(past_of(self.solver)):
            states.insert(0, (yield Sought(s, x, states[0], step, substeps)))
            s = s + step
        return s, states

    def residuals_to(
        self,
        end: Tensor,
        eps: float,
        s: Tensor,
        x: Tensor | None,
        states: Sequence[Tensor],
        parameters: dict[str, float],
    ) -> Rows:
        """The same, where z(s + ε) is known, and the states that the step follows, the newest first."""
        solver, step = self.solver, torch.full_like(s, eps)
        values = {name: torch.full_like(s, value) for name, value in parameters.items()}
        if has_history(solver):
            base, seen, _ = solver.base(self.f, s, x, solver.known(self.f, s, states, step, x=x), step)
        else:
            base, seen = cast(Solver, solver).base(self.f, s, x, states[0], step, **values)
        target = (end - base) / step ** (solver.order + 1)
        return Rows((step, s, x, states[0], *seen, *values.values()), target, tuple(values))


def drawn(
    targets: Targets, states: Tensor, x: Tensor | None, box: tuple[Tensor, Tensor] | None
) -> Callable[[int], Columns]:
    """A function that makes a group of rows: one s, and one ε from its own equal part of the log-uniform range."""
    if isinstance(targets.settings.loss, End):
        return partial(_ends, targets, states, x)
    trajectories = targets.trajectories(states, x)
    places = places_of(trajectories.z, targets.settings.states, box)
    seeds = torch.randint(2**62, (targets.groups,), generator=targets.generator).tolist()
    settings, (smallest, largest) = targets.settings, targets.steps

    def making(k: int) -> Making[Columns]:
        drawn = replace(targets, generator=torch.Generator().manual_seed(seeds[k]))  # in whatever process
        part = (k + float(torch.rand((), generator=drawn.generator))) / targets.groups
        grids = drawn.grids
        eps = grids[k * len(grids) // targets.groups] if grids else smallest * (largest / smallest) ** part
        if isinstance(settings.loss, Trajectory):
            return (yield from _rollouts(drawn, trajectories, eps, settings.loss.steps, places))
        s, x, z, _ = yield from drawn.picking(trajectories, eps, drawn.rows)
        z = drawn.moved(s, mixed(z, settings.states, places, drawn.generator))
        if targets.ranges and not isinstance(settings.loss, Adversarial):
            rows = yield from _family(drawn, eps, s, x, z)
        else:
            rows = (yield from drawn.making(eps, s, x, z, drawn.parameters(), settings.substeps)).each()
        rows = rows.to(drawn.trained)
        origins = (in_dtype(z, drawn.trained),) if isinstance(settings.loss, Adversarial) else ()
        return (*rows.inputs, rows.target, *origins)

    made: dict[int, Columns] = {}
    size = max(min(AT_ONCE, NUMBERS // (targets.rows * trajectories.z[0, 0].numel())), 1)

    def group(k: int) -> Columns:
        if k not in made:  # always with the same others, so that the bits are the same whoever asks
            made.clear()
            numbers = range(k - k % size, min(k - k % size + size, targets.groups))
            made.update(zip(numbers, together([making(one) for one in numbers], targets.advance), strict=True))
        return made[k]

    return group


class Places(NamedTuple):
    """What training states beside trajectories are drawn by: standard deviations, and the ends of a box."""

    deviation: Tensor | None = None
    box: tuple[Tensor, Tensor] | None = None


def places_of(z: Tensor, shares: tuple[Share, ...], box: tuple[Tensor, Tensor] | None) -> Places:
    """Those that the shares ask for, of trajectories z; the user's `box` where there is one."""
    kinds, states = {kind for kind, *_ in shares}, real(z)
    deviation = states.flatten(0, 1).std(0) if "noise" in kinds else None
    if "box" not in kinds:
        return Places(deviation)
    low, high = (real(end).to(states) for end in box) if box else usual_box(states)
    return Places(deviation, (low, high))


def usual_box(z: Tensor) -> tuple[Tensor, Tensor]:
    """The ends of a box around most states of trajectories z [times, starts, ...] and most of their starts.

    Their extremes would be no box to train in: a few fast transients stretch it to corners that no solution comes near.
    """
    ranges = [_central(part) for part in (z.flatten(0, 1), z[0])]
    low, high = (torch.stack(ends) for ends in zip(*ranges, strict=True))
    return low.amin(0), high.amax(0)


def _central(z: Tensor) -> tuple[Tensor, Tensor]:
    """The ends of the middle part of each component of states [n, ...], without OUTER of them at each end."""
    ordered = z.sort(0).values
    outer = int(OUTER * (len(z) - 1))
    return ordered[outer], ordered[len(z) - 1 - outer]


def _family(targets: Targets, eps: float, s: Tensor, x: Tensor | None, z: Tensor) -> Making[Rows]:
    """The residuals of a group at several values of the base's free parameters, which share their end states."""
    end = yield Sought(s, x, z, torch.full_like(s, eps), targets.settings.substeps)
    parts = [slice(k, None, DRAWS) for k in range(DRAWS)]
    return joined(
        [
            targets.residuals_to(end[part], eps, s, None if x is None else x[part], [z[part]], values)
            for part, values in zip(parts, targets.draws(DRAWS), strict=True)
        ]
    )


def _rollouts(targets: Targets, trajectories: Trajectories, eps: float, steps: int, places: Places) -> Making[Columns]:
    """A group of rows on trajectories and, last, the states before them and after each step, as `Rollouts` has them.

    They are nan where the span has no room.
    """
    count = targets.room(eps, steps)
    s, x, z, _ = yield from targets.picking(trajectories, eps, targets.rows, steps=count)
    if steps == 1 and learned_names(targets.solver):  # the residual's loss for a base that changes
        z = mixed(z, targets.settings.states, places, targets.generator)
    z = targets.moved(s, z)
    s, states = yield from targets.history(eps, s, x, z, targets.settings.substeps)
    step, path = torch.full_like(s, eps), [states[0]]
    for k in range(count):
        path.append((yield Sought(s + k * step, x, path[-1], step, targets.settings.substeps)))
    rows = targets.residuals_to(path[1], eps, s, x, states, targets.parameters()).each().to(targets.trained)
    path = [*reversed(states[1:]), *path[1:], *[torch.full_like(z, math.nan)] * (steps - count)]
    return (*rows.inputs, rows.target, in_dtype(torch.stack(path, 1), targets.trained))


def _ends(targets: Targets, states: Tensor, x: Tensor | None, k: int) -> Columns:
    """A group of starting states, their x, and where solutions end; nan from the last state on."""
    index = torch.arange(k * targets.rows, (k + 1) * targets.rows, device=states.device)
    there = index < len(states)
    index = index.clamp_max(len(states) - 1)
    z, given = in_dtype(states[index], targets.dtype), None if x is None else in_dtype(x[index], targets.dtype)
    s, length = torch.tensor([targets.start, targets.end - targets.start], dtype=targets.dtype, device=z.device)
    substeps = targets.settings.substeps * grids_of(targets.settings)[-1]
    end = targets.advance(s, given, z, length, substeps)
    end = torch.where(there.view(-1, *[1] * (z.ndim - 1)), end, math.nan)
    return tuple(in_dtype(value, targets.trained) for value in (z, given, end))


def usable_rows(target: Tensor, outliers: bool = False) -> Tensor:
    """The rows with a finite target that is no outlier: states off the trajectories may escape within a step.

    With `outliers` all finite ones: a g whose scale follows the vector field's takes large targets as any others.
    """
    sizes = torch.cat([norms(piece) for piece in torch.split(target, 2**16)])
    finite = sizes.isfinite()
    if not finite.any():
        raise ValueError("no target is finite: the states or steps of training are too large for this vector field")
    median = sizes[finite].median()
    usable = finite if outliers else finite & ((sizes <= OUTLYING * median) | (median == 0))
    if not usable.all():
        warnings.warn(
            f"of {len(sizes)} training states {int((~finite).sum())} have no finite solution, and "
            f"{int((finite & ~usable).sum())} a target over {OUTLYING} times the median: left out",
            FitWarning,
            stacklevel=5,
        )
    return usable.nonzero()[:, 0].cpu()


def mixed(z: Tensor, shares: tuple[Share, ...], places: Places, generator: torch.Generator) -> Tensor:
    """States of trajectories, z, with some of them moved to where the settings' shares want them."""
    states = real(z)
    pieces, first, reached = [], 0, 0.0
    for kind, share, noise in shares:
        reached += share
        piece = states[first : round(reached * len(z))]
        first += len(piece)
        if kind == "noise":
            assert places.deviation is not None
            normal = torch.randn(piece.shape, generator=generator, dtype=piece.dtype)
            piece = piece + noise * places.deviation * normal.to(z.device)
        elif kind == "box":
            assert places.box is not None
            low, high = places.box
            uniform = torch.rand(piece.shape, generator=generator, dtype=piece.dtype)
            piece = low + (high - low) * uniform.to(z.device)
        pieces.append(piece)
    mixed = torch.cat(pieces)
    return torch.view_as_complex(mixed) if z.is_complex() else mixed
