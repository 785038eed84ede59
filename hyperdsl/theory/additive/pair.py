"""Additive Runge–Kutta methods with exact coefficients (Ascher, Ruuth & Spiteri 1997; Kennedy & Carpenter 2003)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.tableau import Row, Tableau


@dataclass(frozen=True)
class Pair:
    """z' = Σ f^ν(s, z): k^ν_i = f^ν(s + c^ν_i·ε, Z_i) with Z_i = z + ε Σ_ν Σ_j a^ν_ij·k^ν_j, z₁ = z + ε Σ b^ν_i·k^ν_i.

    `parts` are the tableaux by their names, with equally many stages and rows of weights. A row of weights is that row
    of every part.
    """

    parts: tuple[tuple[str, Tableau], ...]

    def __post_init__(self) -> None:
        sizes = {(tableau.stages, len(tableau.weights)) for _, tableau in self.parts}
        if len(sizes) != 1:
            raise ValueError("the parts need equally many stages, and equally many rows of weights")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.parts)

    @property
    def tableaux(self) -> tuple[Tableau, ...]:
        return tuple(tableau for _, tableau in self.parts)

    @property
    def stages(self) -> int:
        return self.tableaux[0].stages

    @property
    def rows(self) -> int:
        """The number of rows of weights."""
        return len(self.tableaux[0].weights)

    def part(self, name: str) -> Tableau:
        return dict(self.parts)[name]

    @cached_property
    def parameters(self) -> frozenset[str]:
        return frozenset[str]().union(*(tableau.parameters for tableau in self.tableaux))

    @cached_property
    def joined(self) -> Tableau:
        """All evaluations as the stages of one tableau, those of the first part first: its matrix has for each part
        the rows (A^1 … A^N)."""
        a = tuple(tuple(chain(*rows)) for rows in zip(*(tableau.a for tableau in self.tableaux), strict=True))
        weights = zip(*(tableau.weights for tableau in self.tableaux), strict=True)
        c: Row = tuple(chain(*(tableau.c for tableau in self.tableaux)))
        return Tableau(a * len(self.parts), c, tuple(tuple(chain(*rows)) for rows in weights))

    @cached_property
    def is_consistent(self) -> bool:
        """c^ν = A^ν·1 for every part, exactly: time may be counted as a state, as an equation of each part."""
        return all(tableau.is_consistent for tableau in self.tableaux)

    @cached_property
    def has_one_c(self) -> bool:
        """All nodes and all row sums are the same: then a leaf of a tree reads c, whatever part it belongs to."""
        return self.is_consistent and len({tableau.c for tableau in self.tableaux}) == 1

    @cached_property
    def is_fsal(self) -> bool:
        """First same as last: all parts' last stages are evaluated where the next step begins, exactly."""
        return all(tableau.is_fsal for tableau in self.tableaux)

    def substitute(self, values: Mapping[str, Exact]) -> Pair:
        """The member of the family with these parameter values; ZeroDivisionError where a coefficient has a pole."""
        return Pair(tuple((name, tableau.substitute(values)) for name, tableau in self.parts))
