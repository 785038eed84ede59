"""What a `method` declaration means: a reader for each kind of method."""

from __future__ import annotations

from collections.abc import Mapping

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.methods.additives import Find, read_additive
from hyperdsl.semantics.methods.labels import Kind, kind_of, tables_of
from hyperdsl.semantics.methods.rosenbrocks import read_rosenbrock
from hyperdsl.semantics.methods.tableaux import read_method
from hyperdsl.semantics.model.spec import OneStep
from hyperdsl.semantics.reading.report import Report
from hyperdsl.syntax import nodes as n
from hyperdsl.syntax.formulas import LOW_STORAGE

SYMPLECTIC = "of symplectic methods `gauss4` and `implicit_midpoint` are in the library"
INSTEAD: Mapping[Kind, str] = {
    "low-storage": LOW_STORAGE,
    "partitioned": SYMPLECTIC,
    "Nyström": f"write the system as one of first order; {SYMPLECTIC}",
}
"""What there is in the place of kinds that are not built."""


def read_one_step(report: Report, declaration: n.Declaration, find: Find) -> OneStep | None:
    """The method, with its orders proven; None where something is wrong, which has been reported.

    `find` finds the methods that it names.
    """
    kind = kind_of(report, declaration)
    match kind:
        case None:
            return None
        case "Runge–Kutta":
            return read_method(report, declaration)
        case "Rosenbrock":
            return read_rosenbrock(report, declaration)
        case "additive":
            return read_additive(report, declaration, find)
        case _:
            report(catalogue.NOT_YET, tables_of(declaration)[0], what=f"{kind} methods are", help=INSTEAD.get(kind))
            return None
