"""The views that templates print: everything is decided here, every field is text or a flag."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hyperdsl.codegen.files import GENERATOR
from hyperdsl.codegen.torch.adaptive import AdaptiveView, adaptive_view, is_implicit
from hyperdsl.codegen.torch.correctors import CorrectorView, corrector_views
from hyperdsl.codegen.torch.expressions import number, tuple_text
from hyperdsl.codegen.torch.history import HistoryView, history_view
from hyperdsl.codegen.torch.identity import base_digest
from hyperdsl.codegen.torch.paths import PathView, path_views
from hyperdsl.codegen.torch.printer import step_lines
from hyperdsl.codegen.torch.varying import VaryingView, varying_view
from hyperdsl.plan import Linearise, Plan
from hyperdsl.plan.passes import ends_solved
from hyperdsl.semantics.model.expressions import variables
from hyperdsl.semantics.model.left_open import Free
from hyperdsl.semantics.model.solving import Solving
from hyperdsl.semantics.model.spec import Corrector, External, Spec
from hyperdsl.semantics.reading.names import class_name


@dataclass(frozen=True)
class HeaderView:
    """Where a file comes from: the spec's base name and hash, the same wherever it lies."""

    generator: str
    spec: str
    sha256: str


@dataclass(frozen=True)
class RangeView:
    """A free parameter: its range's ends as Python text, and the brackets around them."""

    name: str
    lower: str
    upper: str
    ends: str


@dataclass(frozen=True)
class LearnedView:
    """Learned parameters and the numbers they start from, as Python text: a row of the tableau's after another."""

    names: tuple[str, ...]
    starts: tuple[str, ...]


@dataclass(frozen=True)
class SolverView:
    """A solver's class, below `bases`; it uses these names of the `runtime`.

    `digest` is that of the base's coefficients, for solvers with weights, "" for others.
    `stages` are the lines of the step, `result` what it returns, `seen` what g gets besides. `parameters` are keywords
    of every call, `handed` those that the step takes: the learned ones too. Where these are many they are taken by
    their `rows`. `rule` says how equations are solved, where that was said. `grid` are its points, "" without one, and
    `increments` how many of its steps are learned. An `algebraic` one ends its steps where algebraic equations hold.
    """

    name: str
    summary: str
    bases: str
    runtime: tuple[str, ...]
    order: int
    evaluations: int
    residual_power: int | None
    corrector: str
    input_shape: bool
    field: bool
    parameters: tuple[str, ...]
    ranges: tuple[RangeView, ...]
    learned: tuple[LearnedView, ...]
    rows: bool
    handed: tuple[str, ...]
    stages: tuple[str, ...]
    result: str
    seen: str
    call: str
    digest: str
    adaptive: AdaptiveView | None = None
    history: HistoryView | None = None
    grid: str = ""
    increments: int = 0
    path: PathView | None = None
    varying: VaryingView | None = None
    rule: str = ""
    vector_field: str = "VectorField"
    algebraic: bool = False

    @property
    def hyper(self) -> bool:
        return self.residual_power is not None

    @property
    def external(self) -> bool:
        return self.hyper and not self.corrector


@dataclass(frozen=True)
class ImportView:
    """A module, and the names to import from it as Python text."""

    module: str
    names: str


@dataclass(frozen=True)
class PackageView:
    """solver.py and __init__.py: `imports` are modules of the runtime, `offered` what a user imports."""

    summary: str
    solvers: tuple[SolverView, ...]
    correctors: tuple[CorrectorView, ...]
    imports: tuple[ImportView, ...]
    offered: tuple[ImportView, ...]
    paths: tuple[PathView, ...] = ()

    @property
    def mathematical(self) -> bool:
        """Whether a schedule reads `math`."""
        return any(path.mathematical for path in self.paths)

    @property
    def mixed(self) -> bool:
        """Whether an error takes more than tensors of its step."""
        return any(solver.adaptive is not None and solver.adaptive.mixed for solver in self.solvers)

    @property
    def exports(self) -> tuple[str, ...]:
        return tuple(name for part in self.offered for name in part.names.split(", "))

    @property
    def trained(self) -> bool:
        """Whether there is something to train."""
        return any(solver.hyper or solver.learned or solver.increments for solver in self.solvers)


_NAMED = 4
"""Learned parameters that a step takes by their names."""

