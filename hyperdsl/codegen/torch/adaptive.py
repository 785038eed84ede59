"""The view of an adaptive solver: its step in scaled stages k = ε f, the error, and the settings of its control."""

from __future__ import annotations

from dataclasses import dataclass

from hyperdsl.codegen.torch.expressions import (
    coefficients_text,
    number,
    scaled,
    tuple_text,
    weighted_sum,
    written_text,
)
from hyperdsl.codegen.torch.training import setting
from hyperdsl.plan import Coefficient, Stage, StepPlan, Term, Weight
from hyperdsl.semantics.control_model import Control
from hyperdsl.theory.exact import ONE
from hyperdsl.theory.polynomials import degree


@dataclass(frozen=True)
class AdaptiveView:
    """What an adaptive solver has beside a fixed-step one; settings are Python text.

    `learned` says that the learned term alone estimates the error. `size` is ε in the form that multiplies states,
    `kept` are the stages that `error` takes, `doubled` is 2^p - 1. With dense output of the method's own, of order
    `dense_order`, `known` are the stages that `between` takes, its lines, and `weights` belong to those of `dense`:
    rows of coefficients of θ, θ², … where they are `polynomials` with numbers, otherwise expressions in theta.
    """

    summary: str
    estimate: str
    embedded: bool
    fallback: bool
    doubling: bool
    per_sample: bool
    problem: str
    size: str
    learned: bool
    most: str
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
    doubled: int
    stages: tuple[str, ...]
    result: str
    seen: str
    kept: str
    error: tuple[str, ...]
    carried: bool
    dense_order: int | None = None
    known: str = ""
    between: tuple[str, ...] = ()
    dense: str = ""
    weights: tuple[str, ...] = ()
    polynomials: bool = True


def adaptive_view(plan: StepPlan) -> AdaptiveView | None:
    """The view of a solver with a control; None for one without."""
    solver, control = plan.solver, plan.solver.control
    if control is None:
        return None
    embedded = bool(plan.error)
    embedded_power = min(solver.order, solver.facts.embedded[0]) + 1 if embedded else 0
    h = "h" if control.per_sample else "eps"
    return AdaptiveView(
        summary=_summary(control, plan),
        estimate=control.error,
        embedded=embedded,
        fallback=control.fallback,
        doubling=control.error == "doubling",
        per_sample=control.per_sample,
        problem="EachProblem" if control.per_sample else "Problem",
        size="beside(eps, z)" if control.per_sample else "eps",
        learned=control.error == "learned" and not control.fallback and not plan.doubted,
        doubted=plan.doubted,
        adjoint=solver.corrector is None and not control.per_sample,
        most="_longest_trained(self.corrector)" if control.error == "learned" else "",
        rtol=setting(control.rtol),
        atol=setting(control.atol),
        gains=tuple(setting(gain) for gain in control.gains),
        power=embedded_power if control.error == "embedded" else solver.order + 1,
        embedded_power=embedded_power,
        safety=setting(control.safety),
        shortest=setting(control.factor[0]),
        longest=setting(control.factor[1]),
        first_step="None" if control.first_step is None else setting(control.first_step),
        max_steps=control.max_steps,
        doubled=2**solver.order - 1,
        stages=_stages(plan, h),
        result=_advanced(plan.update),
        seen=tuple_text([_slope(name, plan) for name in plan.seen] if solver.corrector is not None else []),
        kept=tuple_text(_kept(plan)),
        error=_error(plan, h) if embedded else (),
        carried=bool(plan.carried),
        dense_order=solver.dense.order if solver.dense and plan.dense else None,
        known=tuple_text(_known(plan)),
        between=_between(plan, h),
        dense=tuple_text([weight.stage for weight in plan.dense]),
        weights=_weights(plan),
        polynomials=not _has_parameters(plan.dense),
    )


def _summary(control: Control, plan: StepPlan) -> str:
    whose = "Each sample of the batch has its own steps" if control.per_sample else "Steps are chosen for all samples"
    match control.error:
        case "embedded":
            error = f"the embedded solution of order {plan.solver.facts.embedded[0]}"
        case "doubling":
            error = "two steps of half the size"
        case "learned":
            error = "the learned term"
            error += ", or the embedded solution where that is not trusted" if control.fallback else ""
    return f"{whose}, by {error}."


def _first(plan: StepPlan) -> str:
    """The stage that is f(s, z)."""
    return plan.seen[0]


def _slope(name: str, plan: StepPlan) -> str:
    """What f gives at a stage, before ε multiplies it."""
    return "dz" if name == _first(plan) else f"f{name.removeprefix('k')}"


