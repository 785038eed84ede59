"""Training under Lightning: a module that trains what a solver learns, and a callback that keeps g in step with f."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Unpack

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from hyperdsl.adapters.solvers import require_solver
from hyperdsl.runtime.state import VectorField
from hyperdsl.training.learned import kept_in_range, of, parameter_groups
from hyperdsl.training.run import More, Phase, Run
from hyperdsl.training.settings import History, Sample, Settings
from hyperdsl.training.tracking import Tracked

if TYPE_CHECKING or "lightning.pytorch" not in sys.modules:
    from pytorch_lightning import Callback, LightningModule
else:  # the same classes under another name, which trainers tell apart
    from lightning.pytorch import Callback, LightningModule


class HypersolverModule(LightningModule):
    """Trains what a solver learns as the `fit` of its package does, with a Lightning Trainer as the loop.

        module = HypersolverModule(HyperHeun(state_shape), f, sample, span)
        Trainer(max_epochs=1).fit(module)
        module.history  # of `fit`; module.solver is trained

    The loss, its data, the batches, the optimizer and the learning rate are those of the package's settings; an epoch
    is the whole training, all of its phases. The arguments are those of `fit`; f gets no gradients. Losses are logged
    as `hypersolver_loss`. On a CPU, where g draws no random numbers, the weights are those of `fit` to the last bit.

    The states of `sample` are on the trainer's device. Lightning's checkpoints hold the weights, and a training begins
    anew from them: to go on where it was, `fit` has `checkpoint`. TypeError for a solver that its package does not
    train, ValueError for a trainer of several processes, of mixed precision or with settings that are the spec's
    (clipping, accumulated batches), and as `fit` otherwise.
    """

    def __init__(
        self,
        solver: nn.Module,
        f: VectorField,
        sample: Sample,
        span: Sequence[float],
        *,
        iterations: int | None = None,
        batch: int | None = None,
        seed: int | None = None,
        settings: Settings | None = None,
        **more: Unpack[More],
    ) -> None:
        super().__init__()
        self.solver = require_solver(solver)
        package = import_module(f"{type(solver).__module__.rpartition('.')[0]}.train")
        chosen, given = (
            settings or of(solver, package.SETTINGS),
            {"iterations": iterations, "batch": batch, "seed": seed},
        )
        learned = package.LEARNED.get(type(solver))
        self._made = partial(Run, solver, f, sample, span, chosen, learned, given, False, **more)
        self.history: History | None = None

    def setup(self, stage: str) -> None:
        """Make the data of the first phase."""
        _require_plain(self.trainer)
        self._run = self._made()
        with self._run.going():
            self._phases = self._run.phases()
            self._phase: Phase | None = next(self._phases)
        self._before = 0

    def train_dataloader(self) -> Any:
        """The numbers of all iterations: a phase draws its batches itself."""
        total = sum(settings.iterations for settings in self._run.settings)
        return DataLoader(range(total), batch_size=None)  # type: ignore[arg-type]  # which has a length and items

    def configure_optimizers(self) -> Any:
        """The optimizer of the phase."""
        phase = self._going()
        weights, now = parameter_groups(self._run.g), phase.settings
        optimizer = torch.optim.AdamW(weights, now.learning_rate, weight_decay=now.weight_decay, fused=True)
        phase.begin(optimizer)
        return optimizer

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Set the learning rate of the iteration."""
        optimizer: Any = self.optimizers(use_pl_optimizer=False)
        for group in optimizer.param_groups:
            group["lr"] = self._going().rate(batch_idx - self._before)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The loss of the iteration."""
        phase = self._going()
        loss: Tensor = phase.objective(phase.batch(batch_idx - self._before))
        self.log("hypersolver_loss", loss, batch_size=phase.settings.batch)
        return loss

    def backward(self, loss: Tensor, *arguments: Any, **settings: Any) -> None:
        """The gradients of what is trained: f gets none."""
        torch.autograd.backward(loss, inputs=[*self._run.g.parameters()])

    def configure_gradient_clipping(self, optimizer: Any, *arguments: Any, **settings: Any) -> None:
        """Clip as the phase says; RuntimeError for a gradient that is not finite."""
        nn.utils.clip_grad_norm_(self._run.g.parameters(), self._going().settings.clip, error_if_nonfinite=True)

    def optimizer_step(self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None) -> None:
        """A step that leaves learned parameters in their range."""
        with kept_in_range(self._run.g, self._run.learned):
            optimizer.step(closure=optimizer_closure)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Note the loss, and go on to the next phase after the last iteration of one."""
        phase = self._going()
        phase.record(outputs["loss"])
        if len(phase.losses) < phase.settings.iterations:
            return
        self._before += phase.settings.iterations
        self._phase = next(self._phases, None)
        if self._phase is not None:
            self.trainer.strategy.setup_optimizers(self.trainer)

    def on_train_epoch_end(self) -> None:
        """An epoch is the whole training."""
        self.trainer.should_stop = True

    def on_train_end(self) -> None:
        """Measure what was reached, as `fit` does."""
        if self._phase is not None:  # the trainer ended it before
            self._run.at = self._phase.done()
        self.history = self._run.history()

    def _going(self) -> Phase:
        assert self._phase is not None
        return self._phase


def _require_plain(trainer: Any) -> None:
    """ValueError for what a Trainer may ask for and this training does not heed."""
    if trainer.world_size > 1:
        raise ValueError("the loss is shared out by `fit` alone: train under Lightning in one process")
    if trainer.gradient_clip_val is not None:
        raise ValueError("gradients are clipped as the spec's training says (`clip`): leave gradient_clip_val out")
    if trainer.accumulate_grad_batches != 1:
        raise ValueError("a batch is as large as the spec's training says: leave accumulate_grad_batches out")
    if not trainer.precision.endswith("true"):
        raise ValueError(f"g is trained in the precision of its states, not in {trainer.precision}")


class KeptInStep(Callback):
    """Keeps the g of a hypersolver in step with a vector field f that a LightningModule trains.

        tracked = Tracked(HyperEuler(state_shape), model.f, span=(0.0, 1.0), steps=2)
        Trainer(callbacks=[KeptInStep(tracked, lambda batch: batch[0])]).fit(model)  # model calls tracked(z0)

    states: the z0 of a batch, or a pair of z0 and x. After each of the optimizer's steps `tracked.update` is called;
    what a refresh did is logged as hypersolver_delta and hypersolver_trusted, and is in `tracked.history`.
    """

    def __init__(self, tracked: Tracked, states: Callable[[Any], Tensor | tuple[Tensor, Tensor]]) -> None:
        self.tracked, self.states = tracked, states

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Refresh g where it is due."""
        given = self.states(batch)
        z0, x = given if isinstance(given, tuple) else (given, None)
        refresh = self.tracked.update(z0, x)
        if refresh is not None:
            told = {"hypersolver_delta": refresh.after, "hypersolver_trusted": float(refresh.trusted)}
            pl_module.log_dict(told, batch_size=len(z0))
