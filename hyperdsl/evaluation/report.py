"""Comparisons as a table for people and as an object for JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict

from rich.box import SIMPLE_HEAD
from rich.table import Table

from hyperdsl.evaluation.work_precision import Row

MARK = "*"
"""Of a setting that leaves what its g was trained for."""


UNKNOWN = "–"
"""Of what a method does not have, or keeps to itself."""


def outside_sentences(rows: Sequence[Row]) -> list[str]:
    """What the rows with a mark leave, a sentence each; none where there is none."""
    told = [f"{row.setting}: {row.outside}" for row in rows if row.outside is not None]
    return [f"{MARK} outside of what g was trained for, which stands in brackets: {'; '.join(told)}"] if told else []


def table(rows: Sequence[Row], title: str) -> Table:
    """A rich table; columns that no row has are left out, and settings outside of their g's training have a mark.

    Percentages make room where there are counts of matrices.
    """
    with_accuracy = any(row.accuracy is not None for row in rows)
    made = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    made.add_column("method")  # the one column that may wrap: numbers are never cut
    counts = {"Jac.": "jacobians", "LU": "factorisations"}
    counted = {head: name for head, name in counts.items() if any(getattr(row, name) is not None for row in rows)}
    percentage = [] if counted else ["MAPE %"]  # a terminal's line has no room for all
    heads = ["setting", "NFE", *counted, "MACs", "ms", *percentage, "L2", "error"]
    for head in heads + ["acc. %"] * with_accuracy:
        made.add_column(head, justify="right", no_wrap=True)
    before = None
    for row in rows:
        if before not in (None, row.method):
            made.add_section()
        before = row.method
        cells = [
            row.method,
            row.setting + MARK * (row.outside is not None),
            str(row.evaluations),
            *(UNKNOWN if (count := getattr(row, name)) is None else str(count) for name in counted.values()),
            short(row.macs) if row.macs else UNKNOWN,
            f"{row.milliseconds:.2f}",
        ]
        cells += [f"{row.mape:.3g}"] * len(percentage) + [f"{row.l2:.2g}", f"{row.relative_error:.1e}"]
        made.add_row(*cells, *([f"{row.accuracy:.1f}"] if row.accuracy is not None else []))
    return made


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
