"""Exact real numbers: sums Σ_d q_d·√d over squarefree d, with q_d rational or a rational function of parameters.

What needs roots of roots or further cosines is an `Exact` too: `irrational` makes it, of the numbers of `algebraic`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Context, Decimal
from fractions import Fraction

import flint
from flint import arb, fmpq

from hyperdsl.theory.numbers.budget import MOST_DEGREE, NotExact, OutOfReach, arithmetic, spend
from hyperdsl.theory.numbers.functions import RationalFunction, Scalar, factors, power_size, terms
from hyperdsl.theory.numbers.radicals import Terms, add, independent, inverse, multiply, square_root

__all__ = ["Exact", "NotExact"]

Number = int | Fraction | fmpq
"""What stands for an exact number beside an `Exact`."""

_LARGEST_POWER_BITS = 10**6
_LARGEST_POLYNOMIAL = 10**4


class Exact:
    """An element of Q(√2, √3, …), or of that field's rational functions in named parameters. Immutable and hashable.

    Equal numbers have equal terms, so equality and the zero test are decided by the representation. A subclass holds
    the other real algebraic numbers.
    """

    __slots__ = ("_terms",)

    _terms: Terms

    def __init__(self, parts: Mapping[int, Scalar]) -> None:
        """The sum of q·√d over `parts`; every d must be squarefree and positive."""
        self._terms = {d: q for d, q in parts.items() if q != 0}

    # Ways to make one.

    @staticmethod
    def of(value: Number) -> Exact:
        """A rational number."""
        return Exact({1: _rational(value)})

    @staticmethod
    def parameter(name: str) -> Exact:
        """A parameter of a family; numbers with different parameters mix freely."""
        return Exact({1: RationalFunction.parameter(name)})

    @staticmethod
    def sqrt(x: Exact) -> Exact:
        """The square root of a rational x ≥ 0, otherwise NotExact; `irrational.sqrt` takes any number."""
        if not x.is_rational:
            raise NotExact(f"sqrt({x}) is a root of a root")
        value = x.terms.get(1, fmpq(0))
        if value == 0:
            return ZERO
        if value < 0:
            raise NotExact(f"sqrt({value}) is not a real number")
        above, radicand_above = square_root(int(value.p))
        below, radicand_below = square_root(int(value.q))
        radicand = radicand_above * radicand_below  # coprime, so still squarefree
        return Exact({radicand: fmpq(above, below * radicand_below)})

    # What it is.

    @property
    def terms(self) -> Mapping[int, Scalar]:
        """{squarefree d: coefficient of √d}, without zeros; do not change it."""
        return self._terms

    @property
    def is_zero(self) -> bool:
        return not self._terms

    @property
    def is_rational(self) -> bool:
        """Whether it is a rational number: no square roots, no parameters."""
        return not self._terms or (len(self._terms) == 1 and isinstance(self._terms.get(1), fmpq))

    @property
    def parameters(self) -> frozenset[str]:
        """Names of the parameters on which the value depends."""
        functions = [q for q in self._terms.values() if isinstance(q, RationalFunction)]
        return frozenset[str]().union(*(q.parameters for q in functions))

    @property
    def bits(self) -> int:
        """The length of the longest of its rational coefficients, numerator and denominator together."""
        return max((q.p.bit_length() + q.q.bit_length() for q in self.coefficients()), default=0)

    def coefficients(self) -> Iterable[fmpq]:
        """Every rational number that it is written with."""
        for q in self._terms.values():
            if isinstance(q, RationalFunction):
                yield from (*q.numerator.coeffs(), *q.denominator.coeffs())
            else:
                yield q

    def fraction(self) -> Fraction:
        """The value of a rational number."""
        if not self.is_rational:
            raise NotExact(f"{self} is not a rational number")
        value = self._terms.get(1, fmpq(0))
        return Fraction(int(value.p), int(value.q))

    def denominators(self) -> tuple[Exact, ...]:
        """The distinct irreducible polynomials in the parameters whose zeros the value excludes.

        Each has coprime integer coefficients and a positive leading one. Where square roots and parameters meet in
        one denominator, it is their norm that is factored: its zeros include those of the conjugates.
        """
        found = {
            Exact({1: RationalFunction(factor, factor.context().constant(1))}): None
            for q in self._terms.values()
            if isinstance(q, RationalFunction)
            for factor in factors(q.denominator)
        }
        return tuple(sorted(found, key=str))

    # Arithmetic.

    def __add__(self, other: Exact | Number) -> Exact:
        value = coerced(other)
        if value is None:
            return NotImplemented
        _spend(self._terms, value._terms, len(value._terms))
        return Exact(add(self._terms, value._terms))

    __radd__ = __add__

    def __neg__(self) -> Exact:
        return Exact({d: -q for d, q in self._terms.items()})

    def __pos__(self) -> Exact:
        return self

    def __sub__(self, other: Exact | Number) -> Exact:
        value = coerced(other)
        return NotImplemented if value is None else self + -value

    def __rsub__(self, other: Number) -> Exact:
        return -self + other

    def __mul__(self, other: Exact | Number) -> Exact:
        value = coerced(other)
        if value is None:
            return NotImplemented
        _spend(self._terms, value._terms, len(self._terms) * len(value._terms))
        return Exact(multiply(self._terms, value._terms))

    __rmul__ = __mul__

    def __truediv__(self, other: Exact | Number) -> Exact:
        value = coerced(other)
        return NotImplemented if value is None else self * value._inverse()

    def __rtruediv__(self, other: Number) -> Exact:
        return self._inverse() * other

    def __pow__(self, exponent: int) -> Exact:
        if not isinstance(exponent, int):
            return NotImplemented
        self._guard_power(exponent)
        base = self if exponent >= 0 else self._inverse()
        result = ONE
        for bit in f"{abs(exponent):b}":
            result = result * result
            if bit == "1":
                result = result * base
        return result

    def _guard_power(self, exponent: int) -> None:
        """Refuse powers whose exact value would fill the memory."""
        functions = [q for q in self._terms.values() if isinstance(q, RationalFunction)]
        sizes = (power_size(part, abs(exponent)) for q in functions for part in (q.numerator, q.denominator))
        if max(sizes, default=0) > _LARGEST_POLYNOMIAL:
            raise NotExact(f"the power {exponent} of an expression in parameters is too large")
        if self.is_rational and abs(self._terms.get(1, 0)) in (0, 1):
            return
        numbers = [q for q in self._terms.values() if isinstance(q, fmpq)]
        guard_digits((*numbers, *self._terms), exponent)

    def _guard_inverse(self) -> None:
        """Refuse inverses whose denominator, a norm over the rational functions, would be too large a polynomial."""
        functions = [q for q in self._terms.values() if isinstance(q, RationalFunction)]
        roots = len(independent(self._terms))
        if functions and roots:
            room = max(power_size(part, 2**roots) for q in functions for part in (q.numerator, q.denominator))
            if room > MOST_DEGREE:
                raise OutOfReach(f"a denominator in parameters with {roots} different square roots")

    def _inverse(self) -> Exact:
        if self.is_zero:
            raise ZeroDivisionError("division by zero")
        self._guard_inverse()
        return Exact(inverse(self._terms))

    def substitute(self, values: Mapping[str, Exact]) -> Exact:
        """The value where the parameters named in `values` have those values; ZeroDivisionError at a pole."""
        if not self.parameters & values.keys():
            return self
        total = ZERO
        for d, q in self._terms.items():
            root = Exact({d: fmpq(1)})
            if isinstance(q, fmpq):
                total += root * q
            else:
                total += root * _evaluated(q.numerator, values) / _evaluated(q.denominator, values)
        return total

    # Comparison, for numbers without parameters.

    def __eq__(self, other: object) -> bool:
        value = coerced(other)
        return NotImplemented if value is None else self._terms == value._terms

    def __hash__(self) -> int:
        if self.is_rational:
            return hash(self.fraction())
        return hash(frozenset(self._terms.items())) if self.parameters else irrational_hash(self)

    def sign(self) -> int:
        """−1, 0 or 1, exactly."""
        if self.is_rational:
            value = self._terms.get(1, fmpq(0))
            return int(value > 0) - int(value < 0)
        bits = 64
        while True:
            low, high = self.enclosure(bits)
            if low > 0 or high < 0:
                return 1 if low > 0 else -1
            bits *= 2

    def __abs__(self) -> Exact:
        return -self if self.sign() < 0 else self

    def __lt__(self, other: Exact | Number) -> bool:
        return (self - other).sign() < 0

    def __le__(self, other: Exact | Number) -> bool:
        return (self - other).sign() <= 0

    def __gt__(self, other: Exact | Number) -> bool:
        return (self - other).sign() > 0

    def __ge__(self, other: Exact | Number) -> bool:
        return (self - other).sign() >= 0

    # Approximations and text.

    def ball(self) -> arb:
        """An arb ball around the value, at flint's current precision."""
        if self.parameters:
            raise NotExact(f"{self} depends on a parameter")
        total = arb(0)
        for d, q in self._terms.items():
            total += arb(q) * arb(d).sqrt()
        return total

    def enclosure(self, bits: int) -> tuple[Fraction, Fraction]:
        """Rational numbers below and above the value, from arithmetic of `bits` bits."""
        with flint.ctx.workprec(bits):
            return ball_ends(self.ball())

    def __float__(self) -> float:
        """The nearest double; OverflowError where there is none."""
        return float(self.fraction()) if self.is_rational else nearest_double(self.ball)

    def decimal(self, digits: int) -> str:
        """The value to that many significant digits, correctly rounded."""
        context = Context(prec=digits, Emin=-(10**9), Emax=10**9)
        if self.is_rational:
            return str(_divided(self.fraction(), context))
        bits = 4 * digits + 64
        while True:
            low, high = (_divided(end, context) for end in self.enclosure(bits))
            if low == high:
                return str(low)
            bits *= 2

    def __str__(self) -> str:
        return sum_text(term_text("" if d == 1 else f"sqrt({d})", q) for d, q in sorted(self._terms.items()))

    def __repr__(self) -> str:
        return f"Exact({self})"


