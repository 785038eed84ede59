"""The parts of a training: its states, its steps, its optimizer and its losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hyperdsl.theory.numbers.exact import Exact

StateKind = Literal["trajectory", "noise", "box"]


@dataclass(frozen=True)
class StateShare:
    """One part of the mixture of training states; shares of a mixture sum to one.

    `kind`: along reference trajectories, those plus Gaussian noise of `noise` standard deviations, or uniform in
    the box of the problem's ranges (around most of the trajectories where it has none).
    """

    kind: StateKind
    share: Exact
    noise: Exact | None = None


@dataclass(frozen=True)
class StepRange:
    """The range of ε in training, log-uniform: numbers of steps K over the span, or ε itself in units of s.

    Equal ends are one step size, and then `steps K` means the K steps of one grid over the span; `numbers`, ascending,
    are those of several grids, each trained for exactly, between which nothing is. Where the range is not `given`, an
    adaptive solver is trained for the steps that its control takes instead.
    """

    unit: Literal["steps", "eps"]
    lower: Exact
    upper: Exact
    given: bool = True
    numbers: tuple[int, ...] = ()

    @property
    def grids(self) -> tuple[int, ...]:
        """The numbers of steps that are trained for exactly; none where there is a range, or a size."""
        alone = self.unit == "steps" and self.lower == self.upper
        return self.numbers or ((int(self.lower.fraction()),) if alone else ())


@dataclass(frozen=True)
class Optimizer:
    """AdamW with its settings."""

    learning_rate: Exact
    weight_decay: Exact
    clip: Exact


@dataclass(frozen=True)
class ResidualLoss:
    """The distance of g from the base method's scaled local error."""


@dataclass(frozen=True)
class TrajectoryLoss:
    """The distance of the solver's states from the reference's, after each of `steps` steps from one state."""

    steps: int


@dataclass(frozen=True)
class AdversarialLoss:
    """The residual loss at the worst states found within `radius` standard deviations by `steps` gradient steps."""

    radius: Exact
    steps: int


@dataclass(frozen=True)
class EndLoss:
    """The distance of the solver's state from the reference's at the end of the span, after the steps of each grid."""


Loss = ResidualLoss | TrajectoryLoss | AdversarialLoss | EndLoss
