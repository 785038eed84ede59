"""Ways to solve that are compared: a solver, methods of the library, torchdiffeq's and SciPy's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from hyperdsl.evaluation.errors import EvaluationError, similar
from hyperdsl.evaluation.problems import Problem, VectorField
from hyperdsl.evaluation.scipy_methods import scipy_solve
from hyperdsl.evaluation.solvers import Solved, Span, TableauSolver, torchdiffeq_solve, torchdiffeq_states
from hyperdsl.training.protocol import is_graded, takes_parts
from hyperdsl.training.trained import trained_grids

ADAPTIVE = "dopri5"
"""torchdiffeq's adaptive method, beside the fixed steps of the others."""
PARTS = 200
"""Of the span, at whose ends the states of an adaptive solver are shown."""
DEFAULT_METHODS, STIFF_METHODS = ("euler", "midpoint", "rk4"), ("radau", "bdf", "lsoda")
"""What is compared with: methods of the library, and SciPy's for stiff problems."""
DEFAULT_STEPS = (10, 20, 40, 80)
"""Numbers of steps where none are asked for, and a solver was trained for a range of them."""
Solve = Callable[[VectorField, Tensor, Span, Tensor | None], Tensor]
Counted = Callable[[VectorField, Tensor, Span, Tensor | None], Solved]


@dataclass(frozen=True)
class Contender:
    """One way to solve: `run(f, z0, span, x)` gives the end state. `setting` is "K = 4" or "1e-3".

    `states`, which takes the same, gives those on the way as well, [n, *z0.shape] with z0 first, where it can, and
    `counted` the end with the solver's own counts. A `foreign` one's arithmetic is not torch's: nobody sees its
    multiply-accumulates.
    """

    method: str
    setting: str
    run: Solve
    corrector: nn.Module | None = None
    solver: object = None
    states: Solve | None = None
    counted: Counted | None = None
    foreign: bool = False

    @property
    def outside(self) -> str | None:
        """How the last run left the ranges that the solver's g was trained for; None where it did not."""
        left: tuple[str, ...] = getattr(self.solver, "left", ())
        gone = getattr(self.corrector, "outside", "warn") == "base" and any(text[0] in "εs" for text in left)
        return (", ".join(left) + ": g is left out" * gone) or None


def fixed(
    name: str,
    solver: Callable[..., Tensor],
    steps: Sequence[int],
    *,
    jacobian: VectorField | None = None,
    parts: tuple[VectorField, ...] = (),
    **parameters: float,
) -> list[Contender]:
    """A fixed-step solver at several numbers of steps; `parameters` are the values of its free parameters.

    One with a grid of its own is taken on that alone. The `jacobian` goes to solvers that take one; where there are
    `parts`, f is given as these.
    A solution that diverges, or equations that have none, are a large error and no exception.
    """
    unchecked = {"check": False} if "check" in _keywords(solver) else {}
    options: dict[str, Any] = {**parameters, **unchecked, **_taken(solver, "forward", jacobian)}

    odeint = getattr(solver, "odeint", None)

    def run(count: int | None, f: VectorField, z0: Tensor, span: Span, x: Tensor | None) -> Tensor:
        given = options | ({} if x is None else {"x": x})
        try:
            return solver(parts or f, z0, span=span, steps=count, **given)
        except RuntimeError:  # equations that were not solved
            return torch.full_like(z0, torch.nan)

    def states(count: int, f: VectorField, z0: Tensor, span: Span, x: Tensor | None) -> Tensor:
        given = options | ({} if x is None else {"x": x})
        try:
            found: Tensor = odeint(parts or f, z0, ends_of_parts(span, count), **given)  # type: ignore[misc]  # there is one where this is
        except RuntimeError:  # as above
            return torch.stack((z0, torch.full_like(z0, torch.nan)))
        return found

    g = _corrector(solver)
    if is_graded(solver):
        return [Contender(name, f"grid, K = {solver.count}", partial(run, None), g, solver)]
    return [
        Contender(name, f"K = {k}", partial(run, k), g, solver, None if odeint is None else partial(states, k))
        for k in steps
    ]


