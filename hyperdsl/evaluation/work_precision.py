"""Error against cost of a solver and of others beside it, on one problem.

Cost is honest: multiply-accumulates and milliseconds hold the corrector's work and every evaluation of f, and all
methods solve the same states over the same span.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from hyperdsl.evaluation.cost import cost_of, milliseconds
from hyperdsl.evaluation.errors import EvaluationError
from hyperdsl.evaluation.metrics import l2, mape, relative_error
from hyperdsl.evaluation.problems import Problem, VectorField, on_path
from hyperdsl.evaluation.solvers import Span, TableauSolver, reference_solution, torchdiffeq_solve, torchdiffeq_states
from hyperdsl.training.protocol import is_graded
from hyperdsl.training.trained import trained_grids

ADAPTIVE = "dopri5"
"""torchdiffeq's adaptive method, beside the fixed steps of the others."""
PARTS = 200
"""Of the span, at whose ends the states of an adaptive solver are shown."""
DEFAULT_STEPS = (10, 20, 40, 80)
"""Numbers of steps where none are asked for, and a solver was trained for a range of them."""
UNSEEN = 1_000_003
"""A seed that training does not use."""


Solve = Callable[[VectorField, Tensor, Span, Tensor | None], Tensor]


@dataclass(frozen=True)
class Contender:
    """One way to solve: `run(f, z0, span, x)` gives the end state. `setting` is "K = 4" or "1e-3".

    `states`, which takes the same, gives those on the way as well, [n, *z0.shape] with z0 first, where it can.
    """

    method: str
    setting: str
    run: Solve
    corrector: nn.Module | None = None
    solver: object = None
    states: Solve | None = None

    @property
    def outside(self) -> str | None:
        """How the last run left the ranges that the solver's g was trained for; None where it did not."""
        left: tuple[str, ...] = getattr(self.solver, "left", ())
        gone = getattr(self.corrector, "outside", "warn") == "base" and any(text[0] in "εs" for text in left)
        return (", ".join(left) + ": g is left out" * gone) or None


@dataclass(frozen=True)
class Start:
    """What all contenders solve: states z0 [batch, *state_shape], their inputs x if any, and the exact end states."""

    f: VectorField
    z0: Tensor
    span: Span
    reference: Tensor
    x: Tensor | None = None


@dataclass(frozen=True)
class Row:
    """One contender measured. `macs` are one sample's, `milliseconds` a batch's; `accuracy` is a percentage.

    `corrector_share` is g's part of `macs`, and `corrector_over_field` the cost of a call of g over that of f.
    `outside` says how a solve left what its g was trained for, with the ranges of the training.
    """

    method: str
    setting: str
    evaluations: int
    macs: int
    milliseconds: float
    mape: float
    l2: float
    relative_error: float
    accuracy: float | None = None
    corrector_share: float = 0.0
    corrector_over_field: float | None = None
    outside: str | None = None


def fixed(name: str, solver: Callable[..., Tensor], steps: Sequence[int], **parameters: float) -> list[Contender]:
    """A fixed-step solver at several numbers of steps; `parameters` are the values of its free parameters.

    One with a grid of its own is taken on that alone.
    A solution that diverges is a large error and no exception.
    """
    unchecked = {"check": False} if "check" in _call(solver).parameters else {}

    odeint = getattr(solver, "odeint", None)

    def run(count: int | None, f: VectorField, z0: Tensor, span: Span, x: Tensor | None) -> Tensor:
        given: dict[str, Any] = {**parameters, **unchecked} | ({} if x is None else {"x": x})
        return solver(f, z0, span=span, steps=count, **given)

    def states(count: int, f: VectorField, z0: Tensor, span: Span, x: Tensor | None) -> Tensor:
        given: dict[str, Any] = {**parameters, **unchecked} | ({} if x is None else {"x": x})
        found: Tensor = odeint(f, z0, ends_of_parts(span, count), **given)  # type: ignore[misc]  # there is one where this is
        return found

    g = _corrector(solver)
    if is_graded(solver):
        return [Contender(name, f"grid, K = {solver.count}", partial(run, None), g, solver)]
    return [
        Contender(name, f"K = {k}", partial(run, k), g, solver, None if odeint is None else partial(states, k))
        for k in steps
    ]


