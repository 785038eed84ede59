"""The view for `train.py`: a spec's training settings and reference methods as short Python text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from hyperdsl.semantics.model import Corrector, Method, Solver, Spec, StateShare, StepRange
from hyperdsl.theory.exact import ONE, Exact

_LARGEST_INTEGER = 2**53  # up to which integers are doubles, so that Python's p / q is the double nearest to p/q
_SHORT = 8  # characters up to which a decimal is easier to read than a quotient


@dataclass(frozen=True)
class ReferenceView:
    """A reference method: the name of its function in train.py, and that function's body, a line each."""

    function: str
    name: str
    order: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class StatesView:
    """A share of the training states; `noise` is "" where there is none."""

    kind: str
    share: str
    noise: str


@dataclass(frozen=True)
class RangeView:
    """A free parameter of the base and the range from which training draws it."""

    name: str
    lower: str
    upper: str


@dataclass(frozen=True)
class SettingsView:
    """A hypersolver's settings; every field is the Python text of its value, `bound` "" where there is none."""

    solver: str
    states: tuple[StatesView, ...]
    steps: str
    eps: str
    reference: str
    substeps: str
    dtype: str
    learning_rate: str
    weight_decay: str
    clip: str
    schedule: str
    iterations: str
    batch: str
    seed: str
    parameters: tuple[RangeView, ...]
    bound: str


@dataclass(frozen=True)
class TrainView:
    """All of train.py: its hypersolvers, their reference methods, and which features any of them needs."""

    solvers: tuple[SettingsView, ...]
    references: tuple[ReferenceView, ...]
    parameters: bool
    bounded: bool


def train_view(spec: Spec, solvers: tuple[Solver, ...]) -> TrainView:
    """The view of the hypersolvers among the `solvers` of `spec`; those without a corrector need no training."""
    methods: dict[str, Method] = {}
    settings: list[SettingsView] = []
    for solver in solvers:
        if solver.corrector is None or solver.training is None:
            continue
        method = solver.training.reference.method
        methods.setdefault(method.name, method)
        settings.append(_settings(solver, _function(method)))
    return TrainView(
        solvers=tuple(settings),
        references=tuple(map(_reference, methods.values())),
        parameters=any(view.parameters for view in settings),
        bounded=any(view.bound for view in settings),
    )


def number(value: Exact) -> str:
    """Python text for the double nearest to `value`: an integer, a short decimal or a quotient where one is exact."""
    text = re.sub(r"e([+-])0", r"e\1", repr(float(value)))
    if not value.is_rational:
        return text
    fraction = value.fraction()
    if max(abs(fraction.numerator), fraction.denominator) >= _LARGEST_INTEGER:
        return text
    if fraction.denominator == 1:
        return str(fraction.numerator)
    is_short = len(text) <= _SHORT and Fraction(text) == fraction
    return text if is_short else f"{fraction.numerator} / {fraction.denominator}"


def _settings(solver: Solver, function: str) -> SettingsView:
    training = solver.training
    assert training is not None  # the caller's condition
    bound = solver.corrector.bound if isinstance(solver.corrector, Corrector) else None
    optimizer = training.optimizer
    return SettingsView(
        solver=solver.name,
        states=tuple(map(_states, training.states)),
        steps=_range(training.steps, "steps"),
        eps=_range(training.steps, "eps"),
        reference=function,
        substeps=str(training.reference.substeps),
        dtype=training.reference.dtype,
        learning_rate=number(optimizer.learning_rate),
        weight_decay=number(optimizer.weight_decay),
        clip=number(optimizer.clip),
        schedule=training.schedule,
        iterations=str(training.iterations),
        batch=str(training.batch),
        seed=str(training.seed),
        parameters=tuple(_free(free.name, free.interval.lower, free.interval.upper) for free in solver.free),
        bound="" if bound is None else number(bound),
    )


def _states(part: StateShare) -> StatesView:
    return StatesView(part.kind, number(part.share), "" if part.noise is None else number(part.noise))


def _range(steps: StepRange, unit: str) -> str:
    return f"({number(steps.lower)}, {number(steps.upper)})" if steps.unit == unit else "None"


def _free(name: str, lower: Exact | None, upper: Exact | None) -> RangeView:
    assert lower is not None  # an endless range is a diagnostic
    assert upper is not None
    return RangeView(name, number(lower), number(upper))


def _function(method: Method) -> str:
    return f"_{method.name}_step"


def _reference(method: Method) -> ReferenceView:
    """One explicit step, straight-line: a stage a line, without zeros."""
    tableau = method.tableau
    lines: list[str] = []
    for i, (row, c) in enumerate(zip(tableau.a, tableau.c, strict=True)):
        lines.append(f"k{i + 1} = f({_time(c)}, {_state(row)})")
    lines.append(f"return {_state(tableau.weights[0])}")
    return ReferenceView(_function(method), method.name, method.facts.order, tuple(lines))


def _time(c: Exact) -> str:
    if c.is_zero:
        return "s"
    return "s + h" if c == ONE else f"s + {number(c)} * h"


def _state(row: tuple[Exact, ...]) -> str:
    """z + h Σ_j a_j k_j."""
    terms = [(value, f"k{j + 1}") for j, value in enumerate(row) if not value.is_zero]
    if not terms:
        return "z"
    if len(terms) == 1:
        value, stage = terms[0]
        return f"z + h * {stage}" if value == ONE else f"z + h * {_factor(value)} * {stage}"
    total = ""
    for value, stage in terms:
        sign = "-" if value.sign() < 0 else "+"
        size = abs(value)
        term = stage if size == ONE else f"{number(size)} * {stage}"
        total += f" {sign} {term}" if total else (f"-{term}" if sign == "-" else term)
    return f"z + h * ({total})"


def _factor(value: Exact) -> str:
    """A factor within a product, where a quotient or a sign needs parentheses."""
    text = number(value)
    return f"({text})" if " / " in text or text.startswith("-") else text
