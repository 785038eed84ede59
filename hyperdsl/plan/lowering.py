"""From a checked solver to its plan: the lowering of its kind of method, then what every kind has in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hyperdsl.plan import additive as additives
from hyperdsl.plan import rosenbrock as rosenbrocks
from hyperdsl.plan import runge_kutta as runge_kuttas
from hyperdsl.plan.additive import additive
from hyperdsl.plan.collocation import dense_of
from hyperdsl.plan.corrected import corrected
from hyperdsl.plan.estimates import controlled, doubled
from hyperdsl.plan.facts import base_in_words, proven
from hyperdsl.plan.multistep import multistep
from hyperdsl.plan.passes import between, simplified, solved_by
from hyperdsl.plan.predictor_corrector import predictor_corrector
from hyperdsl.plan.rosenbrock import rosenbrock
from hyperdsl.plan.runge_kutta import runge_kutta
from hyperdsl.plan.step import Linear, Start, Step, equations, evaluations
from hyperdsl.plan.tables import Table, tables_of
from hyperdsl.plan.varying import varying
from hyperdsl.semantics.model.control import Control
from hyperdsl.semantics.model.left_open import Free, Grid, Learned
from hyperdsl.semantics.model.path import PathModel
from hyperdsl.semantics.model.solving import Solving
from hyperdsl.semantics.model.spec import (
    AdditiveSolver,
    AnySolver,
    Corrector,
    Dense,
    External,
    HistorySolver,
    Method,
    Multistep,
    RosenbrockSolver,
    Solver,
    StepSolver,
    Training,
    VaryingSolver,
)
from hyperdsl.theory.multistep.variable import Variable


@dataclass(frozen=True)
class Plan:
    """A solver as a back end reads it: its step, and what surrounds that.

    `step` is one step of the method with its learned term. `attempt` is what a control tries, with an estimate of the
    error: the step itself, or three of them where the error is estimated by doubling; without a control it is the step.
    `residual_power` is p + 1, the power of ε on g; None without a corrector. `base` names the base method, `summary` is
    that in words, and `facts` are what was proven, for the certificate. `tables` are the method as it is written, for
    those who write it back with the numbers that training found. `grid` are the points of the steps; without one they
    are equal, or a control's. With a `path`, f is a diffusion model as a field on it. `solving` is how the step's
    equations are solved, where it has some and that was said. `varying` is the method whose order and step vary, if
    they do: `step` is that of its highest order.
    """

    name: str
    order: int
    step: Step
    attempt: Step
    base: str
    summary: str
    facts: Mapping[str, object] = field(hash=False)
    residual_power: int | None = None
    corrector: Corrector | External | None = None
    free: tuple[Free, ...] = ()
    learned: tuple[Learned, ...] = ()
    training: Training | None = None
    control: Control | None = None
    tables: tuple[Table, ...] = ()
    grid: Grid | None = None
    path: PathModel | None = None
    varying: Variable | None = None
    solving: Solving | None = None

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names that the step is written in, of free and learned parameters."""
        return (*(free.name for free in self.free), *(learned.name for learned in self.learned))

    @property
    def seen(self) -> tuple[str, ...]:
        """The slopes that the corrector reads, in the order in which it gets them."""
        return tuple(name for learn in self.step.learns for name in learn.reads)

    @property
    def split(self) -> bool:
        """Whether f is a sum of two parts that the step evaluates by themselves."""
        return any(one.field != "f" for statement in self.step.body for one in equations(statement))

    @property
    def evaluations_per_step(self) -> int:
        """Evaluations of f that one further step costs; of an implicit formula, those of the first iteration."""
        return evaluations(self.attempt.body) - evaluations(between(self.attempt))


def plan(solver: AnySolver) -> Plan:
    """The plan of any solver, of any kind of base."""
    step = _step(solver)
    control = solver.control
    return Plan(
        name=solver.name,
        order=solver.order,
        step=step,
        attempt=doubled(step, solver.order) if control is not None and control.error == "doubling" else step,
        base=solver.base.name,
        summary=base_in_words(solver),
        facts=proven(solver),
        residual_power=solver.residual_power,
        corrector=solver.corrector,
        free=solver.free,
        learned=solver.learned,
        training=solver.training,
        control=control,
        tables=tables_of(solver),
        grid=solver.grid,
        path=solver.path,
        varying=solver.method if isinstance(solver, VaryingSolver) else None,
        solving=solver.solving,
    )


def method_step(method: Method) -> Step:
    """One step of a method by itself, explicit or implicit: what references and first states are made with."""
    step, _ = runge_kutta(method.tableau, method.entries)
    return simplified(step)


def _step(solver: AnySolver) -> Step:
    if isinstance(solver, VaryingSolver):
        return varying(solver.method, solver.method.steps)
    if isinstance(solver, Solver):
        step, slopes = runge_kutta(solver.tableau, solver.entries, _dense(solver))
    elif isinstance(solver, AdditiveSolver):
        step, slopes = additive(solver.pair, solver.entries, solver.dense if _is_dense(solver) else None)
    elif isinstance(solver, RosenbrockSolver):
        step, slopes = rosenbrock(solver.tableau, solver.dense if _is_dense(solver) else None)
    else:
        base, start = solver.base, solver.start
        step, slopes = multistep(base.formula) if isinstance(base, Multistep) else predictor_corrector(base.formula)
        one = solved_by(method_step(start.method), solver.solving.by if solver.solving else "newton")
        first = Start(start.method.name, start.method.facts.order, one, start.substeps)
        step = replace(step, start=first)
    if solver.solving is not None:
        step = solved_by(step, solver.solving.by)
    if solver.corrector is not None and solver.residual_power is not None:
        step = corrected(step, slopes, solver.corrector, solver.residual_power)
    if not isinstance(solver, HistorySolver):
        step = controlled(step, solver, _difference(solver))
    return simplified(step)


def _difference(solver: StepSolver) -> Linear:
    """What the propagated weights have more than the embedded ones; nothing where there are none."""
    if len(solver.tableau.weights) < 2:
        return ()
    if isinstance(solver, AdditiveSolver):
        return additives.difference(solver.pair, solver.entries)
    if isinstance(solver, RosenbrockSolver):
        return rosenbrocks.difference(solver.tableau)
    return runge_kuttas.difference(solver.tableau, solver.entries)


def _dense(solver: Solver) -> Dense | None:
    """The dense output of the step: none of its own where g, or a half step, changes where the step ends."""
    return solver.dense or dense_of(solver) if _is_dense(solver) else None


def _is_dense(solver: StepSolver) -> bool:
    """Whether dense output of the method's own belongs to the solver's steps."""
    return solver.control is not None and solver.control.error == "embedded" and solver.corrector is None
