"""Formal values: what a step computes, as sums of known things with exact coefficients.

A value is Σ coefficient·name over the state at the start, evaluations of f and values of g; a scalar is a coefficient
alone. Coefficients are exact rational functions of ε, s, θ and the parameters of the method, and a double in them is
the rational number that it is: nothing is rounded, so two steps compute the same where their values are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import torch

from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact

UNIT = ""
"""The name of what scalars are multiples of."""
EPS, TIME, THETA = "<eps>", "<s>", "<theta>"
"""Names that no parameter of a method can have."""


class Formal:
    """A sum; immutable. It has those operations of tensors that generated steps use."""

    ndim = 1  # `beside` of a formal ε is that ε

    def __init__(self, terms: Mapping[str, Exact]) -> None:
        self.terms = {name: value for name, value in terms.items() if not value.is_zero}

    @property
    def key(self) -> frozenset[tuple[str, Exact]]:
        """Equal for equal values."""
        return frozenset(self.terms.items())

    @property
    def scalar(self) -> Exact:
        """The coefficient that it is; ArithmeticError where it is none."""
        if self.terms.keys() - {UNIT}:
            raise ArithmeticError(f"{self} is no scalar")
        return self.terms.get(UNIT, ZERO)

    def add(self, other: Any, *, alpha: Any = 1) -> Formal:
        return self + formal(other) * formal(alpha)

    def mul(self, other: Any) -> Formal:
        return self * formal(other)

    def reshape(self, *shape: int) -> Formal:
        """Itself: a formal value stands for all of its elements."""
        return self

    def __add__(self, other: Any) -> Formal:
        added = formal(other).terms
        return Formal({name: self.terms.get(name, ZERO) + added.get(name, ZERO) for name in {**self.terms, **added}})

    def __neg__(self) -> Formal:
        return Formal({name: -value for name, value in self.terms.items()})

    def __pos__(self) -> Formal:
        return self

    def __sub__(self, other: Any) -> Formal:
        return self + -formal(other)

    def __rsub__(self, other: Any) -> Formal:
        return formal(other) + -self

    def __mul__(self, other: Any) -> Formal:
        value, factor = self, formal(other)
        if factor.terms.keys() - {UNIT}:
            value, factor = factor, value
        return Formal({name: term * factor.scalar for name, term in value.terms.items()})

    def __truediv__(self, other: Any) -> Formal:
        return self * Formal({UNIT: ONE / formal(other).scalar})

    def __rtruediv__(self, other: Any) -> Formal:
        return formal(other) / self

    def __pow__(self, exponent: int) -> Formal:
        return Formal({UNIT: self.scalar**exponent})

    __radd__ = __add__
    __rmul__ = __mul__

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> tuple[Formal, ...]:
        """torch.stack(values, -1), the one function that steps call, gives the values."""
        if func is not torch.stack or len(args) != 2 or args[1] != -1 or kwargs:
            raise ArithmeticError("steps call no function of torch but torch.stack(values, -1)")
        return tuple(map(formal, args[0]))

    def __str__(self) -> str:
        return " + ".join(f"({value})*{name}" if name else str(value) for name, value in self.terms.items()) or "0"


def formal(value: Any) -> Formal:
    """A number of Python as the number that it is; ArithmeticError for what is none."""
    if isinstance(value, Formal):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ArithmeticError(f"{value!r} is no number")
    return Formal({UNIT: Exact.of(Fraction(value))})


def parameter(name: str) -> Formal:
    """A scalar of this name."""
    return Formal({UNIT: Exact.parameter(name)})


def known(name: str) -> Formal:
    """A state or slope of this name."""
    return Formal({name: ONE})


def polynomials(rows: Sequence[Sequence[float]], theta: Formal) -> tuple[Formal, ...]:
    """The runtime's function of this name."""
    return tuple(sum((formal(value) * theta**power for power, value in enumerate(row, 1)), formal(0)) for row in rows)