_MODULES = {
    "additive": ("AdditiveSteps", "Split", "split"),
    "adaptive": (
        "Advanced",
        "DoublingSteps",
        "DoubtedSteps",
        "EmbeddedSteps",
        "Estimated",
        "FallbackSteps",
        "LearnedSteps",
    ),
    "adjoint": ("AdjointSteps",),
    "backward": ("BackwardSteps",),
    "bilinear": ("Bilinear", "ConvBilinear"),
    "control": ("Control",),
    "corrector": ("ConvCorrector", "Corrector", "Residual", "Sine"),
    "each": ("EachSteps",),
    "fixed": ("FixedSteps",),
    "graded": ("GradedSteps",),
    "history": ("Followed", "HistorySteps", "Past"),
    "implicit": ("ImplicitSteps",),
    "measuring": ("parted",),
    "measuring_orders": ("require_adams", "require_backward"),
    "models": ("Known", "Straight"),
    "newton": ("Rule", "filtered", "increments", "solved"),
    "on_path": ("OnPath",),
    "outcome": ("SolveError", "Status"),
    "path": ("Path", "guided"),
    "ranges": ("OutsideWarning",),
    "relative": ("RelativeConvCorrector", "RelativeCorrector"),
    "rosenbrock": ("RosenbrockSteps", "linearised"),
    "solution": ("Solution", "Statistics", "polynomials"),
    "stiff": ("StiffSteps",),
    "state": ("VectorField", "beside"),
    "varying": ("AdamsSteps",),
    "varying_each": ("EachOrder",),
    "weights": ("WeightsWarning",),
}
"""Where the runtime has what solver.py may use."""


def package_view(spec: Spec, plans: tuple[Plan, ...]) -> PackageView:
    """The view of a spec's package."""
    correctors, of_solver = corrector_views(plans)
    paths = path_views(plans)
    solvers = tuple(_solver_view(plan, of_solver.get(plan.name, ""), paths) for plan in plans)
    used = {name for solver in solvers for name in solver.runtime} | {n for g in correctors for n in g.runtime}
    own = ", ".join([*(solver.name for solver in solvers), *(corrector.name for corrector in correctors)])
    public = {"SolveError", "Status"} | (used & {"Control", "Past", "Split"})
    public |= {"OutsideWarning", "WeightsWarning"} if any(solver.hyper for solver in solvers) else set()
    public |= {"Path", "guided"} if paths else set()
    public |= {"Solution", "Statistics"} if "Control" in used else set()
    return PackageView(
        summary=f"Solvers of {spec.source.name}: {', '.join(view.name for view in solvers)}.",
        solvers=solvers,
        correctors=correctors,
        imports=imports_of(used),
        offered=(ImportView("solver", own), *imports_of(public, "_runtime.")),
        paths=tuple(paths.values()),
    )


def imports_of(names: set[str], package: str = "") -> tuple[ImportView, ...]:
    """Where the runtime has these names."""
    found = {module: [name for name in there if name in names] for module, there in _MODULES.items()}
    return tuple(ImportView(package + module, ", ".join(there)) for module, there in found.items() if there)


def header_view(spec: Spec) -> HeaderView:
    """The view of the first lines of every Python file."""
    return HeaderView(GENERATOR, spec.source.name, spec.source.sha256)


def _solver_view(plan: Plan, corrector: str, paths: Mapping[str, PathView]) -> SolverView:
    history, adaptive, varying = history_view(plan), adaptive_view(plan), varying_view(plan)
    stages, result = ((), "") if history or adaptive or varying else step_lines(plan.step)
    single = ("GradedSteps",) if plan.grid else ("FixedSteps",)
    bases = _adaptive_bases(adaptive) if adaptive else ("HistorySteps",) if history else single
    linearised = any(isinstance(statement, Linearise) for statement in plan.step.body)
    bases = ("RosenbrockSteps", *bases) if linearised else bases
    implicit = is_implicit(plan)
    solving = "StiffSteps" if adaptive else "ImplicitSteps"
    bases = (solving, *bases) if implicit and (adaptive or not plan.split) else bases
    bases = ("AdditiveSteps", *bases) if plan.split else bases
    bases = _varying_bases(varying) if varying else bases
    bases = ("OnPath", *bases) if plan.path else bases
    rule = rule_text(plan.solving)
    return SolverView(
        name=class_name(plan.name),
        summary=_summary(plan),
        bases=", ".join(bases),
        runtime=(
            *bases,
            *(("Path",) if plan.path else ()),
            *(("Control",) if varying else (plan_field(plan),)),
            *(("linearised",) if linearised else ()),
            *_adaptive_names(adaptive),
            *(("Past", "Followed") if history else ()),
            *((("increments" if adaptive else "solved"),) if implicit and not varying else ()),
            *(("filtered",) if implicit and adaptive and adaptive.embedded else ()),
            *(("Rule",) if rule else ()),
        ),
        rule=rule,
        vector_field=plan_field(plan),
        algebraic=not history and not plan.split and plan.corrector is None and ends_solved(plan.step),
        order=plan.order,
        evaluations=plan.evaluations_per_step,
        residual_power=plan.residual_power,
        corrector=corrector,
        input_shape=isinstance(plan.corrector, Corrector) and "x" in plan.corrector.inputs,
        field=isinstance(plan.corrector, Corrector) and plan.corrector.start == "field",
        parameters=tuple(free.name for free in plan.free),
        ranges=tuple(map(range_view, plan.free)),
        learned=learned_views(plan),
        rows=_by_rows(plan),
        handed=plan.parameters,
        stages=stages,
        result=result,
        seen=tuple_text(plan.seen),
        call=", ".join(["eps", "s", "x", "z", "dz", *_keywords(plan)]),
        digest=base_digest(plan) if plan.training or plan.corrector else "",
        adaptive=adaptive,
        history=history,
        grid=grid_text(plan),
        increments=plan.grid.steps if plan.grid and plan.grid.learned else 0,
        path=paths[plan.path.name] if plan.path else None,
        varying=varying,
    )


