"""The views that templates print: everything is decided here, every field is text or a flag."""

from __future__ import annotations

from dataclasses import dataclass

from hyperdsl.codegen.files import GENERATOR
from hyperdsl.codegen.torch.adaptive import AdaptiveView, adaptive_view
from hyperdsl.codegen.torch.correctors import CorrectorView, corrector_views
from hyperdsl.codegen.torch.expressions import number, tuple_text
from hyperdsl.codegen.torch.history import HistoryView, history_view
from hyperdsl.codegen.torch.printer import step_lines
from hyperdsl.plan import Plan
from hyperdsl.semantics.model import Corrector, External, Free, Spec
from hyperdsl.semantics.names import class_name


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
    """A solver's class. `stages` are the lines of the step, `result` what it returns, `seen` what g gets besides.

    `parameters` are keywords of every call, `handed` those that the step takes: the learned ones too.
    """

    name: str
    summary: str
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
    adaptive: AdaptiveView | None = None
    history: HistoryView | None = None

    @property
    def hyper(self) -> bool:
        return self.residual_power is not None

    @property
    def external(self) -> bool:
        return self.hyper and not self.corrector

    @property
    def learned_names(self) -> str:
        """The learned parameters as a target of unpacking."""
        return tuple_text([learned.name for learned in self.learned])[1:-1]


@dataclass(frozen=True)
class PackageView:
    """solver.py and __init__.py."""

    summary: str
    solvers: tuple[SolverView, ...]
    correctors: tuple[CorrectorView, ...]
    exports: tuple[str, ...]

    @property
    def hypersolvers(self) -> bool:
        return any(solver.hyper for solver in self.solvers)

    @property
    def trained(self) -> bool:
        """Whether there is something to train, and so weights to load."""
        return self.hypersolvers or any(solver.learned for solver in self.solvers)

    @property
    def plain(self) -> bool:
        return any(not solver.hyper for solver in self.solvers)

    @property
    def fixed(self) -> bool:
        return any(not solver.adaptive for solver in self.solvers)

    @property
    def single(self) -> bool:
        return any(not solver.adaptive and not solver.history for solver in self.solvers)

    @property
    def histories(self) -> tuple[HistoryView, ...]:
        return tuple(solver.history for solver in self.solvers if solver.history)

    @property
    def implicit(self) -> bool:
        return any(history.implicit for history in self.histories)

    @property
    def begins(self) -> tuple[HistoryView, ...]:
        """One view for each method of first states."""
        return tuple({history.function: history for history in self.histories if history.past}.values())

    @property
    def adaptive(self) -> tuple[AdaptiveView, ...]:
        return tuple(solver.adaptive for solver in self.solvers if solver.adaptive)

    @property
    def joint(self) -> bool:
        return any(not view.per_sample for view in self.adaptive)

    @property
    def per_sample(self) -> bool:
        return any(view.per_sample for view in self.adaptive)

    @property
    def fallback(self) -> bool:
        return any(view.fallback for view in self.adaptive)

    @property
    def adjoint(self) -> bool:
        return any(view.adjoint for view in self.adaptive)

    @property
    def capped(self) -> bool:
        return any(view.most for view in self.adaptive)

    @property
    def learned(self) -> bool:
        return any(view.learned for view in self.adaptive)

    @property
    def doubted(self) -> bool:
        return any(view.doubted for view in self.adaptive)

    @property
    def dense(self) -> bool:
        return any(view.dense_order for view in self.adaptive)

    @property
    def parameters(self) -> bool:
        return any(solver.parameters for solver in self.solvers)

    @property
    def warm(self) -> bool:
        return any(corrector.warm for corrector in self.correctors)

    @property
    def residual(self) -> bool:
        return any(corrector.residual for corrector in self.correctors)

    @property
    def sine(self) -> bool:
        return any(corrector.sine or (corrector.warm and corrector.warm.sine) for corrector in self.correctors)

    @property
    def linear(self) -> bool:
        return any(not corrector.convolutional for corrector in self.correctors)

    @property
    def convolutional(self) -> bool:
        return any(corrector.convolutional for corrector in self.correctors)


def package_view(spec: Spec, plans: tuple[Plan, ...]) -> PackageView:
    """The view of a spec's package."""
    correctors, of_solver = corrector_views(plans)
    solvers = tuple(_solver_view(plan, of_solver.get(plan.name, "")) for plan in plans)
    names = [*(view.name for view in solvers), *(view.name for view in correctors), "SolveError", "Status"]
    if any(solver.adaptive for solver in solvers):
        names += ["Control", "Solution", "Statistics"]
    if any(solver.history for solver in solvers):
        names.append("History")
    listed = ", ".join(view.name for view in solvers)
    return PackageView(f"Solvers of {spec.source.name}: {listed}.", solvers, correctors, tuple(names))


def header_view(spec: Spec) -> HeaderView:
    """The view of the first lines of every Python file."""
    return HeaderView(GENERATOR, spec.source.name, spec.source.sha256)


def _solver_view(plan: Plan, corrector: str) -> SolverView:
    history, adaptive = history_view(plan), adaptive_view(plan)
    stages, result = ((), "") if history or adaptive else step_lines(plan.step)
    return SolverView(
        name=class_name(plan.name),
        summary=_summary(plan),
        order=plan.order,
        evaluations=plan.evaluations_per_step,
        residual_power=plan.residual_power,
        corrector=corrector,
        input_shape=isinstance(plan.corrector, Corrector) and "x" in plan.corrector.inputs,
        field=isinstance(plan.corrector, Corrector) and plan.corrector.start == "field",
        parameters=tuple(free.name for free in plan.free),
        ranges=tuple(map(_range_view, plan.free)),
        learned=tuple(LearnedView(learned.name, number(learned.start)) for learned in plan.learned),
        handed=plan.parameters,
        stages=stages,
        result=result,
        seen=tuple_text(plan.seen),
        call=", ".join(["eps", "s", "x", "z", "dz", *(f"{name}={name}" for name in plan.parameters)]),
        adaptive=adaptive,
        history=history,
    )


def _summary(plan: Plan) -> str:
    """One line for the class: the method, its order, and the step."""
    text, power = plan.summary, plan.residual_power
    if isinstance(plan.corrector, External):
        return f"{text} with a learned term of the user's: + ε^{power} g."
    if isinstance(plan.corrector, Corrector):
        return f"{text} with a learned term: + ε^{power} g({', '.join(plan.corrector.inputs)})."
    return f"{text}."


def _range_view(free: Free) -> RangeView:
    interval = free.interval
    lower = 'float("-inf")' if interval.lower is None else number(interval.lower)
    upper = 'float("inf")' if interval.upper is None else number(interval.upper)
    ends = ("(" if interval.lower_open else "[") + (")" if interval.upper_open else "]")
    return RangeView(free.name, lower, upper, ends)