def adaptive(tolerances: Sequence[float] = (1e-3,)) -> list[Contender]:
    """torchdiffeq's dopri5 at several tolerances."""

    def run(tolerance: float, f: VectorField, z0: Tensor, span: Span, x: Tensor | None) -> Tensor:
        return torchdiffeq_solve(f, z0, span, x, ADAPTIVE, tolerance)

    def states(tolerance: float, f: VectorField, z0: Tensor, span: Span, x: Tensor | None) -> Tensor:
        return torchdiffeq_states(f, z0, ends_of_parts(span), x, ADAPTIVE, tolerance)

    return [
        Contender(ADAPTIVE, f"{tolerance:.0e}", partial(run, tolerance), states=partial(states, tolerance))
        for tolerance in tolerances
    ]


def at_tolerances(
    name: str, solver: nn.Module, tolerances: Sequence[float] | None = None, **parameters: float
) -> list[Contender]:
    """A generated adaptive solver at several relative tolerances, the absolute one in its control's proportion.

    Without `tolerances` it is taken at its own, ten times as loose, and ten and a hundred times as tight. A solution
    that does not reach its end is a large error and no exception.
    """
    control: Any = solver.control
    odeint: Callable[..., Tensor] = solver.odeint  # type: ignore[assignment]  # as the next line
    solve: Callable[..., Any] = solver.solve  # type: ignore[assignment]  # torch types attributes as tensors and modules

    def run(rtol: float, f: VectorField, z0: Tensor, span: Span, x: Tensor | None) -> Tensor:
        given: dict[str, Any] = {**parameters} | ({} if x is None else {"x": x})
        atol = control.atol * rtol / control.rtol
        end: Tensor = solve(f, z0, span, rtol=rtol, atol=atol, throw=False, dense=False, **given).z
        return end

    def states(rtol: float, f: VectorField, z0: Tensor, span: Span, x: Tensor | None) -> Tensor:
        given: dict[str, Any] = {**parameters} | ({} if x is None else {"x": x})
        try:
            found: Tensor = odeint(
                f, z0, ends_of_parts(span), rtol=rtol, atol=control.atol * rtol / control.rtol, **given
            )
        except RuntimeError:  # one that does not reach its end
            return torch.stack((z0, run(rtol, f, z0, span, x)))
        return found

    chosen = tolerances or [control.rtol * factor for factor in (10, 1, 0.1, 0.01) if control.rtol * factor < 1]
    return [
        Contender(name, f"rtol {rtol:.0e}", partial(run, rtol), _corrector(solver), solver, partial(states, rtol))
        for rtol in chosen
    ]


def ends_of_parts(span: Span, parts: int = PARTS) -> list[float]:
    """The ends of equal parts of the span."""
    return [span[0] + (span[1] - span[0]) * k / parts for k in range(parts + 1)]


def _corrector(solver: object) -> nn.Module | None:
    found = getattr(solver, "corrector", None)
    return found if isinstance(found, nn.Module) else None


def is_adaptive(solver: Callable[..., Tensor]) -> bool:
    """Whether it is a generated solver that chooses its own steps."""
    return isinstance(solver, nn.Module) and hasattr(solver, "control")


def _call(solver: Callable[..., Tensor]) -> inspect.Signature:
    return inspect.signature(solver.forward if isinstance(solver, nn.Module) else solver)