def irrational_hash(value: Exact) -> int:
    """One hash for equal numbers, however they are held: that of the nearest double."""
    try:
        return hash(float(value))
    except OverflowError:
        return 0


def ball_ends(ball: arb) -> tuple[Fraction, Fraction]:
    """The ends of a finite ball, exactly."""
    middle, radius = _dyadic(ball.mid()), _dyadic(ball.rad())
    return middle - radius, middle + radius


def nearest_double(ball: Callable[[], arb]) -> float:
    """The double nearest to the number that `ball()` encloses at flint's current precision.

    An irrational number is never halfway between two doubles, so more bits always decide. The search ends at 16384
    bits all the same, for numbers that are not known to be irrational, and where more bits make no difference, for
    those that are known to a tolerance only.
    """
    before: tuple[float, float] | None = None
    for bits in (128, 256, 512, 1024, 2048, 4096, 8192, 16384):
        with flint.ctx.workprec(bits):
            low, high = map(float, ball_ends(ball()))
        if low == high or before == (low, high):
            break
        before = low, high
    return low


def _dyadic(ball: arb) -> Fraction:
    mantissa, exponent = ball.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def _rational(value: Number) -> fmpq:
    if isinstance(value, Fraction):
        return fmpq(value.numerator, value.denominator)
    return fmpq(value)


