"""The tables of a solver's base as a declaration writes them: what training found is written back in them."""

from __future__ import annotations

from dataclasses import dataclass

from hyperdsl.plan.quotients import expression_of
from hyperdsl.semantics.model.additive import PARTS
from hyperdsl.semantics.model.entries import Entries
from hyperdsl.semantics.model.expressions import Expression
from hyperdsl.semantics.model.spec import AdditiveSolver, AnySolver, RosenbrockSolver, Solver
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.rosenbrock.tableau import RosenbrockTableau, sums

Row = tuple[Expression, ...]


@dataclass(frozen=True)
class Table:
    """A table that `word` begins: rows beside their `c`, and rows of weights; without c the rows are bare.

    One that is `flat` is a setting: its row stands behind the word.
    """

    word: str
    rows: tuple[Row, ...]
    c: Row = ()
    weights: tuple[Row, ...] = ()
    flat: bool = False

    @property
    def every(self) -> tuple[Row, ...]:
        """All rows of coefficients."""
        return (*self.rows, *self.weights)


def tables_of(solver: AnySolver) -> tuple[Table, ...]:
    """Those of the base, with the embedded weights where a control reads them; none of one that has a history."""
    control = solver.control
    rows = 2 if control is not None and (control.error == "embedded" or control.fallback) else 1
    match solver:
        case Solver():
            return (_table("tableau", solver.entries, rows),)
        case AdditiveSolver():
            return tuple(
                _table(f"tableau {part}", entries, rows) for part, entries in zip(PARTS, solver.entries, strict=True)
            )
        case RosenbrockSolver():
            return _rosenbrock(solver.tableau, rows)
        case _:
            return ()


def _table(word: str, entries: Entries, rows: int) -> Table:
    return Table(word, entries.a, entries.c, entries.weights[:rows])


def _rosenbrock(tableau: RosenbrockTableau, rows: int) -> tuple[Table, ...]:
    """Untransformed, with the γ_i where they are not exactly the sums of their rows."""
    gamma = tuple(_numbers(row[: i + 1]) for i, row in enumerate(tableau.gamma))
    weights = tuple(map(_numbers, tableau.weights[:rows]))
    found = Table("tableau", tuple(map(_numbers, tableau.alpha)), _numbers(tableau.c), weights)
    own = tableau.gamma_sums != sums(tableau.gamma)
    stated = (Table("gamma_sums", (_numbers(tableau.gamma_sums),), flat=True),) if own else ()
    return (found, Table("gamma", gamma), *stated)


def _numbers(row: tuple[Exact, ...]) -> Row:
    return tuple(map(expression_of, row))
