"""Real number fields Q(θ): θ a real root of an irreducible polynomial, numbers the polynomials in θ modulo it.

A field grows by a root β of a polynomial f over it. γ = β + kθ generates the larger field for all but finitely many
integers k, namely where Trager's norm N(x) = Π (x − β_j − kθ_i), over all conjugates, has no double root (Trager 1976;
Cohen 1993, §3.6). N comes from its power sums, one of its factors over Q is γ's minimal polynomial, and since
∂N/∂k = −θ·∂N/∂x at x = γ, θ = −(∂N/∂k)/(∂N/∂x) there. Which factor, and which real root, is decided by balls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from math import comb
from typing import Any

import flint
from flint import arb, arb_poly, fmpq, fmpq_mat, fmpq_poly, fmpz, fmpz_poly

from hyperdsl.theory.numbers.budget import NotExact, OutOfReach, spend
from hyperdsl.theory.numbers.roots import RealRoot, real_balls

Poly = Any
"""A flint fmpq_poly."""

Named = tuple[str, Poly]
"""A factor as it is printed, "" for 1, and its value."""

MAX_DEGREE = 48
"""The largest degree of a field."""

_LARGEST_NORM = 192
_LARGEST_HEIGHT = 10**6
_LARGEST_MODULUS = 40_000
"""Bits of a field's polynomial times its degree: its roots may lie close together, and then take long to tell apart."""
_MOST_SHIFTS = 64
_START_BITS = 128