def plan_field(plan: Plan) -> str:
    """What the runtime calls f as steps get it."""
    return "Split" if plan.split else "VectorField"


def _varying_bases(view: VaryingView) -> tuple[str, ...]:
    """The runtime's classes of a solver of variable order."""
    return ("EachOrder", view.family) if view.per_sample else (view.family,)


def _adaptive_bases(view: AdaptiveView) -> tuple[str, ...]:
    """The runtime's classes of an adaptive solver: whose steps they are, and how their error is estimated."""
    first = ("EachSteps",) if view.per_sample else ("AdjointSteps",) if view.adjoint else ()
    if view.doubling:
        return (*first, "DoublingSteps")
    if view.estimate == "embedded":
        return (*first, "EmbeddedSteps")
    return (*first, "FallbackSteps" if view.fallback else "DoubtedSteps" if view.doubted else "LearnedSteps")


def _adaptive_names(view: AdaptiveView | None) -> tuple[str, ...]:
    """What the lines of an adaptive solver use."""
    if view is None:
        return ()
    found = ["Control", "Advanced"]
    found += ["Estimated"] if view.embedded else []
    found += ["polynomials"] if view.dense_order and view.polynomials else []
    return (*found, "beside") if view.per_sample else tuple(found)


def _summary(plan: Plan) -> str:
    """One line for the class: the method, its order, and the step."""
    text, power = plan.summary, plan.residual_power
    if isinstance(plan.corrector, External):
        return f"{text} with a learned term of the user's: + ε^{power} g."
    if isinstance(plan.corrector, Corrector):
        return f"{text} with a learned term: + ε^{power} g({', '.join(plan.corrector.inputs)})."
    return f"{text}."


def learned_views(plan: Plan) -> tuple[LearnedView, ...]:
    """The learned parameters: by the row of the tableau that names them first, those of a family together."""
    rows = [plan.learned]
    if _by_rows(plan):
        written = [row for table in plan.tables for row in table.every]
        first = {name: i for i, row in reversed([*enumerate(written)]) for entry in row for name in variables(entry)}
        rows = [tuple(one for one in plan.learned if first[one.name] == i) for i in range(len(written))]
    views = [LearnedView(tuple(one.name for one in row), tuple(number(one.start) for one in row)) for row in rows]
    return tuple(view for view in views if view.names)


def _by_rows(plan: Plan) -> bool:
    """Whether each coefficient of the tableau is learned: more than a signature should list."""
    return len(plan.learned) > _NAMED


def _keywords(plan: Plan) -> list[str]:
    """The parameters as an external g gets them."""
    return ["**learned"] if _by_rows(plan) else [f"{name}={name}" for name in plan.parameters]


def rule_text(solving: Solving | None) -> str:
    """The runtime's rule for solving equations, "" where it is the usual one."""
    if solving is None or solving == Solving():
        return ""
    tolerance = "None" if solving.tolerance is None else number(solving.tolerance)
    return f'Rule("{solving.by}", {tolerance}, {solving.iterations})'


def grid_text(plan: Plan) -> str:
    """The points of the solver's own grid, "" without one."""
    return tuple_text(list(map(number, plan.grid.points))) if plan.grid else ""


def range_view(free: Free) -> RangeView:
    """A free parameter with the ends of its range."""
    interval = free.interval
    lower = 'float("-inf")' if interval.lower is None else number(interval.lower)
    upper = 'float("inf")' if interval.upper is None else number(interval.upper)
    ends = ("(" if interval.lower_open else "[") + (")" if interval.upper_open else "]")
    return RangeView(free.name, lower, upper, ends)
