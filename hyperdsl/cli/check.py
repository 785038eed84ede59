"""hyperdsl check"""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from hyperdsl import compiler
from hyperdsl.cli.inputs import Json, Paths, finish, out, print_json, say, spec_files
from hyperdsl.semantics.model import Method, Solver, Spec


def check(paths: Paths, json: Json = False) -> None:
    """Parse, resolve and prove specs; print the proven order of each method."""
    checked = compiler.check(spec_files(paths))
    if json:
        print_json({"files": [compiler.describe(spec) for spec in checked.specs]}, checked.diagnostics)
    else:
        say(checked.diagnostics)
        for spec in checked.specs:
            if spec.methods or spec.solvers:
                out().print(_table(spec))
    finish(checked.diagnostics)


def _table(spec: Spec) -> Table:
    table = Table(title=Text(spec.source.path), title_justify="left", box=None, pad_edge=False, title_style="bold")
    for column in ("name", "order", "proven", "what it is"):
        table.add_column(column)
    for method in spec.methods:
        table.add_row(method.name, orders(method), _proof(method), _kind(method))
    for solver in spec.solvers:
        table.add_row(solver.name, str(solver.order), "by its base", _solver(solver))
    return table


def orders(method: Method) -> str:
    """`5(4)`, and the order without time where that is another."""
    facts = method.facts
    text = str(facts.order) + (f"({', '.join(map(str, facts.embedded))})" if facts.embedded else "")
    if facts.report.order_autonomous != facts.order:
        text += f", {facts.report.order_autonomous} for z' = f(z)"
    return text


def _proof(method: Method) -> str:
    count = f"{method.facts.conditions} condition" + ("s" if method.facts.conditions != 1 else "")
    return f"exactly, {count}" if method.tolerance is None else f"within {float(method.tolerance):.0e}, {count}"


def _kind(method: Method) -> str:
    stages = method.tableau.stages
    text = f"{method.tableau.kind}, {stages} stage" + ("s" if stages > 1 else "")
    text += ", FSAL" if method.facts.fsal else ""
    names = ", ".join(parameter.name for parameter in method.parameters)
    return f"{text}, for all {names} in range" if names else text


def _solver(solver: Solver) -> str:
    power = solver.residual_power
    return f"{solver.base.name}" + (f" + ε^{power} g" if power else "")