class World:
    """Values of f, of g and of equations, each by its arguments: equal ones are one, whoever computes them."""

    def __init__(self) -> None:
        self.f = FormalField(self, "f")
        self._names: dict[object, str] = {}
        self._calls: dict[str, tuple[Formal, Formal]] = {}
        self.evaluated: list[str] = []
        """What `f` has given, in turn."""

    def named(self, key: object, name: str) -> str:
        """The name that what is given by `key` has: the first that it got, or one of its own if `name` is taken."""
        taken = name in self._names.values()
        return self._names.setdefault(key, f"{name}'{len(self._names)}" if taken else name)

    def value(self, field: str, s: Formal, z: Formal, name: str = "f") -> Formal:
        """A field's value at (s, z)."""
        found = self.named((field, formal(s).scalar, formal(z).key), name)
        self._calls[found] = formal(s), formal(z)
        self.evaluated.append(found)
        return known(found)

    def g(self, eps: Formal, s: Formal, x: None, z: Formal, *seen: Formal, **parameters: Formal) -> Formal:
        """The corrector's."""
        read = tuple(value.key for value in (eps, s, z, *seen))
        return known(
            self.named(("g", read, frozenset((name, value.scalar) for name, value in parameters.items())), "g")
        )

    def solved(self, f: Any, eps: Any, *equations: tuple[Any, Any, Any]) -> tuple[Formal, ...]:
        """The slopes k_i = f(s_i, known_i + ε Σ a_ij k_j); equations with the same arguments have the same slopes."""
        rows = tuple(
            (formal(s).scalar, formal(known).key, tuple(formal(weight).scalar for weight in weights))
            for s, known, weights in equations
        )
        key = ("solved", f.name if isinstance(f, FormalField) else None, formal(eps).scalar, rows)
        found = [self.named((key, number), f"slope {number + 1} of the equations") for number in range(len(rows))]
        self.evaluated += found
        return tuple(map(known, found))

    def increments(self, f: Any, eps: Any, *equations: tuple[Any, Any, Any]) -> tuple[Formal, ...]:
        """The same times ε."""
        return tuple(formal(eps) * slope for slope in self.solved(f, eps, *equations))

    def linear(self, f: Any, s: Formal, z: Formal, size: Formal) -> tuple[Formal, Formal]:
        """What stands for I − size·∂f/∂z, and ∂f/∂s, at (s, z)."""
        place = (f == self.f, formal(s).scalar, formal(z).key)
        matrix = self.named(("matrix", *place, formal(size).scalar), "the matrix")
        return known(matrix), known(self.named(("drift", *place), "∂f/∂s"))

    def resolved(self, matrix: Formal, right: Formal) -> Formal:
        """The x with matrix·x = right, linear in that: as the sum of what its parts give."""
        parts = [
            known(self.named(("resolved", matrix.key, name), f"the solution for {name}")) * Formal({UNIT: factor})
            for name, factor in right.terms.items()
        ]
        return sum(parts, formal(0))

    def linearised(self, f: Any, s: Formal, z: Formal, size: Formal) -> tuple[Matrix, Formal]:
        """The runtime's function of this name."""
        matrix, drift = self.linear(f, s, z, size)
        return Matrix(self, matrix), drift

    def filtered(self, f: Any, eps: Any, gamma: Any, error: Formal, slope: Formal | None = None) -> Formal:
        """(I − ε γ ∂f/∂z)⁻¹ error, by its arguments."""
        of = None if slope is None else slope.key
        key = ("filtered", f == self.f, formal(eps).scalar, formal(gamma).scalar, error.key, of)
        return known(self.named(key, "the filtered error"))

    def told(self, name: str) -> str:
        """What an evaluation of f is of, in words."""
        if name not in self._calls:
            return name
        s, z = self._calls[name]
        return f"{name} = f({shown(s)}, {shown(z)})"


class FormalField:
    """f, or a part of it where it is a sum, whose values the world knows."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name

    def __call__(self, s: Formal, z: Formal, name: str | None = None) -> Formal:
        """f(s, z)."""
        return self.world.value(self.name, s, z, name or self.name)

    @property
    def explicit(self) -> FormalField:
        return self.of("explicit")

    @property
    def implicit(self) -> FormalField:
        return self.of("implicit")

    def of(self, name: str) -> FormalField:
        """All of f, or the part of this name."""
        return self if name == self.name else FormalField(self.world, name)


class Matrix:
    """What the runtime's `linearised` gives."""

    def __init__(self, world: World, matrix: Formal) -> None:
        self.world, self.matrix = world, matrix

    def solve(self, right: Formal) -> Formal:
        """The solution for a right side."""
        return self.world.resolved(self.matrix, formal(right))


def shown(value: Formal) -> str:
    """A value, its numbers as Python writes doubles."""
    return " + ".join(_shown(name, factor) for name, factor in value.terms.items()) or "0"


def _shown(name: str, factor: Exact) -> str:
    for power in range(4):
        number = factor / Exact.parameter(EPS) ** power
        if number.is_rational:
            parts = ["eps" if power == 1 else f"eps**{power}"] if power else []
            size = float(number)
            return " ".join([*([] if size == 1 else [repr(size)]), *parts, *([name] if name else [])]) or "1"
    text = str(factor).replace(EPS, "eps").replace(TIME, "s").replace(THETA, "theta")
    return f"({text}) {name}".rstrip()
