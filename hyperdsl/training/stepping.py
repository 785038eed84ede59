"""The solver's steps as losses of rollouts take them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint as checkpointed

from hyperdsl.runtime.field import LOOKS, fielded
from hyperdsl.runtime.state import VectorField
from hyperdsl.training.learned import corrector_of, learned_tensors
from hyperdsl.training.protocol import Past, Solver, has_history, past_of
from hyperdsl.training.rows import copied, with_modules
from hyperdsl.training.targets import Targets

Parameters = dict[str, Tensor]
Followed = Tensor | Past
"""What a step follows: a state, or the history of a solver that has one."""

MEMORY = 2**30  # bytes that the rollouts of a batch may keep for the gradient; beyond, steps are computed again


class Stepping:
    """Steps of the solver that `targets` are for, with f in the dtype of training; the first evaluations are watched.

    recomputed: whether nothing of a step is kept for the gradient but the state that it starts from; the bits are the
    same either way.
    """

    def __init__(self, targets: Targets, f: VectorField, device: torch.device) -> None:
        self.solver, self.past, self.recomputed = targets.solver, past_of(targets.solver), False
        self.f = with_modules(f, lambda module: copied(module, targets.trained, device))
        self.looks = LOOKS

    def first(self, s: Tensor, x: Tensor | None, z: Tensor) -> Followed:
        """What the first step from z follows."""
        return self.solver.first(self._field(x, z), s, z) if has_history(self.solver) else z

    def begin(self, s: Tensor, x: Tensor | None, followed: Followed, eps: Tensor) -> Followed:
        """One of the first `past` steps, which the formula takes no part in."""
        assert has_history(self.solver)
        assert not isinstance(followed, Tensor)
        return self.solver.begin(self._field(x, newest(followed)), s, followed, eps)

    def known(self, s: Tensor, x: Tensor | None, states: Sequence[Tensor], eps: Tensor) -> Followed:
        """What a step at s follows where the last states are known, the newest first."""
        if not has_history(self.solver):
            return states[0]
        return self.solver.known(self._field(x, states[0]), s, states[: self.past + 1], eps)

    def base(self, s: Tensor, x: Tensor | None, followed: Followed, eps: Tensor, parameters: Parameters) -> Followed:
        """What follows a step of the base method alone."""
        end, _, derivatives = self._base(s, x, followed, eps, parameters)
        return _after(followed, end, derivatives)

    def hyper(self, s: Tensor, x: Tensor | None, followed: Followed, eps: Tensor, parameters: Parameters) -> Followed:
        """What follows a step of the solver; learned parameters are as they are now."""
        g, parameters = corrector_of(self.solver), parameters | learned_tensors(self.solver, newest(followed))

        def step(followed: Followed) -> Followed:
            z = newest(followed)
            with torch.autocast(z.device.type, enabled=False):  # ψ in half precision would be another method
                end, seen, derivatives = self._base(s, x, followed, eps, parameters)
            if g is not None:
                end = end + eps ** (self.solver.order + 1) * g(eps, s, x, z, *seen, **parameters)
            return _after(followed, end, derivatives)

        found: Followed = checkpointed(step, followed, use_reentrant=False) if self.recomputed else step(followed)
        return found

    def _base(
        self, s: Tensor, x: Tensor | None, followed: Followed, eps: Tensor, parameters: Parameters
    ) -> tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]:
        """The state one step later by the base method, what g reads, and what the next step's history has."""
        field = self._field(x, newest(followed))
        if has_history(self.solver):
            assert not isinstance(followed, Tensor)
            return self.solver.base(field, s, None, followed, eps)
        assert isinstance(followed, Tensor)
        return (*cast(Solver, self.solver).base(field, s, None, followed, eps, **parameters), ())

    def _field(self, x: Tensor | None, z: Tensor) -> VectorField:
        """f with its x, as the solver calls it: over all steps watched as in one solve."""
        field, self.looks = fielded(self.f, x, z, self.looks), 0
        return field

    def settle(
        self,
        s: Tensor,
        x: Tensor | None,
        states: Sequence[Tensor],
        eps: Tensor,
        parameters: Parameters,
        row_steps: int,
    ) -> None:
        """Decide whether steps are recomputed, for a batch of so many steps of single rows.

        `states` are those that a step of some rows follows, the newest first. What a row keeps is what a step of two
        rows keeps beyond that of one: weights are kept once.
        """
        device = states[0].device
        g, devices = corrector_of(self.solver), [device] if device.type == "cuda" else []
        training = g is not None and g.training
        if g is not None:
            g.eval()
        with torch.random.fork_rng(devices):
            one, two = (
                self._kept(s, None if x is None else x[:n], [z[:n] for z in states], eps, parameters) for n in (1, 2)
            )
        if g is not None:
            g.train(training)
        self.recomputed = (two - one) * row_steps > MEMORY

    def _kept(self, s: Tensor, x: Tensor | None, states: Sequence[Tensor], eps: Tensor, parameters: Parameters) -> int:
        """The bytes that a step keeps for the gradient."""
        kept: dict[int, Tensor] = {}  # by their storage

        def note(tensor: Tensor) -> Tensor:
            kept.setdefault(tensor.untyped_storage().data_ptr(), tensor)
            return tensor

        with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            self.hyper(
                s, x, self.known(s, x, [z.detach().clone().requires_grad_() for z in states], eps), eps, parameters
            )
        return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def newest(followed: Followed) -> Tensor:
    """The last state."""
    return followed if isinstance(followed, Tensor) else followed.states[0]


def replaced(where: Tensor, followed: Followed, by: Followed) -> Followed:
    """`followed` with the rows of `by` where `where` [rows] says so."""

    def chosen(old: Tensor, new: Tensor) -> Tensor:
        return torch.where(where.view(-1, *[1] * (old.ndim - 1)), new, old)

    if isinstance(followed, Tensor):
        assert isinstance(by, Tensor)
        return chosen(followed, by)
    assert not isinstance(by, Tensor)
    return followed._replace(
        states=tuple(map(chosen, followed.states, by.states)),
        derivatives=tuple(map(chosen, followed.derivatives, by.derivatives)),
    )


def _after(followed: Followed, end: Tensor, derivatives: tuple[Tensor, ...]) -> Followed:
    """What the next step follows."""
    if isinstance(followed, Tensor):
        return end
    return followed._replace(states=(end, *followed.states[:-1]), derivatives=derivatives)
