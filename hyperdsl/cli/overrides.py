"""`--set fit.iterations=500`: settings of a training, read by the language's own grammar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, assert_never

import typer

from hyperdsl import compiler
from hyperdsl.cli.inputs import WRONG_USAGE, say, stop
from hyperdsl.cli.names import meant
from hyperdsl.diagnostics import has_errors
from hyperdsl.semantics.model.spec import Method, Training
from hyperdsl.semantics.model.training import AdversarialLoss, EndLoss, Loss, ResidualLoss, StepRange, TrajectoryLoss
from hyperdsl.semantics.tables.solvers import CONTROL

if TYPE_CHECKING:
    from torch import Tensor

    from hyperdsl.training.settings import Field, Step

CONTROL_SETTINGS = frozenset(word.word for word in CONTROL)
OPTIMIZER_FIELDS = ("learning_rate", "weight_decay", "clip")


def read_overrides(items: Sequence[str]) -> dict[str, object]:
    """The fields of a package's `Settings` that the items set, as plain numbers and words.

    `states` becomes triples (kind, share, noise), `dtype` the dtype's name, `loss` its name and arguments, a reference
    method a function. What is set of further phases, `fit.then.iterations` and `fit.then.then.iterations`, stands under
    `then`, a mapping for each. Ends the run where an item is wrong.
    """
    phases: list[list[tuple[str, list[str], str]]] = []
    for item in items:
        path, equals, value = item.partition("=")
        name, *parts = path.strip().split(".")
        depth = next((k for k, part in enumerate(parts) if part != "then"), len(parts))
        parts = parts[depth:]
        if not equals or not 1 <= len(parts) <= 2 or not all(part.isidentifier() for part in (name, *parts)):
            stop(f"`--set {item}` is not NAME.SETTING=VALUE, such as fit.iterations=500")
        phases += [[] for _ in range(depth + 1 - len(phases))]
        phases[depth].append((item, parts, value))
    first, *further = [_read(phase) for phase in phases] or [{}]
    return first | {"then": tuple(further)} if further else first


def check_names(items: Sequence[str], training: str | None, control: str | None) -> None:
    """End the run where an item names a training or control that the solver does not have.

    A training that the spec does not name, one of the defaults, is called `training` or `fit`.
    """
    trainings = ("training", "fit") if training is None else (training,)
    controls = () if control is None else (control,)
    for item in items:
        name, _, word = item.partition("=")[0].strip().partition(".")
        known = controls if word in CONTROL_SETTINGS else trainings
        if word and name not in known:
            kind = "control" if word in CONTROL_SETTINGS else "training"
            choices = [f"{one}.{word}" for one in known]
            told = meant(f"{name}.{word}", choices) if known else ": it has none"
            stop(f"`--set {item}`: the solver has no {kind} called `{name}`{told}")


def _read(items: Sequence[tuple[str, list[str], str]]) -> dict[str, object]:
    """The fields that the items of one phase set; an item is its text, the words of its setting, and the value."""
    words: dict[str, list[str]] = {}
    method, inner = "", []
    for item, parts, value in items:
        if parts == ["reference"]:
            method = value.strip()
        elif len(parts) == 1:
            words.setdefault(parts[0], []).append(f"{parts[0]} {value}")
        elif parts[0] == "reference":
            inner.append(f"{parts[1]} {value}")
        else:
            stop(f"`--set {item}`: `{parts[0]}` has no settings of its own")
    if inner:
        words["reference"] = [f"reference {method} {{\n" + "\n".join(inner) + "\n}"]
    elif method:
        words["reference"] = [f"reference {method}"]
    text = "\n".join(line for lines in words.values() for line in lines)
    training, diagnostics = compiler.override_training(text)
    say(diagnostics)
    if has_errors(diagnostics):
        raise typer.Exit(WRONG_USAGE)
    known = _fields(training)
    found = {name: known[name] for word in words for name in _names(word) if name in known}
    return found | ({"reference": reference_step(training.reference.method)} if method else {})


def reference_step(method: Method) -> Step:
    """One step of a library method, as `fit` takes it for a reference."""
    from hyperdsl.evaluation.solvers import TableauSolver

    solver = TableauSolver(method.name, method.tableau)

    def step(f: Field, s: Tensor, z: Tensor, h: Tensor) -> Tensor:
        return solver.step(f, s, z, h)

    step.__name__ = f"_{method.name}_step"
    return step


def _names(word: str) -> Sequence[str]:
    """The fields behind a setting."""
    fields: Mapping[str, Sequence[str]] = {
        "optimizer": OPTIMIZER_FIELDS,
        "reference": ("substeps", "dtype"),
        "steps": ("steps", "grids"),
    }
    return fields.get(word, (word,))


def _fields(training: Training) -> dict[str, object]:
    optimizer = training.optimizer
    return {
        "loss": _loss(training.loss),
        "states": tuple(
            (part.kind, float(part.share), 0.0 if part.noise is None else float(part.noise)) for part in training.states
        ),
        **_steps(training.steps),
        "substeps": training.reference.substeps,
        "dtype": training.reference.dtype,
        "learning_rate": float(optimizer.learning_rate),
        "weight_decay": float(optimizer.weight_decay),
        "clip": float(optimizer.clip),
        "schedule": training.schedule,
        "iterations": training.iterations,
        "batch": training.batch,
        "seed": training.seed,
        "trajectories": training.trajectories,
    }


def _steps(steps: StepRange) -> dict[str, object]:
    """The range of ε, or the list of grids."""
    return {"grids": steps.numbers} if steps.numbers else {steps.unit: (float(steps.lower), float(steps.upper))}


def _loss(loss: Loss) -> tuple[object, ...]:
    """The loss's word and its arguments."""
    match loss:
        case ResidualLoss():
            return ("residual",)
        case TrajectoryLoss(steps):
            return ("trajectory", steps)
        case AdversarialLoss(radius, steps):
            return ("adversarial", float(radius), steps)
        case EndLoss():
            return ("end",)
        case _:
            assert_never(loss)
