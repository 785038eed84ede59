"""Proves the library and writes what is then known of each method to hyperdsl/library/index.json.

python -m tools.library_index

`hyperdsl.pages.listing` reads it. tests/semantics/test_library.py fails where it is not what is proven: after a change
to the library, run this.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import get_args

from hyperdsl.files import replace_file
from hyperdsl.pages.listing import INDEX, Kind, Row
from hyperdsl.plan import plan
from hyperdsl.semantics.check import check_file
from hyperdsl.semantics.model.additive import IMPLICIT, Additive
from hyperdsl.semantics.model.rosenbrock import Rosenbrock
from hyperdsl.semantics.model.spec import (
    AdditiveSolver,
    AnySolver,
    Base,
    HistorySolver,
    Method,
    Multistep,
    OneStep,
    PredictorCorrector,
    RosenbrockSolver,
    Solver,
    Spec,
    Start,
)
from hyperdsl.semantics.reading.scope import Project
from hyperdsl.semantics.solvers.starts import default_start
from hyperdsl.source import Source
from hyperdsl.theory.multistep.formulas import LinearMultistep, is_a_stable, real_stability
from hyperdsl.theory.stability.a_stability import linear_stability
from hyperdsl.theory.stability.ssp import ssp_coefficient

LIBRARY = Path(str(files("hyperdsl.library")))
ORDER = get_args(Kind)


def rows_of(spec: Spec, project: Project) -> list[Row]:
    """The rows of one checked file of the library."""
    bases: list[Base] = [*spec.methods, *spec.additives, *spec.rosenbrocks]
    return [_row(base, project) for base in [*bases, *spec.multisteps, *spec.predictor_correctors]]


def in_order(rows: list[Row]) -> list[Row]:
    """By kind, then by order, stages or steps, and name."""
    return sorted(rows, key=lambda row: (ORDER.index(row.kind), row.order, row.stages or row.steps, row.name))


def text(rows: list[Row]) -> str:
    """The index's text: a method a line."""
    lines = (json.dumps(row.plain(), ensure_ascii=False) for row in in_order(rows))
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _first_sentence(source: Source) -> str:
    """Of the comment that a file begins with."""
    end = next(i for i, line in enumerate(source.lines) if not line.startswith("#"))
    return re.split(r"(?<=\.)\s", comment_above(source, end + 1))[0]


def comment_above(source: Source, line: int) -> str:
    """The comment that ends above a line, counted from 1, as one paragraph."""
    found: list[str] = []
    for above in reversed(source.lines[: line - 1]):
        if not above.startswith("#"):
            break
        found.append(above.lstrip("# "))
    return " ".join(reversed(found))


def _row(base: Base, project: Project) -> Row:
    known = _of_history(base) if isinstance(base, Multistep | PredictorCorrector) else _of_one_step(base)
    source = base.place.source
    return Row(
        name=base.name,
        evaluations=plan(_plain(base, project)).evaluations_per_step if _is_usable(base) else None,
        source=comment_above(source, base.place.span.line),
        about=_first_sentence(source),
        file=source.name,
        **known,  # type: ignore[arg-type]  # the fields of each kind of method
    )


def _of_one_step(method: OneStep) -> dict[str, object]:
    facts = method.facts
    ssp = ssp_coefficient(method.tableau) if isinstance(method, Method) else None
    linear = None
    if isinstance(method, Method) and method.tableau.kind != "explicit":
        linear = linear_stability(method.tableau, facts.report.order_autonomous, method.tolerance)
    held = {
        "FSAL": not isinstance(method, Rosenbrock) and method.facts.fsal,
        "A-stable": linear.a_stable if linear else getattr(facts, "a_stable", None),
        "L-stable": facts.l_stable,
        "stiffly accurate": facts.stiffly_accurate,
        "symplectic": getattr(facts, "symplectic", None),
        "symmetric": getattr(facts, "symmetric", None),
        "SSP": bool(ssp),
    }
    return {
        "kind": method.tableau.kind if isinstance(method, Method) else type(method).__name__.lower(),
        "order": facts.order,
        "embedded": facts.embedded,
        "stages": method.pair.stages if isinstance(method, Additive) else method.tableau.stages,
        "steps": None,
        "principal_error": facts.principal_error,
        "real_stability": facts.real_stability,
        "imaginary_stability": facts.imaginary_stability,
        "ssp": ssp,
        "dense": method.dense.order if method.dense else None,
        "properties": tuple(name for name, holds in held.items() if holds),
        "parameters": tuple(parameter.name for parameter in method.parameters),
        "tolerance": None if method.tolerance is None else float(method.tolerance),
    }


def _of_history(method: Multistep | PredictorCorrector) -> dict[str, object]:
    formula = method.formula
    linear = formula if isinstance(formula, LinearMultistep) else None
    constant = linear.error_constant if linear else None
    held = {"zero-stable": formula.is_zero_stable, "A-stable": linear is not None and is_a_stable(linear)}
    return {
        "kind": f"{'explicit' if linear.explicit else 'implicit'} multistep" if linear else "predictor-corrector",
        "order": formula.order,
        "embedded": (),
        "stages": None,
        "steps": formula.steps,
        "principal_error": None if constant is None else abs(float(constant)),
        "real_stability": real_stability(linear) if linear and linear.is_zero_stable else None,
        "imaginary_stability": None,
        "ssp": None,
        "dense": None,
        "properties": tuple(name for name, holds in held.items() if holds),
        "parameters": (),
        "tolerance": None,
    }


def _is_usable(base: Base) -> bool:
    """Whether a solver can be built on it: others are refused where one is declared."""
    match base:
        case Rosenbrock():
            first, *others = base.tableau.diagonal
            return not first.is_zero and all(value == first for value in others)
        case Additive():
            return base.pair.part(IMPLICIT).kind != "implicit"
        case Multistep():
            return base.formula.is_zero_stable
        case _:
            return True


def _plain(base: Base, project: Project) -> AnySolver:
    """The solver `solver NAME { base NAME }`."""
    name, place = base.name, base.place
    match base:
        case Method():
            return Solver(name, place, base, base.tableau, base.entries, base.facts, (), (), None, None)
        case Additive():
            return AdditiveSolver(name, place, base, base.pair, base.entries, base.facts, (), (), None, None)
        case Rosenbrock():
            return RosenbrockSolver(name, place, base, base.tableau, base.facts, (), None, None)
        case Multistep() | PredictorCorrector():
            start = Start(project.library_method(default_start(base.formula)), 1)
            return HistorySolver(name, place, base, start, None, None)


def _all_rows() -> Iterator[Row]:
    project = Project()
    for path in sorted(LIBRARY.glob("*.hyper")):
        yield from rows_of(check_file(path, path.name, project)[0], project)


if __name__ == "__main__":
    replace_file(LIBRARY / INDEX, text(list(_all_rows())).encode())
