"""What a solver is to those who use it: its interface, and what weights that are trained for it belong to."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hyperdsl.codegen.torch.views import PackageView, SolverView
from hyperdsl.plan import Plan, Solve
from hyperdsl.semantics.methods.families import range_text
from hyperdsl.semantics.model.control import Control
from hyperdsl.semantics.model.layers import Layer
from hyperdsl.semantics.model.left_open import Grid
from hyperdsl.semantics.model.solving import Solving
from hyperdsl.semantics.model.spec import Corrector, External
from hyperdsl.theory.numbers.exact import Exact


@dataclass(frozen=True)
class Interface:
    """A solver from outside. `digest` is that of the base's step as it is computed, in nearest doubles.

    `made_with` are the arguments of its class, `called_with` the keywords of its calls, with their ranges.
    """

    name: str
    kind: str
    base: str
    digest: str
    order: int
    residual_power: int | None
    evaluations: int
    steps: str
    field: tuple[str, ...]
    made_with: tuple[str, ...]
    called_with: tuple[str, ...]
    control: Control | None
    grid: Grid | None
    path: str | None
    solving: Solving | None
    start: str | None
    learned: tuple[str, ...]
    corrector: str | None
    training: str | None


@dataclass(frozen=True)
class Identity:
    """What weights belong to: they load where all of it is equal.

    `inputs` are the features of g, `slopes` what it gets of the step's evaluations. `scaled`: whether g has scales of
    its own that are fitted to the training data, which a bilinear one that starts as J f has not.
    """

    solver: str
    residual_power: int | None
    base: str
    inputs: tuple[str, ...]
    slopes: tuple[str, ...]
    bound: Exact | None
    output: str | None
    layers: tuple[Layer, ...]
    scaled: bool
    learned: tuple[str, ...]
    increments: int


def interface(plan: Plan, view: SolverView, digest: str) -> Interface:
    """The interface of a solver with this plan and view."""
    corrector = plan.corrector
    fixed = ", ".join(f"{free.name} = {range_text(free.name, free.interval)}" for free in plan.free)
    made = [
        *(["state_shape"] if isinstance(corrector, Corrector) else []),
        *(["input_shape"] if view.input_shape else []),
        *(["field"] if view.field else []),
        *(["corrector"] if isinstance(corrector, External) else []),
    ]
    implicit = any(isinstance(statement, Solve) for statement in plan.step.body)
    called = [range_text(free.name, free.interval) for free in plan.free]
    called += ["steps"] if plan.control is None and plan.grid is None else []
    called += ["jacobian", "mass"] if implicit else []
    start = plan.step.start
    return Interface(
        name=plan.name,
        kind="hypersolver" if corrector else "solver",
        base=plan.base + (f"({fixed})" if fixed else ""),
        digest=digest,
        order=plan.order,
        residual_power=plan.residual_power,
        evaluations=plan.evaluations_per_step,
        steps=_steps(plan),
        field=("explicit", "implicit") if plan.split else ("f",),
        made_with=tuple(made),
        called_with=tuple(called),
        control=plan.control,
        grid=plan.grid,
        path=plan.path.name if plan.path else None,
        solving=plan.solving,
        start=f"{start.name}, {start.substeps} substeps" if start else None,
        learned=tuple(f"{one.name} from {one.start}, {range_text(one.name, one.interval)}" for one in plan.learned),
        corrector="external" if isinstance(corrector, External) else corrector.name if corrector else None,
        training=plan.training.name if plan.training else None,
    )


def _steps(plan: Plan) -> str:
    if plan.varying is not None:
        return "adaptive, of variable order"
    if plan.control is not None:
        return "adaptive, of each sample" if plan.control.per_sample else "adaptive"
    return "of a grid of its own" if plan.grid else "fixed"


def identity(plan: Plan, view: SolverView, package: PackageView) -> Identity | None:
    """What weights of this solver belong to; None where it has nothing to train, or another's module for g."""
    if not (view.corrector or view.learned or view.increments):
        return None
    g = next((one for one in package.correctors if one.name == view.corrector), None)
    corrector = plan.corrector if isinstance(plan.corrector, Corrector) else None
    arguments = g.arguments if g else ()
    return Identity(
        solver=view.name,
        residual_power=plan.residual_power,
        base=view.digest,
        inputs=tuple(re.findall('"(.*?)"', g.features)) if g else (),
        slopes=tuple(name for text in arguments if text.startswith("seen=") for name in re.findall('"(.*?)"', text)),
        bound=corrector.bound if corrector else None,
        output=corrector.output if corrector else None,
        layers=corrector.layers if corrector else (),
        scaled="scaled=False" not in arguments,
        learned=tuple(name for row in view.learned for name in row.names),
        increments=view.increments,
    )
