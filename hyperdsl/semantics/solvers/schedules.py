"""Whether α and σ of a path are a schedule: decided in balls over all of its times, with their derivatives.

Where an interval is as short as `DEPTH` halvings make it and still undecided, as next to σ = 0 where a square root has
an infinite derivative, the values at its ends decide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from flint import arb, ctx

from hyperdsl.semantics.model.expressions import (
    Binary,
    Constant,
    Expression,
    Function,
    FunctionName,
    Negation,
    Pi,
    Variable,
)
from hyperdsl.theory.numbers.exact import Exact

BITS = 128
DEPTH = 12
TIME, ALPHA = "t", "alpha"


class Dual(NamedTuple):
    """A number and its derivative with respect to the time, as balls."""

    value: arb
    rate: arb


@dataclass(frozen=True)
class Curve:
    """α and σ as functions of the time."""

    alpha: Expression
    sigma: Expression
    parameters: tuple[tuple[str, Exact], ...]

    def at(self, time: arb) -> tuple[Dual, Dual]:
        """α and σ over a ball of times."""
        scope = {name: Dual(value.ball(), arb(0)) for name, value in self.parameters}
        scope[TIME] = Dual(time, arb(1))
        alpha = _value(self.alpha, scope)
        return alpha, _value(self.sigma, {**scope, ALPHA: alpha})


@dataclass(frozen=True)
class Fault:
    """What is wrong with a schedule, and about when."""

    problem: str
    falls: bool = False


def fault_of(curve: Curve, first: Exact, last: Exact) -> Fault | None:
    """What is wrong with a schedule from the first to the last of its times, from noise to data."""
    before, ctx.prec = ctx.prec, BITS
    try:
        start, end = first.ball(), last.ball()
        found = _fault(curve, start, end, DEPTH)
        ends = curve.at(start), curve.at(end)
        if found and not found.falls and _ordered(ends[1], ends[0]) and _fault(curve, end, start, DEPTH) is None:
            return Fault("the times run from data to noise", falls=True)
        return found
    finally:
        ctx.prec = before


def ends_of(curve: Curve, first: Exact, last: Exact) -> tuple[tuple[Dual, Dual], tuple[Dual, Dual]]:
    """α and σ at the first and the last time."""
    before, ctx.prec = ctx.prec, BITS
    try:
        return curve.at(first.ball()), curve.at(last.ball())
    finally:
        ctx.prec = before


def numbers_at(curve: Curve, time: Exact) -> tuple[float, float]:
    """α and σ at a time, as the nearest doubles."""
    (alpha, sigma), _ = ends_of(curve, time, time)
    return float(alpha.value.mid()), float(sigma.value.mid())


def _fault(curve: Curve, start: arb, end: arb, depth: int) -> Fault | None:
    """The first fault from the start on: nothing where a ball of the interval, or of its parts, has none."""
    whole, forward = start.union(end), bool(end > start)
    if _sound(*curve.at(whole), forward):
        return None
    if depth == 0:
        return _fault_at_ends(curve, start, end)
    middle = (start + end) / 2
    return _fault(curve, start, middle, depth - 1) or _fault(curve, middle, end, depth - 1)


def _sound(alpha: Dual, sigma: Dual, forward: bool) -> bool:
    """Whether α and σ surely are finite and not negative, and α/σ surely rises."""
    if not (alpha.value >= 0 and sigma.value >= 0 and alpha.value.is_finite() and sigma.value.is_finite()):
        return False
    turn = alpha.rate * sigma.value - alpha.value * sigma.rate
    return bool(turn > 0) if forward else bool(turn < 0)


def _fault_at_ends(curve: Curve, start: arb, end: arb) -> Fault | None:
    ends = curve.at(start), curve.at(end)
    for time, (alpha, sigma) in zip((start, end), ends, strict=True):
        at = f"at the time {float(time.mid()):g}"
        for name, one in (("alpha", alpha), ("sigma", sigma)):
            if not one.value.is_finite():
                return Fault(f"{name} is not finite {at}")
            if not one.value >= 0:
                return Fault(f"{name} is negative {at}")
        if not alpha.value + sigma.value > 0:
            return Fault(f"alpha and sigma are both zero {at}")
    if not _ordered(*ends):
        times = f"from the time {float(start.mid()):g} to {float(end.mid()):g}"
        return Fault(f"alpha/(alpha + sigma) does not rise {times}")
    return None


def _ordered(before: tuple[Dual, Dual], after: tuple[Dual, Dual]) -> bool:
    """Whether α/σ is larger after."""
    return bool(after[0].value * before[1].value > before[0].value * after[1].value)


def _value(expression: Expression, scope: Mapping[str, Dual]) -> Dual:
    match expression:
        case Constant(value):
            return Dual(value.ball(), arb(0))
        case Pi():
            return Dual(arb.pi(), arb(0))
        case Variable(name):
            return scope[name]
        case Negation(operand):
            inner = _value(operand, scope)
            return Dual(-inner.value, -inner.rate)
        case Function(name, operand):
            inner = _value(operand, scope)
            value, slope = _FUNCTIONS[name](inner.value)
            return Dual(value, slope * inner.rate)
        case Binary("^", base, Constant(exponent)) if exponent.is_rational:
            inner, constant = _value(base, scope), exponent.ball()
            return Dual(inner.value**constant, constant * inner.value ** (constant - 1) * inner.rate)
        case Binary("^", base, raised):
            inner, power = _value(base, scope), _value(raised, scope)
            value, log = inner.value**power.value, inner.value.log()
            return Dual(value, value * (power.rate * log + power.value * inner.rate / inner.value))
        case Binary(operator, one, other):
            left, right = _value(one, scope), _value(other, scope)
            return _OPERATORS[operator](left, right)


_OPERATORS: Mapping[str, Callable[[Dual, Dual], Dual]] = {
    "+": lambda a, b: Dual(a.value + b.value, a.rate + b.rate),
    "-": lambda a, b: Dual(a.value - b.value, a.rate - b.rate),
    "*": lambda a, b: Dual(a.value * b.value, a.rate * b.value + a.value * b.rate),
    "/": lambda a, b: Dual(a.value / b.value, (a.rate * b.value - a.value * b.rate) / b.value**2),
}

_FUNCTIONS: Mapping[FunctionName, Callable[[arb], tuple[arb, arb]]] = {
    "sqrt": lambda x: (x.sqrt(), 1 / (2 * x.sqrt())),
    "exp": lambda x: (x.exp(), x.exp()),
    "log": lambda x: (x.log(), 1 / x),
    "sin": lambda x: (x.sin(), x.cos()),
    "cos": lambda x: (x.cos(), -x.sin()),
    "tan": lambda x: (x.tan(), 1 / x.cos() ** 2),
    "tanh": lambda x: (x.tanh(), 1 - x.tanh() ** 2),
    "abs": lambda x: (abs(x), x.sgn()),
}
"""Each function and its derivative."""
