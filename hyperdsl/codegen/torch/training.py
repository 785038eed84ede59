"""The view for `train.py`: a spec's training settings and reference methods as short Python text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import assert_never

from hyperdsl.codegen.torch.expressions import number
from hyperdsl.codegen.torch.printer import SINGLE, step_lines
from hyperdsl.codegen.torch.trained import TrainedView, trained_view
from hyperdsl.plan import method_step
from hyperdsl.semantics.model import (
    AdversarialLoss,
    AnySolver,
    Corrector,
    HistorySolver,
    Loss,
    Method,
    ResidualLoss,
    Solver,
    Spec,
    StateShare,
    StepRange,
    Training,
    TrajectoryLoss,
)
from hyperdsl.semantics.names import class_name
from hyperdsl.theory.exact import Exact

_SHORT = 8  # characters up to which a decimal is easier to read than a quotient


@dataclass(frozen=True)
class ReferenceView:
    """A reference method: the name of its function in train.py, and that function's body, a line each."""

    function: str
    name: str
    order: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class StatesView:
    """A share of the training states; `noise` is "" where there is none."""

    kind: str
    share: str
    noise: str


@dataclass(frozen=True)
class RangeView:
    """A parameter of the base and the range from which training draws it: of a learned one, where it starts."""

    name: str
    lower: str
    upper: str


@dataclass(frozen=True)
class SettingsView:
    """The settings of what has to be trained; every field is the Python text of its value, "" where there is none.

    `loss` is "" for the residual's, `then` are the further phases.
    """

    solver: str
    states: tuple[StatesView, ...]
    steps: str
    eps: str
    reference: str
    substeps: str
    dtype: str
    learning_rate: str
    weight_decay: str
    clip: str
    schedule: str
    iterations: str
    batch: str
    seed: str
    parameters: tuple[RangeView, ...]
    bound: str
    loss: str
    then: tuple[SettingsView, ...]


@dataclass(frozen=True)
class TrainView:
    """All of train.py: its solvers, their reference methods, and which features any of them needs.

    `visited`: a range of ε is that of the steps which the solver's control takes.
    """

    solvers: tuple[SettingsView, ...]
    references: tuple[ReferenceView, ...]
    parameters: bool
    bounded: bool
    histories: tuple[str, ...]
    trajectory: bool
    adversarial: bool
    phases: bool
    visited: bool
    learned: tuple[TrainedView, ...]

    @property
    def only_learned(self) -> bool:
        return len(self.learned) == len(self.solvers)

    @property
    def correctors(self) -> bool:
        """Whether every solver has one."""
        return all(view.hyper for view in self.learned)

    @property
    def only_histories(self) -> bool:
        return len(self.histories) == len(self.solvers)

    @property
    def other_losses(self) -> str:
        """The types of the losses besides the residual's, as Python text."""
        return " | ".join(["Trajectory"] * self.trajectory + ["Adversarial"] * self.adversarial)


def train_view(spec: Spec, solvers: tuple[AnySolver, ...]) -> TrainView:
    """The view of the hypersolvers among the `solvers` of `spec`; those with nothing to learn need no training."""
    methods: dict[str, Method] = {}
    settings: list[SettingsView] = []
    for solver in solvers:
        if solver.training is None:
            continue
        methods |= {phase.reference.method.name: phase.reference.method for phase in solver.training.phases}
        settings.append(_settings(solver, solver.training))
    phases = [phase for view in settings for phase in (view, *view.then)]
    trained = [trained_view(solver) for solver in solvers if isinstance(solver, Solver)]
    learned = tuple(view for view in trained if view)
    return TrainView(
        solvers=tuple(settings),
        references=tuple(map(_reference, methods.values())),
        parameters=any(view.parameters for view in settings),
        bounded=any(view.bound for view in settings),
        histories=tuple(
            class_name(solver.name) for solver in solvers if isinstance(solver, HistorySolver) and solver.corrector
        ),
        trajectory=bool(learned) or any(phase.loss.startswith("Trajectory") for phase in phases),
        adversarial=any(phase.loss.startswith("Adversarial") for phase in phases),
        phases=any(view.then for view in settings),
        visited=any(phase.steps == phase.eps == "None" for phase in phases),
        learned=learned,
    )


def setting(value: Exact) -> str:
    """Python text for the double nearest to `value`: a short decimal where that is the number itself."""
    text = re.sub(r"e([+-])0", r"e\1", repr(float(value)))
    short = value.is_rational and len(text) <= _SHORT and Fraction(text) == value.fraction()
    return text.removesuffix(".0") if short else number(value)


def _settings(solver: AnySolver, training: Training) -> SettingsView:
    """The view of a phase, with those that follow it."""
    bound = solver.corrector.bound if isinstance(solver.corrector, Corrector) else None
    optimizer = training.optimizer
    visited = solver.control is not None and not training.steps.given
    return SettingsView(
        solver=class_name(solver.name),
        states=tuple(map(_states, training.states)),
        steps="None" if visited else _range(training.steps, "steps"),
        eps="None" if visited else _range(training.steps, "eps"),
        reference=_function(training.reference.method),
        substeps=str(training.reference.substeps),
        dtype=training.reference.dtype,
        learning_rate=setting(optimizer.learning_rate),
        weight_decay=setting(optimizer.weight_decay),
        clip=setting(optimizer.clip),
        schedule=training.schedule,
        iterations=str(training.iterations),
        batch=str(training.batch),
        seed=str(training.seed),
        parameters=(
            *(_free(free.name, free.interval.lower, free.interval.upper) for free in solver.free),
            *(_free(learned.name, learned.start, learned.start) for learned in solver.learned),
        ),
        bound="" if bound is None else setting(bound),
        loss=_loss(training.loss),
        then=tuple(_settings(solver, phase) for phase in training.then),
    )


def _loss(loss: Loss) -> str:
    match loss:
        case ResidualLoss():
            return ""
        case TrajectoryLoss(steps):
            return f"Trajectory({steps})"
        case AdversarialLoss(radius, steps):
            return f"Adversarial({setting(radius)}, {steps})"
        case _:
            assert_never(loss)


def _states(part: StateShare) -> StatesView:
    return StatesView(part.kind, setting(part.share), "" if part.noise is None else setting(part.noise))


def _range(steps: StepRange, unit: str) -> str:
    return f"({setting(steps.lower)}, {setting(steps.upper)})" if steps.unit == unit else "None"


def _free(name: str, lower: Exact | None, upper: Exact | None) -> RangeView:
    assert lower is not None  # an endless range is a diagnostic
    assert upper is not None
    return RangeView(name, setting(lower), setting(upper))


def _function(method: Method) -> str:
    return f"_{method.name}_step"


def _reference(method: Method) -> ReferenceView:
    """One explicit step of size h, straight-line."""
    stages, result = step_lines(method_step(method), SINGLE)
    lines = (*stages, f"return {result}")
    return ReferenceView(_function(method), method.name, method.facts.order, lines)