def _check_parameters(solver: Callable[..., Tensor], values: Mapping[str, float]) -> None:
    """Every free parameter of the solver, a required keyword of its call, must have a value, and no other."""
    free = [p.name for p in _call(solver).parameters.values() if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    missing, unknown = [name for name in free if name not in values], [name for name in values if name not in free]
    if missing:
        raise EvaluationError(f"the base has a free parameter {missing[0]}: give it a value, --set {missing[0]}=NUMBER")
    if unknown:
        raise EvaluationError(f"the base has no free parameter {unknown[0]}{': it has ' * bool(free)}{', '.join(free)}")


def _solve(contender: Contender, z0: Tensor, span: Span, x: Tensor | None, f: VectorField) -> Tensor:
    return contender.run(f, z0, span, x)


def measure(
    contenders: Sequence[Contender],
    start: Start,
    *,
    batch: int = 64,
    repeats: int = 30,
    accuracy: Callable[[Tensor], float] | None = None,
) -> list[Row]:
    """A row for each contender; times and costs are those of the first `batch` states.

    That a solve leaves what its g was trained for stands in its row, and is no warning.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\w+ leaves what its g was trained for")
        return _measured(contenders, start, batch, repeats, accuracy)


def _measured(
    contenders: Sequence[Contender],
    start: Start,
    batch: int,
    repeats: int,
    accuracy: Callable[[Tensor], float] | None,
) -> list[Row]:
    z0, x = start.z0[:batch], None if start.x is None else start.x[:batch]
    times = milliseconds(
        {f"{c.method} {c.setting}": partial(c.run, start.f, z0, start.span, x) for c in contenders},
        repeats,
    )
    rows = []
    for contender in contenders:
        solve = partial(_solve, contender, z0, start.span, x)
        cost = cost_of(solve, start.f, contender.corrector)
        with torch.no_grad():
            z = contender.run(start.f, start.z0, start.span, start.x)
        rows.append(
            Row(
                contender.method,
                contender.setting,
                cost.evaluations,
                round(cost.macs / len(z0)),
                times[f"{contender.method} {contender.setting}"],
                mape(z, start.reference),
                l2(z, start.reference),
                relative_error(z, start.reference),
                None if accuracy is None else accuracy(z),
                cost.corrector_macs / cost.macs if cost.macs else 0.0,
                cost.corrector_over_field,
                contender.outside,
            )
        )
    return rows


def unseen(problem: Problem, samples: int | None = None, seed: int = UNSEEN) -> Start:
    """States of the problem that no training draws, with their exact ends. NotConvergedError where none can be had."""
    z0, x = problem.draw(samples or problem.samples, torch.Generator().manual_seed(seed))
    exact = reference_solution(problem.f, z0, problem.span, x, tolerance=problem.tolerance)
    return Start(problem.f, z0, problem.span, exact.z, x)


def beside(
    name: str,
    solver: Callable[..., Tensor],
    methods: Mapping[str, TableauSolver],
    steps: Sequence[int] | None,
    *,
    parameters: Mapping[str, float] | None = None,
    tolerances: Sequence[float] = (1e-3, 1e-6),
    own_tolerances: Sequence[float] | None = None,
) -> list[Contender]:
    """The solver, and others at equal numbers of steps, and dopri5.

    Without `steps`, a solver that was trained for certain numbers of them is taken at those, and the others have as
    many evaluations; else DEFAULT_STEPS serve all.
    An adaptive solver is taken at `own_tolerances`, as `at_tolerances` has it, and not at numbers of steps.
    EvaluationError where a free parameter has no value.
    """
    _check_parameters(solver, parameters or {})
    given = parameters or {}
    trained = [] if steps else trained_grids(solver)
    steps = steps or trained or DEFAULT_STEPS
    if isinstance(solver, nn.Module) and is_adaptive(solver):
        contenders = at_tolerances(name, solver, own_tolerances, **given)
    else:
        contenders = fixed(name, solver, steps, **given)
    own = getattr(solver, "evaluations_per_step", 1)
    for method, tableau in methods.items():
        each = {max(k * own // tableau.evaluations_per_step, 1) for k in trained}
        contenders += fixed(method, tableau, sorted(each) or steps)
    return [*contenders, *adaptive(tolerances)]


def compare(
    problem: Problem,
    name: str,
    solver: Callable[..., Tensor],
    methods: Mapping[str, TableauSolver],
    steps: Sequence[int],
    *,
    samples: int | None = None,
    parameters: Mapping[str, float] | None = None,
    tolerances: Sequence[float] = (1e-3, 1e-6),
) -> list[Row]:
    """What `beside` names, measured on `unseen` states of the problem, whose errors those two raise."""
    contenders = beside(name, solver, methods, steps, parameters=parameters, tolerances=tolerances)
    return measure(contenders, unseen(on_path(problem, solver), samples))
