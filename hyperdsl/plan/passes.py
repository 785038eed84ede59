"""What makes a step cheaper and changes no result: passes from a step to a step, which know no kind of method."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from hyperdsl.plan.step import (
    STATE,
    Coefficient,
    Combine,
    Dense,
    Estimate,
    Evaluate,
    Learn,
    Linear,
    Linearise,
    Resolve,
    Solve,
    Statement,
    Step,
    Term,
    Way,
    Weight,
    defined,
    derivative,
    names,
    read,
    state,
    values,
)
from hyperdsl.semantics.model.expressions import Binary
from hyperdsl.theory.numbers.exact import ONE
from hyperdsl.theory.numbers.polynomials import combined


def simplified(step: Step) -> Step:
    """The step after every pass."""
    for apply in (drop_zeros, share, carry, prune):
        step = apply(step)
    return step


def drop_zeros(step: Step) -> Step:
    """Terms whose coefficient is exactly zero are not computed."""
    dense = step.dense
    if dense is not None:
        dense = replace(dense, weights=tuple(weight for weight in dense.weights if weight.polynomial))
    return replace(with_sums(step, nonzero), dense=dense)


def share(step: Step) -> Step:
    """What is evaluated twice is evaluated once, under its first name (value numbering).

    Terms of names that become one are added up, and may then be zero, which may make more evaluations equal.
    """
    while same := _repeated(step):
        kept = tuple(s for s in step.body if not (isinstance(s, Evaluate) and s.name in same))
        step = drop_zeros(renamed(replace(step, body=kept), same))
    return step


def prune(step: Step) -> Step:
    """Statements that no result reads are dropped: without a control, the last stage of dopri5 for instance."""
    errors = tuple(sum_ for estimate in step.estimates for sum_ in (estimate.error, estimate.end))
    dense = (weight.name for weight in step.dense.weights) if step.dense else ()
    return replace(step, body=needed(step, step.end, *errors, also=(*step.gives, *dense)))


def carry(step: Step) -> Step:
    """Where a step gives f at its end, the next one takes it and does not evaluate f(s, z) again.

    Such a step has a control. Where its method has a stage that is f at the end (first same as last), that stage is
    what is given, by `share`, and costs nothing more. So it is not where a learned term is added to the end.
    """
    first = derivative(step)
    at_end = {s.name for s in step.body if isinstance(s, Evaluate) and is_at_end(s, step.end)}
    if first is None or not at_end.intersection(step.gives):
        return step
    body = tuple(s for s in step.body if first not in defined(s))
    return replace(step, body=body, takes=(*step.takes, first))


def solved_by(step: Step, by: Way) -> Step:
    """The step with its equations solved in this way; but for the functional iteration nothing is computed to guess."""

    def of(statement: Statement) -> Statement:
        if not isinstance(statement, Solve):
            return statement
        return replace(statement, by=by, guess=statement.guess if by == "iteration" else state())

    return replace(step, body=tuple(map(of, step.body)))


def needed(step: Step, *results: Linear, also: Iterable[str] = ()) -> tuple[Statement, ...]:
    """The statements on which these sums and names depend, in their order (liveness)."""
    live = {*also}.union(*map(names, results))
    kept: list[Statement] = []
    for statement in reversed(step.body):  # a statement reads earlier ones only
        if not live.isdisjoint(defined(statement)):
            kept.append(statement)
            live |= read(statement)
    return tuple(reversed(kept))


def between(step: Step) -> tuple[Statement, ...]:
    """The statements that dense output alone reads, evaluated only where it is asked for."""
    if step.dense is None:
        return ()
    errors = (estimate.error for estimate in step.estimates)
    kept = needed(step, step.end, *errors, also=step.gives)
    return tuple(statement for statement in step.body if statement not in kept)


def ends_solved(step: Step) -> bool:
    """Whether the base solves for every slope and ends in the last state that it solves for.

    Of Rosenbrock steps that is the last state at which f is evaluated, and the slope resolved from there added.
    """
    body = needed(step, step.base)
    matrix = next((statement for statement in body if isinstance(statement, Linearise)), None)
    if matrix is not None:
        evaluated = [statement for statement in body if isinstance(statement, Evaluate)]
        resolved = [statement for statement in body if isinstance(statement, Resolve)]
        added = Term(matrix.ratio, resolved[-1].name, 1)
        return evaluated[-1].node.value == ONE and values((*evaluated[-1].of, added)) == values(step.base)
    known = {STATE, *(name for statement in body for name in defined(statement))}
    if not body or not all(isinstance(statement, Solve) for statement in body) or not names(step.base) <= known:
        return False  # a slope that is carried from the step before is known, and not solved for
    last = body[-1]
    return isinstance(last, Solve) and values(last.equations[-1].of) == values(step.base)


def is_at_end(statement: Evaluate, end: Linear) -> bool:
    """Whether it is f at the end of the step, where that is the sum `end`."""
    return statement.field == "f" and statement.node.value == ONE and values(statement.of) == values(end)


def nonzero(linear: Linear) -> Linear:
    """The terms that are not zero."""
    return tuple(term for term in linear if not term.coefficient.value.is_zero)


def merged(linear: Linear) -> Linear:
    """One term for each name and power."""
    found: dict[tuple[str, int], Term] = {}
    for term in linear:
        before = found.get((term.name, term.power))
        found[term.name, term.power] = term if before is None else _added(before, term)
    return tuple(found.values())


def renamed(step: Step, new: dict[str, str]) -> Step:
    """The step with names replaced wherever they are read; what then has one name is added up."""

    def change(linear: Linear) -> Linear:
        return merged(tuple(replace(term, name=new.get(term.name, term.name)) for term in linear))

    body = tuple(
        replace(s, reads=tuple(dict.fromkeys(new.get(name, name) for name in s.reads))) if isinstance(s, Learn) else s
        for s in step.body
    )
    gives = tuple(new.get(name, name) for name in step.gives)
    return with_sums(replace(step, body=body, gives=gives, dense=_renamed(step.dense, new)), change)


def with_sums(step: Step, change: Callable[[Linear], Linear]) -> Step:
    """The step with every linear combination changed."""

    def of(statement: Statement) -> Statement:
        match statement:
            case Evaluate():
                return replace(statement, of=change(statement.of))
            case Solve():
                equations = tuple(replace(equation, of=change(equation.of)) for equation in statement.equations)
                return replace(statement, equations=equations, guess=change(statement.guess))
            case Resolve():
                return replace(statement, of=change(statement.of))
            case Combine():
                return replace(statement, sum=change(statement.sum))
            case Linearise() | Learn():
                return statement

    def changed(estimate: Estimate) -> Estimate:
        return replace(estimate, error=change(estimate.error), end=change(estimate.end))

    estimates = tuple(map(changed, step.estimates))
    return replace(step, body=tuple(map(of, step.body)), end=change(step.end), estimates=estimates)


def _repeated(step: Step) -> dict[str, str]:
    """The names of evaluations that were made before, and the first one's name."""
    known: dict[object, str] = {}
    same = {}
    for statement in step.body:
        if isinstance(statement, Evaluate):
            first = known.setdefault((statement.field, statement.node.value, values(statement.of)), statement.name)
            if first != statement.name:
                same[statement.name] = first
    return same


def _added(x: Term, y: Term) -> Term:
    a, b = x.coefficient, y.coefficient
    return replace(x, coefficient=Coefficient(a.value + b.value, Binary("+", a.written, b.written)))


def _renamed(dense: Dense | None, new: dict[str, str]) -> Dense | None:
    if dense is None:
        return None
    found: dict[str, Weight] = {}
    for weight in dense.weights:
        name = new.get(weight.name, weight.name)
        before = found.get(name)
        if before is None:
            found[name] = replace(weight, name=name)
        else:
            polynomial = combined(before.polynomial, ONE, weight.polynomial, ONE)
            found[name] = Weight(polynomial, Binary("+", before.written, weight.written), name)
    return replace(dense, weights=tuple(found.values()))
