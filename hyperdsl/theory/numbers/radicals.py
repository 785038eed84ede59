"""Arithmetic on sums Σ_d q_d·√d over distinct squarefree d ≥ 1, held as the mapping {d: q_d}.

The coefficients q_d may come from any commutative ring that multiplies with integers: rationals, rational
functions, polynomials, and rational matrices (whose product is the matrix product). One implementation of
√a·√b = g·√(ab/g²), g = gcd(a, b), serves them all. Over a field of characteristic zero that has none of the
√d, the √d are linearly independent (Besicovitch 1940), so a sum is zero exactly when each q_d is.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import gcd
from typing import Any

from flint import fmpz

from hyperdsl.theory.numbers.budget import NotExact

MAX_RADICALS = 64
"""A number may hold this many different radicals: six independent square roots and their products."""

LARGEST_RADICAND = 10**18
_FACTORABLE = 10**30
_TRIAL_PRIMES = 2000


Terms = dict[int, Any]
"""{squarefree d: coefficient of √d}."""


def add(x: Mapping[int, Any], y: Mapping[int, Any]) -> Terms:
    """x + y, zero coefficients kept."""
    total = dict(x)
    for d, q in y.items():
        total[d] = total[d] + q if d in total else q
    return total


def multiply(x: Mapping[int, Any], y: Mapping[int, Any]) -> Terms:
    """x·y, zero coefficients kept."""
    product: Terms = {}
    for d, p in x.items():
        for e, q in y.items():
            common = gcd(d, e)
            radicand = (d // common) * (e // common)
            term = p * q if common == 1 else (p * q) * common
            product[radicand] = product[radicand] + term if radicand in product else term
    if len(product) > MAX_RADICALS:
        raise NotExact(f"the number needs more than {MAX_RADICALS} different square roots")
    return product


def split(x: Mapping[int, Any]) -> tuple[int, Terms, Terms] | None:
    """(p, u, v) with x = u + v·√p, p a prime and no √p in u or v; None where x has no radical."""
    radicand = max(x, default=1)
    if radicand == 1:
        return None
    prime = _a_prime_factor(radicand)
    without = {d: q for d, q in x.items() if d % prime}
    factor = {d // prime: q for d, q in x.items() if d % prime == 0}
    return prime, without, factor


def relative_norm(prime: int, u: Mapping[int, Any], v: Mapping[int, Any]) -> Terms:
    """u² − prime·v², the product of u + v·√prime and its conjugate."""
    square = {d: q * -prime for d, q in multiply(v, v).items()}
    return {d: q for d, q in add(multiply(u, u), square).items() if q != 0}


def norm(x: Mapping[int, Any]) -> Any:
    """The product of all conjugates of x (√p → ±√p for every prime p that occurs); free of radicals. x is not zero."""
    parts = split(x)
    return x[1] if parts is None else norm(relative_norm(*parts))


def inverse(x: Mapping[int, Any]) -> Terms:
    """1/x for a non-zero x without zero coefficients, over a field."""
    parts = split(x)
    if parts is None:
        return {1: 1 / x[1]}
    prime, u, v = parts
    conjugate = add(u, {d * prime: -q for d, q in v.items()})
    return multiply(conjugate, inverse(relative_norm(prime, u, v)))


def independent(x: Mapping[int, Any]) -> frozenset[int]:
    """The primes in its radicands."""
    return frozenset(int(p) for d in x if d > 1 for p, _ in fmpz(d).factor())


def square_root(n: int) -> tuple[int, int]:
    """(r, d) with n = r²·d, d squarefree, for n ≥ 1."""
    root, radicand = 1, 1
    for factor, exponent in _prime_factors(n):
        root *= factor ** (exponent // 2)
        radicand *= factor ** (exponent % 2)
    if radicand > LARGEST_RADICAND:
        raise NotExact("the radicand's squarefree part has more than 18 digits")
    return root, radicand


def _prime_factors(n: int) -> list[tuple[int, int]]:
    """Prime powers of n; a large square among its factors stands for its root, twice."""
    if fmpz(n).is_square():
        return [(int(fmpz(n).isqrt()), 2)]
    found: list[tuple[int, int]] = []
    for factor, exponent in fmpz(n).factor(trial_limit=_TRIAL_PRIMES):
        if factor.is_prime():
            found.append((int(factor), exponent))
        elif factor.is_square():
            found.append((int(factor.isqrt()), 2 * exponent))
        elif factor < _FACTORABLE:
            found.extend((int(p), e * exponent) for p, e in factor.factor())
        else:
            raise NotExact("the radicand is too large to factor")
    return found


@lru_cache(maxsize=1024)
def _a_prime_factor(n: int) -> int:
    return int(fmpz(n).factor()[-1][0])
