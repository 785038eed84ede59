"""The view of a package's own tests."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from hyperdsl.codegen.torch.adaptive import adaptive_view, is_implicit
from hyperdsl.codegen.torch.computed import ComputedView, computed_view
from hyperdsl.codegen.torch.correctors import CorrectorView, corrector_views, leading_factor
from hyperdsl.codegen.torch.expressions import number, tuple_text
from hyperdsl.codegen.torch.history import history_view
from hyperdsl.codegen.torch.identity import base_digest
from hyperdsl.codegen.torch.varying import varying_view
from hyperdsl.codegen.torch.views import ImportView, grid_text, imports_of, range_view
from hyperdsl.codegen.torch.warm import FUNCTIONS, layer_text
from hyperdsl.plan import Linearise, Plan
from hyperdsl.semantics.model.left_open import Free, Learned
from hyperdsl.semantics.model.spec import Corrector
from hyperdsl.semantics.reading.names import class_name
from hyperdsl.semantics.solvers.schedules import Curve, numbers_at
from hyperdsl.theory.multistep.formulas import LinearMultistep
from hyperdsl.theory.multistep.predictor_corrector import FormulaPair
from hyperdsl.theory.multistep.variable import Variable
from hyperdsl.theory.numbers.exact import ONE, Exact

_TENTH = ONE / Exact.of(10)
_HIDDEN = 2.5e-14
"""A tolerance of coefficients that round-off hides where the order of a step is measured."""
_ROUNDED = 12
"""The order from which implicit steps have no error but round-off, where their equations can be solved."""


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
class PathCaseView:
    """A solver's path in its tests: what its model predicts, and α and σ at three of its times, computed in balls.

    `noisy`: whether there is noise left at the last time, so that a model can tell what it was.
    """

    predicts: str
    known: tuple[tuple[str, str, str], ...]
    noisy: bool


@dataclass(frozen=True)
class VaryingCaseView:
    """The formulas of a solver's orders, as Python text; `check` is what tries the class's numbers on them."""

    check: str
    formulas: tuple[str, ...]


@dataclass(frozen=True)
class CaseView:
    """A solver in the tests: how one is made, and what it takes. Shapes are Python text, "" where there is no input.

    `tight` is a tolerance that the order reaches quickly. `estimates`: whether it chooses its steps without a trained
    corrector. `stated` is what the class says of itself, `computed` what its step gives on a problem of numbers.
    `grid` are the points of its own grid, "" without one; `increments`: whether they are learned. `implicit`: whether a
    step has equations to solve or takes f's derivatives, so that it takes more evaluations than its class counts.
    `linearised`: whether it takes derivatives; `split`: whether f is a pair. `coarse`: whether its dense output has
    fewer powers of ε than the estimated error, so that errors between steps follow the tolerance later than at the end.
    `defect` is the tolerance to which its order holds, as an argument, "" where round-off hides it; `rounded`: how
    large errors of a step may be that is to have no error but round-off, else "".
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
    stated: tuple[tuple[str, str], ...]
    starts: tuple[str, ...]
    computed: ComputedView | None
    linearised: bool
    adjoint: bool
    dense_order: int | None
    corrector: CorrectorView | None
    history: bool = False
    warm: WarmCaseView | None = None
    grid: str = ""
    increments: bool = False
    implicit: bool = False
    split: bool = False
    coarse: bool = False
    path: PathCaseView | None = None
    varying: VaryingCaseView | None = None
    defect: str = ""
    rounded: str = ""

    @property
    def untouched(self) -> bool:
        """Whether an untrained corrector leaves the base's step as it is."""
        return self.hyper and not (self.warm and self.warm.factor)

    @property
    def field(self) -> str:
        """The vector field f as the solver is to call it."""
        field = "with_input(f)" if self.input_shape else "f"
        field = f"parted({field})" if self.split else field
        return f"Straight({field})" if self.path else field

    @property
    def tried(self) -> str:
        """The same as one step gets it from the solver."""
        return "solver._field(split(parted(f)), None, z)" if self.split else "f"

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers of the corrector g."""
        if self.corrector is None:
            return ()
        found = [*self.corrector.layers, f"self.last({self.corrector.last})"]
        return tuple(layer.replace("self.", "g.") for layer in found)

    @property
    def settings(self) -> tuple[tuple[str, str], ...]:
        """What the corrector g was made with: its attributes, and what they are."""
        if self.corrector is None:
            return ()
        named = (one.partition("=") for one in self.corrector.arguments[2:] if not one.startswith("input_shape"))
        return _claims(
            [
                ("reads", self.corrector.features),
                ("output", f'"{self.corrector.output}"'),
                *((name, text) for name, _, text in named),
            ]
        )


@dataclass(frozen=True)
class SuiteView:
    """test_PACKAGE.py."""

    cases: tuple[CaseView, ...]
    imports: tuple[ImportView, ...]

    @property
    def warm(self) -> tuple[CaseView, ...]:
        return tuple(case for case in self.cases if case.warm)

    @property
    def single(self) -> tuple[CaseView, ...]:
        return tuple(case for case in self.cases if not case.history and not case.varying)

    @property
    def histories(self) -> tuple[CaseView, ...]:
        return tuple(case for case in self.cases if case.history)

    @property
    def varying(self) -> tuple[CaseView, ...]:
        return tuple(case for case in self.cases if case.varying)

    @property
    def computed(self) -> tuple[CaseView, ...]:
        return tuple(case for case in self.cases if not case.varying)

    @property
    def adaptive(self) -> tuple[CaseView, ...]:
        return tuple(case for case in self.cases if case.adaptive)


def suite_view(plans: tuple[Plan, ...]) -> SuiteView:
    """The view of the tests of all solvers."""
    correctors, of_solver = corrector_views(plans)
    named = {view.name: view for view in correctors}
    cases = tuple(_case(plan, named.get(of_solver.get(plan.name, ""))) for plan in plans)
    used = {name for view in correctors for name in view.runtime}
    used |= {"parted", "split"} if any(case.split for case in cases) else set()
    used |= {"Known", "Straight"} if any(case.path for case in cases) else set()
    used |= {case.varying.check for case in cases if case.varying}
    return SuiteView(cases, imports_of(used))


def _case(plan: Plan, network: CorrectorView | None) -> CaseView:
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
        stated=_stated(plan),
        starts=tuple(number(learned.start) for learned in plan.learned),
        computed=None if plan.varying else computed_view(plan, _middles(plan)),
        linearised=any(isinstance(statement, Linearise) for statement in plan.step.body),
        adjoint=control is not None and not plan.varying and not learned and state == "(3,)" and not given,
        dense_order=plan.step.dense.order if plan.step.dense and control else None,
        corrector=network,
        history=plan.step.start is not None,
        warm=_warm(plan),
        grid=grid_text(plan),
        increments=plan.grid is not None and plan.grid.learned,
        implicit=is_implicit(plan) or any(isinstance(statement, Linearise) for statement in plan.step.body),
        split=plan.split,
        coarse=_coarse(plan),
        path=_path(plan),
        varying=_varying(plan.varying) if plan.varying else None,
        defect=_defect(plan),
        rounded=f"{1e-13 + _tolerance(plan):g}" if is_implicit(plan) and plan.order >= _ROUNDED else "",
    )


def _tolerance(plan: Plan) -> float:
    tolerance = plan.facts.get("tolerance")
    return float(Fraction(str(tolerance))) if tolerance else 0.0


def _defect(plan: Plan) -> str:
    size = _tolerance(plan)
    return f", {size:g}" if size > _HIDDEN else ""


def _coarse(plan: Plan) -> bool:
    dense, estimates = plan.step.dense, plan.attempt.estimates
    return dense is not None and bool(estimates) and dense.order + 1 < estimates[0].power


def _varying(method: Variable) -> VaryingCaseView:
    if method.adams:
        pairs = [one for one in method.orders if isinstance(one, FormulaPair)]
        texts = [f"({_formula(one.predictor)}, {_formula(one.corrector)})" for one in pairs]
        return VaryingCaseView("require_adams", tuple(texts))
    alone = [one for one in method.orders if isinstance(one, LinearMultistep)]
    return VaryingCaseView("require_backward", tuple(map(_formula, alone)))


def _formula(formula: LinearMultistep) -> str:
    """α and β, the oldest first."""
    return f"({', '.join(tuple_text([number(q) for q in row]) for row in (formula.alpha, formula.beta))})"


def _path(plan: Plan) -> PathCaseView | None:
    if plan.path is None:
        return None
    path, (first, last) = plan.path, plan.path.times
    curve = Curve(path.alpha, path.sigma, path.parameters)
    times = (first, (first + last) / Exact.of(2), last)
    numbers = [(time, *numbers_at(curve, time)) for time in times]
    known = tuple((number(time), repr(alpha), repr(sigma)) for time, alpha, sigma in numbers)
    return PathCaseView(path.predicts, known, numbers[-1][2] > 0)


def _stated(plan: Plan) -> tuple[tuple[str, str], ...]:
    """What a class says of itself: its attributes, with dots, and what they are."""
    found = [("order", plan.order), ("evaluations_per_step", plan.evaluations_per_step)]
    found += [] if plan.residual_power is None else [("residual_power", plan.residual_power)]
    texts = [(name, str(value)) for name, value in found]
    texts += [("base_digest", f'"{base_digest(plan)}"')] if plan.training or plan.corrector else []
    ranges = [f'("{one.name}", {one.lower}, {one.upper}, "{one.ends}")' for one in map(range_view, plan.free)]
    texts += [("free", tuple_text(ranges))] if ranges else []
    texts += [("learned", tuple_text([f'"{one.name}"' for one in plan.learned]))] if plan.learned else []
    texts += [("grid", grid_text(plan))] if plan.grid else []
    adaptive, history, varying = adaptive_view(plan), history_view(plan), varying_view(plan)
    ruled = adaptive or varying
    if ruled:
        names: tuple[str, ...] = (
            "rtol",
            "atol",
            "power",
            "safety",
            "shortest",
            "longest",
            "first_step",
            "max_steps",
            "embedded_power",
        )
        names += ("max_step", "min_step")
        rule = {name: getattr(ruled, name) for name in names} | {"gains": tuple_text(ruled.gains)}
        rule["embedded_power"] = rule["embedded_power"] if ruled.fallback else 0
        texts += [("error", f'"{ruled.estimate}"')]
        texts += [("dense_order", str(ruled.dense_order))]
        texts += [(f"control.{name}", str(value)) for name, value in rule.items()]
    if varying:
        texts += [("corrections", tuple_text(varying.corrections)), ("changes", tuple_text(varying.changes))]
        texts += [("errors", varying.errors)]
    if history:
        counted: tuple[str, ...] = ("past", "states", "derivatives", "first_derivative")
        counted += ("substeps", "begin_evaluations") if history.past else ()
        texts += [(name, str(getattr(history, name))) for name in counted]
    return _claims(texts)


def _claims(values: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Each name, and the end of a comparison with that Python text."""
    return tuple((name, f"{'is' if text in ('None', 'True', 'False') else '=='} {text}") for name, text in values)


