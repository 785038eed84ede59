"""Strong stability preservation: the radius of absolute monotonicity (Kraaijevanger 1991, BIT 31, 482–528; Gottlieb,
Ketcheson & Shu, Strong Stability Preserving Runge–Kutta and Multistep Time Discretizations, 2011, ch. 3)."""

from __future__ import annotations

from collections.abc import Iterator

from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact
from hyperdsl.theory.numbers.matrices import dot
from hyperdsl.theory.numbers.polynomials import Polynomial, trimmed
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.stability.linear import determinant, non_negative_until

_Matrix = tuple[tuple[Exact, ...], ...]


def ssp_coefficient(tableau: Tableau) -> float | None:
    """The largest r such that steps of r times forward Euler's bound keep what forward Euler keeps; None for a family.

    With M = (I + rA)⁻¹ it is the largest r up to which A·M, b·M, M·1 and 1 − r·b·M·1 are not negative; the nearest
    double of an exactly isolated root, `math.inf` where there is no bound.
    """
    if tableau.parameters:
        return None
    if any(value.sign() < 0 for row in (*tableau.a, tableau.weights[0]) for value in row):
        return 0.0
    least = float("inf")
    for polynomial in _numerators(tableau):
        least = min(least, non_negative_until(polynomial))
        if least == 0:
            break
    return least


def _numerators(tableau: Tableau) -> Iterator[Polynomial]:
    """What must not be negative, times d(r) = det(I + rA), which must be positive itself."""
    size = range(tableau.stages)
    d = [q * (-1) ** k for k, q in enumerate(determinant(tableau))]
    d += [ZERO] * (tableau.stages + 1 - len(d))
    yield trimmed(d)
    matrices = _scaled_inverse(tableau, d)
    sums = [tuple(sum(row, ZERO) for row in matrix) for matrix in matrices]
    rest = list(d)
    for k, values in enumerate(sums):
        rest[k + 1] -= dot(tableau.weights[0], values)
    yield trimmed(rest)
    yield from (trimmed([values[i] for values in sums]) for i in size)
    columns = [tuple(zip(*matrix, strict=True)) for matrix in matrices]
    for row in (tableau.weights[0], *tableau.a):
        yield from (trimmed([dot(row, column[j]) for column in columns]) for j in size)


def _scaled_inverse(tableau: Tableau, d: list[Exact]) -> list[_Matrix]:
    """d(r)·(I + rA)⁻¹ = Σ M_k r^k: M_k = d_k·I − A·M_(k−1)."""
    size = range(tableau.stages)
    found: list[_Matrix] = [tuple(tuple(ONE if i == j else ZERO for j in size) for i in size)]
    for k in range(1, tableau.stages):
        columns = tuple(zip(*found[-1], strict=True))
        found.append(
            tuple(tuple((d[k] if i == j else ZERO) - dot(tableau.a[i], columns[j]) for j in size) for i in size)
        )
    return found
