"""The view of a package's own tests."""

from __future__ import annotations

from dataclasses import dataclass

from hyperdsl.codegen.torch.correctors import leading_factor
from hyperdsl.codegen.torch.expressions import number
from hyperdsl.codegen.torch.warm import FUNCTIONS, layer_text
from hyperdsl.plan import Plan
from hyperdsl.semantics.model.spec import Corrector, Free, Learned
from hyperdsl.semantics.reading.names import class_name
from hyperdsl.theory.numbers.exact import ONE, Exact

_TENTH = ONE / Exact.of(10)


@dataclass(frozen=True)
class DrawnView:
    """A free or learned parameter and the part of its range from which tests draw it."""

    name: str
    lower: str
    upper: str


@dataclass(frozen=True)
class WarmCaseView:
    """A vector field that a corrector starts from, and the factor of J f that g is then, "" where it is zero."""

    first: str
    second: str
    activation: str
    factor: str


@dataclass(frozen=True)
class CaseView:
    """A solver in the tests: how one is made, and what it takes. Shapes are Python text, "" where there is no input.

    `tight` is a tolerance that the order reaches quickly. `estimates`: whether it chooses its steps without a trained
    corrector.
    """

    solver: str
    test: str
    made: str
    state_shape: str
    input_shape: str
    parameters: tuple[DrawnView, ...]
    coefficients: tuple[DrawnView, ...]
    hyper: bool
    bound: str
    adaptive: bool
    learned: bool
    per_sample: bool
    estimates: bool
    tight: str
    history: bool = False
    warm: WarmCaseView | None = None

    @property
    def untouched(self) -> bool:
        """Whether an untrained corrector leaves the base's step as it is."""
        return self.hyper and not (self.warm and self.warm.factor)

    @property
    def field(self) -> str:
        """The vector field f as the solver is to call it."""
        return "with_input(f)" if self.input_shape else "f"


@dataclass(frozen=True)
class SuiteView:
    """test_PACKAGE.py."""

    cases: tuple[CaseView, ...]

    @property
    def warm(self) -> tuple[CaseView, ...]:
        return tuple(case for case in self.cases if case.warm)

    @property
    def single(self) -> tuple[CaseView, ...]:
        return tuple(case for case in self.cases if not case.history)

    @property
    def histories(self) -> tuple[CaseView, ...]:
        return tuple(case for case in self.cases if case.history)

    @property
    def adaptive(self) -> tuple[CaseView, ...]:
        return tuple(case for case in self.cases if case.adaptive)


def suite_view(plans: tuple[Plan, ...]) -> SuiteView:
    """The view of the tests of all solvers."""
    return SuiteView(tuple(map(_case, plans)))


def _case(plan: Plan) -> CaseView:
    name, corrector = class_name(plan.name), plan.corrector
    state, given, made, bound = "(3,)", "", f"{name}()", ""
    if isinstance(corrector, Corrector):
        state = "(2, 3, 3)" if corrector.convolutional else "(3,)"
        if "x" in corrector.inputs:
            given = "(1, 3, 3)" if corrector.convolutional else "(2,)"
        field = f", field=_field_of_{plan.name.lower()}()" if corrector.start == "field" else ""
        made = f"{name}({state}{f', {given}' if given else ''}{field})"
        bound = "" if corrector.bound is None else number(corrector.bound)
    elif corrector is not None:
        made = f"{name}(External())"
    control = plan.control
    learned = control is not None and control.error == "learned"
    return CaseView(
        solver=name,
        test=plan.name.lower(),
        made=made,
        state_shape=state,
        input_shape=given,
        parameters=_drawn(plan.free),
        coefficients=tuple(map(_around, plan.learned)),
        hyper=corrector is not None,
        bound=bound,
        adaptive=control is not None,
        learned=learned,
        per_sample=control is not None and control.per_sample,
        tight="1e-5" if plan.order > 2 else "1e-4",
        estimates=control is not None and (not learned or len(plan.attempt.estimates) > 1),
        history=plan.step.start is not None,
        warm=_warm(plan),
    )


def _warm(plan: Plan) -> WarmCaseView | None:
    corrector = plan.corrector
    if not isinstance(corrector, Corrector) or corrector.start != "field" or corrector.bilinear is None:
        return None
    layer, leading = corrector.bilinear, leading_factor(corrector, plan)
    size, width = "2" if corrector.convolutional else "3", str(layer.width)
    factor = "" if leading is None else number(leading)
    first, second = layer_text(size, width, layer.kernel), layer_text(width, size, layer.kernel)
    return WarmCaseView(first, second, FUNCTIONS[layer.activation], factor)


def _drawn(free: tuple[Free, ...]) -> tuple[DrawnView, ...]:
    """Parts of the ranges away from their ends, and for several parameters apart: coefficients have poles there."""
    count = len(free)
    return tuple(_part(parameter, index, count) for index, parameter in enumerate(free))


def _around(learned: Learned) -> DrawnView:
    """A tenth to each side of the start, which is away from poles and is not where the order happens to be higher."""
    lower, upper = learned.interval.lower, learned.interval.upper
    low, high = learned.start - _TENTH, learned.start + _TENTH
    low = low if lower is None or low > lower else lower
    high = high if upper is None or high < upper else upper
    return DrawnView(learned.name, number(low), number(high))


def _part(free: Free, index: int, count: int) -> DrawnView:
    lower, upper = free.interval.lower, free.interval.upper
    if lower is None:
        lower = Exact.of(0) if upper is None else upper - 1
    if upper is None:
        upper = lower + 1
    length = (upper - lower) / count
    start = lower + length * index
    return DrawnView(free.name, number(start + length / 4), number(start + length * 3 / 4))
