"""Tableaux of two collections, hyperdsl's library and NodePy's, with what each says of their orders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from hyperdsl.semantics.methods.labels import PLAIN, parts_of
from hyperdsl.semantics.methods.tables import read_table
from hyperdsl.semantics.reading.report import Report
from hyperdsl.semantics.reading.units import load
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.tableau import Tableau

from .tableaux import exact

NODEPY = Path(__file__).parent / "nodepy.hyper"
LIBRARY = sorted(Path(str(files("hyperdsl.library"))).glob("*.hyper"))


@dataclass(frozen=True)
class Entry:
    """A tableau as a collection has it; `orders` are those it claims, to the tolerance where there is one."""

    name: str
    tableau: Tableau
    orders: tuple[int, ...]
    tolerance: Exact | None


@cache
def nodepy() -> tuple[Entry, ...]:
    return tuple(_entries(NODEPY))


@cache
def library() -> tuple[Entry, ...]:
    """The methods without parameters."""
    return tuple(entry for path in LIBRARY for entry in _entries(path))


def _entries(path: Path) -> Iterator[Entry]:
    """Nothing is proven here: claims that do not hold are read too."""
    unit = load(path, path.name)
    for (group, name), declaration in unit.declarations.items():
        if group == "method" and declaration.word.text == "method" and not declaration.parameters:
            if parts_of(declaration).keys() != {PLAIN}:
                continue  # with parts or a matrix
            yield _entry(unit.report, name, declaration)


def _entry(report: Report, name: str, declaration: n.Declaration) -> Entry:
    statements = declaration.body.statements
    table = next(statement for statement in statements if isinstance(statement, n.Tableau))
    claim = next(statement for statement in statements if isinstance(statement, n.Setting))
    read = read_table(report, table, ())
    assert read is not None, report.found
    (value,) = claim.values
    numbers = [value.name, *(argument.value for argument in value.arguments)] if isinstance(value, n.Call) else [value]
    orders = tuple(int(number.text) for number in numbers if isinstance(number, n.Number))
    within = [clause.value.text for clause in claim.clauses if isinstance(clause.value, n.Number)]
    return Entry(name, read.tableau, orders, exact(within[0]) if within else None)
