"""A Butcher tableau as people have it: rows of text, a LaTeX array, or arrays of a program. Nothing is executed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from hyperdsl.scaffold.arrays import arrays, has_arrays
from hyperdsl.scaffold.cells import Line, TableError, lines_of
from hyperdsl.scaffold.entries import entries, has_entries
from hyperdsl.scaffold.numbers import exact, rewritten
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact

MOST_WEIGHTS = 3
NEARLY = Exact.of(Fraction(1, 10**6))
"""Decimals whose sum is nearer to what it should be are taken for it; what holds is proven later."""


@dataclass(frozen=True)
class Table:
    """The cells of a tableau as the language writes them: c [s], the rows of A without the zeros at their ends, and
    rows of weights [s]. `said` is what each part was taken for."""

    c: tuple[str, ...]
    a: tuple[tuple[str, ...], ...]
    weights: tuple[tuple[str, ...], ...]
    said: tuple[str, ...]

    @property
    def has_decimals(self) -> bool:
        """Whether a number is written with a point or an exponent."""
        return any("." in cell or "e-" in cell for row in (self.c, *self.a, *self.weights) for cell in row)


def read_table(text: str) -> Table:
    """The tableau in a text; TableError, with the line, where there is none or there are several."""
    text = rewritten(text.replace("\r\n", "\n").replace("\r", "\n"))
    if has_entries(text):
        return _of_arrays(entries(text))
    if has_arrays(text):
        return _of_arrays(arrays(text))
    return _of_lines(lines_of(text))


def _of_lines(lines: Sequence[Line]) -> Table:
    rows = [line for line in lines if not line.rule]
    if len(rows) < 2:
        raise TableError(rows[0].number if rows else 1, "a tableau has a row for each stage and a row of weights")
    for row in rows:
        for cell in row.cells:
            if cell and exact(cell) is None:
                raise TableError(row.number, f"`{cell}` is not a number")
    faults: list[TableError] = []
    found = [*_readings(lines, rows, faults, with_c=True)]
    sure = [table for table in found if _is_consistent(table)]  # a column that is the sums of rows is c
    if not sure and not any(row.barred for row in rows):
        found += (bare := [*_readings(lines, rows, faults, with_c=False)])
        sure = [table for table in bare if _is_consistent(table)]
    if len(sure or found) == 1:
        return (sure or found)[0]
    if not found:
        raise faults[0]
    ways = "; or ".join(", ".join(table.said) for table in sure or found)
    advice = "put a rule line above the weights, and | after c"
    raise TableError(rows[0].number, f"this can be read in several ways: {ways}. Help: {advice}")


def _readings(
    lines: Sequence[Line], rows: Sequence[Line], faults: list[TableError], *, with_c: bool
) -> Iterator[Table]:
    """Every way to take the rows that has the right shape; what is wrong with the others is added to `faults`."""
    rules = [i for i, line in enumerate(lines) if line.rule]
    inner = [sum(not line.rule for line in lines[:i]) for i in rules]
    marked = [len(rows) - above for above in inner if 0 < above < len(rows)]
    for count in marked[:1] or range(1, min(MOST_WEIGHTS, len(rows) - 1) + 1):
        try:
            yield _reading(rows, count, with_c=with_c)
        except TableError as fault:
            faults.append(fault)


def _reading(rows: Sequence[Line], count: int, *, with_c: bool) -> Table:
    """The last `count` rows taken as weights, the first column as c or not; TableError where lengths do not fit."""
    stages, weights = list(rows[:-count]), rows[-count:]
    widths = {len(row.cells) for row in stages}
    rising = [len(row.cells) for row in stages] == list(range(1, len(stages) + 1))
    if not with_c and rising and len(weights[0].cells) == len(stages) + 1:
        stages.insert(0, Line(rows[0].number, (), barred=False))  # the first stage, which reads none, left out
    s = len(stages)
    a = [row.cells[1:] if with_c else row.cells for row in stages]
    for i, (row, cells) in enumerate(zip(stages, a, strict=True)):
        fitting = (i, i + 1, s) if with_c else (i + len(a[0]) if len(a[0]) < 2 and s > 1 else s,)
        if len(cells) not in fitting:
            wanted = " or ".join(map(str, sorted(set(fitting))))
            found = f"{len(cells)} entries, where stage {i + 1} of {s} has {wanted}"
            raise TableError(row.number, f"this row of A has {found}")
    b = [_weights(row, s, with_c=with_c, full=s + 1 in widths) for row in weights]
    c = [row.cells[0] or "0" for row in stages] if with_c else [_sum(cells) for cells in a]
    told = [
        f"lines {rows[0].number} to {stages[-1].number}: {s} stage{'s' * (s > 1)}"
        + (", c in the first column" if with_c else ", c computed as the sums of the rows"),
        *(f"line {row.number}: {'embedded ' * (i > 0)}weights" for i, row in enumerate(weights)),
    ]
    return _table(c, a, b, told)


def _weights(row: Line, s: int, *, with_c: bool, full: bool) -> tuple[str, ...]:
    """A row of weights, whose place below c is empty, zero or left out."""
    cells = row.cells
    zero = len(cells) == s + 1 and (row.barred or full) and bool(cells[0]) and exact(cells[0]) == ZERO
    below_c = with_c and (not cells[0] or zero)
    cells = cells[1:] if below_c else cells
    if len(cells) != s:
        raise TableError(row.number, f"this row of weights has {len(cells)} entries for {s} stages")
    return cells


def _of_arrays(found: dict[str, list[list[str]]]) -> Table:
    """Arrays called A, b, c and the like."""
    a = found["A"]
    s = len(a)
    said = [f"A: {s} stages"]
    for row in a:
        for cell in row:
            if exact(cell) is None:
                raise TableError(1, f"`{cell}` in A is not a number")
        if len(row) > s:
            raise TableError(1, f"a row of A has {len(row)} entries for {s} stages")
    weights = [found[name][0] for name in ("b", "embedded") if name in found]
    for row in (*weights, *found.get("c", [])):
        if len(row) != s:
            raise TableError(1, f"b and c need {s} entries, as there are rows of A, not {len(row)}")
        for cell in row:
            if exact(cell) is None:
                raise TableError(1, f"`{cell}` is not a number")
    if not weights:
        raise TableError(1, "there are no weights b beside A")
    c = found["c"][0] if "c" in found else [_sum(row) for row in a]
    said.append("c as given" if "c" in found else "c computed as the sums of the rows of A")
    said += ["b: weights", "b of the embedded method"][: len(weights)]
    return _table(c, a, weights, said)


def _table(
    c: Sequence[str], a: Sequence[Sequence[str]], weights: Sequence[Sequence[str]], said: Sequence[str]
) -> Table:
    rows = []
    for row in a:
        cells = [cell or "0" for cell in row]
        while cells and exact(cells[-1]) == ZERO:
            cells.pop()
        rows.append(tuple(cells))
    filled = tuple(tuple(cell or "0" for cell in row) for row in weights)
    return Table(tuple(c), tuple(rows), filled, tuple(said))


def _value(cell: str) -> Exact:
    found = exact(cell or "0")
    assert found is not None  # every cell has been looked at
    return found


def _sum(cells: Sequence[str]) -> str:
    """The sum of numbers: one number where all are rational, else the sum as it stands."""
    total = sum((_value(cell) for cell in cells), ZERO)
    if total.is_rational:
        return str(total.fraction())
    return " + ".join(f"({cell})" for cell in cells if cell)


def _is_consistent(table: Table) -> bool:
    """Whether c are the row sums of A, and the weights of each row sum to one, nearly."""
    pairs = [(sum(map(_value, row), ZERO), _value(c)) for c, row in zip(table.c, table.a, strict=True)]
    pairs += [(sum(map(_value, row), ZERO), ONE) for row in table.weights]
    return all(abs(found - wanted) < NEARLY for found, wanted in pairs)
