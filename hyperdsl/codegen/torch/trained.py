"""The views of learned parameters: how training keeps them in range, and the spec that it writes with their values."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap

from hyperdsl.codegen.expressions import SPEC, spelled
from hyperdsl.codegen.torch.expressions import number, tuple_text, written_text
from hyperdsl.semantics import expressions as e
from hyperdsl.semantics.model import Solver
from hyperdsl.semantics.names import class_name
from hyperdsl.theory.exact import Exact

_LARGEST = Exact.of(3)
"""What no coefficient grows beyond in training, unless one is larger at the start: at a pole the step is all error."""

_WIDTH = 100
"""Of a piece of a line in generated code."""


@dataclass(frozen=True)
class TrainedView:
    """A solver's learned parameters and the ends of their ranges, as tuples in Python text.

    `coefficients` are those of the tableau that depend on them, `bound` theirs, `spec` the pieces of each line of the
    written spec.
    """

    solver: str
    function: str
    names: str
    lower: str
    upper: str
    coefficients: tuple[str, ...]
    bound: str
    hyper: bool
    spec: tuple[tuple[str, ...], ...]


def trained_view(solver: Solver) -> TrainedView | None:
    """None for a solver without learned parameters."""
    if not solver.learned:
        return None
    name = class_name(solver.name)
    starts = {learned.name: learned.start for learned in solver.learned}
    changing = [expression for expression in _expressions(solver) if e.variables(expression)]
    sizes = [abs(value.substitute(starts)) for row in solver.tableau.rows for value in row]
    return TrainedView(
        solver=name,
        function=f"_{solver.name.lower()}_coefficients",
        names=tuple_text([learned.name for learned in solver.learned]),
        lower=tuple_text([_end(learned.interval.lower, "-math.inf") for learned in solver.learned]),
        upper=tuple_text([_end(learned.interval.upper, "math.inf") for learned in solver.learned]),
        coefficients=tuple(dict.fromkeys(map(written_text, changing))),
        bound=number(max(_LARGEST, *sizes)),
        hyper=solver.corrector is not None,
        spec=tuple(tuple(wrap(line, _WIDTH, drop_whitespace=False)) or ("",) for line in _spec(solver, name)),
    )


def _expressions(solver: Solver) -> list[e.Expression]:
    entries = solver.entries
    return [*entries.c, *(value for row in entries.a for value in row), *entries.weights[0]]


def _end(end: Exact | None, infinite: str) -> str:
    return infinite if end is None else number(end)


def _spec(solver: Solver, name: str) -> list[str]:
    """The lines of a spec with the method that training found, its parameters in braces for `str.format`."""
    method, entries = f"trained_{solver.base.name}", solver.entries
    lines = [f"# {name} on {solver.base.name}, trained:"]
    lines += [f"# {learned.name} = {{{learned.name}}}" for learned in solver.learned]
    lines += [f"method {method} {{{{", f"    order {solver.order}", "    tableau {{"]
    for i, (c, row) in enumerate(zip(entries.c, entries.a, strict=True)):
        lines.append(f"        {_spelled(c)} | {', '.join(map(_spelled, row[:i]))}".rstrip())
    lines += ["        --+--", f"          | {', '.join(map(_spelled, entries.weights[0]))}", "    }}", "}}"]
    if solver.corrector is None:
        lines += ["", f"solver {name} {{{{", f"    base {method}", "}}"]
    return lines


def _spelled(expression: e.Expression) -> str:
    return spelled(expression, SPEC)
