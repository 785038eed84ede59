"""The views of learned parameters: how training keeps them in range, and the spec that is written with their values."""

from __future__ import annotations

from dataclasses import dataclass

from hyperdsl.codegen.torch.expressions import SPEC, number, tuple_text, written_text
from hyperdsl.semantics import expressions as e
from hyperdsl.semantics.model import Learned, Solver
from hyperdsl.semantics.names import class_name
from hyperdsl.theory.exact import Exact

_LARGEST = Exact.of(3)
"""What no coefficient grows beyond in training, unless one is larger at the start: at a pole the step is all error."""


@dataclass(frozen=True)
class TrainedView:
    """A solver's learned parameters with their starts and ranges, as Python text.

    `coefficients` are those of the tableau that depend on them, `bound` theirs.
    """

    solver: str
    names: str
    ranges: str
    coefficients: str
    bound: str


def trained_view(solver: Solver) -> TrainedView | None:
    """None for a solver without learned parameters."""
    if not solver.learned:
        return None
    starts = {learned.name: learned.start for learned in solver.learned}
    changing = [expression for expression in _expressions(solver) if e.variables(expression)]
    sizes = [abs(value.substitute(starts)) for row in solver.tableau.rows for value in row]
    return TrainedView(
        solver=class_name(solver.name),
        names=", ".join(learned.name for learned in solver.learned),
        ranges=", ".join(map(_range, solver.learned)),
        coefficients=tuple_text(list(dict.fromkeys(map(written_text, changing)))),
        bound=number(max(_LARGEST, *sizes)),
    )


def _expressions(solver: Solver) -> list[e.Expression]:
    entries = solver.entries
    return [*entries.c, *(value for row in entries.a for value in row), *entries.weights[0]]


def _range(learned: Learned) -> str:
    lower, upper = _end(learned.interval.lower, "-math.inf"), _end(learned.interval.upper, "math.inf")
    return f'"{learned.name}": ({number(learned.start)}, {lower}, {upper})'


def _end(end: Exact | None, infinite: str) -> str:
    return infinite if end is None else number(end)


def trained_spec(solver: Solver) -> str:
    """A spec with the method that training found, its parameters in braces for `str.format`."""
    name = class_name(solver.name)
    method, entries = f"trained_{solver.base.name}", solver.entries
    lines = [f"# {name} on {solver.base.name}, trained:"]
    lines += [f"# {learned.name} = {{{learned.name}}}" for learned in solver.learned]
    lines += [f"method {method} {{{{", f"    order {solver.order}", "    tableau {{"]
    for i, (c, row) in enumerate(zip(entries.c, entries.a, strict=True)):
        lines.append(f"        {_spelled(c)} | {', '.join(map(_spelled, row[:i]))}".rstrip())
    lines += ["        --+--", f"          | {', '.join(map(_spelled, entries.weights[0]))}", "    }}", "}}"]
    if solver.corrector is None:
        lines += ["", f"solver {name} {{{{", f"    base {method}", "}}"]
    return "\n".join(lines) + "\n"


def _spelled(expression: e.Expression) -> str:
    return written_text(expression, SPEC)
