"""What a training is told, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from hyperdsl.training.outcome import Outcome

Field = Callable[[Tensor, Tensor], Tensor]
"""f(s, z), with any x put in."""
Step = Callable[[Field, Tensor, Tensor, Tensor], Tensor]
"""(f, s, z, h) to the state at s + h."""
Sample = Callable[[int, torch.Generator], Tensor | tuple[Tensor, Tensor]]
"""(batch, generator) to the states that solutions start from, and their x."""
Sampler = Callable[[Tensor, Tensor, torch.Generator], Tensor]
"""(s, z, generator) to the states to train at."""


class Share(NamedTuple):
    """A part of the training states: on trajectories, beside them (`noise` in standard deviations), or in the box."""

    kind: Literal["trajectory", "noise", "box"]
    share: float
    noise: float = 0.0


class Trajectory(NamedTuple):
    """The loss of rollouts: the distance from the reference after each of `steps` steps."""

    steps: int


class Adversarial(NamedTuple):
    """The residual loss at worst-case states, found by gradient `steps` within `radius` standard deviations."""

    radius: float
    steps: int


class End(NamedTuple):
    """The loss at the end of the span: the distance from the reference there, after the steps of each grid."""


Loss = Trajectory | Adversarial | End
"""Of a phase; None stands for the residual's."""


@dataclass(frozen=True)
class Settings:
    """How a corrector is trained; the defaults are the language's.

    The range of ε is `eps`, in units of s, or the span over `steps`; or training is for the numbers of steps `grids`
    alone. Targets take `substeps` of `reference` in `dtype`, from as many starting states as `trajectories`, in all
    phases the first one's.
    """

    reference: Step = field(repr=False)  # a function's repr is another in every process
    states: tuple[Share, ...] = (Share("trajectory", 3 / 5), Share("noise", 1 / 5, 1 / 20), Share("box", 1 / 5))
    steps: tuple[float, float] | None = (2, 20)
    eps: tuple[float, float] | None = None
    grids: tuple[int, ...] | None = None
    substeps: int = 32
    dtype: torch.dtype = torch.float64
    learning_rate: float = 1e-2
    weight_decay: float = 1e-6
    clip: float = 1
    schedule: Literal["cosine", "constant"] = "cosine"
    iterations: int = 3000
    batch: int = 256
    seed: int = 0
    trajectories: int = 512
    loss: Loss | None = None
    then: tuple[Settings, ...] = ()  # further phases


@dataclass(frozen=True)
class History:
    """What `fit` measured; dictionaries go from the smallest |ε| to the largest.

    loss: of each iteration, phase after phase.
    delta: ε to δ(ε) = median ‖z_hyper − z*‖ / median ‖z_base − z*‖ over held-out states, in the reference's dtype.
    target_error: ε to the targets' relative error: the reference's, found by doubling substeps, or round-off if larger.
    slope: of the hypersolver's local error over ε, p + 1 in theory.
    """

    loss: list[float]
    delta: dict[float, float]
    target_error: dict[float, float]
    slope: float

    @property
    def outcome(self) -> Outcome:
        """Whether training helped, and at which ε."""
        return Outcome(self.delta)


class FitWarning(UserWarning):
    """Training works, yet its targets are worse than they should be; the text has the numbers."""


class OutcomeWarning(FitWarning):
    """Training made steps of some ε worse than the base's, or helped at none."""
