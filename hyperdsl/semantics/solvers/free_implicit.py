"""Learned coefficients of implicit methods: what is kept beside c = A·1 and Σ b_i = 1, and by which parameters.

Where stages are solved one after the other they stay so, explicit ones stay explicit, and coefficients of the diagonal
that are equal stay equal: so many matrices are factorised as before. A last row that is b stays b. R(∞), what a step
leaves of a component that is infinitely stiff, stays as it is: else training could make a method that damps such
components one that lets them grow.

Where A is invertible and b is its last row, R(∞) = 0 holds by itself. Where b is another row, R(∞) = 1 − b·y with
y = A⁻¹·1 (Hairer & Wanner II, §IV.3); y is taken for parameters, in place of one coefficient of each row. Where the
first stage is explicit, the states of the others become r_i·z in the limit, with Σ_j≥2 a_ij r_j = −a_i1; these r_i are
taken in place of the first column, and the last one is R(∞) where b is the last row. Both leave coefficients that are
quotients of polynomials, exact for all values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from hyperdsl.semantics.model.entries import Entries
from hyperdsl.semantics.model.expressions import Constant, Expression, Negation, Variable, variables
from hyperdsl.semantics.model.left_open import Learned
from hyperdsl.semantics.model.sums import less, product, quotient, total
from hyperdsl.semantics.solvers.equal_grid import DIGITS
from hyperdsl.semantics.solvers.free_coefficients import Freed, named
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact
from hyperdsl.theory.numbers.matrices import rational_solution
from hyperdsl.theory.runge_kutta.families import Interval
from hyperdsl.theory.runge_kutta.tableau import Tableau

_NONE = Fraction(1, 10 ** (DIGITS - 10))
"""What numbers with rounded ones in them are below where they are zero."""

_Row = tuple[Expression, ...]


def free_implicit(start: Tableau, tolerance: Exact | None = None) -> Freed | str:
    """The tableau of an implicit method in parameters, for what can be learned of it, or why that is nothing.

    Within a hundred thousand times the tolerance, where its coefficients hold to one, limits are taken for zero.
    """
    read = _Structure(start, _NONE if tolerance is None else max(_NONE, 100_000 * tolerance.fraction()))
    if read.limits is None:
        return "its stages leave no limit for infinitely stiff components, which training is to keep"
    accurate = start.a[-1] == start.weights[0]
    if not accurate and read.lead:
        return (
            "its first stage is explicit and its weights are not its last row, so that nothing keeps stiff components"
        )
    if not read.other:
        return "c = A·1, Σ b = 1 and R(∞), which training keeps, fix its coefficients"
    freed = (_with_explicit_first(read) if read.lead else _stiffly_accurate(read)) if accurate else _others(read)
    used = frozenset[str]().union(*(variables(x) for row in (*freed.entries.a, *freed.entries.weights) for x in row))
    return Freed(freed.entries, tuple(one for one in freed.learned if one.name in used))


@dataclass(frozen=True)
class _Structure:
    """A tableau, and where it has coefficients to learn; numbers below `speck` are zero."""

    start: Tableau
    speck: Fraction

    @property
    def stages(self) -> int:
        return self.start.stages

    @property
    def stepwise(self) -> bool:
        """Whether stages are solved one after the other."""
        return self.start.kind == "dirk"

    @property
    def lead(self) -> int:
        """1 where the first stage is explicit, else 0."""
        return int(all(value.is_zero for value in self.start.a[0]))

    @property
    def other(self) -> bool:
        """Whether there is more to learn than what a diagonal has."""
        return self.stages - self.lead > 1

    @property
    def limits(self) -> tuple[Fraction, ...] | None:
        """A⁻¹·1 of all stages, or −r_i of those after an explicit first one; None where there are none."""
        a, lead = self.start.a, self.lead
        matrix = [list(map(_rational, row[lead:])) for row in a[lead:]]
        right = [_rational(row[0]) if lead else Fraction(1) for row in a[lead:]]
        found = rational_solution(matrix, right) if matrix else None
        if found is None or max(map(abs, found)) > 1 / self.speck:
            return None
        return tuple(Fraction(0) if abs(one) < self.speck else one for one in found)

    def columns(self, row: int) -> list[int]:
        """Where a row may have coefficients: left of the diagonal, or those that it hangs on."""
        if row < self.lead:
            return []
        return [*range(row + 1)] if self.stepwise else sorted(self._reached(row))

    def _reached(self, row: int) -> set[int]:
        found, left = set[int](), [row]
        while left:
            new = {j for j, q in enumerate(self.start.a[left.pop()]) if not q.is_zero} - found
            found |= new
            left += new
        return found

    def a(self, i: int, j: int) -> Learned:
        """The coefficient as a parameter; one of the diagonal of single stages is the first that is equal."""
        value = self.start.a[i][j]
        if not self.stepwise or i != j:
            return Learned(named("a", self.stages, i, j), value, Interval())
        diagonal = [self.start.a[k][k] for k in range(self.lead, self.stages)]
        first = self.lead + diagonal.index(value)
        name = "gamma" if len(set(diagonal)) == 1 else named("a", self.stages, first, first)
        half, twice = value / Exact.of(2), value * Exact.of(2)
        return Learned(name, value, Interval(half, twice) if value.sign() > 0 else Interval(twice, half))

    def row(self, i: int) -> dict[int, Learned]:
        """All coefficients of a row as parameters."""
        return {j: self.a(i, j) for j in self.columns(i)}

    def written(self, found: dict[int, Expression]) -> _Row:
        return tuple(found.get(j, Constant(ZERO)) for j in range(self.stages))

    def freed(self, a: Sequence[_Row], c: Sequence[Expression], b: _Row, learned: Sequence[Learned]) -> Freed:
        return Freed(Entries(tuple(a), tuple(c), (b,)), tuple({one.name: one for one in learned}.values()))


def _stiffly_accurate(read: _Structure) -> Freed:
    """b is the last row of an invertible A: all coefficients, but for one that Σ b = 1 fixes."""
    rows = [read.row(i) for i in range(read.stages)]
    learned = [one for row in rows for one in row.values()]
    a = [read.written(_variables(row)) for row in rows]
    last = _variables(rows[-1])
    fixed = max(j for j in last if j != read.stages - 1)  # the diagonal may be that of other stages
    last[fixed] = less(Constant(ONE), (q for j, q in last.items() if j != fixed))
    a[-1] = read.written(last)
    c = [*map(total, a[:-1]), Constant(ONE)]
    return read.freed(a, c, a[-1], learned)


def _with_explicit_first(read: _Structure) -> Freed:
    """An explicit first stage, and b the last row: its R(∞) is the last r, a number."""
    assert read.limits is not None
    size, end = read.stages, read.stages - 1
    values = (Fraction(1), *(-q for q in read.limits))
    stiff = [Learned(named("r", size, i), Exact.of(values[i]), Interval()) for i in range(1, end)]
    r: list[Expression] = [Constant(ONE), *(Variable(one.name) for one in stiff), Constant(Exact.of(values[-1]))]
    gaps = [_one_less(one) for one in r]
    learned, a, c = [*stiff], [read.written({})], [Constant(ZERO)]
    nodes: list[Expression] = [*c]
    for i in range(1, size):
        row = {j: one for j, one in read.row(i).items() if j > 0}
        learned += row.values()
        found = _variables(row)
        if i == end:
            fixed = max((j for j in row if j != i), key=lambda j: abs(1 - values[j]))
            rest = (product(q, gaps[j]) for j, q in found.items() if j != fixed)
            found[fixed] = quotient(less(Constant(ONE), rest), gaps[fixed])
        first = total(product(q, r[j]) for j, q in found.items())
        nodes.append(Constant(ONE) if i == end else total(product(q, gaps[j]) for j, q in found.items()))
        a.append(read.written({0: Negation(first), **found}))
    return read.freed(a, nodes, a[-1], learned)


def _others(read: _Structure) -> Freed:
    """A is invertible and b another row: y = A⁻¹·1 are parameters, and two weights follow from Σ b and b·y."""
    assert read.limits is not None
    size, values = read.stages, read.limits
    one = Constant(ONE)
    stiff = [Learned(named("y", size, i), Exact.of(values[i]), Interval()) for i in range(size)]
    y: list[Expression] = [Variable(each.name) for each in stiff]
    learned, a = [*stiff], list[_Row]()
    for i in range(size):
        row = read.row(i)
        learned += row.values()
        found = _variables(row)
        if read.stepwise and i == 0:
            diagonal = found[0]
            y[0] = quotient(one, diagonal)
        else:
            fixed = 0 if read.stepwise else max(row, key=lambda j: abs(values[j]))
            rest = less(one, (product(q, y[j]) for j, q in found.items() if j != fixed))
            found[fixed] = product(rest, diagonal) if read.stepwise else quotient(rest, y[fixed])
        a.append(read.written(found))
    b, free = _weights(read, y)
    return read.freed(a, [*map(total, a)], b, [*learned, *free])


def _weights(read: _Structure, y: Sequence[Expression]) -> tuple[_Row, list[Learned]]:
    """Weights with Σ b = 1 and b·y = 1 − R(∞), and those of them that are parameters."""
    assert read.limits is not None
    size, values, last = read.stages, read.limits, read.stages - 1
    fixed = max(range(last), key=lambda j: abs(values[j] - values[last]))
    weighed = (_rational(q) * limit for q, limit in zip(read.start.weights[0], values, strict=True))
    damping = sum(weighed, Fraction(0))
    damped = Constant(Exact.of(round(damping) if abs(damping - round(damping)) < read.speck else damping))
    places = [j for j in range(last) if j != fixed]
    free = {j: Learned(named("b", size, j), read.start.weights[0][j], Interval()) for j in places}
    b = _variables(free)
    gap = less(y[last], [y[fixed]])
    above = (product(b[j], less(y[j], [y[fixed]])) for j in places)
    below = (product(b[j], less(y[last], [y[j]])) for j in places)
    ends = {last: less(less(damped, [y[fixed]]), above), fixed: less(less(y[last], [damped]), below)}
    return read.written({**b, **{j: quotient(end, gap) for j, end in ends.items()}}), [*free.values()]


def _variables(row: dict[int, Learned]) -> dict[int, Expression]:
    return {j: Variable(one.name) for j, one in row.items()}


def _one_less(expression: Expression) -> Expression:
    """1 − r."""
    one = Constant(ONE)
    return Constant(ONE - expression.value) if isinstance(expression, Constant) else less(one, [expression])


def _rational(value: Exact) -> Fraction:
    """The number, rounded where it is irrational."""
    return value.fraction() if value.is_rational else Fraction(value.decimal(DIGITS))
