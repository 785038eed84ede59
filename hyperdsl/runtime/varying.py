"""Steps of variable size and order: a family of multistep formulas, from its first order on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from .adaptive import AdaptiveSteps
from .control import Control
from .field import Counted
from .gradients import Kept
from .loop import Attempt, Pace, Problem, norm
from .nordsieck import Numbers, Rows, Step, scaled, weights
from .state import VectorField
from .tolerance import widened

SAME = 1e-3
"""Steps whose sizes differ by less than this part are steps of one size, which estimates of other orders need."""
KEPT = 0.9, 1.2
"""A step that would be longer by a factor between these stays as it is where its order does: a new size costs."""
LEAST = 1e-10
"""Errors below this part of what is allowed are not told apart."""
UNSOLVED = 2.0
"""The error of a step whose equations were not solved."""
LOWERED, FORGOTTEN = 3, 6
"""Steps refused since the order was last chosen: from so many on it may be less, and at so many the history is given up
for that of its newest state, as where f jumps."""


Allowed = Callable[[Tensor], tuple[Tensor, float, bool]]
"""A state to the error that is allowed there, the part of it that solving equations may leave, and whether the step was
tried before and is computed again, for gradients."""


class Corrected(NamedTuple):
    """A step of a formula: where it ends, and e. `following` is f at its end, where the formula was solved for that.

    Where it was not solved it is `unsolved`, and `broken` where numbers are not finite. The next size is shorter by the
    factor `caution`.
    """

    end: Tensor
    e: Tensor
    following: Tensor | None = None
    unsolved: Any = False
    broken: Any = False
    caution: Any = 1.0


class Orders(Pace):
    """The order and the size of the steps, for all samples (Gear 1971; Shampine & Reichelt 1997).

    After q + 1 steps of one size the next ones have that of the orders q − 1, q and q + 1 by which they are longest.
    """

    restarts = True

    def __init__(self, numbers: Numbers, problem: Problem, control: Control) -> None:
        super().__init__(problem, control)
        self.numbers, self.order, self.change, self.steps = numbers, 1, 0, 0
        self.table = self.size = self.before = numbers.like
        self.ratio, self.others = 1.0, (math.inf, math.inf)
        self.tried: Step | None = None
        self.pending: Step | None = None
        self.went = Corrected(numbers.like, numbers.like)
        self.solved, self.caution, self.refusals = True, 1.0, 0

    def begin(self, z: Tensor, dz: Tensor) -> None:
        self.table, self.size = self.numbers.begun(z, dz), torch.ones_like(self.numbers.like)
        self.order, self.steps, self.pending, self.refusals = 1, 0, None, 0

    def attempt(self, s: Any, z: Tensor, eps: Tensor, dz: Tensor) -> Attempt:
        """A step by the formula of the order; what the last one makes of the history is known with dz."""
        self._go_on(dz)
        numbers, place = self.numbers, self.order - 1
        predicted = numbers.predicted(self.table, eps.detach() / self.size)
        row = numbers.corrections[place]
        found: Corrected = self.problem.attempt(s, predicted, eps, row, Allowance(self.control))
        self.went = found
        self.tried = step = Step(z, found.end, predicted, row, found.e, eps, found.following is not None)
        return Attempt(found.end, numbers.errors[place] * found.e, found.following, between=step.stages)

    def judge(self, tried: Attempt, z: Tensor) -> Attempt:
        """As for any step, and what the errors of the orders beside would be; one synchronisation with the host."""
        step, numbers, q = self.tried, self.numbers, self.order
        assert step is not None
        e = norm(tried.error, z, tried.end, self.control)
        went = self.went.unsolved, self.went.broken, self.went.caution
        told = (step.eps.detach() / self.size, *map(torch.as_tensor, went))
        found = [e, *(one.to(e) for one in told)]
        above = self.steps >= q < numbers.highest
        if q > 1:
            error = numbers.errors[q - 2] * numbers.factorials[q - 1] * step.last(q)
            found.append(norm(error, z, tried.end, self.control))
        if above:
            found.append(norm(numbers.errors[q] * (step.e - self.before), z, tried.end, self.control))
        self.e, self.ratio, unsolved, broken, self.caution, *others = torch.stack(found).tolist()
        self.solved = not unsolved
        self.e = (math.inf if broken else UNSOLVED) if unsolved else self.e
        self.others = others[0] if q > 1 else math.inf, others[-1] if above else math.inf
        return tried

    def taken(self, size: float) -> float:
        """The size of the next step, and its order."""
        self.pending, q = self.tried, self.order
        self.change, self.steps = 0, self.steps + 1 if abs(self.ratio - 1) < SAME else 1
        if self.steps <= q:
            return size
        self.refusals = 0
        errors = self.others[0], self.e, self.others[1]
        factors = [max(error, LEAST) ** (-1 / (q + place)) for place, error in enumerate(errors)]
        best = max(factors)
        change = factors.index(best) - 1
        factor: float = min(self.control.safety * self.caution * best, self.control.longest)
        if change == 0 and KEPT[0] <= factor < KEPT[1]:
            return size
        self.change, self.steps = change, 0
        return size * factor

    def refused(self, size: float) -> float:
        """The size of the step in its place, perhaps of one order less; half of it where the formula was not solved."""
        self.steps, q = 0, self.order
        if not self.solved:
            return size / 2
        self.power, self.refusals = q + 1, self.refusals + 1
        shrunk, lower = super().refused(size) * self.caution, max(self.others[0], LEAST) ** (-1 / q)
        if self.refusals == FORGOTTEN:
            self.table, self.order, self.refusals = self.numbers.forgotten(self.table), 1, 0
        elif self.refusals >= LOWERED and lower > max(self.e, LEAST) ** (-1 / (q + 1)):
            self.table, self.order = self.numbers.changed(self.table, q, -1, self.before), q - 1
            shrunk = size * min(self.control.safety * self.caution * lower, 1.0)
        return shrunk

    def _go_on(self, dz: Tensor) -> None:
        """The history after the last step, where f is dz."""
        step = self.pending
        if step is None:
            return
        self.table, self.size, self.before = step.table(dz), step.eps.detach(), step.e.detach()
        if self.change:
            self.table = self.numbers.changed(self.table, self.order, self.change, step.correction(dz))
        self.order, self.pending = self.order + self.change, None


class VaryingSteps(AdaptiveSteps):
    """Steps of a family of formulas on one history, whose order varies from 1 to `order` and whose size varies.

    Row q − 1 of `corrections`, `errors` and `changes` are the numbers of order q (see `Numbers`).
    """

    corrections: Rows
    errors: tuple[float, ...]
    changes: Rows
    orders: ClassVar[Any] = Orders

    def correct(
        self, f: VectorField, s: Any, predicted: Tensor, eps: Tensor, row: Tensor, allowed: Allowed
    ) -> Corrected:
        """A step of the formula with these corrections, from what was `predicted` for its end."""
        raise NotImplementedError

    def step(self, *arguments: Any, **options: Any) -> Any:
        """TypeError: a step reads the steps before it, which a solve has."""
        raise TypeError(
            f"a single step of {type(self).__name__} is not defined: its order and its history are those of a solve; "
            "call the solver, solve or odeint"
        )

    base_step = step

    def compile(self, *arguments: Any, **options: Any) -> None:
        """TypeError: what a step computes depends on numbers, its order among them."""
        raise TypeError(
            f"the steps of {type(self).__name__} have orders that numbers decide, which no compiler follows: compile f"
        )

    def _tried(self, f: Counted, x: Tensor | None, handed: dict[str, Tensor], kept: Kept) -> Callable[..., Any]:
        return kept(partial(self.correct, f))

    def weights(self, theta: Tensor, **parameters: Tensor) -> Tensor:
        """The weights of the history's polynomial at s + θ ε."""
        return weights(len(self.errors), theta)

    def _posed(self, *parts: Any, **more: Any) -> Problem:
        problem = super()._posed(*parts, **more)
        return replace(problem, pace=self._paced(problem.z))

    def _paced(self, z: Tensor) -> Callable[..., Any]:
        return partial(self.orders, Numbers(z, self.corrections, self.errors, self.changes))


class AdamsSteps(VaryingSteps):
    """Predicted by Adams–Bashforth, evaluated, corrected by Adams–Moulton once, evaluated (PECE).

    The last evaluation is the slope that the next step begins with.
    """

    def correct(
        self, f: VectorField, s: Any, predicted: Tensor, eps: Tensor, row: Tensor, allowed: Allowed
    ) -> Corrected:
        """P, E and C."""
        z = predicted[..., 0].contiguous()
        e = scaled(eps, z) * f(s + eps, z) - predicted[..., 1]
        return Corrected(z + scaled(row[..., 0], z) * e, e)


class Allowance:
    """What a control allows a step."""

    def __init__(self, control: Control) -> None:
        self.control, self.asked = control, 0

    def __call__(self, z: Tensor) -> tuple[Tensor, float, bool]:
        """As `Allowed`."""
        scale = self.control.atol + self.control.rtol * widened(z).abs()
        rtol = float(torch.as_tensor(self.control.rtol).min())
        kappa = max(10 * torch.finfo(scale.dtype).eps / rtol, min(0.03, math.sqrt(rtol)))
        self.asked += 1
        return scale, kappa, self.asked > 1
