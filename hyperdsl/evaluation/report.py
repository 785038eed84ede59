"""Comparisons as a table for people and as an object for JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict

from hyperdsl.evaluation.work_precision import Row
from hyperdsl.tables import Column, Listing, listing

MARK = "*"
"""Of a setting that leaves what its g was trained for."""


UNKNOWN = "–"
"""Of what a method does not have, or keeps to itself."""


def outside_sentences(rows: Sequence[Row]) -> list[str]:
    """What the rows with a mark leave, a sentence each; none where there is none."""
    told = [f"{row.setting}: {row.outside}" for row in rows if row.outside is not None]
    return [f"{MARK} outside of what g was trained for, which stands in brackets: {'; '.join(told)}"] if told else []


def lost_sentences(rows: Sequence[Row]) -> list[str]:
    """Which rows have no error, since a solve did not reach the end; none where all did."""
    told = [f"{row.method} at {row.setting}" for row in rows if math.isnan(row.l2)]
    return [f"nan: solves that failed or whose states were not finite: {'; '.join(told)}"] if told else []


COLUMNS = (
    Column("method"),
    Column("setting", right=True),
    Column("NFE", right=True),
    Column("Jac.", right=True, leaves=2),
    Column("LU", right=True, leaves=1),
    Column("J v", right=True, leaves=2),
    Column("MACs", right=True, leaves=3),
    Column("ms", right=True, leaves=4),
    Column("MAPE %", right=True, leaves=6),
    Column("L2", right=True, leaves=5),
    Column("error", right=True),
    Column("acc. %", right=True),
)


def table(rows: Sequence[Row], title: str) -> Listing:
    """What rich prints, without the columns that no row has; settings outside of their g's training have a mark."""
    counted = any(row.jacobians is not None or row.factorisations is not None for row in rows)
    cells = [
        (
            row.method,
            row.setting + MARK * (row.outside is not None),
            str(row.evaluations),
            _count(row.jacobians, counted=counted),
            _count(row.factorisations, counted=counted),
            str(row.products) if row.products else "",
            short(row.macs) if row.macs else UNKNOWN,
            f"{row.milliseconds:.2f}",
            "" if counted else f"{row.mape:.3g}",  # a terminal's line has no room for all
            f"{row.l2:.2g}",
            f"{row.relative_error:.1e}",
            f"{row.accuracy:.1f}" if row.accuracy is not None else "",
        )
        for row in rows
    ]
    sections = [i for i in range(1, len(rows)) if rows[i].method != rows[i - 1].method]
    return listing(title, COLUMNS, cells, sections)


def _count(count: int | None, *, counted: bool) -> str:
    """A count of matrices; one that is not known has a sign of its own where others are."""
    return str(count) if count is not None else UNKNOWN if counted else ""


def short(count: int) -> str:
    """A count with three digits: 842, 41.6k, 1.26M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return str(count)


def json_object(rows: Sequence[Row], **about: object) -> dict[str, object]:
    """`about` and the rows as JSON's types; infinities and undefined numbers are strings."""
    return {**about, "rows": [{key: plain(value) for key, value in asdict(row).items()} for row in rows]}


def plain(value: object) -> object:
    """A value that JSON can hold: "inf", "-inf" and "nan" for numbers that it cannot."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
