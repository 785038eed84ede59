"""Numbers of certificates, u + v·√d and fractions, and their reading from JSON; on the standard library alone."""

from __future__ import annotations

from collections import namedtuple
from fractions import Fraction
from functools import partialmethod
from typing import Any

ZERO, ONE, NONE = Fraction(0), Fraction(1), type(None)


class Surd(namedtuple("Surd", "u v d")):
    """u + v·√d with v ≠ 0 and √d irrational; a result with v = 0 is a Fraction."""

    def join(self, other: Any, *, multiply: bool) -> Any:
        if isinstance(other, Surd) and other.d != self.d:
            raise NotImplementedError("several square roots")
        u, v = other[:2] if isinstance(other, Surd) else (other, ZERO)
        product = self.u * u + self.v * v * self.d, self.u * v + self.v * u
        u, v = product if multiply else (self.u + u, self.v + v)
        return Surd(u, v, self.d) if v else u

    __add__ = __radd__ = partialmethod(join, multiply=False)
    __mul__ = __rmul__ = partialmethod(join, multiply=True)

    def __abs__(self) -> Any:
        raise NotImplementedError("square roots and a tolerance")

    def __rtruediv__(self, other: Fraction) -> Any:
        return Surd(self.u, -self.v, self.d) * (other / (self.u**2 - self.v**2 * self.d))


def dot(x: list[Any], y: list[Any]) -> Any:
    return sum((p * q for p, q in zip(x, y, strict=True) if p), ZERO)


def get(claims: Any, key: str, *kinds: type) -> Any:
    if not isinstance(claims, dict) or key not in claims or type(claims[key]) not in kinds:
        raise ValueError(f"{key!r} is missing, or of a wrong type")
    return claims[key]


def unique(pairs: list[Any]) -> dict[str, Any]:
    return dict(pairs) if len(dict(pairs)) == len(pairs) else get(None, "a single value for each key")
