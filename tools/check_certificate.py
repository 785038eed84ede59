"""Proves the claims of generated packages' certificates again, sharing no code with hyperdsl.

    python tools/check_certificate.py generated/hyper_heun/certificate.json ...

Exit code 0: all claims hold. 1: one does not. 2: a file is no certificate. 3: none is refuted, but some are beyond this
program, listed as not checked. docs/certificate.md says what a certificate holds. Orders: Φ(t) = 1/γ(t) for all rooted
trees of at most p nodes and not for one of p + 1 (Butcher 2016, ch. 3; Hairer, Nørsett & Wanner I, §II.2; dense output
§II.6, stage order §II.7, multistep §III.2-3; pairs: Lambert 1991, §4.2; root condition: Miller 1971). A family is tried
at values that the file's digest draws: a false identity passes with a probability below 2^-80 (Schwartz, Zippel).
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections import namedtuple
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from itertools import count, takewhile
from math import factorial, isqrt
from pathlib import Path
from random import Random
from typing import Any

LARGEST_FILE, LONGEST, MOST_BITS, MOST, SAMPLES, WORK = 10**6, 10**4, 10**5, 64, 4, 10**8
"""Bytes of a file, characters and bits of a number, stages (and steps, powers), values of a family, and work."""
KINDS, NONE = ("implicit", "dirk", "explicit"), type(None)
Tree = namedtuple("Tree", "text order density phi last", defaults=[-1])
"""A rooted tree with |t|, γ and φ; `last` is the number of its largest child."""
Number = Any
"""A Fraction or a Surd; 0 and 1 may be whole numbers."""
Vector = Sequence[Number]


class Surd(namedtuple("Surd", "u v d")):
    """u + v·√d with v ≠ 0 and √d irrational; a result with v = 0 is a Fraction."""

    def join(self, other: Number, *, multiply: bool) -> Number:
        """The sum, or the product."""
        if isinstance(other, Surd) and other.d != self.d:
            raise NotImplementedError("several square roots")
        u, v = other[:2] if isinstance(other, Surd) else (other, Fraction(0))
        product = self.u * u + self.v * v * self.d, self.u * v + self.v * u
        u, v = product if multiply else (self.u + u, self.v + v)
        return Surd(u, v, self.d) if v else u

    def __add__(self, other: Number) -> Number:
        return self.join(other, multiply=False)

    def __mul__(self, other: Number) -> Number:
        return self.join(other, multiply=True)

    def __rtruediv__(self, other: Fraction) -> Number:
        return Surd(self.u, -self.v, self.d) * (other / (self.u**2 - self.v**2 * self.d))

    __radd__, __rmul__ = __add__, __mul__


def sign(x: Number) -> int:
    """-1, 0 or 1; of u + v·√d it is that of the part with the larger square."""
    part = x if not isinstance(x, Surd) else x.u if x.u**2 > x.v**2 * x.d else x.v
    return (part > 0) - (part < 0)


def dot(x: Vector, y: Vector) -> Number:
    return sum((p * q for p, q in zip(x, y, strict=True) if p != 0), Fraction(0))


@dataclass
class Table:
    """A Runge-Kutta method with a number for each coefficient; `bounded` looks at the size of numbers."""

    a: list[list[Number]]
    c: list[Number]
    weights: list[list[Number]]
    tolerance: Fraction
    bounded: Callable[[Number], Number]

    def __post_init__(self) -> None:
        self.sums = [sum(row, Fraction(0)) for row in self.a]
        self.kind = 2 - max(min(j - i + 1, 2) for i, row in enumerate(self.a) for j, x in enumerate([-i, *row]) if x)

    def near(self, x: Number, y: Number) -> bool:
        """Whether two numbers are equal, or within the tolerance."""
        return x == y or sign(x + y * -1 + -self.tolerance) <= 0 <= sign(x + y * -1 + self.tolerance)

    def trees(self, leaves: dict[str, list[Number]]) -> Iterator[Tree]:
        """All trees, the smaller ones first: each is a smaller one with its largest child grafted on the root."""
        children = [Tree(name, 1, 1, vector) for name, vector in leaves.items()]  # of these φ stands for A·φ
        levels, ends = [[], [Tree("τ", 1, 1, [Fraction(1)] * len(self.a))]], [0, len(children)]
        yield levels[1][0]
        for order in count(2):
            levels.append([])
            for size in range(1, order):
                if size == len(ends):
                    for t in levels[size]:
                        children.append(t._replace(phi=[self.bounded(dot(row, t.phi)) for row in self.a]))
                    ends.append(len(children))
                for left in levels[order - size]:
                    for k in range(max(ends[size - 1], left.last), ends[size]):
                        phi = [self.bounded(x * y) for x, y in zip(left.phi, children[k].phi, strict=True)]
                        text = f"[{children[k].text}]" if order == size + 1 else f"{left.text[:-1]},{children[k].text}]"
                        density = left.density // left.order * children[k].density * order
                        levels[order].append(Tree(text, order, density, phi, k))
                        yield levels[order][-1]

    def orders(self, rows: Sequence[Vector], *, timed: bool, dense: int = 0) -> list[tuple[int, str]]:
        """The largest order of each row and what fails next; of rows for the powers of θ, up to the order `dense`."""
        leaves = {"τ": self.c} if self.c == self.sums else {"τ": self.sums, "s": self.c} if timed else {"τ": self.sums}
        bound = dense or len(self.c) * (1 if self.kind == 2 else 2)
        found: dict[int, tuple[int, str]] = {}
        for t in self.trees(leaves):
            if t.order > bound or len(found) == len(rows):
                break
            for i in set(range(len(rows))) - found.keys():
                value, wanted = dot(rows[i], t.phi), Fraction(int(not dense or t.order == i + 1), t.density)
                if not self.near(value, wanted):
                    found[i] = (t.order - 1, f": of the tree {t.text} Φ is {value}, not {wanted}")
        return [found.get(i, (bound, "")) for i in range(len(rows))]

    def stage_order(self) -> int:
        """The largest q with B(q) and C(q)."""
        powers = [Fraction(1)] * len(self.c)
        for q in range(1, 2 * len(self.c) + 1):
            found = [dot(row, powers) * q for row in (self.weights[0], *self.a)]
            powers = [self.bounded(x * y) for x, y in zip(self.c, powers, strict=True)]
            if not all(map(self.near, found, [Fraction(1), *powers])):
                return q - 1
        return 2 * len(self.c)

    def evaluations(self, inputs: list[str], errors: list[str], *, learned: bool) -> int:
        """Evaluations of f in a further step; under a control f at its end serves the next one."""
        stages, first = [[c, *row] for c, row in zip(self.c, self.a, strict=True)], [0] * (len(self.c) + 1)
        if any(stage in stages[:i] for i, stage in enumerate(stages)):
            raise NotImplementedError("equal stages")
        start = stages.index(first) if first in stages else -1
        end = stages.index([1, *self.weights[0]]) if [1, *self.weights[0]] in stages and not learned else -2
        live = {*[start] * bool(errors or "dz" in inputs), *[end] * bool(errors)}
        live |= set(range(len(stages))) if "stages" in inputs else set()
        for _ in stages:
            rows = self.weights[: 1 + ("embedded" in errors)] + [self.a[i] for i in live if i >= 0]
            live |= {j for row in rows for j, x in enumerate(row) if x}
        return 3 * len(live) - 4 if "doubling" in errors else len(live) - bool(errors)


def get(claims: Any, key: str, *kinds: type) -> Any:
    """A value of one of these types."""
    value = claims.get(key, get) if isinstance(claims, dict) else get
    return value if type(value) in kinds else refuse(f"{key!r} is missing, or of a wrong type")


def refuse(why: str) -> Any:
    raise ValueError(why)


def stable(p: Vector, *, strictly: bool = False) -> bool:
    """Whether all roots are in the unit disk, those on the circle simple; `strictly`: inside."""
    while len(p) > 1:
        rest = [(p[-1] * x + p[0] * y * -1) * (Fraction(1) / p[-1]) for x, y in zip(p, reversed(p), strict=True)][1:]
        if not any(rest):
            return not strictly and stable([x * k for k, x in enumerate(p)][1:], strictly=True)
        if sign(rest[-1] * p[-1]) <= 0:
            return False
        p = rest
    return True


@dataclass
class Checker:
    """Reads the claims of a file and sorts them; `left` is the work that may still be done."""

    random: Random
    left: int = WORK
    values: dict[str, Fraction] = field(default_factory=dict)
    found: dict[str, list[str]] = field(default_factory=lambda: {"does not hold": [], "not checked": [], "holds": []})

    def bounded(self, x: Number) -> Number:
        """The number itself, of which there may be so many of such a size."""
        parts = x[:2] if isinstance(x, Surd) else (x,)
        bits = sum(q.numerator.bit_length() + q.denominator.bit_length() for q in parts)
        self.left -= (bits // 30 + 4) ** 2
        if self.left < 0 or bits > MOST_BITS:
            raise NotImplementedError("it takes too much work")
        return x

    def number(self, text: object) -> Number:
        """The value of an expression, node by node."""
        if not isinstance(text, str) or not re.fullmatch(r"[-+*/^() \w]{1,%d}" % LONGEST, text, re.ASCII):
            raise ValueError(f"{str(text)[:40]!r} is no number")
        try:
            return self.value(ast.parse(text.strip().replace("^", "**"), mode="eval").body)
        except (SyntaxError, RecursionError, MemoryError) as error:
            raise ValueError(f"{text[:40]!r} is no number") from error

    def value(self, node: ast.expr) -> Number:
        match node:
            case ast.Constant(int(digits)):
                return Fraction(digits)
            case ast.Name(name) if name in self.values:
                return self.values[name]
            case ast.UnaryOp(ast.USub(), operand):
                return self.value(operand) * -1
            case ast.Call(ast.Name("sqrt"), [ast.Constant(int(d))], []):
                return Fraction(isqrt(d)) if isqrt(d) ** 2 == d else Surd(Fraction(0), Fraction(1), d)
            case ast.BinOp(left, ast.Pow(), ast.Constant(int(power))) if power <= MOST:
                return reduce(lambda x, y: self.bounded(x * y), [self.value(left)] * power, Fraction(1))
            case ast.BinOp(left, ast.Add() | ast.Sub() | ast.Mult() | ast.Div() as word, right):
                x, y = self.value(left), self.value(right)
                y = y * -1 if isinstance(word, ast.Sub) else Fraction(1) / y if isinstance(word, ast.Div) else y
                return self.bounded(x + y if isinstance(word, ast.Add | ast.Sub) else x * y)
            case ast.Name() | ast.Call():
                raise NotImplementedError("a number beyond one square root")
        raise ValueError("a number has another form than the grammar's")

    def row(self, texts: Any, width: int = 0) -> list[Number]:
        """Numbers, filled up with zeros to the width, if there is one."""
        if type(texts) is not list or len(texts) > (width or MOST):
            raise ValueError("a row of coefficients is no list, or too long")
        return [self.number(text) for text in texts] + [Fraction(0)] * (width - len(texts))

    def check(self, name: str, said: Any, find: Callable[[], Any], *, most: bool = False) -> None:
        """Sort a claim by what is found, the least of values with a text each; `most`: no more may be said."""
        try:
            found, why = min(find())
            holds = said == found or (most and 1 <= said <= found)
            kind, text = (
                ("holds", name) if holds else ("does not hold", f"{name} is said to be {said}, is {found}{why}")
            )
        except NotImplementedError as reason:
            kind, text = "not checked", f"{name} ({reason})"
        self.found[kind].append(text)

    def table(self, claims: Any) -> Table:
        """The coefficients of a method."""
        parts, within = get(claims, "tableau", dict), get(claims, "tolerance", str, NONE)
        c = self.row(get(parts, "c", list))
        a, weights = ([self.row(row, len(c)) for row in get(parts, key, list)[: MOST + 1]] for key in ("a", "weights"))
        tolerance = self.number(within) if within else Fraction(0)
        if len(a) != len(c) or not c or not weights or not 0 <= tolerance <= Fraction(1, 10**8):
            raise ValueError("the tableau has no right shape, or the tolerance is beyond 1e-8")
        return Table(a, c, weights, tolerance, self.bounded)

    def runge_kutta(self, claims: Any) -> None:
        """A method, or a family at some values of its parameters."""
        names = [*get(claims, "free_parameters", list), *get(claims, "learned_parameters", dict)]
        tables, timed, within = [], not get(claims, "autonomous", bool), get(claims, "tolerance", str, NONE)
        dense, dense_order = get(claims, "dense", dict, NONE), get(claims, "dense_order", int, NONE)
        errors = get(get(claims, "control", dict), "error", list) if get(claims, "control", dict, NONE) else []
        uses = {
            "inputs": get(claims, "corrector_inputs", list),
            "errors": errors,
            "learned": claims["corrector"] is not None,
        }
        for _ in range(SAMPLES if names else 1):
            self.values = {str(name): Fraction(self.random.getrandbits(64), 2**32) for name in names}
            tables.append((self.table(claims), self.table({**claims, **(dense or {})})))

        def check(name: str, said: Any, find: Callable[[Table, Table], Any], *, most: bool = False) -> None:
            self.check(name, said, lambda: [find(t, d) for t, d in tables], most=most)

        check("kind", KINDS.index(get(claims, "kind", str)), lambda t, _: (t.kind, ""))
        check("stages", get(claims, "stages", int), lambda t, _: (len(t.c), ""))
        check("proof", get(claims, "proof", str), lambda *_: ("tolerance" if within else "exact", ""))
