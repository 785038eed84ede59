"""hyperdsl list"""

from __future__ import annotations

import json as json_module
import math
from typing import TYPE_CHECKING, Annotated

import typer

from hyperdsl.cli.inputs import Json, out, stop
from hyperdsl.cli.names import meant, unknown
from hyperdsl.tables import Column, listing

if TYPE_CHECKING:
    from hyperdsl.pages.listing import Row

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="WORD...",
        help="What every method must have in its name, kind, properties or source, such as explicit, stiff, embedded, "
        "L-stable, dormand; or a comparison, order 5, 'order>=5', 'stages<=4', also of evals, embedded, real, imag, "
        "ssp, dense, steps. not-WORD is one that it must not have.",
        show_default=False,
    ),
]
COLUMNS = (
    Column("name"),
    Column("kind", leaves=2),
    Column("order"),
    Column("stages", right=True, leaves=4),
    Column("evals", right=True, leaves=3),
    Column("real", right=True, leaves=5),
    Column("imag.", right=True, leaves=6),
    Column("properties", leaves=1, wraps=12),
    Column("source", leaves=7, wraps=48),
)


def list_methods(words: Words = None, json: Json = False) -> None:
    """The library's methods as a table: what is proven of each, and who published it.

    Stages are those of a step, of a method with a history the points that it reads; `evals` are evaluations of f in a
    step (of an implicit formula, in its first iteration); `real` and `imag.` are lengths of stability intervals. A
    narrow terminal leaves out columns; piped, a line has them all.
    """
    from hyperdsl.pages.listing import rows
    from hyperdsl.pages.searching import COMPARED, SearchError, known_words, search

    try:
        found = search(rows(), words or [])
    except SearchError as error:
        unknown(str(error), error.name, COMPARED)
    if json:
        print(json_module.dumps({"methods": [row.plain() for row in found]}, indent=2, ensure_ascii=False))
        return
    if not found:
        alone = next((word for word in words or [] if not search(rows(), [word])), "")
        stop(f"no method of the library has all of `{' '.join(words or [])}`{meant(alone, known_words(rows()))}")
    out().print(listing("", COLUMNS, [_cells(row) for row in found], ()))


def _cells(row: Row) -> tuple[str, ...]:
    implied = ("A-stable",) if "L-stable" in row.properties else ()
    held = [name if name != "SSP" else f"SSP {_number(row.ssp)}" for name in row.properties if name not in implied]
    held += [f"dense {row.dense}"] * (row.dense is not None) + [f"for all {', '.join(row.parameters)}"] * row.is_family
    return (
        row.name,
        row.kind,
        row.orders,
        str(row.stages or row.steps),
        "" if row.evaluations is None else str(row.evaluations),
        _number(row.real_stability),
        _number(row.imaginary_stability),
        ", ".join(held),
        row.source,
    )


def _number(value: float | None) -> str:
    return "" if value is None else "∞" if math.isinf(value) else f"{value:.3g}"
