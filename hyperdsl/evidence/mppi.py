"""Model-predictive path-integral control (Williams et al. 2017), and robots in a closed loop with it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.robots import GRAVITY, ROBOTS, TORQUES
from hyperdsl.evaluation.solvers import in_double
from hyperdsl.reporting.methods import library

Predictor: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""States [n, *state_shape] and the inputs held [n, *input_shape] give the states at the controller's next instant."""


PLANT = 4
"""Steps of dopri8 in a period, with which the robots themselves are simulated."""


@dataclass(frozen=True)
class Task:
    """What a robot is to do: `reference(t, seed)` is where its state should be, each number with its weight.

    `spread` is that of sampled inputs about the plan, which starts at `rest`; inputs lie in `low` .. `high`. `push` is
    the standard deviation of what is added to the inputs on the way to the robot, once an instant. `seconds` are those
    of the task, `instants` those that are looked ahead.
    """

    robot: str
    start: Callable[[int], Tensor]
    reference: Callable[[float, int], Tensor]
    weights: Tensor
    spread: Tensor
    rest: Tensor
    low: Tensor
    high: Tensor
    push: Tensor
    seconds: float
    instants: int = 16
    rollouts: int = 256
    temperature: float = 0.05

    @property
    def problem(self) -> Problem:
        """A period of the control loop."""
        return ROBOTS[self.robot]()


def _lissajous(t: float, seed: int) -> Tensor:
    """A figure of eight, 2 m wide, with its velocity, between which the attitude and after which rates are level."""
    rate = 2.0
    a = rate * t + seed
    place = (math.sin(a), math.sin(a) * math.cos(a), 1.0)
    velocity = (rate * math.cos(a), rate * math.cos(2 * a), 0.0)
    return torch.tensor((*place, 1.0, 0.0, 0.0, 0.0, *velocity, 0.0, 0.0, 0.0))


def _on_the_figure(seed: int) -> Tensor:
    return _lissajous(0.0, seed)


