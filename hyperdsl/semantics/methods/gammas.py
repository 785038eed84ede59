"""From the tables of a Rosenbrock method to its coefficients, untransformed however they are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.methods.labels import GAMMA, PLAIN, parts_of
from hyperdsl.semantics.methods.tables import Table, is_provable, padded, read_table, values
from hyperdsl.semantics.reading.numbers import ExactReader
from hyperdsl.semantics.reading.report import Report, Spanned
from hyperdsl.semantics.reading.settings import Settings
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.numbers.exact import ZERO
from hyperdsl.theory.rosenbrock.tableau import RosenbrockTableau, Transformed, sums, untransformed
from hyperdsl.theory.runge_kutta.tableau import Row, Tableau

TRANSFORMED, MATRIX = "transformed", "c"


@dataclass(frozen=True)
class Coefficients:
    """A method's coefficients, and where c and the γ_i of each stage stand; whether they were `transformed`."""

    tableau: RosenbrockTableau
    transformed: bool
    nodes: tuple[Spanned, ...]
    sums: tuple[Spanned, ...]


def read_coefficients(
    report: Report, declaration: n.Declaration, settings: Settings, names: tuple[str, ...]
) -> Coefficients | None:
    """The coefficients; None where something is wrong, which has been reported.

    Either `tableau` and the table `gamma`, or `tableau transformed`, `tableau c` and the setting `gamma`.
    """
    reading = _Reading(report, declaration, settings, names)
    parts = parts_of(declaration)
    found = reading.transformed(parts) if parts.keys() & {TRANSFORMED, MATRIX} else reading.plain(parts)
    if found is None:
        return None
    node = next(iter(parts.values())).word
    return found if is_provable(report, node, _as_plain(found.tableau)) else None


def _as_plain(tableau: RosenbrockTableau) -> Tableau:
    """A tableau whose numbers are those of the method."""
    return Tableau(tableau.alpha, tableau.c, (*tableau.gamma, tableau.gamma_sums, *tableau.weights))