def adaptive(tolerances: Sequence[float] = (1e-3,)) -> list[Contender]:
    """torchdiffeq's dopri5 at several tolerances; where it gives up its end is not a number."""

    def run(tolerance: float, f: VectorField, z0: Tensor, span: Span, x: Tensor | None) -> Tensor:
        try:
            return torchdiffeq_solve(f, z0, span, x, ADAPTIVE, tolerance)
        except AssertionError:  # "underflow in dt"
            return torch.full_like(z0, torch.nan)

    def states(tolerance: float, f: VectorField, z0: Tensor, span: Span, x: Tensor | None) -> Tensor:
        return torchdiffeq_states(f, z0, ends_of_parts(span), x, ADAPTIVE, tolerance)

    return [
        Contender(ADAPTIVE, f"{tolerance:.0e}", partial(run, tolerance), states=partial(states, tolerance))
        for tolerance in tolerances
    ]


def of_scipy(
    methods: Sequence[str],
    tolerances: Sequence[float] = (1e-4, 1e-6),
    *,
    absolute: float = 1e-2,
    jacobian: VectorField | None = None,
) -> list[Contender]:
    """SciPy's methods of these names at several relative tolerances, the `absolute` one so many times as large.

    Each sample is solved alone, with f's `jacobian` where there is one.
    """

    def counted(method: str, rtol: float, f: VectorField, z0: Tensor, span: Span, x: Tensor | None) -> Solved:
        return scipy_solve(f, z0, span, x, method=method, rtol=rtol, atol=rtol * absolute, jacobian=jacobian)

    found = []
    for method in methods:
        for rtol in tolerances:
            solve = partial(counted, method, rtol)
            end = partial(_end, solve)
            found.append(Contender(f"SciPy's {method}", f"rtol {rtol:.0e}", end, counted=solve, foreign=True))
    return found


def _end(counted: Counted, f: VectorField, z0: Tensor, span: Span, x: Tensor | None) -> Tensor:
    return counted(f, z0, span, x).z


def chosen_tolerances(solver: nn.Module) -> list[float]:
    """A generated adaptive solver's own relative tolerance, ten times it, a tenth and a hundredth of it."""
    rtol: float = solver.control.rtol  # type: ignore[assignment, union-attr]  # torch types attributes as modules
    return [rtol * factor for factor in (10, 1, 0.1, 0.01) if rtol * factor < 1]


def at_tolerances(
    name: str,
    solver: nn.Module,
    tolerances: Sequence[float] | None = None,
    *,
    jacobian: VectorField | None = None,
    parts: tuple[VectorField, ...] = (),
    **parameters: float,
) -> list[Contender]:
    """A generated adaptive solver at several relative tolerances, the absolute one in its control's proportion.

    Without `tolerances` it is taken at `chosen_tolerances`. A solution that does not reach its end is a large error and
    no exception. The `jacobian` goes to solvers that take one; where there are `parts`, f is given as these.
    """
    control: Any = solver.control
    odeint: Callable[..., Tensor] = solver.odeint  # type: ignore[assignment]  # as the next line
    solve: Callable[..., Any] = solver.solve  # type: ignore[assignment]  # torch types attributes as tensors and modules

    options: dict[str, Any] = {**parameters} | _taken(solver, "solve", jacobian)

    def counted(rtol: float, f: VectorField, z0: Tensor, span: Span, x: Tensor | None) -> Solved:
        given = options | ({} if x is None else {"x": x})
        atol = control.atol * rtol / control.rtol
        found = solve(parts or f, z0, span, rtol=rtol, atol=atol, throw=False, dense=False, **given)
        counts = found.statistics
        further = (getattr(counts, name, None) for name in ("jacobians", "factorisations", "products"))
        return Solved(found.z, counts.evaluations, *further)

    def states(rtol: float, f: VectorField, z0: Tensor, span: Span, x: Tensor | None) -> Tensor:
        given = options | ({} if x is None else {"x": x})
        try:
            found: Tensor = odeint(
                parts or f, z0, ends_of_parts(span), rtol=rtol, atol=control.atol * rtol / control.rtol, **given
            )
        except RuntimeError:  # one that does not reach its end
            return torch.stack((z0, counted(rtol, f, z0, span, x).z))
        return found

    contenders = []
    for rtol in tolerances or chosen_tolerances(solver):
        solve_so = partial(counted, rtol)
        end = partial(_end, solve_so)
        contenders.append(
            Contender(name, f"rtol {rtol:.0e}", end, _corrector(solver), solver, partial(states, rtol), solve_so)
        )
    return contenders