def _pose(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(4_000_003 + seed)
    ready = torch.tensor((0.0, -0.6, 0.0, -2.1, 0.0, 1.6, 0.8))
    turned = ready + (2 * torch.rand(7, generator=generator) - 1) * torch.tensor((1.2, 0.5, 1.2, 0.6, 1.2, 0.8, 1.2))
    return torch.cat((turned, torch.zeros(7)))


def _from_pose(seed: int) -> Tensor:
    return _pose(seed)


def _between_poses(t: float, seed: int) -> Tensor:
    """Another pose every second."""
    return _pose(100 * seed + 1 + int(t))


TASKS = {
    task.robot: task
    for task in (
        Task(
            "quadrotor",
            _on_the_figure,
            _lissajous,
            torch.tensor((10.0,) * 3 + (0.0, 0.2, 0.2, 0.2) + (0.5,) * 3 + (0.01,) * 3),
            torch.tensor((3.0, 3.0, 3.0, 1.0)),
            torch.tensor((GRAVITY, 0.0, 0.0, 0.0)),
            torch.tensor((0.0, -8.0, -8.0, -4.0)),
            torch.tensor((20.0, 8.0, 8.0, 4.0)),
            torch.tensor((0.5, 0.5, 0.5, 0.2)),
            2.0,
        ),
        Task(
            "arm",
            _from_pose,
            _between_poses,
            torch.tensor((5.0,) * 7 + (0.1,) * 7),
            torch.tensor(TORQUES) / 4,
            torch.zeros(7),
            -torch.tensor(TORQUES),
            torch.tensor(TORQUES),
            torch.tensor(TORQUES) / 20,
            2.0,
            instants=10,
        ),
    )
}


@dataclass
class Controller:
    """The weighted mean of sampled plans, with what it found before as the start of the next.

    Samples are smoothed over neighbouring instants. Weights are exp(−(cost − least)/(temperature · spread of costs)).
    """

    task: Task
    predict: Predictor
    period: float
    generator: torch.Generator
    plan: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.plan = self.task.rest.expand(self.task.instants, -1).clone()

    def replan(self, z: Tensor, now: float, seed: int) -> None:
        """Plan from the state z [n] at the time `now`."""
        task = self.task
        noise = torch.randn(task.rollouts, task.instants, len(task.rest), generator=self.generator)
        noise[:, 1:] = 0.6 * noise[:, :-1] + 0.8 * noise[:, 1:]
        noise[0] = 0
        inputs = (self.plan + task.spread * noise).clamp(task.low, task.high)
        states, costs = z.expand(task.rollouts, -1), torch.zeros(task.rollouts)
        for k in range(task.instants):
            states = self.predict(states, inputs[:, k])
            aim = task.reference(now + (k + 1) * self.period, seed)
            costs = costs + ((states - aim).square() * task.weights).sum(-1)
        costs = costs.nan_to_num(nan=torch.inf)
        finite = costs[costs.isfinite()]
        width = task.temperature * finite.std() if len(finite) > 1 else torch.tensor(1.0)
        weights = torch.softmax(-(costs - finite.min()) / width.clamp_min(1e-9), 0)
        self.plan = (weights[:, None, None] * inputs).sum(0)

    def advance(self) -> None:
        """A period has gone by: the plan moves on, its last input stays."""
        self.plan = torch.cat((self.plan[1:], self.plan[-1:]))


@dataclass
class _Loop:
    """A controller that hands out inputs, with how many periods it takes for a plan.

    late: 0 for none at all. Else a plan is made every so many periods, from the state at their start, and what was
    planned before serves until it is there.
    """

    control: Controller
    late: int
    used: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.used = self.control.plan

    def input(self, z: Tensor, k: int, seed: int) -> Tensor:
        """What is held in the period k, at whose start the state is z."""
        now = k * self.control.period
        if self.late == 0:
            self.control.replan(z, now, seed)
            self.used = self.control.plan
        elif k % self.late == 0:
            self.used = self.control.plan  # made from the state of so many periods ago, and moved on since
            self.control.replan(z, now, seed)
        held = self.used[0]
        self.control.advance()
        self.used = torch.cat((self.used[1:], self.used[-1:]))
        return held


@torch.no_grad()
def closed_loops(task: Task, controlled: Sequence[tuple[Predictor, int]], seed: int) -> tuple[list[float], Tensor]:
    """Robots under control by predictors, each with how many periods its plans take, side by side.

    Gives the mean cost of each over the instants, and the states after each, [instants, len(controlled), n]. The robots
    themselves are simulated in float64 by dopri8.
    """
    problem, plant = task.problem, library("dopri8")
    f, period = in_double(problem.f), problem.span[1]
    pushes = torch.Generator().manual_seed(5_000_003 + seed)
    loops = []
    for predict, late in controlled:
        loop = _Loop(Controller(task, predict, period, torch.Generator().manual_seed(seed)), late)
        loop.control.replan(task.start(seed), 0.0, seed)
        loop.used = loop.control.plan
        loops.append(loop)
    z, states = task.start(seed).double().expand(len(loops), -1), []
    costs = torch.zeros(len(loops), dtype=torch.float64)
    for k in range(round(task.seconds / period)):
        push = task.push * torch.randn(len(task.push), generator=pushes)
        held = torch.stack([loop.input(own.float(), k, seed) for loop, own in zip(loops, z, strict=True)])
        z = plant(f, z, problem.span, PLANT, (held + push).double())
        costs += ((z - task.reference((k + 1) * period, seed)).square() * task.weights).sum(-1)
        states.append(z)
    return (costs / len(states)).tolist(), torch.stack(states)


@torch.no_grad()
def step_times(task: Task, predictors: dict[str, Predictor], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each of so many control steps by each predictor, which take turns.

    Those of the processor, which a controller has to itself: what else a machine does is not a predictor's.
    """
    period = task.problem.span[1]
    controllers = {
        name: Controller(task, predict, period, torch.Generator().manual_seed(0))
        for name, predict in predictors.items()
    }
    times: dict[str, list[float]] = {name: [] for name in predictors}
    z = task.start(0)
    for k in range(-2, rounds):
        for name, controller in controllers.items():
            start = time.thread_time()
            controller.replan(z, max(k, 0) * period, 0)
            if k >= 0:
                times[name].append(1e3 * (time.thread_time() - start))
    return times
