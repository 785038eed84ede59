"""The solver's steps as losses of rollouts take them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint as checkpointed

from hyperdsl.runtime.field import LOOKS, Field
from hyperdsl.runtime.state import VectorField
from hyperdsl.training.learned import corrector_of, learned_tensors
from hyperdsl.training.protocol import single_step
from hyperdsl.training.rows import copied
from hyperdsl.training.targets import Targets

Parameters = dict[str, Tensor]


MEMORY = 2**30  # bytes that the rollouts of a batch may keep for the gradient; beyond, steps are computed again


class Stepping:
    """Steps of the solver that `targets` are for, with f in the dtype of training; the first evaluations are watched.

    recomputed: whether nothing of a step is kept for the gradient but the state that it starts from; the bits are the
    same either way.
    """

    def __init__(self, targets: Targets, f: VectorField, device: torch.device) -> None:
        self.solver, self.recomputed = single_step(targets.solver), False
        self.f = copied(f, targets.trained, device) if isinstance(f, nn.Module) else f
        self.looks = LOOKS

    def base(self, s: Tensor, x: Tensor | None, z: Tensor, eps: Tensor, parameters: Parameters) -> Tensor:
        """A step of the base method alone."""
        return self.solver.base(self._field(x, z), s, None, z, eps, **parameters)[0]

    def hyper(self, s: Tensor, x: Tensor | None, z: Tensor, eps: Tensor, parameters: Parameters) -> Tensor:
        """A step of the solver; learned parameters are as they are now."""
        g, parameters = corrector_of(self.solver), parameters | learned_tensors(self.solver, z)

        def step(z: Tensor) -> Tensor:
            with torch.autocast(z.device.type, enabled=False):  # ψ in half precision would be another method
                base, seen = self.solver.base(self._field(x, z), s, None, z, eps, **parameters)
            if g is None:
                return base
            end: Tensor = base + eps ** (self.solver.order + 1) * g(eps, s, x, z, *seen, **parameters)
            return end

        end: Tensor = checkpointed(step, z, use_reentrant=False) if self.recomputed else step(z)
        return end

    def _field(self, x: Tensor | None, z: Tensor) -> Field:
        """f with its x, as the solver calls it: over all steps watched as in one solve."""
        field, self.looks = Field(self.f, x, z, self.looks), 0
        return field

    def settle(
        self, s: Tensor, x: Tensor | None, z: Tensor, eps: Tensor, parameters: Parameters, row_steps: int
    ) -> None:
        """Decide whether steps are recomputed, for a batch of so many steps of single rows; `z` are some states.

        What a row keeps is what a step of two rows keeps beyond that of one: weights are kept once.
        """
        g, devices = corrector_of(self.solver), [z.device] if z.device.type == "cuda" else []
        training = g is not None and g.training
        if g is not None:
            g.eval()
        with torch.random.fork_rng(devices):
            one, two = (self._kept(s, None if x is None else x[:n], z[:n], eps, parameters) for n in (1, 2))
        if g is not None:
            g.train(training)
        self.recomputed = (two - one) * row_steps > MEMORY

    def _kept(self, s: Tensor, x: Tensor | None, z: Tensor, eps: Tensor, parameters: Parameters) -> int:
        """The bytes that a step keeps for the gradient."""
        kept: dict[int, Tensor] = {}  # by their storage

        def note(tensor: Tensor) -> Tensor:
            kept.setdefault(tensor.untyped_storage().data_ptr(), tensor)
            return tensor

        with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            self.hyper(s, x, z.detach().clone().requires_grad_(), eps, parameters)
        return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
