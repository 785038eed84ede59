"""Steps of variable size and order, of its own for each sample."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor

from .control import Control
from .each import EachPace, EachSteps, norm
from .loop import Attempt, Problem
from .nordsieck import Numbers, Step, scaled
from .state import beside
from .varying import FORGOTTEN, KEPT, LEAST, LOWERED, SAME, UNSOLVED, Allowance, Corrected


class EachOrders(EachPace):
    """As `Orders`, for each sample: its own order, size and history."""

    restarts = True

    def __init__(self, numbers: Numbers, problem: Problem, control: Control) -> None:
        super().__init__(problem, control)
        z = problem.z
        self.numbers, self.table = numbers, numbers.begun(z, torch.zeros_like(z))
        self.order = torch.ones(z.shape[:1], dtype=torch.long, device=z.device)
        self.change = self.steps = self.refusals = torch.zeros_like(self.order)
        self.size, self.before = torch.ones_like(self.e, dtype=numbers.like.dtype), torch.zeros_like(z)
        self.lower = self.higher = self.e
        self.tried: Step | None = None
        self.pending: Tensor | None = None
        self.went = Corrected(z, z)
        self.solved = torch.ones_like(self.order, dtype=torch.bool)
        self.caution: Any = 1.0

    def begin(self, z: Tensor, dz: Tensor, which: Tensor) -> None:
        """These samples have a history of z alone."""
        self._go_on(dz)
        self.table = torch.where(beside(which, self.table), self.numbers.begun(z, dz), self.table)
        self.size = torch.where(which, 1.0, self.size)
        self.order = torch.where(which, 1, self.order)
        self.steps, self.refusals = torch.where(which, 0, self.steps), torch.where(which, 0, self.refusals)

    def attempt(self, s: Tensor, z: Tensor, eps: Tensor, dz: Tensor) -> Attempt:
        """A step by the formula of each sample's order; those that stay have the size 0."""
        self._go_on(dz)
        numbers, place = self.numbers, self.order - 1
        predicted = numbers.predicted(self.table, eps.detach() / self.size)
        rows = numbers.corrections[place]
        found: Corrected = self.problem.attempt(s, predicted, eps, rows, Allowance(self.control))
        self.went, self.caution = found, found.caution
        self.tried = step = Step(z, found.end, predicted, rows, found.e, eps, found.following is not None)
        error = scaled(numbers.errors[place], z) * found.e
        return Attempt(found.end, error, found.following, between=partial(self._stages, step))

    def judge(self, tried: Attempt, z: Tensor) -> Attempt:
        """As for any step, and what the errors of the orders beside would be."""
        step, numbers, q = self.tried, self.numbers, self.order
        assert step is not None
        e = norm(tried.error, z, tried.end, self.control)
        unsolved, broken = (torch.as_tensor(one, device=z.device) for one in (self.went.unsolved, self.went.broken))
        self.solved = ~unsolved.expand(e.shape)
        self.e = torch.where(self.solved, e, torch.where(broken, math.inf, UNSOLVED))
        down, up = (q - 2).clamp_min(0), q.clamp_max(numbers.highest - 1)
        below = scaled(numbers.errors[down] * numbers.factorials[q - 1], z) * step.last(q)
        above = scaled(numbers.errors[up], z) * (step.e - self.before)
        self.lower = torch.where(q > 1, norm(below, z, tried.end, self.control), math.inf)
        self.higher = torch.where(q < numbers.highest, norm(above, z, tried.end, self.control), math.inf)
        return tried

    def sizes(self, taken: Tensor, accept: Tensor) -> Tensor:
        """The sizes of the next steps, and their orders."""
        control, q, step = self.control, self.order, self.tried
        assert step is not None
        same = (step.eps.detach() / self.size - 1).abs() < SAME
        steps = torch.where(same, self.steps + 1, 1)
        errors = torch.stack((self.lower, self.e, self.higher)).clamp_min(LEAST)
        powers = torch.stack((q, q + 1, q + 2))
        factors = (errors ** (-1 / powers)).nan_to_num(0.0)
        best, place = factors.max(0)
        factor = (control.safety * self.caution * best).clamp(max=control.longest)
        kept = (steps <= q) | ((place == 1) & (factor >= KEPT[0]) & (factor < KEPT[1]))
        shrunk = torch.where(
            self.e < math.inf,
            (control.safety * self.caution * self.e ** (-1 / (q + 1))).clamp(control.shortest, 0.9),
            control.shortest,
        )
        shrunk = torch.where(self.solved, shrunk, 0.5)
        self.change = torch.where(accept & ~kept, place - 1, 0)
        self.steps = torch.where(accept & kept, steps, 0)
        self.refusals = torch.where(accept & (steps > q), 0, self.refusals)
        self.pending = accept
        lower = self._refuse(accept, factors[0] > factors[1])
        shrunk = torch.where(lower, (control.safety * self.caution * factors[0]).clamp(max=1.0), shrunk)
        return taken * torch.where(accept, torch.where(kept, 1.0, factor), shrunk)

    def _refuse(self, accept: Tensor, lower: Tensor) -> Tensor:
        """Samples refused too often give up their history; of others the order is less where the step is `lower`."""
        refused = ~accept & self.solved
        self.refusals = self.refusals + refused
        given_up = refused & (self.refusals >= FORGOTTEN)
        lower = lower & refused & ~given_up & (self.refusals >= LOWERED)
        lowered = self.numbers.changed(self.table, self.order, -1 * lower, self.before)
        table = torch.where(beside(lower, lowered), lowered, self.table)
        self.table = torch.where(beside(given_up, table), self.numbers.forgotten(table), table)
        self.order = torch.where(given_up, 1, self.order - 1 * lower)
        self.refusals = torch.where(given_up, 0, self.refusals)
        return lower

    def _go_on(self, dz: Tensor) -> None:
        """The histories after the last step, where f is dz, of the samples that took it."""
        accept, step = self.pending, self.tried
        if accept is None or step is None:
            return
        table = self.numbers.changed(step.table(dz), self.order, self.change, step.correction(dz))
        self.table = torch.where(beside(accept, table), table, self.table)
        self.size = torch.where(accept, step.eps.detach(), self.size)
        self.before = torch.where(beside(accept, step.e), step.e.detach(), self.before)
        self.order, self.pending = self.order + self.change, None

    def _stages(self, step: Step, following: Tensor) -> Tensor:
        """What dense output reads, of the samples that took the step."""
        stages = step.stages(following)
        return stages if self.pending is None else torch.where(beside(self.pending, stages), stages, 0)


class EachOrder(EachSteps):
    """Put before a family of formulas, it gives each sample of the batch an order and steps of its own."""

    orders: ClassVar[Any] = EachOrders
    _paced: Callable[..., Any]

    def _posed(self, *parts: Any, **more: Any) -> Problem:
        problem = super()._posed(*parts, **more)
        return replace(problem, pace=self._paced(problem.z))