def _middles(plan: Plan) -> dict[str, float]:
    """Values of the parameters to compute with: learned ones where they start."""
    free = {
        one.name: (float(low) + float(high)) / 2 for one, (low, high) in zip(plan.free, _parts(plan.free), strict=True)
    }
    return free | {learned.name: float(learned.start) for learned in plan.learned}


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
    return tuple(
        DrawnView(one.name, number(low), number(high)) for one, (low, high) in zip(free, _parts(free), strict=True)
    )


def _parts(free: tuple[Free, ...]) -> list[tuple[Exact, Exact]]:
    """Parts of the ranges away from their ends, and for several parameters apart: coefficients have poles there."""
    count = len(free)
    return [_part(parameter, index, count) for index, parameter in enumerate(free)]


def _around(learned: Learned) -> DrawnView:
    """A tenth to each side of the start, which is away from poles and is not where the order happens to be higher."""
    lower, upper = learned.interval.lower, learned.interval.upper
    low, high = learned.start - _TENTH, learned.start + _TENTH
    low = low if lower is None or low > lower else lower
    high = high if upper is None or high < upper else upper
    return DrawnView(learned.name, number(low), number(high))


def _part(free: Free, index: int, count: int) -> tuple[Exact, Exact]:
    lower, upper = free.interval.lower, free.interval.upper
    if lower is None:
        lower = Exact.of(0) if upper is None else upper - 1
    if upper is None:
        upper = lower + 1
    length = (upper - lower) / count
    start = lower + length * index
    return start + length / 4, start + length * 3 / 4
