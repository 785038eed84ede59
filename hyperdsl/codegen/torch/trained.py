"""The views of learned parameters: how training keeps them in range, and the spec that is written with their values."""

from __future__ import annotations

from dataclasses import dataclass

from hyperdsl.codegen.expressions import SPEC, spelled
from hyperdsl.codegen.torch.expressions import number, tuple_text, written_text
from hyperdsl.plan import Coefficient, Plan, Step
from hyperdsl.plan.step import equations
from hyperdsl.plan.tables import Table
from hyperdsl.semantics.model import expressions as e
from hyperdsl.semantics.model.control import Control
from hyperdsl.semantics.model.left_open import Grid, Learned
from hyperdsl.semantics.model.sums import is_zero
from hyperdsl.semantics.reading.names import class_name
from hyperdsl.theory.numbers.exact import Exact

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


def trained_view(plan: Plan) -> TrainedView | None:
    """None for a solver without learned parameters."""
    if not plan.learned:
        return None
    starts = {learned.name: learned.start for learned in plan.learned}
    coefficients = _coefficients(plan.step)
    changing = [coefficient.written for coefficient in coefficients if e.variables(coefficient.written)]
    sizes = [abs(coefficient.value.substitute(starts)) for coefficient in coefficients]
    return TrainedView(
        solver=class_name(plan.name),
        names=", ".join(learned.name for learned in plan.learned),
        ranges=", ".join(map(_range, plan.learned)),
        coefficients=tuple_text(list(dict.fromkeys(map(written_text, changing)))),
        bound=number(max(_LARGEST, *sizes)),
    )


def _coefficients(step: Step) -> list[Coefficient]:
    """Of the base: its nodes and what it takes of each slope."""
    evaluated = [one for statement in step.body for one in equations(statement)]
    sums = (*(statement.of for statement in evaluated), step.base)
    return [s.node for s in evaluated] + [term.coefficient for linear in sums for term in linear if term.power]


def _range(learned: Learned) -> str:
    lower, upper = _end(learned.interval.lower, "-math.inf"), _end(learned.interval.upper, "math.inf")
    return f'"{learned.name}": ({number(learned.start)}, {lower}, {upper})'


def _end(end: Exact | None, infinite: str) -> str:
    return infinite if end is None else number(end)


def is_written_back(plan: Plan) -> bool:
    """Whether training changes the method or its grid."""
    return bool(plan.learned) or (plan.grid is not None and plan.grid.learned)


def trained_spec(plan: Plan) -> str:
    """A spec with the method and the grid that training found: parameters, and points, in braces for `str.format`."""
    name = class_name(plan.name)
    method = f"trained_{plan.base}"
    lines = [f"# {name} on {plan.base}, trained:"]
    lines += [f"# {learned.name} = {{{learned.name}}}" for learned in plan.learned]
    lines += [f"method {method} {{{{", f"    order {_claim(plan)}"]
    lines += [line for table in plan.tables for line in _lines(table)]
    lines += ["}}"]
    grid = [f"    grid {_points(plan.grid)}"] if plan.grid else []
    if plan.corrector is None:
        steps = [f"    control {plan.control.name}"] if plan.control else grid
        lines += ["", *_controlled(plan.control)] if plan.control else []
        lines += ["", f"solver {name} {{{{", f"    base {method}", *steps, "}}"]
    elif grid:
        lines += ["", f"hypersolver {name} {{{{", f"    base {method}", "    corrector external", *grid, "}}"]
    return "\n".join(lines) + "\n"


def _controlled(control: Control) -> list[str]:
    """The declaration of a control, with all that it sets."""
    settings = {
        "error": control.error,
        "rtol": control.rtol,
        "atol": control.atol,
        "gains": ", ".join(map(str, control.gains)),
        "safety": control.safety,
        "factor": " .. ".join(map(str, control.factor)),
        "first_step": control.first_step,
        "max_steps": control.max_steps,
        "max_step": control.max_step,
        "min_step": control.min_step,
        "per_sample": "yes" if control.per_sample else "no",
    }
    said = [f"    {word} {value}" for word, value in settings.items() if value is not None]
    return [f"control {control.name} {{{{", *said, "}}"]


def _lines(table: Table) -> list[str]:
    """The lines of a table in a declaration."""
    if table.flat:
        return [f"    {table.word} {', '.join(map(_spelled, row))}" for row in table.rows]
    if not table.c:
        return [f"    {table.word} {{{{", *(f"        {', '.join(map(_spelled, row))}" for row in table.rows), "    }}"]
    rows = zip(table.c, table.rows, strict=True)
    lines = [f"        {_spelled(c)} | {', '.join(map(_spelled, _trimmed(row)))}".rstrip() for c, row in rows]
    weights = [f"          | {', '.join(map(_spelled, row))}" for row in table.weights]
    return [f"    {table.word} {{{{", *lines, "        --+--", *weights, "    }}"]


def _trimmed(row: tuple[e.Expression, ...]) -> tuple[e.Expression, ...]:
    """Without the zeros at its end."""
    return row[: max((i + 1 for i, entry in enumerate(row) if not is_zero(entry)), default=0)]


def _claim(plan: Plan) -> str:
    """The order that is claimed, as the base's declaration does."""
    autonomous, tolerance = plan.facts["autonomous"], plan.facts["tolerance"]
    order = plan.facts["order_autonomous"] if autonomous else plan.order
    embedded = plan.facts["claimed_embedded_orders"]
    further = f"({embedded[0]})" if isinstance(embedded, list) and embedded[: len(plan.tables[0].weights) - 1] else ""
    return f"{order}{further}" + (f" within {tolerance}" if tolerance else "") + " autonomous" * bool(autonomous)


def _points(grid: Grid) -> str:
    return "{grid}" if grid.learned else ", ".join(map(str, grid.points))


def _spelled(expression: e.Expression) -> str:
    return spelled(expression, SPEC)
