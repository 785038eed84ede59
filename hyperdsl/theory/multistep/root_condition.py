"""Dahlquist's root condition: no root outside the unit circle, and only simple ones on it. Decided exactly.

Roots on the circle are common roots of a real polynomial and its reverse. Cyclotomic factors are divided out first;
of what else the two share, the roots on the circle are counted with y = ζ + 1/ζ and Sturm's theorem. The rest has no
root on the circle, and Schur's recursion says whether all of its roots are inside (Henrici, Discrete Variable Methods,
1962, §5.2; Lambert, Numerical Methods for Ordinary Differential Systems, 1991, §3.8).
"""

from __future__ import annotations

from functools import cache

from flint import acb, acb_poly, arb, ctx, fmpz_poly

from hyperdsl.theory.numbers.exact import ONE, Exact
from hyperdsl.theory.numbers.polynomials import (
    Polynomial,
    combined,
    degree,
    derivative,
    divided,
    greatest_common_divisor,
    sign_changes,
    times,
    trimmed,
    value,
)

_TWO = Exact.of(2)
_ZERO_ROOT = (Exact.of(0), ONE)


def satisfies_root_condition(p: Polynomial, *, strictly: bool = False) -> bool:
    """Whether every root of a polynomial that is not constant is inside the circle, or simple and on it.

    `strictly`: whether all of them are inside.
    """
    rest = p
    for factor in _cyclotomic(degree(p)):
        quotient, remainder = divided(rest, factor)
        if not remainder:
            if strictly or not divided(quotient, factor)[1]:
                return False
            rest = quotient
    rest, common = _without_common(rest)
    if degree(common) > 0:
        simple = degree(greatest_common_divisor(common, derivative(common))) < 1
        if strictly or not simple or _on_circle(common) < degree(common):
            return False
    return _inside(rest)


def largest_root(p: Polynomial) -> tuple[complex, float]:
    """A root of the largest modulus and that modulus, as doubles: to show, not to decide with."""
    with ctx.workprec(256):
        roots = acb_poly([acb(a.ball()) for a in p]).roots() if _is_squarefree(p) else _numerical_roots(p)
        found = max(roots, key=lambda root: float(abs(root).mid()))
        return complex(float(found.real.mid()), float(found.imag.mid())), float(abs(found).mid())


def _is_squarefree(p: Polynomial) -> bool:
    return degree(greatest_common_divisor(p, derivative(p))) < 1


def _numerical_roots(p: Polynomial) -> list[acb]:
    """Roots of a polynomial with multiple ones: those of its squarefree part."""
    part, _ = divided(p, greatest_common_divisor(p, derivative(p)))
    roots: list[acb] = acb_poly([acb(a.ball()) for a in part]).roots()
    return roots


@cache
def _cyclotomic(highest: int) -> tuple[Polynomial, ...]:
    """The cyclotomic polynomials of a degree up to `highest`; φ(n) ≥ √(n/2)."""
    found = (fmpz_poly.cyclotomic(n) for n in range(1, 2 * highest * highest + 3))
    return tuple(tuple(Exact.of(int(a)) for a in p.coeffs()) for p in found if p.degree() <= highest)


def _without_common(p: Polynomial) -> tuple[Polynomial, Polynomial]:
    """p without the roots that it shares with its reverse, and the factor that has them; roots at 0 are dropped."""
    while p and p[0].is_zero:
        p = divided(p, _ZERO_ROOT)[0]
    common = greatest_common_divisor(p, tuple(reversed(p)))
    return divided(p, common)[0], common


def _on_circle(p: Polynomial) -> int:
    """Distinct roots on the circle of a monic polynomial whose roots come in pairs ζ, 1/ζ, none of them ±1."""
    half = degree(p) // 2
    y, powers = (Exact.of(0), ONE), [trimmed([_TWO]), (Exact.of(0), ONE)]
    for _ in range(half):  # ζ^k + ζ^−k in terms of y
        powers.append(combined(times(y, powers[-1]), ONE, powers[-2], -ONE))
    middle: Polynomial = trimmed([p[half]])
    for k in range(1, half + 1):
        middle = combined(middle, ONE, powers[k], p[half + k])
    inside = sign_changes(middle, -_TWO, _TWO) - int(value(middle, _TWO).is_zero)
    return 2 * inside


def _inside(p: Polynomial) -> bool:
    """Whether all roots are inside the circle, for a polynomial without roots on it (Schur 1917)."""
    while degree(p) > 0:
        if (abs(p[0]) - abs(p[-1])).sign() >= 0:
            return False
        reduced = combined(p, p[-1], tuple(reversed(p)), -p[0])
        p = divided(reduced, _ZERO_ROOT)[0]
        p = tuple(a / p[-1] for a in p)  # the last one is p[-1]² − p[0]² > 0
    return True


def boundary(rho: Polynomial, sigma: Polynomial, points: int) -> list[complex]:
    """ρ(ζ)/σ(ζ) at equally spaced points ζ of the unit circle, poles left out: the root locus curve, for plots."""
    found = []
    above, below = (acb_poly([acb(a.ball()) for a in p]) for p in (rho, sigma))
    for k in range(points):
        at = acb(arb(2 * k) / points).exp_pi_i()
        if not below(at).contains(0):
            z = above(at) / below(at)
            found.append(complex(float(z.real.mid()), float(z.imag.mid())))
    return found