def coerced(value: object) -> Exact | None:
    if isinstance(value, Exact):
        return value
    return Exact.of(value) if isinstance(value, int | Fraction | fmpq) else None


def _divided(value: Fraction, context: Context) -> Decimal:
    return context.divide(Decimal(value.numerator), Decimal(value.denominator))


def guard_digits(numbers: Iterable[fmpq | int], exponent: int) -> None:
    """Refuse a power of numbers of this size where it has too many digits."""
    bits = max(int(max(abs(fmpq(q).p), fmpq(q).q)).bit_length() for q in numbers)
    if 2 * bits * abs(exponent) > _LARGEST_POWER_BITS:
        raise NotExact(f"the power {exponent} has too many digits")


def _spend(x: Terms, y: Terms, operations: int) -> None:
    """Take note of so many operations on coefficients; those on rational functions count themselves."""
    heights = sum(_height(terms) for terms in (x, y))
    spend(1 + operations * arithmetic(2 * heights))


def _height(terms: Terms) -> int:
    """Bits of the longest numerator or denominator among the rational coefficients."""
    return max((int(q.height_bits()) for q in terms.values() if isinstance(q, fmpq)), default=0)


def _evaluated(polynomial: object, values: Mapping[str, Exact]) -> Exact:
    total = ZERO
    for monomial, coefficient in terms(polynomial):
        product = Exact.of(coefficient)
        for name, exponent in monomial:
            product *= (values[name] if name in values else Exact.parameter(name)) ** exponent
        total += product
    return total


def sum_text(parts: Iterable[str]) -> str:
    """A sum of these parts, the signs between them."""
    text = ""
    for part in parts:
        if text:
            text += f" - {part[1:]}" if part.startswith("-") else f" + {part}"
        else:
            text = part
    return text or "0"


def term_text(factor: str, q: Scalar) -> str:
    """q times a factor, "" for 1; a rational function that is a sum keeps to itself in parentheses."""
    if not factor:
        return str(q)
    if isinstance(q, RationalFunction):
        return f"({q})*{factor}" if q.is_sum else f"{q}*{factor}"
    if abs(q) == 1:
        return factor if q > 0 else f"-{factor}"
    return f"{q}*{factor}"


ZERO = Exact.of(0)
ONE = Exact.of(1)