def _taken(solver: object, name: str, jacobian: VectorField | None) -> dict[str, Any]:
    """The Jacobian as a keyword, where there is one and the solver's method `name` takes it."""
    return {"jacobian": jacobian} if jacobian is not None and "jacobian" in _keywords(solver, name) else {}


def ends_of_parts(span: Span, parts: int = PARTS) -> list[float]:
    """The ends of equal parts of the span."""
    return [span[0] + (span[1] - span[0]) * k / parts for k in range(parts + 1)]


def _corrector(solver: object) -> nn.Module | None:
    found = getattr(solver, "corrector", None)
    return found if isinstance(found, nn.Module) else None


def is_adaptive(solver: Callable[..., Tensor]) -> bool:
    """Whether it is a generated solver that chooses its own steps."""
    return isinstance(solver, nn.Module) and hasattr(solver, "control")


def _keywords(solver: object, name: str = "forward") -> Mapping[str, inspect.Parameter]:
    """What calls of the solver take, or of its method `name`."""
    call = getattr(solver, name) if isinstance(solver, nn.Module) else solver
    return inspect.signature(call).parameters if callable(call) else {}


def _check_parameters(solver: Callable[..., Tensor], values: Mapping[str, float]) -> None:
    """Every free parameter of the solver must have a value, and no other: of a function its required keywords."""
    declared: Sequence[tuple[Any, ...]] = getattr(solver, "free", ())
    required = (p.name for p in _keywords(solver).values() if p.kind is p.KEYWORD_ONLY and p.default is p.empty)
    free = [*(name for name, *_ in declared), *required]
    missing, unknown = [name for name in free if name not in values], [name for name in values if name not in free]
    if missing:
        raise EvaluationError(f"the base has a free parameter {missing[0]}: give it a value, --set {missing[0]}=NUMBER")
    if unknown:
        known = f": it has {', '.join(free)}" if free else ""
        raise EvaluationError(f"the base has no free parameter {unknown[0]}{similar(unknown[0], free)}{known}")


def _parts(solver: object, problem: Problem | None) -> tuple[VectorField, ...]:
    """The parts of the problem's f. EvaluationError where it has none."""
    if problem is None or not problem.parts:
        which = f"{problem.whole_name} has none" if problem else "there is none"
        raise EvaluationError(f"{type(solver).__name__} takes f in an explicit and an implicit part, and {which}")
    return problem.parts


def beside(
    name: str,
    solver: Callable[..., Tensor],
    methods: Mapping[str, TableauSolver],
    steps: Sequence[int] | None,
    *,
    parameters: Mapping[str, float] | None = None,
    tolerances: Sequence[float] = (1e-3, 1e-6),
    own_tolerances: Sequence[float] | None = None,
    scipy: Sequence[str] = (),
    problem: Problem | None = None,
) -> list[Contender]:
    """The solver, others at equal numbers of steps, SciPy's of the names in `scipy`, and dopri5 but on a stiff problem.

    Without `steps`, a solver that was trained for certain numbers of them is taken at those, and the others have as
    many evaluations; else DEFAULT_STEPS serve all.
    An adaptive solver is taken at `own_tolerances`, as `at_tolerances` has it, and not at numbers of steps; SciPy's
    methods then have the same. EvaluationError where a free parameter has no value.
    """
    _check_parameters(solver, parameters or {})
    given: dict[str, Any] = dict(parameters or {})
    trained = [] if steps else trained_grids(solver)
    steps = steps or trained or DEFAULT_STEPS
    jacobian = problem.jacobian if problem else None
    own: dict[str, Any] = {"parts": _parts(solver, problem)} if takes_parts(solver) else {"jacobian": jacobian}
    compared: dict[str, Any] = {}
    if isinstance(solver, nn.Module) and is_adaptive(solver):
        control: Any = solver.control
        compared = {
            "tolerances": own_tolerances or chosen_tolerances(solver),
            "absolute": control.atol / control.rtol,
        }
        contenders = at_tolerances(name, solver, own_tolerances, **own, **given)
    else:
        contenders = fixed(name, solver, steps, **own, **given)
    evaluated = getattr(solver, "evaluations_per_step", 1)
    for method, tableau in methods.items():
        each = {max(k * evaluated // tableau.evaluations_per_step, 1) for k in trained}
        contenders += fixed(method, tableau, sorted(each) or steps)
    contenders += of_scipy(scipy, **compared, jacobian=jacobian)
    return contenders if problem and problem.stiff else [*contenders, *adaptive(tolerances)]
