"""Linear multistep methods Σ_j α_j·z[n+j] = ε Σ_j β_j·f[n+j], j = 0..k, α_k = 1, proven (Hairer, Nørsett & Wanner I,
ch. III.2–3).

With C_0 = Σ α_j and C_q = Σ (α_j·j^q/q! − β_j·j^(q−1)/(q−1)!), the order is the largest p with C_0 = … = C_p = 0, and
the local error is C_{p+1}·ε^(p+1)·z^(p+1) + …
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import factorial

from flint import Ordering, fmpq, fmpq_mpoly_ctx, fmpq_poly

from hyperdsl.theory.multistep.root_condition import satisfies_root_condition
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact
from hyperdsl.theory.numbers.polynomials import Polynomial, combined, times, trimmed, value
from hyperdsl.theory.numbers.roots import between, real_roots


@dataclass(frozen=True)
class LinearMultistep:
    """`alpha` and `beta` from j = 0 (the oldest step) to j = k (the new one); `alpha[k]` is 1."""

    alpha: tuple[Exact, ...]
    beta: tuple[Exact, ...]

    def __post_init__(self) -> None:
        if len(self.alpha) != len(self.beta) or len(self.alpha) < 2 or self.alpha[-1] != ONE:
            raise ValueError("a multistep method needs k + 1 coefficients of each kind, k ≥ 1, the last α being 1")

    @property
    def steps(self) -> int:
        """k, the number of past states or derivatives that a step reaches back over."""
        return len(self.alpha) - 1

    @property
    def explicit(self) -> bool:
        return self.beta[-1].is_zero

    @property
    def highest_order(self) -> int:
        """Dahlquist's first barrier, for a stable formula of so many steps (Hairer, Nørsett & Wanner I, §III.3)."""
        return self.steps if self.explicit else self.steps + 2 - self.steps % 2

    @cached_property
    def rho(self) -> Polynomial:
        """ρ(ζ) = Σ α_j ζ^j."""
        return trimmed(self.alpha)

    @cached_property
    def sigma(self) -> Polynomial:
        """σ(ζ) = Σ β_j ζ^j."""
        return trimmed(self.beta)

    def moment(self, q: int) -> Exact:
        """C_q."""
        total = ZERO
        for j, (a, b) in enumerate(zip(self.alpha, self.beta, strict=True)):
            total += a * Fraction(j**q, factorial(q))
            if q:
                total -= b * Fraction(j ** (q - 1), factorial(q - 1))
        return total

    @cached_property
    def order(self) -> int:
        """The largest p with C_0 = … = C_p = 0; −1 where even C_0 is not zero. At most 2k, for ρ is not zero."""
        q = 0
        while self.moment(q).is_zero:
            q += 1
        return q - 1

    @property
    def is_consistent(self) -> bool:
        return self.order >= 1

    @property
    def error_constant(self) -> Exact | None:
        """C_{p+1}/σ(1), which compares methods however they are scaled (HNW I, (2.13)); None where σ(1) = 0."""
        scale = value(self.sigma, ONE)
        return None if scale.is_zero else self.moment(self.order + 1) / scale

    @cached_property
    def is_zero_stable(self) -> bool:
        """Whether ρ satisfies the root condition, without which no consistent method converges (Dahlquist 1956)."""
        return satisfies_root_condition(self.rho)

    @property
    def start_order(self) -> int:
        """The order that a one-step method needs for the first states, so that the whole has the order p.

        Those few steps leave errors of ε^(q+1), and the others add up to ε^p (HNW I, Theorem III.4.5).
        """
        return max(1, self.order - 1)


def real_stability(method: LinearMultistep) -> float | None:
    """The length x of the interval [−x, 0] where ρ − zσ has its roots inside the circle, as the nearest double.

    Only the interval that begins at 0 counts; None where a coefficient is irrational. Between the points of the real
    axis where a root passes through the circle the answer does not change, and is decided exactly at one number.
    """
    if not all(a.is_rational for a in (*method.alpha, *method.beta)):
        return None
    roots = tuple(root for root in real_roots(_crossings(method)) if root.compare(ZERO) > 0)
    for i, point in enumerate(between(roots, Fraction(0))):
        if not satisfies_root_condition(_at(method, -point), strictly=True):
            return float(roots[i - 1]) if i else 0.0
    return math.inf


