"""A training from its states to what it reached: all that the loop in a package's `train.py` does not show."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import torch
from torch import Tensor, nn
from tqdm import tqdm

from hyperdsl.runtime.additive import split
from hyperdsl.runtime.field import fielded
from hyperdsl.runtime.safetensors import serialised
from hyperdsl.runtime.state import VectorField
from hyperdsl.training.alone import Alone
from hyperdsl.training.checkpoint import At, Keeper, hashed, identity_of, reduced, stream
from hyperdsl.training.ends import Ends, reached, rows_on_grids
from hyperdsl.training.given import (
    drawn_states,
    ends_of,
    given_changes,
    on_path,
    require_callables,
    require_work,
    seeded,
)
from hyperdsl.training.learned import Learned, corrector_of, dtype_of, loss_for, ranges_of, trained_part
from hyperdsl.training.losses import PERIOD, Residuals, Rollouts, Shuffled, WorstCases
from hyperdsl.training.measured import check_bound, check_outcome, check_targets, measured
from hyperdsl.training.protocol import is_graded, learns_grid, past_of, takes_parts
from hyperdsl.training.rows import Rows, field_in, in_dtype, on_device, step_range
from hyperdsl.training.settings import Adversarial, End, FitWarning, History, Sample, Sampler, Settings
from hyperdsl.training.stepping import Stepping
from hyperdsl.training.store import Store
from hyperdsl.training.targets import Targets, drawn, usable_rows
from hyperdsl.training.timeless import depends_on_time
from hyperdsl.training.trained import remember, told
from hyperdsl.training.visited import with_visited_range

if TYPE_CHECKING:
    from hyperdsl.training.alone import Launched

UNSEEN = 128  # starting states of the trajectories that what was trained is measured on

Objective = Residuals | Rollouts | Ends


class More(TypedDict, total=False):
    """What `fit` takes besides.

    box: the ends of the box that states are drawn from, [*state_shape] each; around most trajectories unless given.
    sampler: sampler(s, z, generator) gives the states to train at, in place of z, those of the settings' mixture.
    fabric: a launched Fabric, for its device, several processes (which share each batch), mixed precision or logs.
    checkpoint: a file that training is taken up from, to the same result, where it was ended at any moment.
    cache: a folder in which the reference's data are kept, by the hash of all that decides them, and found again.
    """

    box: tuple[Tensor, Tensor] | None
    sampler: Sampler | None
    fabric: Launched | None
    checkpoint: Path | None
    cache: Path | None


class Run:
    """A training of `solver`, in place: `phases` are to be gone through inside `going`, then there is the `history`."""

    def __init__(
        self,
        solver: Any,
        f: VectorField,
        sample: Sample,
        span: Sequence[float] | None,
        settings: Settings,
        learned: Learned | None,
        given: Mapping[str, int | None],
        progress: bool = True,
        *,
        box: tuple[Tensor, Tensor] | None = None,
        sampler: Sampler | None = None,
        fabric: Launched | None = None,
        checkpoint: Path | None = None,
        cache: Path | None = None,
    ) -> None:
        """`learned` is what learned parameters keep to, `given` what is set for all phases, where it is not None."""
        f = split(f) if takes_parts(solver) else f
        require_callables(f, sample)
        f, sample, span = on_path(solver, f, sample, span)
        changes: dict[str, Any] = given_changes(given)
        changes |= {"grids": (solver.count,), "steps": None, "eps": None} if is_graded(solver) else {}
        phases = [replace(phase, **changes) for phase in (settings, *settings.then)]
        require_work(phases)
        starts = settings.trajectories
        self.settings = [replace(phase, loss=loss_for(solver, phase.loss), trajectories=starts) for phase in phases]
        self.solver, self.f, self.sample, self.box, self.sampler = solver, f, sample, box, sampler
        self.learned, self.parameters = learned, ranges_of(solver, learned)
        self.start, self.end = ends_of(span)
        least = past_of(solver) + 1
        self.ranges = [step_range(phase, self.end - self.start, least) for phase in self.settings]
        self._generator = torch.Generator().manual_seed(self.seed)  # of the user's sample
        self.timeless, self.shape = False, getattr(corrector_of(solver), "state_shape", None)
        with seeded(self.seed):  # for a sample that draws from torch's global numbers, and first weights
            states, x = drawn_states(sample, starts, self._generator, self.shape)
        with seeded(self.seed):
            getattr(corrector_of(solver), "redraw", lambda: None)()
        remember(solver, {})
        device = fabric.device if fabric else states.device
        self.fabric = fabric or Alone(device)
        self.quiet = None if progress and self.fabric.is_global_zero else True  # None: a bar where there is a terminal
        self.g = trained_part(solver).to(device)
        self.training = self.g.training
        self.states, self.x, self.device = states.to(device), on_device(x, device), device
        self.files = checkpoint, cache
        self.at = At()
        self.targets: list[Targets] = []

    @property
    def seed(self) -> int:
        """The first phase's."""
        return self.settings[0].seed

    @contextmanager
    def going(self) -> Iterator[None]:
        """Inside, the global random state is the training's own; a checkpoint is taken up."""
        with torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
            torch.default_generator.manual_seed(self.seed)  # for a g that draws numbers
            self.targets = self._targets()
            with seeded(self.seed):
                self.timeless = self._is_timeless()
            checkpoint, cache = self.files
            found = self.targets[0], self.f, self.states, self.x, self.box
            identity = identity_of(*found) if checkpoint or cache else ""  # what files are told apart by
            settled = repr([(phase, phase.reference.__name__) for phase in self.settings])
            self.keeper = Keeper(checkpoint, hashed(identity, settled, serialised(self.g.state_dict())))
            self.store = Store(cache, identity, self.fabric, self.quiet)
            self.at = self.keeper.load(self.g, self.fabric)
            yield

    def phases(self) -> Iterator[Phase]:
        """The phases that are left, each with its data."""
        for targets in self.targets[self.at.phase :]:
            with torch.no_grad():
                objective = self._objective(targets)
            phase = Phase(self, objective, targets.settings)
            yield phase
            self.at = phase.done()

    def history(self) -> History:
        """What was reached, which the solver remembers; a FitWarning where it, or its targets, are not good."""
        self.g.eval()
        with torch.no_grad():
            with seeded(self.seed + 1):
                held_out = drawn_states(self.sample, UNSEEN, self._generator, self.shape)
            unseen = self.targets[0].trajectories(*(on_device(value, self.device) for value in held_out))
            first = replace(self.targets[0], generator=stream(self.seed, 0))
            if learns_grid(self.solver):
                stepping = Stepping(first, self.f, self.device)
                history = reached(first, stepping, unseen, self.at.losses)
            else:
                history = measured(first, unseen, self.at.losses)
        self.g.train(self.training)
        settings = replace(self.settings[0], then=tuple(replace(phase, then=()) for phase in self.settings[1:]))
        ranges, span = [targets.grids or targets.steps for targets in self.targets], (self.start, self.end)
        exact = all(targets.grids for targets in self.targets)
        timeless = self.timeless and getattr(corrector_of(self.solver), "timeless", False)
        remember(
            self.solver, told(self.solver, settings, history, ranges, span, unseen.z.flatten(0, 1), timeless, exact)
        )
        check_targets(history, self.targets[0])
        check_outcome(history)
        return history

    def _is_timeless(self) -> bool:
        """Whether f does not depend on s: all processes' word on it. What f gives is looked at here first."""
        targets = self.targets[0]
        states, x = in_dtype(self.states, targets.dtype), in_dtype(self.x, targets.dtype)
        with torch.no_grad():
            fielded(targets.f, x, states)(torch.tensor(self.start, dtype=torch.float64), states)
        depends = depends_on_time(targets.f, states, x, self.start, self.end)
        return not float(reduced(self.fabric, torch.tensor(float(depends), device=self.device), "sum"))

    def _targets(self) -> list[Targets]:
        """The makers of the phases' targets."""
        found = []
        for k, (phase, steps) in enumerate(zip(self.settings, self.ranges, strict=True)):
            f, own_dtype = field_in(self.f, self.states, self.x, self.start, phase.dtype)
            random, dtype = stream(phase.seed, k + 1), dtype_of(self.solver, self.states, phase.loss)
            own = (f, own_dtype, phase, self.start, self.end, steps, random, dtype, self.sampler, self.parameters)
            found.append(Targets(self.solver, *own))
        with torch.no_grad():
            return [with_visited_range(targets, self.states, self.x) for targets in found]

    def _objective(self, targets: Targets) -> Objective:
        """The loss of a phase over its data, which are made now or found in the cache."""
        loss = targets.settings.loss
        if isinstance(loss, End):
            return self._ends(targets)
        *columns, last = self.store.data(targets, partial(drawn, targets, self.states, self.x, self.box))
        target, more = (last, None) if loss is None else (columns.pop(), last)
        assert target is not None
        rows = Rows(tuple(columns), target, tuple(name for name, _, _ in targets.ranges))
        usable = self._scaled(rows)
        if more is None:
            return Residuals(self.g, rows, usable, self.fabric)
        if isinstance(loss, Adversarial):
            return WorstCases(self.g, rows, more, usable, self.fabric, targets, loss)
        return Rollouts(self.g, rows, more, targets, self.f, self.fabric)

    def _scaled(self, rows: Rows) -> Tensor:
        """Which rows can be used, to the first of which the scaling of an untrained g is fitted."""
        g = corrector_of(self.solver)
        usable = usable_rows(rows.target, outliers=hasattr(g, "unit"))
        first = rows.take(usable[: 2**16])
        check_bound(first.target, getattr(g, "bound", None))
        _normalise(g, first.on(self.device), self.timeless)
        return usable

    def _ends(self, targets: Targets) -> Ends:
        """The loss at the end of the span."""
        starts, x, ends = self.store.data(targets, partial(drawn, targets, self.states, self.x, self.box))
        assert starts is not None
        assert ends is not None
        if hasattr(corrector_of(targets.solver), "normalise"):
            self._scaled(rows_on_grids(targets, self.states, self.x).to(targets.trained))
        return Ends(self.g, starts, x, ends, targets, self.f, self.fabric)


