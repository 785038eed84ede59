"""The view of an adaptive solver: its step in scaled stages k = ε f, the error, and the settings of its control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hyperdsl.codegen.torch.expressions import coefficients_text, factor, tuple_text, written_text
from hyperdsl.codegen.torch.printer import STEP, Scaled, base_statements
from hyperdsl.codegen.torch.training import setting
from hyperdsl.plan import Estimate, Evaluate, Linearise, Plan, Resolve, Solve, Statement
from hyperdsl.plan.multistep import past_steps
from hyperdsl.plan.passes import is_at_end, needed
from hyperdsl.plan.step import defined, names, read, values
from hyperdsl.semantics.model.control import Control
from hyperdsl.theory.numbers.polynomials import degree


@dataclass(frozen=True)
class AdaptiveView:
    """What an adaptive solver has beside a fixed-step one; settings are Python text.

    `kept` are the stages that `error` takes, `mixed` where a matrix is among them. With dense output of the method's
    own, of order `dense_order`, `known` are the stages that `between` takes, its lines, and `weights` belong to those
    of `dense`: rows of coefficients of θ, θ², … where they are `polynomials` with numbers, otherwise expressions in
    theta.
    """

    summary: str
    estimate: str
    embedded: bool
    fallback: bool
    doubling: bool
    per_sample: bool
    doubted: bool
    adjoint: bool
    rtol: str
    atol: str
    gains: tuple[str, ...]
    power: int
    embedded_power: int
    safety: str
    shortest: str
    longest: str
    first_step: str
    max_steps: int
    max_step: str | None
    min_step: str | None
    stages: tuple[str, ...]
    result: str
    seen: str
    kept: str
    mixed: bool
    error: tuple[str, ...]
    dense_order: int | None = None
    known: str = ""
    between: tuple[str, ...] = ()
    dense: str = ""
    weights: tuple[str, ...] = ()
    polynomials: bool = True


def adaptive_view(plan: Plan) -> AdaptiveView | None:
    """The view of a solver of one order whose step estimates its error; None for any other."""
    control = plan.control
    if control is None or plan.varying is not None or not plan.attempt.estimates:
        return None
    phases = _Phases.of(plan, "h" if control.per_sample else "eps")
    main, embedded = plan.attempt.estimates[0], phases.embedded
    doubted = any(estimate.role == "doubt" for estimate in plan.attempt.estimates)
    dense = plan.step.dense
    linearised = any(isinstance(statement, Linearise) for statement in plan.step.body)
    return AdaptiveView(
        summary=_summary(control, main),
        estimate=control.error,
        embedded=embedded is not None,
        fallback=control.fallback,
        doubling=plan.attempt != plan.step,
        per_sample=control.per_sample,
        doubted=doubted,
        adjoint=not any((plan.corrector, control.per_sample, plan.learned, plan.split, linearised, is_implicit(plan))),
        **control_settings(control, main.power, embedded.power if embedded else 0),
        stages=phases.stage_lines(),
        result=phases.printed.state(plan.step.base),
        seen=tuple_text([phases.printed.slope(name) for name in plan.seen]),
        kept=tuple_text(phases.kept),
        mixed=linearised and any(isinstance(statement, Resolve) for statement in phases.after),
        error=phases.error_lines() if embedded else (),
        dense_order=dense.order if dense else None,
        known=tuple_text(phases.known),
        between=phases.between_lines(),
        dense=tuple_text([weight.name for weight in dense.weights] if dense else []),
        weights=_weights(plan),
        polynomials=not _has_parameters(plan),
    )


def control_settings(control: Control, power: int, embedded_power: int = 0) -> dict[str, Any]:
    """The settings of a control as Python text, where a step's error has this power of ε."""
    return {
        "rtol": setting(control.rtol),
        "atol": setting(control.atol),
        "gains": tuple(setting(gain) for gain in control.gains),
        "power": power,
        "embedded_power": embedded_power,
        "safety": setting(control.safety),
        "shortest": setting(control.factor[0]),
        "longest": setting(control.factor[1]),
        "first_step": "None" if control.first_step is None else setting(control.first_step),
        "max_steps": control.max_steps,
        "max_step": None if control.max_step is None else setting(control.max_step),
        "min_step": None if control.min_step is None else setting(control.min_step),
    }


def is_implicit(plan: Plan) -> bool:
    """Whether a step has equations to solve, or one of the first states."""
    first = plan.step.start.step.body if plan.step.start and past_steps(plan.step) else ()
    return any(isinstance(statement, Solve) for statement in (*plan.step.body, *first))


def _summary(control: Control, main: Estimate) -> str:
    whose = "Each sample of the batch has its own steps" if control.per_sample else "Steps are chosen for all samples"
    match control.error:
        case "embedded":
            error = f"the embedded solution of order {main.against}"
            error = "the slopes at its nodes and the start" if main.doubtful else error
        case "doubling":
            error = "two steps of half the size"
        case "learned":
            error = "the learned term"
            error += ", or the embedded solution where that is not trusted" if control.fallback else ""
    return f"{whose}, by {error}."