def _stages(plan: StepPlan, h: str) -> tuple[str, ...]:
    lines = ["h = beside(eps, z)"] if h == "h" else []
    read = {term.stage for stage in (*plan.stages, *plan.after) for term in stage.terms}
    read |= {term.stage for term in (*plan.update, *plan.error)}
    for stage in plan.stages:
        if stage.name != _first(plan):
            lines += _stage(stage, plan, h, plan.update)
        elif stage.name in read:
            lines.append(f"{stage.name} = {h} * dz")
    return tuple(lines)


def _stage(stage: Stage, plan: StepPlan, h: str, update: tuple[Term, ...], *, after: bool = False) -> list[str]:
    """`k2 = eps * f(s.add(eps, alpha=1 / 2), z.add(k1, alpha=1 / 2))`, in two lines where f is wanted by itself."""
    argument = "end" if after and _values(stage.terms) == _values(update) else _advanced(stage.terms)
    value = f"f({_time(stage.node)}, {argument})"
    if stage.name == plan.carried:
        return [f"following = {value}", f"{stage.name} = {h} * following"]
    if stage.name in plan.seen and plan.solver.corrector is not None:
        name = _slope(stage.name, plan)
        return [f"{name} = {value}", f"{stage.name} = {h} * {name}"]
    return [f"{stage.name} = {h} * {value}"]


def _values(terms: tuple[Term, ...]) -> dict[str, object]:
    return {term.stage: term.coefficient.value for term in terms}


def _kept(plan: StepPlan) -> list[str]:
    """The stages of the step that the error reads, itself or through its own stages."""
    read = {term.stage for term in plan.error} | set(_known(plan))
    for stage in plan.after:
        if _values(stage.terms) != _values(plan.update):
            read |= {term.stage for term in stage.terms}
    return [stage.name for stage in plan.stages if stage.name in read]


def _error(plan: StepPlan, h: str) -> tuple[str, ...]:
    kept = _kept(plan)
    lines = [f"{tuple_text(kept)[1:-1]} = stages"] if kept else []
    if plan.after:
        lines += ["h = beside(eps, z)"] if h == "h" else []
    for stage in plan.after:
        lines += _stage(stage, plan, h, plan.update, after=True)
    known = f", {tuple_text(_known(plan))}" if plan.dense else ""
    lines.append(f"return {_sum(plan.error)}, {'following' if plan.carried else 'None'}{known or ', ()'}")
    return tuple(lines)


def _known(plan: StepPlan) -> list[str]:
    """The evaluated stages that dense output reads, itself or through its own stages."""
    read = {weight.stage for weight in plan.dense}
    read |= {term.stage for stage in plan.between if not _is_at_end(stage, plan) for term in stage.terms}
    return [stage.name for stage in plan.known if stage.name in read]


def _between(plan: StepPlan, h: str) -> tuple[str, ...]:
    """The lines of dense output's own stages; f at the end of the step is known by then."""
    lines = ["h = beside(eps, z)"] if h == "h" and plan.between else []
    for stage in plan.between:
        if _is_at_end(stage, plan):
            lines.append(f"{stage.name} = {h} * following")
        else:
            lines += _stage(stage, plan, h, plan.update)
    return tuple(lines)


def _weights(plan: StepPlan) -> tuple[str, ...]:
    """Rows of coefficients of θ, θ², …; the weights as they are written where they depend on a parameter."""
    if _has_parameters(plan.dense):
        return tuple(written_text(weight.written) for weight in plan.dense)
    width = max((degree(weight.polynomial) for weight in plan.dense), default=0)
    return tuple(coefficients_text(weight, width) for weight in plan.dense)


def _has_parameters(dense: tuple[Weight, ...]) -> bool:
    return any(q.parameters for weight in dense for q in weight.polynomial)


def _is_at_end(stage: Stage, plan: StepPlan) -> bool:
    return stage.node.value == ONE and _values(stage.terms) == _values(plan.update)


def _sum(terms: tuple[Term, ...]) -> str:
    """Σ coefficient·k, one operation a term."""
    if _parametric(terms):
        return weighted_sum(terms)
    first, *others = terms
    return f"{first.stage}.mul({number(first.coefficient.value)})" + "".join(_added(term) for term in others)


def _advanced(terms: tuple[Term, ...]) -> str:
    """z + Σ coefficient·k, one operation a term."""
    if _parametric(terms):
        return f"z + ({weighted_sum(terms)})"
    return "z" + "".join(_added(term) for term in terms)


def _added(term: Term) -> str:
    text = number(term.coefficient.value)
    return f".add({term.stage})" if text == "1" else f".add({term.stage}, alpha={text})"


def _parametric(terms: tuple[Term, ...]) -> bool:
    """Whether a coefficient is known at run time only."""
    return any(term.coefficient.value.parameters for term in terms)


def _time(node: Coefficient) -> str:
    if node.value.is_zero:
        return "s"
    if node.value.parameters:
        sign, size = scaled(node, "eps")
        return f"s {sign} {size}"
    text = number(node.value)
    return "s + eps" if text == "1" else f"s.add(eps, alpha={text})"
