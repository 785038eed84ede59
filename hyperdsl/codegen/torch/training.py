"""The view for `train.py`: a spec's training settings and reference methods as short Python text."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import assert_never

from hyperdsl.codegen.torch.expressions import number, tuple_text
from hyperdsl.codegen.torch.printer import SINGLE, step_lines
from hyperdsl.codegen.torch.trained import TrainedView, trained_view
from hyperdsl.plan import Plan, method_step
from hyperdsl.plan.passes import solved_by
from hyperdsl.semantics.model.spec import Method, Training
from hyperdsl.semantics.model.training import (
    AdversarialLoss,
    EndLoss,
    Loss,
    ResidualLoss,
    StateShare,
    StepRange,
    TrajectoryLoss,
)
from hyperdsl.semantics.reading.names import class_name
from hyperdsl.semantics.solvers.trainings import default_training
from hyperdsl.theory.numbers.exact import Exact

_SHORT = 8  # characters up to which a decimal is easier to read than a quotient


@dataclass(frozen=True)
class ReferenceView:
    """A reference method: the name of its function in train.py, and that function's body, a line each.

    An `implicit` one has equations to solve.
    """

    function: str
    name: str
    order: int
    lines: tuple[str, ...]
    implicit: bool


@dataclass(frozen=True)
class SettingsView:
    """The settings of some solvers' training that are not the defaults, by name, as Python text; `then` its phases."""

    solvers: tuple[str, ...]
    values: tuple[tuple[str, str], ...]
    then: tuple[SettingsView, ...]


@dataclass(frozen=True)
class TrainView:
    """All of train.py: its solvers, in groups of equal settings, their references, what learned parameters keep to."""

    groups: tuple[SettingsView, ...]
    references: tuple[ReferenceView, ...]
    learned: tuple[TrainedView, ...]
    on_path: bool = False

    @property
    def implicit(self) -> bool:
        """Whether a reference has equations to solve."""
        return any(reference.implicit for reference in self.references)

    @property
    def solvers(self) -> tuple[str, ...]:
        return tuple(name for group in self.groups for name in group.solvers)


def train_view(plans: tuple[Plan, ...]) -> TrainView:
    """The view of the solvers that have something to learn."""
    methods: dict[str, Method] = {}
    groups: dict[SettingsView, list[str]] = {}
    for plan in plans:
        if plan.training is None:
            continue
        methods |= {phase.reference.method.name: phase.reference.method for phase in plan.training.phases}
        groups.setdefault(_settings(plan, plan.training), []).append(class_name(plan.name))
    trained = map(trained_view, plans)
    return TrainView(
        groups=tuple(replace(view, solvers=tuple(names)) for view, names in groups.items()),
        references=tuple(map(_reference, methods.values())),
        learned=tuple(view for view in trained if view),
        on_path=any(plan.path for plan in plans),
    )


def setting(value: Exact) -> str:
    """Python text for the double nearest to `value`: a short decimal where that is the number itself."""
    text = re.sub(r"e([+-])0", r"e\1", repr(float(value)))
    short = value.is_rational and len(text) <= _SHORT and Fraction(text) == value.fraction()
    return text.removesuffix(".0") if short else number(value)


def _settings(plan: Plan, training: Training) -> SettingsView:
    """The view of a phase, with those that follow it."""
    visited = plan.control is not None and not training.steps.given
    defaults = _values(default_training(training.reference.method), visited=False)
    values = tuple(item for item in _values(training, visited=visited).items() if item not in defaults.items())
    reference = ("reference", _function(training.reference.method))
    further = tuple(_settings(plan, phase) for phase in training.then)
    return SettingsView((), (reference, *values), further)


def _values(training: Training, *, visited: bool) -> dict[str, str]:
    """What a training can set, beside its reference method; a `visited` range of ε is that of the control's steps."""
    optimizer = training.optimizer
    return {
        "states": tuple_text(list(map(_states, training.states))),
        "steps": "None" if visited or training.steps.numbers else _range(training.steps, "steps"),
        "grids": tuple_text(list(map(str, training.steps.numbers))) if training.steps.numbers else "None",
        "eps": "None" if visited else _range(training.steps, "eps"),
        "substeps": str(training.reference.substeps),
        "dtype": f"torch.{training.reference.dtype}",
        "learning_rate": setting(optimizer.learning_rate),
        "weight_decay": setting(optimizer.weight_decay),
        "clip": setting(optimizer.clip),
        "schedule": f'"{training.schedule}"',
        "iterations": str(training.iterations),
        "batch": str(training.batch),
        "seed": str(training.seed),
        "trajectories": str(training.trajectories),
        "loss": _loss(training.loss),
    }


def _loss(loss: Loss) -> str:
    match loss:
        case ResidualLoss():
            return "None"
        case TrajectoryLoss(steps):
            return f"Trajectory({steps})"
        case AdversarialLoss(radius, steps):
            return f"Adversarial({setting(radius)}, {steps})"
        case EndLoss():
            return "End()"
        case _:
            assert_never(loss)


def _states(part: StateShare) -> str:
    noise = "" if part.noise is None else f", {setting(part.noise)}"
    return f'Share("{part.kind}", {setting(part.share)}{noise})'


def _range(steps: StepRange, unit: str) -> str:
    return f"({setting(steps.lower)}, {setting(steps.upper)})" if steps.unit == unit else "None"


_SIGNS = {"-": " minus ", "+": " plus ", "*": " times ", "/": " over ", "^": " to the "}


def _function(method: Method) -> str:
    """A name of its own for a method, and for a family with numbers for its parameters."""
    words = "".join(_SIGNS.get(sign, sign) for sign in method.name)
    return f"_{'_'.join(re.findall(r'[A-Za-z0-9_]+', words))}_step"


def _reference(method: Method) -> ReferenceView:
    """One step of size h, straight-line."""
    stages, result = step_lines(solved_by(method_step(method), "newton"), SINGLE)
    lines = (*stages, f"return {result}")
    return ReferenceView(
        _function(method), method.name, method.facts.order, lines, implicit=method.tableau.kind != "explicit"
    )
