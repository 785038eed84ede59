"""Steps as lines of Python, in one of two styles.

`step_lines` writes slopes as f gives them, k2 = f(s + 1 / 2 * eps, z + 1 / 2 * eps * k1). `Scaled` writes them times ε,
k2 = eps * f(s.add(eps, alpha=1 / 2), z.add(k1, alpha=1 / 2)), which makes the sums of a step and of its error cheap:
one operation a term.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hyperdsl.codegen.torch.expressions import factor, number, scaled, tuple_text, weighted_sum
from hyperdsl.plan import (
    Coefficient,
    Combine,
    Evaluate,
    Learn,
    Linear,
    Linearise,
    Resolve,
    Solve,
    Statement,
    Step,
    Term,
)
from hyperdsl.plan.passes import is_at_end, needed
from hyperdsl.plan.step import Field, defined, state, values

STEP, SINGLE = "eps", "h"
KNOWN = "known"
"""What is known of a state that is solved for."""

SLOPE = 1
"""The power of ε on a slope."""


def step_lines(step: Step, eps: str = STEP) -> tuple[tuple[str, ...], str]:
    """A line a statement that the base's end needs, or what g reads, and the base's end; ε is called `eps`.

    Where the end is the state of an equation that is solved, what is known of that state gets a line and a name.
    """
    body = base_statements(step)
    match body:
        case (*before, Solve(equations=(equation,)) as solve) if is_at_end(equation, step.base) and _long(equation):
            own = tuple(term for term in equation.of if term.name == equation.name)
            known = combined(tuple(term for term in equation.of if term not in own), eps)
            named = replace(solve, equations=(replace(equation, of=(*state(KNOWN), *own)),))
            lines = (*(_line(statement, eps) for statement in before), f"{KNOWN} = {known}", _line(named, eps))
            return lines, combined((*state(KNOWN), *own), eps)
        case _:
            return tuple(_line(statement, eps) for statement in body), combined(step.base, eps)


def base_statements(step: Step) -> tuple[Statement, ...]:
    """The statements of the step without its learned term, and of what that reads."""
    return needed(step, step.base, also=(name for learn in step.learns for name in learn.reads))


def combined(linear: Linear, eps: str = STEP) -> str:
    """Σ states + ε (Σ slopes)."""
    states = weighted_sum(tuple(term for term in linear if not term.power))
    slopes = tuple(term for term in linear if term.power == SLOPE)
    match slopes:
        case ():
            return states
        case (Term(coefficient, name),):
            sign, size = scaled(coefficient, eps)
            return f"{states} {sign} {size} * {name}"
        case _:
            return f"{states} + {eps} * ({weighted_sum(slopes)})"


def _line(statement: Statement, eps: str) -> str:
    match statement:
        case Evaluate(name, node, of):
            return f"{name} = {called(statement.field)}({_time(node, eps)}, {combined(of, eps)})"
        case Linearise(matrix, drift, ratio):
            return f"{matrix}, {drift} = linearised(f, s, z, {_size(ratio, eps)})"
        case Resolve(name, matrix, of):
            return f"{name} = {matrix}.solve({combined(of, eps)})"
        case Combine(name, linear):
            return f"{name} = {combined(linear, eps)}"
        case Solve():
            return solution(statement, "solved", eps, lambda node: _time(node, eps), lambda sum_: combined(sum_, eps))
        case Learn():
            raise ValueError(f"no line for {type(statement).__name__}")


def solution(
    solve: Solve, function: str, eps: str, time: Callable[[Coefficient], str], known: Callable[[Linear], str]
) -> str:
    """Equations as a call: of each the time, what is known of its state, and the weights of the slopes in it."""
    names = defined(solve)
    rows = []
    for equation in solve.equations:
        own = {term.name: term.coefficient for term in equation.of if term.name in names}
        rest = tuple(term for term in equation.of if term.name not in names)
        weights = tuple_text([factor(own[name]) if name in own else "0" for name in names])
        rows.append(f"({time(equation.node)}, {known(rest)}, {weights})")
    given = ", ".join(names) if len(names) > 1 else tuple_text(names)
    return f"{given} = {function}({called(solve.equations[0].field)}, {eps}, {', '.join(rows)})"


def called(field: Field) -> str:
    """f, or a part of it."""
    return "f" if field == "f" else f"f.{field}"


def _long(equation: Evaluate) -> bool:
    """Whether more than a state is known of what is solved for."""
    return len([term for term in equation.of if term.name != equation.name]) > 1


def _size(ratio: Coefficient, eps: str) -> str:
    sign, size = scaled(ratio, eps)
    return f"-{size}" if sign == "-" else size


def _time(node: Coefficient, eps: str) -> str:
    if node.value.is_zero:
        return "s"
    sign, size = scaled(node, eps)
    return f"s {sign} {size}"


@dataclass(frozen=True)
class Scaled:
    """Lines in slopes times ε, of a step that takes f at its start and gives f at its end.

    `h` is ε in the form that multiplies states; `named` are the slopes that are also wanted as f gives them, `carried`
    the one that is called `following` then.
    """

    step: Step
    h: str
    named: frozenset[str]
    carried: str = ""

    @property
    def first(self) -> str:
        """The slope that is f(s, z), which the surrounding code calls dz."""
        return self.step.takes[0]

    def setup(self, statements: Sequence[Statement]) -> list[str]:
        """What defines `h` where statements need it and it is not ε itself."""
        return ["h = beside(eps, z)"] if self.h == "h" and statements else []

    def slope(self, name: str) -> str:
        """What f gives, before ε multiplies it."""
        return "dz" if name == self.first else f"f{name.removeprefix('k')}"

    def lines(self, statement: Statement, *, end: str = "") -> list[str]:
        """A statement's line, or two where f is wanted by itself; the base's end is called `end` where it has a name.

        ValueError for what no method with a control has.
        """
        match statement:
            case Evaluate():
                return self._evaluated(statement, end)
            case Solve():
                found = [solution(statement, "increments", STEP, self._time, self.state)]
                wanted = [name for name in defined(statement) if name in self.named]
                return [*found, *(f"{self.slope(name)} = {name} / {self.h}" for name in wanted)]
            case Linearise(matrix, drift, ratio):
                # a drift is ∂f/∂s, which ε² makes a state as ε does a slope
                line = f"{matrix}, rate = linearised(f, s, z, {_size(ratio, STEP)})"
                return [line, f"{drift} = {self.h} * ({self.h} * rate)"]
            case Resolve(name, matrix, of):
                right = weighted_sum(of) if _parametric(of) else of[0].name + "".join(map(_added, of[1:]))
                return [f"{name} = {matrix}.solve({right})"]
            case _:
                raise ValueError(f"no line for {type(statement).__name__}")

    def _evaluated(self, statement: Evaluate, end: str) -> list[str]:
        at_end = end and values(statement.of) == values(self.step.base)
        value = (
            f"{called(statement.field)}({self._time(statement.node)}, {end if at_end else self.state(statement.of)})"
        )
        if statement.name == self.carried:
            return [f"following = {value}", f"{statement.name} = {self.h} * following"]
        if statement.name in self.named:
            name = self.slope(statement.name)
            return [f"{name} = {value}", f"{statement.name} = {self.h} * {name}"]
        return [f"{statement.name} = {self.h} * {value}"]

    def state(self, linear: Linear) -> str:
        """z + Σ coefficient·k, one operation a term."""
        slopes = tuple(term for term in linear if term.power == SLOPE)
        if _parametric(slopes):
            return f"z + ({weighted_sum(slopes)})"
        return "z" + "".join(map(_added, slopes))

    def error(self, linear: Linear) -> str:
        """Σ coefficient·k, one operation a term."""
        if _parametric(linear):
            return weighted_sum(linear)
        first, *others = linear
        return f"{first.name}.mul({number(first.coefficient.value)})" + "".join(map(_added, others))

    def _time(self, node: Coefficient) -> str:
        if node.value.is_zero:
            return "s"
        if node.value.parameters:
            return _time(node, STEP)
        text = number(node.value)
        return "s + eps" if text == "1" else f"s.add(eps, alpha={text})"


def _added(term: Term) -> str:
    text = number(term.coefficient.value)
    return f".add({term.name})" if text == "1" else f".add({term.name}, alpha={text})"


def _parametric(terms: Linear) -> bool:
    """Whether a coefficient is known at run time only."""
    return any(term.coefficient.value.parameters for term in terms)