def is_a_stable(method: LinearMultistep) -> bool | None:
    """Whether the whole left half-plane is in the region of stability; None where a coefficient is irrational.

    The order is then 2 at most (Dahlquist 1963). No root of ρ − zσ passes through the circle in the half-plane where
    Re ρ/σ is not negative on it (Hairer & Wanner II, §V.1), and none comes from infinity where β_k is positive, so that
    one point decides. Re(ρ·conj σ) is a polynomial in cos θ, whose sign is decided between its zeros.
    """
    if not all(a.is_rational for a in (*method.alpha, *method.beta)):
        return None
    if method.order > 2 or method.beta[-1].sign() <= 0:
        return False
    if not satisfies_root_condition(_at(method, Fraction(-1)), strictly=True):
        return False
    parts = _on_circle(method)[1]
    if not parts:
        return True
    real = fmpq_poly([_fmpq(a) for a in parts])
    ends = real * fmpq_poly([-1, 1])
    inside = tuple(root for root in real_roots(ends) if root.compare(-ONE) > 0 and root.compare(ONE) <= 0)
    points = between(inside, Fraction(-1))[:-1]
    return all(real(fmpq(point.numerator, point.denominator)) >= 0 for point in points)


def _at(method: LinearMultistep, z: Fraction) -> Polynomial:
    """ρ − zσ."""
    return combined(method.rho, ONE, method.sigma, Exact.of(-z))


def _crossings(method: LinearMultistep) -> fmpq_poly:
    """A polynomial in t whose roots include every t > 0 at which ρ + tσ has a root on the circle.

    ζ = −1 gives one of them. ζ = e^{iθ} gives the others where ρ·conj σ is real: Im(ρ·conj σ)/sin θ is a polynomial
    in c = cos θ, and its resultant with Re(ρ·conj σ) + t·|σ|² is one in t.
    """
    ring = fmpq_mpoly_ctx.get(("c", "t"), Ordering.lex)
    c, t = ring.gens()
    imaginary, real, size = (
        sum((_fmpq(a) * c**k for k, a in enumerate(p)), ring.constant(0)) for p in _on_circle(method)
    )
    minus = Exact.of(-1)
    product = ring.constant(_fmpq(value(method.rho, minus))) + t * _fmpq(value(method.sigma, minus))
    if not imaginary.is_constant():
        product *= imaginary.resultant(real + t * size, 0)
    coefficients = {int(exponents[1]): q for exponents, q in product.terms()}
    return fmpq_poly([coefficients.get(k, 0) for k in range(max(coefficients, default=0) + 1)])


def _fmpq(a: Exact) -> fmpq:
    fraction = a.fraction()
    return fmpq(fraction.numerator, fraction.denominator)


def _on_circle(method: LinearMultistep) -> tuple[Polynomial, Polynomial, Polynomial]:
    """Im(ρ·conj σ)/sin θ, Re(ρ·conj σ) and |σ|² as polynomials in cos θ."""
    imaginary: Polynomial = ()
    real: Polynomial = ()
    size: Polynomial = ()
    for j, a in enumerate(method.alpha):
        for k, b in enumerate(method.beta):
            kind_t, kind_u = _chebyshev(abs(j - k))
            real = combined(real, ONE, kind_t, a * b)
            imaginary = combined(imaginary, ONE, kind_u, a * b if j > k else -(a * b))
    for j, a in enumerate(method.beta):
        for k, b in enumerate(method.beta):
            size = combined(size, ONE, _chebyshev(abs(j - k))[0], a * b)
    return imaginary, real, size


def _chebyshev(n: int) -> tuple[Polynomial, Polynomial]:
    """cos nθ and sin nθ / sin θ as polynomials in cos θ."""
    twice = (ZERO, Exact.of(2))
    first: list[Polynomial] = [(ONE,), (ZERO, ONE)]
    second: list[Polynomial] = [(), (ONE,)]
    for family in (first, second):
        while len(family) <= n:
            family.append(combined(times(twice, family[-1]), ONE, family[-2], Exact.of(-1)))
    return first[n], second[n]
