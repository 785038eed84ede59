"""The solver's steps as losses of rollouts take them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint as checkpointed

from hyperdsl.runtime.state import VectorField
from hyperdsl.training.learned import corrector_of, learned_tensors
from hyperdsl.training.protocol import single_step
from hyperdsl.training.rows import copied
from hyperdsl.training.targets import Targets

Parameters = dict[str, Tensor]


class Stepping:
    """Steps of the solver that `targets` are for, with f in the dtype of training.

    recomputed: keep nothing of a step for the gradient but the state that it starts from.
    """

    def __init__(self, targets: Targets, f: VectorField, device: torch.device, *, recomputed: bool) -> None:
        self.solver, self.recomputed = single_step(targets.solver), recomputed
        self.f = copied(f, targets.trained, device) if isinstance(f, nn.Module) else f

    def base(self, s: Tensor, x: Tensor | None, z: Tensor, eps: Tensor, parameters: Parameters) -> Tensor:
        """A step of the base method alone."""
        return self.solver.base(self.f, s, x, z, eps, **parameters)[0]

    def hyper(self, s: Tensor, x: Tensor | None, z: Tensor, eps: Tensor, parameters: Parameters) -> Tensor:
        """A step of the solver; learned parameters are as they are now."""
        g, parameters = corrector_of(self.solver), parameters | learned_tensors(self.solver, z)

        def step(z: Tensor) -> Tensor:
            with torch.autocast(z.device.type, enabled=False):  # ψ in half precision would be another method
                base, seen = self.solver.base(self.f, s, x, z, eps, **parameters)
            if g is None:
                return base
            end: Tensor = base + eps ** (self.solver.order + 1) * g(eps, s, x, z, *seen, **parameters)
            return end

        end: Tensor = checkpointed(step, z, use_reentrant=False) if self.recomputed else step(z)
        return end
