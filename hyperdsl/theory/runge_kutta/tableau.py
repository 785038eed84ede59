"""Butcher tableaux with exact coefficients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact

HIGHEST_ORDER = 64
"""No order beyond is asked for."""

Row = tuple[Exact, ...]
Kind = Literal["explicit", "dirk", "implicit"]


@dataclass(frozen=True)
class Tableau:
    """k_i = f(s + c_i·ε, z + ε Σ_j a_ij·k_j) and z' = z + ε Σ_i b_i·k_i (Hairer, Nørsett & Wanner I, §II.1).

    `a` is square, its zeros included. The first row of `weights` is propagated, further ones are embedded.
    """

    a: tuple[Row, ...]
    c: Row
    weights: tuple[Row, ...]

    def __post_init__(self) -> None:
        if not self.weights or any(len(row) != len(self.c) for row in (*self.a, self.a, *self.weights)):
            raise ValueError("a tableau needs s rows of s coefficients, s nodes and rows of s weights")

    @property
    def stages(self) -> int:
        return len(self.c)

    @cached_property
    def parameters(self) -> frozenset[str]:
        """Names of the parameters on which a coefficient depends."""
        return frozenset[str]().union(*(value.parameters for row in self.rows for value in row))

    @property
    def rows(self) -> tuple[Row, ...]:
        """Every row of coefficients: those of A, then c, then the weights."""
        return (*self.a, self.c, *self.weights)

    @cached_property
    def kind(self) -> Kind:
        """ "explicit": A strictly lower triangular; "dirk": lower triangular; otherwise "implicit"."""
        upper = [(i, j) for i in range(self.stages) for j in range(i, self.stages) if not self.a[i][j].is_zero]
        if not upper:
            return "explicit"
        return "dirk" if all(i == j for i, j in upper) else "implicit"

    @cached_property
    def nodes_apart(self) -> tuple[int, ...]:
        """The stages of an implicit tableau of numbers at different nodes that are not 0; of any other none."""
        if self.kind == "explicit" or self.parameters:
            return ()
        found: dict[Exact, int] = {}
        for i, c in enumerate(self.c):
            if not c.is_zero:
                found.setdefault(c, i)
        return tuple(found.values())

    @cached_property
    def is_fsal(self) -> bool:
        """First same as last: the last stage's derivative is the first of the next step, exactly."""
        return (
            self.stages >= 2
            and all(value.is_zero for value in self.a[0])
            and self.a[-1] == self.weights[0]
            and self.c[0].is_zero
            and self.c[-1] == ONE
        )

    @cached_property
    def row_sums(self) -> Row:
        """A·1."""
        return tuple(sum(row, ZERO) for row in self.a)

    @cached_property
    def is_consistent(self) -> bool:
        """c = A·1, exactly: stages see the time that belongs to their states, and time may be counted as a state."""
        return self.c == self.row_sums

    def substitute(self, values: Mapping[str, Exact]) -> Tableau:
        """The member of the family with these parameter values; ZeroDivisionError where a coefficient has a pole."""

        def replaced(row: Row) -> Row:
            return tuple(value.substitute(values) for value in row)

        return Tableau(tuple(map(replaced, self.a)), replaced(self.c), tuple(map(replaced, self.weights)))