class Field:
    """Q(θ), θ = `root`. Fields are compared by identity: the functions that make them keep what they have made."""

    def __init__(self, root: RealRoot, names: Callable[[], Sequence[Named]]) -> None:
        """`names` gives numbers that span the field over Q, the first ones preferred when a number is printed.

        `images` collects the fields that are known to lie inside, each with its θ.
        """
        self.root = root
        self.modulus: Poly = fmpq_poly(root.polynomial) / root.polynomial.leading_coefficient()
        self.degree = int(root.polynomial.degree())
        self.images: dict[Field, Poly] = {}
        self._names = names
        self._balls: dict[int, arb] = {}

    def ball(self, value: Poly) -> arb:
        """A ball around a number, at flint's current precision."""
        bits = flint.ctx.prec
        if bits not in self._balls:
            self._balls[bits] = self.root.ball()
        return arb_poly(value)(self._balls[bits])

    def include(self, other: Field, theta: Poly) -> None:
        """Take note that `other` lies inside, and with it all that lies inside that."""
        self.images[other] = theta
        for inner, image in other.images.items():
            self.images.setdefault(inner, self.at(image, theta))

    def times(self, x: Poly, y: Poly) -> Poly:
        spend(2 + self.degree**2 // 50)
        return x * y % self.modulus

    def inverse(self, x: Poly) -> Poly:
        """1/x for x ≠ 0."""
        return x.xgcd(self.modulus)[1]

    def at(self, value: Poly, point: Poly) -> Poly:
        """The polynomial `value` at a number of the field."""
        result = fmpq_poly([0])
        for q in reversed(value.coeffs()):
            result = self.times(result, point) + q
        return result

    def coordinates(self, x: Poly) -> list[fmpq]:
        """The coefficients of 1, θ, θ², …"""
        found: list[fmpq] = x.coeffs()
        return found + [fmpq(0)] * (self.degree - len(found))

    @cached_property
    def traces(self) -> list[fmpq]:
        """The traces of 1, θ, θ², …, which are the power sums of θ's conjugates (Newton)."""
        q = self.modulus.coeffs()[-2::-1]  # of x^n + q₁x^(n−1) + q₂x^(n−2) + …
        found = [fmpq(self.degree)]
        for r in range(1, self.degree):
            found.append(-sum((q[i - 1] * found[r - i] for i in range(1, r)), fmpq(0)) - r * q[r - 1])
        return found

    def trace(self, x: Poly) -> fmpq:
        """The sum of a number's conjugates."""
        spend(1 + self.degree // 8)
        return sum((q * t for q, t in zip(x.coeffs(), self.traces, strict=False)), fmpq(0))

    @cached_property
    def names(self) -> list[Named]:
        """A basis of the field over Q, by the names of its numbers."""
        named = list(self._names())
        columns = fmpq_mat([self.coordinates(value) for _, value in named]).transpose()
        reduced, rank = columns.rref()
        pivots = [next(j for j in range(len(named)) if reduced[i, j] != 0) for i in range(rank)]
        return [named[j] for j in pivots]

    @cached_property
    def _to_names(self) -> fmpq_mat:
        spend(self.degree**3 // 4)
        return fmpq_mat([self.coordinates(value) for _, value in self.names]).transpose().inv()

    def named_terms(self, x: Poly) -> list[tuple[str, fmpq]]:
        """x as the sum of the second by the first, without zeros."""
        column = self._to_names * fmpq_mat(self.degree, 1, self.coordinates(x))
        pairs = zip(self.names, column.entries(), strict=True)
        return [(name, q) for (name, _), q in pairs if q != 0]


def _spanning(*groups: Sequence[Named]) -> Sequence[Named]:
    """All products of one number from each group, not reduced."""
    found: list[Named] = [("", fmpq_poly([1]))]
    for group in groups:
        found = [("*".join(filter(None, (text, name))), x * y) for text, x in found for name, y in group]
    return found


@lru_cache(maxsize=1)
def rational_field() -> Field:
    """Q, θ = 0."""
    return Field(RealRoot(fmpz_poly([0, 1]), 0), lambda: [("", fmpq_poly([1]))])


@lru_cache(maxsize=256)
def quadratic_field(radicand: int) -> Field:
    """Q(√d) for a squarefree d ≥ 2, θ = √d."""
    names = [("", fmpq_poly([1])), (f"sqrt({radicand})", fmpq_poly([0, 1]))]
    return Field(RealRoot(fmpz_poly([-radicand, 0, 1]), 1), lambda: names)


@lru_cache(maxsize=64)
def cosine_field(n: int) -> Field:
    """Q(cos(π/n)), θ = 2·cos(π/n), for n ≥ 3; its degree is φ(2n)/2."""
    if 2 * n > 8 * MAX_DEGREE**2:  # φ(2n) ≥ √n, and what has to be factored stays small
        raise NotExact(f"the degree of cos(pi/n) is more than {MAX_DEGREE} for {shortened(n)}")
    degree = int(fmpz(2 * n).euler_phi()) // 2
    if degree > MAX_DEGREE:
        raise NotExact(f"the degree of cos(pi/{n}) is {degree}, more than {MAX_DEGREE}")
    polynomial = fmpz_poly.cos_minpoly(2 * n)
    field = Field(RealRoot(polynomial, int(polynomial.degree()) - 1), lambda: _cosines(n, field))
    return field


def height(x: Poly) -> int:
    """Bits of the longest coefficient, numerator and denominator together."""
    return max((int(q.p.bit_length() + q.q.bit_length()) for q in x.coeffs()), default=0)


def shortened(n: int) -> str:
    """`n = …`, in words where it is long."""
    return f"n = {n}" if n < 10**12 else f"an n of {n.bit_length()} bits"


def cosine(field: Field, k: int) -> Poly:
    """cos(kπ/n) in `cosine_field(n)`, k ≥ 0."""
    return fmpz_poly.chebyshev_t(k)(fmpq_poly([0, fmpq(1, 2)])) % field.modulus


def _cosines(n: int, field: Field) -> list[Named]:
    found = [("", fmpq_poly([1]))]
    for k in range(1, field.degree):
        turn = fmpq(k, n)
        above = "pi" if turn.p == 1 else f"{turn.p}*pi"
        found.append((f"cos({above}/{turn.q})", cosine(field, k)))
    return found


@lru_cache(maxsize=1024)
def common_field(fields: tuple[Field, ...]) -> tuple[Field, tuple[Poly, ...]]:
    """A field that holds all of them, and each one's θ in it; one of them, where that holds the others."""
    largest = max(fields, key=lambda field: field.degree)
    for field in fields:
        if field is not largest and field not in largest.images:
            largest = _composed(largest, field)
    identity = fmpq_poly([0, 1]) % largest.modulus
    return largest, tuple(identity if field is largest else largest.images[field] for field in fields)


@lru_cache(maxsize=1024)
def _composed(field: Field, other: Field) -> Field:
    """The field that both generate, which knows them."""
    sums = _power_sums_of(other, field.degree * other.degree)
    gamma = fmpq_poly([0, 1])

    def names(larger: Field, theta: Poly, beta: Poly) -> Sequence[Named]:
        ours = [(name, larger.at(value, theta)) for name, value in field.names]
        theirs = [(name, larger.at(value, beta)) for name, value in other.names]
        return [(name, value % larger.modulus) for name, value in _spanning(ours, theirs)]

    theta, beta, larger = _adjoined(field, sums, lambda: other.ball(gamma), names)
    if larger is not field:
        larger.include(field, theta)
    larger.include(other, beta)
    return larger


def _power_sums_of(field: Field, last: int) -> list[Poly]:
    """Σ β^s over the conjugates β of θ, s = 0, …, `last`, as constants."""
    power, found = fmpq_poly([1]), []
    for _ in range(last + 1):
        found.append(fmpq_poly([field.trace(power)]))
        power = field.times(power, fmpq_poly([0, 1]))
    return found


def square_root(field: Field, x: Poly, text: str) -> tuple[Poly, Poly, Field]:
    """θ and √x in the field that they generate, and that field, for x > 0; `text` is how √x is printed."""
    if field.degree**2 * (height(x) + height(field.modulus)) > _LARGEST_HEIGHT:
        raise OutOfReach("a root in a number field, of a number with that many digits")
    scale = int(x.denom())  # √x times this is an algebraic integer, as θ is
    scaled = x * scale * scale
    sums, power = [], fmpq_poly([2])
    for s in range(2 * field.degree + 1):
        sums.append(power if s % 2 == 0 else fmpq_poly([0]))
        power = field.times(power, scaled) if s % 2 else power

    def names(larger: Field, theta: Poly, beta: Poly) -> Sequence[Named]:
        ours = [(name, larger.at(value, theta)) for name, value in field.names]
        spanning = _spanning(ours, [("", fmpq_poly([1])), (text, beta / scale)])
        return [(name, value % larger.modulus) for name, value in spanning]

    theta, beta, larger = _adjoined(field, sums, lambda: field.ball(scaled).sqrt(), names)
    if larger is not field:
        larger.include(field, theta)
    return theta, beta / scale, larger


def _adjoined(
    field: Field,
    sums: Sequence[Poly],
    beta: Callable[[], arb],
    names: Callable[[Field, Poly, Poly], Sequence[Named]],
) -> tuple[Poly, Poly, Field]:
    """θ and β in the field that they generate, and that field; it is `field` itself where that holds β.

    `sums` are the power sums of the roots of an integral polynomial over the field that has the root β.
    """
    size = len(sums) - 1
    if size > _LARGEST_NORM:
        raise NotExact(f"the number may have a degree of {size}; more than {_LARGEST_NORM} are not tried")
    spend(size**3 // 32)
    traces = _mixed_traces(field, sums)
    shift, norm, slope = next(found for found in (_norm(traces, k) for k in _shifts()) if found is not None)

    def gamma() -> arb:
        return beta() + shift * field.ball(fmpq_poly([0, 1]))

    factor = _factor_with(norm, gamma)
    if factor.degree() > MAX_DEGREE:
        raise NotExact(f"the number has degree {factor.degree()}, more than {MAX_DEGREE}")
    modulus = fmpq_poly(factor)
    if factor.degree() * height(modulus) > _LARGEST_MODULUS:
        raise OutOfReach(f"a number of degree {factor.degree()} with that many digits")
    theta = -slope * norm.derivative().xgcd(modulus)[1] % modulus
    if factor.degree() == field.degree:
        inside = _solved(theta, modulus) - shift * fmpq_poly([0, 1])
        return fmpq_poly([0, 1]) % field.modulus, inside % field.modulus, field
    larger = Field(_root_at(factor, gamma), lambda: names(larger, theta, within))
    within = fmpq_poly([0, 1]) - shift * theta
    return theta, within, larger


def _shifts() -> list[int]:
    return [0, *(sign * k for k in range(1, _MOST_SHIFTS) for sign in (1, -1))]


def _mixed_traces(field: Field, sums: Sequence[Poly]) -> list[list[fmpq]]:
    """Row s holds the traces of (Σ β^s)·θ^j, j = 0, 1, …"""
    last = len(sums) - 1
    table = []
    for s, total in enumerate(sums):
        row, power = [], total % field.modulus
        for _ in range(last - s + 1):
            row.append(field.trace(power))
            power = field.times(power, fmpq_poly([0, 1]))
        table.append(row)
    return table


def _norm(traces: list[list[fmpq]], k: int) -> tuple[int, Poly, Poly] | None:
    """(k, N, ∂N/∂k), where N has no double root."""
    size = len(traces) - 1
    spend(size**2)
    sums, slopes = [], []
    for r in range(size + 1):
        sums.append(sum((comb(r, s) * k ** (r - s) * traces[s][r - s] for s in range(r + 1)), fmpq(0)))
        slope = (comb(r, s) * (r - s) * k ** (r - s - 1) * traces[s][r - s] for s in range(r))
        slopes.append(sum(slope, fmpq(0)))
    q, dq = [fmpq(1)], [fmpq(0)]  # coefficients of x^size, x^(size−1), …, and their derivatives (Newton)
    for r in range(1, size + 1):
        q.append(-sum((q[r - i] * sums[i] for i in range(1, r + 1)), fmpq(0)) / r)
        dq.append(-sum((dq[r - i] * sums[i] + q[r - i] * slopes[i] for i in range(1, r + 1)), fmpq(0)) / r)
    norm = fmpq_poly(q[::-1])
    return (k, norm, fmpq_poly(dq[::-1])) if norm.gcd(norm.derivative()).degree() == 0 else None


def _factor_with(polynomial: Poly, root: Callable[[], arb]) -> fmpz_poly:
    """The irreducible factor that has this root; the polynomial has it once."""
    factors: list[fmpz_poly] = [factor for factor, _ in polynomial.numer().factor()[1]]
    bits = _START_BITS
    while len(factors) > 1:
        with flint.ctx.workprec(bits):
            ball = root()
            factors = [factor for factor in factors if arb_poly(factor)(ball).contains(0)]
        bits *= 2
    return factors[0]


def _root_at(polynomial: fmpz_poly, root: Callable[[], arb]) -> RealRoot:
    bits = _START_BITS
    while True:
        with flint.ctx.workprec(bits):
            ball = root()
            near = [i for i, other in enumerate(real_balls(polynomial)) if other.overlaps(ball)]
        if len(near) == 1:
            return RealRoot(polynomial, near[0])
        bits *= 2


def _solved(theta: Poly, modulus: Poly) -> Poly:
    """x as a polynomial in θ, where θ generates Q[x] modulo `modulus`."""
    degree = modulus.degree()
    columns, power = [], fmpq_poly([1])
    for _ in range(degree):
        columns.append([power[i] for i in range(degree)])
        power = power * theta % modulus
    x = fmpq_poly([0, 1]) % modulus
    solution = fmpq_mat(columns).transpose().solve(fmpq_mat(degree, 1, [x[i] for i in range(degree)]))
    return fmpq_poly(solution.entries())