@dataclass(frozen=True)
class _Phases:
    """The statements of a step by the function of generated code that they belong to.

    `stages` are those of the base's end and of what g reads, `after` those that the embedded error alone reads, and
    `between` those that dense output alone reads.
    """

    plan: Plan
    printed: Scaled
    embedded: Estimate | None
    stages: tuple[Statement, ...]
    after: tuple[Statement, ...]
    between: tuple[Statement, ...]

    @classmethod
    def of(cls, plan: Plan, h: str) -> _Phases:
        """The phases of a plan's step, with ε called `h` where it multiplies states."""
        step, seen = plan.step, plan.seen
        learned = {learn.name for learn in step.learns}
        slopes = (e for e in step.estimates if e.role != "doubt" and names(e.error).isdisjoint(learned))
        embedded = next(slopes, None)
        results = (step.base, *((embedded.error,) if embedded else ()))
        stages, judged = base_statements(step), needed(step, *results, also=seen)
        dense = (weight.name for weight in step.dense.weights) if step.dense else ()
        everything = needed(step, *results, also=(*seen, *dense))
        after = tuple(statement for statement in judged if statement not in stages)
        given = {name for statement in after for name in defined(statement)}.intersection(step.gives)
        printed = Scaled(step, h, frozenset(seen), "".join(given))
        return cls(plan, printed, embedded, stages, after, tuple(s for s in everything if s not in judged))

    @property
    def kept(self) -> list[str]:
        """The slopes of the step that the error reads, itself or through its own stages."""
        found = names(self.embedded.error) if self.embedded else frozenset()
        found = found.union(self.known, *(read(s) for s in self.after if not self._of_end(s)))
        return [name for name in self._evaluated(self.stages) if name in found]

    @property
    def known(self) -> list[str]:
        """The evaluated slopes that dense output reads, itself or through its own stages."""
        dense = self.plan.step.dense
        found = frozenset(weight.name for weight in dense.weights) if dense else frozenset()
        found = found.union(*(read(s) for s in self.between if not self._at_end(s)))
        return [name for name in self._evaluated((*self.stages, *self.after)) if name in found]

    def stage_lines(self) -> tuple[str, ...]:
        """The lines of the step up to its end."""
        printed, step = self.printed, self.plan.step
        lines = ["h = beside(eps, z)"] if printed.h == "h" else []
        found = names(step.base).union(*(read(statement) for statement in (*self.stages, *self.after)))
        if printed.first in (found | names(self.embedded.error) if self.embedded else found):
            lines.append(f"{printed.first} = {printed.h} * dz")
        for statement in self.stages:
            lines += printed.lines(statement)
        return tuple(lines)

    def error_lines(self) -> tuple[str, ...]:
        """The lines of the embedded error, from the slopes that are kept for it."""
        assert self.embedded is not None
        lines = [f"{tuple_text(self.kept)[1:-1]} = stages"] if self.kept else []
        lines += self.printed.setup(self.after)
        for statement in self.after:
            lines += self.printed.lines(statement, end="end")
        known = f", {tuple_text(self.known)}" if self.plan.step.dense else ""
        following = "following" if self.printed.carried else "None"
        return (*lines, f"return {self._error(self.embedded)}, {following}{known or ', ()'}")

    def _error(self, embedded: Estimate) -> str:
        """The error, without what stiffness adds to it where equations are solved."""
        text = self.printed.error(embedded.error)
        if embedded.gamma is None:
            return text
        doubtful = f", {self.printed.first}" if embedded.doubtful else ""
        return f"filtered(f, {STEP}, {factor(embedded.gamma)}, {text}{doubtful})"

    def between_lines(self) -> tuple[str, ...]:
        """The lines of dense output's own stages; f at the end of the step is known by then."""
        lines = self.printed.setup(self.between)
        for statement in self.between:
            if self._at_end(statement):
                lines.append(f"{defined(statement)[0]} = {self.printed.h} * following")
            else:
                lines += self.printed.lines(statement)
        return tuple(lines)

    def _evaluated(self, statements: tuple[Statement, ...]) -> list[str]:
        return [self.printed.first, *(name for statement in statements for name in defined(statement))]

    def _of_end(self, statement: Statement) -> bool:
        """Whether it evaluates f at the state that the base ends with, which is at hand as `end`."""
        return isinstance(statement, Evaluate) and values(statement.of) == values(self.plan.step.base)

    def _at_end(self, statement: Statement) -> bool:
        return isinstance(statement, Evaluate) and is_at_end(statement, self.plan.step.base)


def _weights(plan: Plan) -> tuple[str, ...]:
    """Rows of coefficients of θ, θ², …; the weights as they are written where they depend on a parameter."""
    dense = plan.step.dense
    if dense is None:
        return ()
    if _has_parameters(plan):
        return tuple(written_text(weight.written) for weight in dense.weights)
    width = max(degree(weight.polynomial) for weight in dense.weights)
    return tuple(coefficients_text(weight, width) for weight in dense.weights)


def _has_parameters(plan: Plan) -> bool:
    dense = plan.step.dense
    return dense is not None and any(q.parameters for weight in dense.weights for q in weight.polynomial)