@dataclass(frozen=True)
class _Reading:
    report: Report
    declaration: n.Declaration
    settings: Settings
    names: tuple[str, ...]

    def plain(self, parts: dict[str, n.Tableau]) -> Coefficients | None:
        """α, b, and the rows of γ."""
        if setting := self.settings.by_word.get(GAMMA):
            what, where = "`gamma` as a setting", "without `tableau transformed`"
            advice = "γ stands in the rows of the table `gamma`, the diagonal last: write the number out there"
            self.report(catalogue.MISPLACED, setting.word, what=what, where=where, help=advice)
            return None
        table = self._table(parts, PLAIN, "tableau { ... }")
        gamma = self._gamma(parts[GAMMA], table.tableau.stages) if table else None
        if table is None or gamma is None or not self._is_lower(table):
            return None
        weights, at = table.tableau.weights, self._bare(parts[GAMMA])
        return self._with_sums(table, table.tableau.a, gamma, weights, at, transformed=False)

    def transformed(self, parts: dict[str, n.Tableau]) -> Coefficients | None:
        """a, m, the rows of C and the one number on the diagonal of γ."""
        if other := parts.get(PLAIN) or parts.get(GAMMA):
            what = "`tableau`" if PLAIN in parts else "the table `gamma`"
            self.report(catalogue.MISPLACED, other.word, what=what, where="beside transformed coefficients")
            return None
        table = self._table(parts, TRANSFORMED, "tableau transformed { ... }")
        matrix = (
            parts.get(MATRIX) if table and table.tableau.stages == 1 else self._part(parts, MATRIX, "tableau c { ... }")
        )
        setting = self.settings.require(GAMMA, self.declaration.name, "gamma 1/4")
        value = self.settings.single(setting, "the number on the diagonal of γ, such as `1/4`") if setting else None
        gamma = ExactReader(self.report, self.names).double(value) if value is not None else None
        if table is None or value is None or gamma is None or not self._is_lower(table):
            return None
        rows: tuple[Row, ...] | None = ((ZERO,),)
        if matrix or table.tableau.stages > 1:
            rows = self._strict(matrix, table.tableau.stages) if matrix else None
        if rows is None:
            return None
        if gamma.is_zero:
            problem = f"`{self.declaration.name.text}` has no transformed coefficients where γ is zero"
            self.report(catalogue.NO_FACTORISATION, value, problem=problem)
            return None
        given = Transformed(table.tableau.a, rows, table.tableau.weights)
        alpha, lower, weights = untransformed(given, (gamma,) * table.tableau.stages)
        at = tuple(line.c for line in table.rows)
        return self._with_sums(table, alpha, lower, weights, at, transformed=True)

    def _with_sums(
        self,
        table: Table,
        alpha: tuple[Row, ...],
        gamma: tuple[Row, ...],
        weights: tuple[Row, ...],
        at: Sequence[Spanned],
        *,
        transformed: bool,
    ) -> Coefficients | None:
        """With the γ_i as they are written, else as the sums of their rows."""
        setting = self.settings.get("gamma_sums")
        stated: Row = sums(gamma)
        if setting:
            entries = setting.values
            plain = tuple(entry for entry in entries if not isinstance(entry, n.Range | n.Comparison | n.String))
            if len(plain) < len(entries) or len(plain) != len(stated):
                wants = f"{len(stated)} numbers, one for each stage"
                self.report(catalogue.WRONG_VALUE, setting, word="gamma_sums", wants=wants)
                return None
            line = padded(ExactReader(self.report, self.names), plain, len(plain))
            if line is None:
                return None
            stated, at = values(line), plain
        tableau = RosenbrockTableau(alpha, gamma, table.tableau.c, stated, weights)
        return Coefficients(tableau, transformed, tuple(line.c for line in table.rows), tuple(at))

    def _table(self, parts: dict[str, n.Tableau], label: str, example: str) -> Table | None:
        table = self._part(parts, label, example)
        return read_table(self.report, table, self.names) if table else None

    def _part(self, parts: dict[str, n.Tableau], label: str, example: str) -> n.Tableau | None:
        if label not in parts:
            name, word = self.declaration.name, example.partition(" {")[0]
            self.report(
                catalogue.MISSING_SETTING, name, kind="Rosenbrock method", name=name.text, word=word, example=example
            )
        return parts.get(label)

    def _is_lower(self, table: Table) -> bool:
        """Whether each stage reads earlier ones only; reported where one does not."""
        for i, (line, row) in enumerate(zip(table.rows, table.tableau.a, strict=True)):
            if late := [j for j in range(i, len(row)) if not row[j].is_zero]:
                problem = (
                    f"stage {i + 1} reads stage {late[0] + 1}: what is implicit of a Rosenbrock method is its gamma"
                )
                self.report(catalogue.BAD_GAMMA, line.entries[late[0]], problem=problem)
                return False
        return True

    def _gamma(self, node: n.Tableau, stages: int) -> tuple[Row, ...] | None:
        """γ: row i has i entries, the diagonal last."""
        lines = self._lines(node, stages, stages)
        for count, line in enumerate(lines or (), 1):
            if len(line.entries) != count:
                whose = f"row {count} of `gamma` has {count} coefficient" + "s" * (count > 1)
                self.report(catalogue.BAD_GAMMA, line, problem=f"{whose}, the diagonal last, not {len(line.entries)}")
                return None
        return self._matrix(lines, stages) if lines else None

    def _strict(self, node: n.Tableau, stages: int) -> tuple[Row, ...] | None:
        """(c_ij), strictly lower triangular: a row a stage, of which the first, without entries, may be left out."""
        lines = self._lines(node, stages - 1, stages)
        if lines is None:
            return None
        skipped = stages - len(lines)
        found = self._matrix(lines, stages)
        for i, (line, row) in enumerate(zip(lines, found or (), strict=False), skipped):
            if late := [j for j in range(i, stages) if not row[j].is_zero]:
                problem = f"stage {i + 1} reads stage {late[0] + 1}: c_ij is for j < i, and its diagonal is zero"
                self.report(catalogue.BAD_GAMMA, line.entries[late[0]], problem=problem)
                return None
        return ((ZERO,) * stages, *found)[-stages:] if found is not None else None

    def _matrix(self, lines: tuple[n.Bare, ...], stages: int) -> tuple[Row, ...] | None:
        reader = ExactReader(self.report, self.names)
        rows = [padded(reader, line.entries, stages) for line in lines]
        return None if None in rows else tuple(values(row) for row in rows if row is not None)

    def _lines(self, node: n.Tableau, least: int, stages: int) -> tuple[n.Bare, ...] | None:
        """The rows of a table without `|`; None where there are other lines, or too few or many, or long ones."""
        lines = self._bare(node)
        called = GAMMA if node.word.text == GAMMA else f"tableau {MATRIX}"
        if len(lines) != len(node.lines):
            other = next(line for line in node.lines if not isinstance(line, n.Bare))
            problem = f"a row of `{called}` has coefficients alone, no `|`"
            self.report(catalogue.BAD_GAMMA, other, problem=problem)
        elif not least <= len(lines) <= stages:
            problem = f"`{called}` has {len(lines)} row{'s' * (len(lines) != 1)}, but there are {stages} stages"
            self.report(catalogue.BAD_GAMMA, node.word, problem=problem)
        elif long := [line for line in lines if len(line.entries) > stages]:
            problem = f"this row has {len(long[0].entries)} coefficients, but there are {stages} stages"
            self.report(catalogue.BAD_GAMMA, long[0].entries[stages], problem=problem)
        else:
            return lines
        return None

    @staticmethod
    def _bare(node: n.Tableau) -> tuple[n.Bare, ...]:
        return tuple(line for line in node.lines if isinstance(line, n.Bare))
