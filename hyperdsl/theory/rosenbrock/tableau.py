"""Coefficients of Rosenbrock methods, as Hairer & Wanner II, §IV.7 write them, and from the transformed ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from hyperdsl.theory.conditions import vanishes
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact
from hyperdsl.theory.numbers.matrices import dot
from hyperdsl.theory.runge_kutta.tableau import Row, Tableau


@dataclass(frozen=True)
class RosenbrockTableau:
    """k_i = f(s + c_i·ε, z + ε Σ_{j<i} α_ij·k_j) + ε J Σ_{j≤i} γ_ij·k_j + ε γ_i ∂f/∂s and z' = z + ε Σ b_i·k_i.

    J is ∂f/∂z, and with it ∂f/∂s, at (s, z). `alpha` and `gamma` are square, their zeros included, the first strictly
    lower triangular and the second lower triangular; `gamma_sums` are the γ_i. The first row of `weights` is
    propagated, further ones are embedded.
    """

    alpha: tuple[Row, ...]
    gamma: tuple[Row, ...]
    c: Row
    gamma_sums: Row
    weights: tuple[Row, ...]

    def __post_init__(self) -> None:
        size = len(self.c)
        lengths = {len(row) for row in (*self.alpha, *self.gamma, self.gamma_sums, *self.weights)}
        if not self.weights or {len(self.alpha), len(self.gamma)} != {size} or lengths != {size}:
            raise ValueError(
                "a Rosenbrock method of s stages has s rows of s coefficients, twice, and rows of s weights"
            )
        if any(not q.is_zero for i, row in enumerate(self.alpha) for q in row[i:]):
            raise ValueError("α is strictly lower triangular")
        if any(not q.is_zero for i, row in enumerate(self.gamma) for q in row[i + 1 :]):
            raise ValueError("γ is lower triangular")

    @property
    def stages(self) -> int:
        return len(self.c)

    @property
    def rows(self) -> tuple[Row, ...]:
        """Every row of coefficients: those of α, those of γ, c, the γ_i, then the weights."""
        return (*self.alpha, *self.gamma, self.c, self.gamma_sums, *self.weights)

    @cached_property
    def parameters(self) -> frozenset[str]:
        """Names of the parameters on which a coefficient depends."""
        return frozenset[str]().union(*(value.parameters for row in self.rows for value in row))

    @cached_property
    def beta(self) -> tuple[Row, ...]:
        """β = α + γ."""
        pairs = zip(self.alpha, self.gamma, strict=True)
        return tuple(tuple(p + q for p, q in zip(one, other, strict=True)) for one, other in pairs)

    @cached_property
    def linear(self) -> Tableau:
        """The Runge–Kutta method that it is on z' = λz, whose stability function is its own: A = β."""
        return Tableau(self.beta, sums(self.beta), self.weights)

    @cached_property
    def explicit(self) -> Tableau:
        """The explicit method that is left where J is zero: α, c and b."""
        return Tableau(self.alpha, self.c, self.weights)

    @cached_property
    def is_consistent(self) -> bool:
        """c = α·1 and γ_i = Σ_j γ_ij, exactly: time may be counted as a state."""
        return self.c == sums(self.alpha) and self.gamma_sums == sums(self.gamma)

    def is_stiffly_accurate(self, tolerance: Exact | None = None) -> bool:
        """Whether b is the row of β of the last stage that it reads, and that stage is evaluated at the end of the step
        (to the tolerance; H&W II, §IV.7, (7.20)). Further stages are those of embedded rows."""
        last = max((i for i, weight in enumerate(self.weights[0]) if not weight.is_zero), default=0)
        differences = [p - q for p, q in zip(self.weights[0], self.beta[last], strict=True)]
        return all(vanishes(q, tolerance) for q in (*differences, self.c[last] - ONE))

    @cached_property
    def diagonal(self) -> Row:
        """The γ_ii."""
        return tuple(row[i] for i, row in enumerate(self.gamma))

    def substitute(self, values: Mapping[str, Exact]) -> RosenbrockTableau:
        """The member of the family with these parameter values; ZeroDivisionError where a coefficient has a pole."""

        def replaced(row: Row) -> Row:
            return tuple(value.substitute(values) for value in row)

        def each(rows: tuple[Row, ...]) -> tuple[Row, ...]:
            return tuple(map(replaced, rows))

        return RosenbrockTableau(
            each(self.alpha), each(self.gamma), replaced(self.c), replaced(self.gamma_sums), each(self.weights)
        )


@dataclass(frozen=True)
class Transformed:
    """(1/γ_ii − ε J) u_i = f(s + c_i·ε, z + ε Σ a_ij·u_j) + Σ c_ij·u_j + ε γ_i ∂f/∂s and z' = z + ε Σ m_i·u_i, j < i.

    That is the same method in u = Γ k, without products with J: a = α Γ⁻¹, (c_ij) = diag(1/γ_ii) − Γ⁻¹ and
    m = b Γ⁻¹ (H&W II, §IV.7, (7.25), where u is ε times that).
    """

    a: tuple[Row, ...]
    c: tuple[Row, ...]
    weights: tuple[Row, ...]


def transformed(tableau: RosenbrockTableau) -> Transformed:
    """The transformed coefficients; ZeroDivisionError where a γ_ii is zero."""
    inverse = inverted(tableau.gamma)
    c = tuple(
        tuple((ONE / tableau.diagonal[i] if i == j else ZERO) - q for j, q in enumerate(row))
        for i, row in enumerate(inverse)
    )
    return Transformed(product(tableau.alpha, inverse), c, product(tableau.weights, inverse))


def solved(tableau: RosenbrockTableau) -> Tableau:
    """A tableau whose numbers are those that a step computes with; ZeroDivisionError where a γ_ii is zero."""
    found = transformed(tableau)
    return Tableau(found.a, tableau.c, (*found.c, tableau.gamma_sums, *found.weights))


def untransformed(given: Transformed, diagonal: Row) -> tuple[tuple[Row, ...], tuple[Row, ...], tuple[Row, ...]]:
    """(α, γ, weights) of transformed coefficients; ZeroDivisionError where a γ_ii is zero."""
    inverse = tuple(
        tuple((ONE / diagonal[i] if i == j else ZERO) - q for j, q in enumerate(row)) for i, row in enumerate(given.c)
    )
    gamma = inverted(inverse)
    return product(given.a, gamma), gamma, product(given.weights, gamma)


def sums(rows: Sequence[Row]) -> Row:
    """The sum of each row."""
    return tuple(sum(row, ZERO) for row in rows)


def product(rows: Sequence[Row], matrix: Sequence[Row]) -> tuple[Row, ...]:
    """rows·matrix."""
    columns = tuple(zip(*matrix, strict=True))
    return tuple(tuple(dot(row, column) for column in columns) for row in rows)


def inverted(lower: Sequence[Row]) -> tuple[Row, ...]:
    """The inverse of a lower triangular matrix, row by row; ZeroDivisionError where its diagonal has a zero."""
    found: list[Row] = []
    for i, row in enumerate(lower):
        below = tuple(zip(*found, strict=True)) if found else ()
        mixed = [dot(row[:i], column) for column in below]
        found.append(tuple(-q / row[i] for q in mixed[:i]) + (ONE / row[i],) + (ZERO,) * (len(lower) - i - 1))
    return tuple(found)