class Phase:
    """A phase of a training: its batches, its learning rate, and a record of its losses."""

    def __init__(self, run: Run, objective: Objective, settings: Settings) -> None:
        self.run, self.objective, self.settings = run, objective, settings
        self.losses: list[Tensor] = []
        run.g.train()

    def begin(self, optimizer: torch.optim.Optimizer) -> tuple[Any, Any]:
        """The loss as a module and the optimizer, as Fabric has set them up, on from where the training was left."""
        self.optimizer = optimizer
        self.order = Shuffled(self.objective.units, stream(self.settings.seed, -1 - self.run.at.phase))
        self.run.at.restore(optimizer, self.order)
        model, stepper = self.run.fabric.setup(self.objective, optimizer)
        return model, stepper

    def iterations(self) -> Iterator[int]:
        """The iterations that are left, with a bar, checkpoints and logs."""
        run, total = self.run, self.settings.iterations
        bar = tqdm(range(run.at.iteration, total), "fit", total, initial=run.at.iteration, disable=run.quiet)
        for k in bar:
            if k % PERIOD == 0 and run.fabric.is_global_zero and run.keeper.due():
                run.keeper.save(run.at.later(k, self.losses), run.g, self.optimizer, self.order)
            yield k
            if k % 100 == 0:
                bar.set_postfix(loss=f"{self.losses[-1].item():.3g}", refresh=False)
                logged = {"loss": self.losses[-1], "learning_rate": self.optimizer.param_groups[0]["lr"]}
                run.fabric.log_dict(logged, len(run.at.losses) + len(self.losses) - 1)

    def rate(self, k: int) -> float:
        """The learning rate of iteration k."""
        settings = self.settings
        if settings.schedule == "constant":
            return settings.learning_rate
        return settings.learning_rate * (0.5 + 0.5 * math.cos(math.pi * k / settings.iterations))

    def batch(self, k: int) -> Tensor:
        """The units of iteration k, for all processes."""
        return self.objective.batch(k, self.order, self.settings.batch)

    def record(self, loss: Tensor) -> None:
        """The loss of an iteration, over all processes."""
        self.losses.append(reduced(self.run.fabric, loss.detach(), "mean"))

    def done(self) -> At:
        """Where the training is after the phase; kept."""
        run = self.run
        at = replace(run.at.later(0, self.losses), phase=run.at.phase + 1)
        if run.fabric.is_global_zero:
            run.keeper.save(at, run.g)
        return at


def _normalise(g: nn.Module | None, rows: Rows, timeless: bool) -> None:
    """Fit the scaling of in- and outputs, while g is untrained: later it would change what g has learned.

    Where f does not depend on time, g is to see nothing of it, so that it is as good at any time as at those of
    training; a FitWarning where it sees it all the same.
    """
    normalise = getattr(g, "normalise", None)  # an external corrector need not have it
    if g is None or normalise is None:
        return
    if getattr(g, "fresh", False) or not rows.take(torch.arange(min(64, len(rows.target)))).given(g).any():
        rows.given(partial(normalise, rows.target))
        leave_out = getattr(g, "leave_out_time", None)
        if timeless and leave_out is not None and not leave_out():
            reason = "its features are those of the field that it starts from, which are not scaled"
            warnings.warn(
                f"f does not depend on s, yet g reads it, for {reason}: leave `s` out of its inputs",
                FitWarning,
                stacklevel=5,
            )
