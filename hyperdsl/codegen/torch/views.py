"""The views that templates print: everything is decided here, every field is text or a flag."""

from __future__ import annotations

from dataclasses import dataclass

from hyperdsl.codegen.files import GENERATOR
from hyperdsl.codegen.torch.adaptive import AdaptiveView, adaptive_view
from hyperdsl.codegen.torch.correctors import CorrectorView, corrector_views
from hyperdsl.codegen.torch.expressions import number, tuple_text
from hyperdsl.codegen.torch.history import HistoryView, history_view
from hyperdsl.codegen.torch.identity import base_digest
from hyperdsl.codegen.torch.printer import step_lines
from hyperdsl.plan import Plan
from hyperdsl.semantics.model.spec import Corrector, External, Free, Spec
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
    """A learned parameter and the number it starts from, as Python text."""

    name: str
    start: str


@dataclass(frozen=True)
class SolverView:
    """A solver's class, below `bases`; it uses these names of the `runtime`.

    `digest` is that of the base's coefficients, for solvers with weights, "" for others.
    `stages` are the lines of the step, `result` what it returns, `seen` what g gets besides. `parameters` are keywords
    of every call, `handed` those that the step takes: the learned ones too.
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
    handed: tuple[str, ...]
    stages: tuple[str, ...]
    result: str
    seen: str
    call: str
    digest: str
    adaptive: AdaptiveView | None = None
    history: HistoryView | None = None

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

    @property
    def exports(self) -> tuple[str, ...]:
        return tuple(name for part in self.offered for name in part.names.split(", "))

    @property
    def trained(self) -> bool:
        """Whether there is something to train."""
        return any(solver.hyper or solver.learned for solver in self.solvers)


_MODULES = {
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
    "bilinear": ("Bilinear", "ConvBilinear"),
    "control": ("Control",),
    "corrector": ("ConvCorrector", "Corrector", "Residual", "Sine"),
    "each": ("EachSteps",),
    "fixed": ("FixedSteps",),
    "history": ("Followed", "HistorySteps", "Past"),
    "implicit": ("iterated",),
    "outcome": ("SolveError", "Status"),
    "ranges": ("OutsideWarning",),
    "relative": ("RelativeConvCorrector", "RelativeCorrector"),
    "solution": ("Solution", "Statistics", "polynomials"),
    "state": ("VectorField", "beside"),
    "weights": ("WeightsWarning",),
}
"""Where the runtime has what solver.py may use."""


def package_view(spec: Spec, plans: tuple[Plan, ...]) -> PackageView:
    """The view of a spec's package."""
    correctors, of_solver = corrector_views(plans)
    solvers = tuple(_solver_view(plan, of_solver.get(plan.name, "")) for plan in plans)
    used = {name for solver in solvers for name in solver.runtime} | {n for g in correctors for n in g.runtime}
    own = ", ".join([*(solver.name for solver in solvers), *(corrector.name for corrector in correctors)])
    public = {"SolveError", "Status"} | (used & {"Control", "Past"})
    public |= {"OutsideWarning", "WeightsWarning"} if any(solver.hyper for solver in solvers) else set()
    public |= {"Solution", "Statistics"} if "Control" in used else set()
    return PackageView(
        summary=f"Solvers of {spec.source.name}: {', '.join(view.name for view in solvers)}.",
        solvers=solvers,
        correctors=correctors,
        imports=imports_of(used),
        offered=(ImportView("solver", own), *imports_of(public, "_runtime.")),
    )


def imports_of(names: set[str], package: str = "") -> tuple[ImportView, ...]:
    """Where the runtime has these names."""
    found = {module: [name for name in there if name in names] for module, there in _MODULES.items()}
    return tuple(ImportView(package + module, ", ".join(there)) for module, there in found.items() if there)


def header_view(spec: Spec) -> HeaderView:
    """The view of the first lines of every Python file."""
    return HeaderView(GENERATOR, spec.source.name, spec.source.sha256)


def _solver_view(plan: Plan, corrector: str) -> SolverView:
    history, adaptive = history_view(plan), adaptive_view(plan)
    stages, result = ((), "") if history or adaptive else step_lines(plan.step)
    bases = _adaptive_bases(adaptive) if adaptive else ("HistorySteps",) if history else ("FixedSteps",)
    return SolverView(
        name=class_name(plan.name),
        summary=_summary(plan),
        bases=", ".join(bases),
        runtime=(*bases, "VectorField", *_adaptive_names(adaptive), *_history_names(history)),
        order=plan.order,
        evaluations=plan.evaluations_per_step,
        residual_power=plan.residual_power,
        corrector=corrector,
        input_shape=isinstance(plan.corrector, Corrector) and "x" in plan.corrector.inputs,
        field=isinstance(plan.corrector, Corrector) and plan.corrector.start == "field",
        parameters=tuple(free.name for free in plan.free),
        ranges=tuple(map(range_view, plan.free)),
        learned=tuple(LearnedView(learned.name, number(learned.start)) for learned in plan.learned),
        handed=plan.parameters,
        stages=stages,
        result=result,
        seen=tuple_text(plan.seen),
        call=", ".join(["eps", "s", "x", "z", "dz", *(f"{name}={name}" for name in plan.parameters)]),
        digest=base_digest(plan) if plan.training or plan.corrector else "",
        adaptive=adaptive,
        history=history,
    )


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


def _history_names(view: HistoryView | None) -> tuple[str, ...]:
    """What the lines of a solver with a history use."""
    return () if view is None else ("Past", "Followed", *(("iterated",) if view.implicit else ()))


def _summary(plan: Plan) -> str:
    """One line for the class: the method, its order, and the step."""
    text, power = plan.summary, plan.residual_power
    if isinstance(plan.corrector, External):
        return f"{text} with a learned term of the user's: + ε^{power} g."
    if isinstance(plan.corrector, Corrector):
        return f"{text} with a learned term: + ε^{power} g({', '.join(plan.corrector.inputs)})."
    return f"{text}."


def range_view(free: Free) -> RangeView:
    """A free parameter with the ends of its range."""
    interval = free.interval
    lower = 'float("-inf")' if interval.lower is None else number(interval.lower)
    upper = 'float("inf")' if interval.upper is None else number(interval.upper)
    ends = ("(" if interval.lower_open else "[") + (")" if interval.upper_open else "]")
    return RangeView(free.name, lower, upper, ends)
