"""A Runge–Kutta method as its declaration writes it, in sympy's expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import sympy

from hyperdsl.second.budget import Undecided
from hyperdsl.second.expressions import Expr, expression, symbols
from hyperdsl.semantics.methods.labels import PLAIN, parts_of
from hyperdsl.semantics.model.additive import PARTS
from hyperdsl.syntax import nodes as n

THETA = sympy.Symbol("theta", real=True)

Row = tuple[Expr, ...]


@dataclass(frozen=True)
class End:
    """An end of a parameter's range, and whether it belongs to it."""

    at: Expr
    closed: bool


@dataclass(frozen=True)
class Bounds:
    """A parameter's range; None where it has no end."""

    lower: End | None = None
    upper: End | None = None

    def cut(self, sign: str, at: Expr) -> Bounds:
        """The part of the range where the parameter `sign` the bound."""
        new = End(at, sign.endswith("="))
        if sign.startswith("<"):
            return Bounds(self.lower, _nearer(self.upper, new, at < self.upper.at if self.upper else True))
        return Bounds(_nearer(self.lower, new, at > self.lower.at if self.lower else True), self.upper)


def _nearer(old: End | None, new: End, inside: object) -> End:
    """The end that leaves less."""
    if old is not None and new.at == old.at:
        return End(old.at, old.closed and new.closed)
    return new if old is None or bool(inside) else old


@dataclass(frozen=True)
class WrittenDense:
    """Dense output: the order that it claims, its extra stages and its weights, polynomials in `THETA`."""

    order: int
    a: tuple[Row, ...]
    c: Row
    weights: Row


@dataclass(frozen=True)
class Written:
    """A method: its coefficients, rows as long as there are stages, and what it claims."""

    claimed: tuple[int, ...]
    a: tuple[Row, ...] = ()
    c: Row = ()
    weights: tuple[Row, ...] = ()
    tolerance: Expr | None = None
    autonomous: bool = False
    dense: WrittenDense | None = None
    bounds: Mapping[Expr, Bounds] = field(default_factory=dict)
    nonzero: Row = ()


FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def read(declaration: n.Declaration, values: Mapping[str, Expr] | None = None, of: n.Tableau | None = None) -> Written:
    """The method that a sound declaration writes, with these values for some of its parameters; `of` is the tableau
    where it has several."""
    names = {argument.value.text: None for argument in declaration.parameters if isinstance(argument.value, n.Name)}
    given = {**symbols(tuple(names)), **(values or {})}
    tables = {table.word.text: table for table in declaration.body.statements if isinstance(table, n.Tableau)}
    table = of or tables["tableau"]
    rows = [line for line in table.lines if isinstance(line, n.Row)]
    weights = [line for line in table.lines if isinstance(line, n.Weights)]
    return replace(
        settings_of(declaration, given),
        a=tuple(row_of(row.entries, len(rows), given) for row in rows),
        c=row_of([row.c for row in rows], len(rows), given),
        weights=tuple(row_of(row.entries, len(rows), given) for row in weights),
        dense=_dense(tables["dense"], len(rows), given) if "dense" in tables else None,
    )


def settings_of(declaration: n.Declaration, names: Mapping[str, Expr]) -> Written:
    """What a sound declaration claims of a method of any kind, without its coefficients."""
    statements = declaration.body.statements
    settings = {setting.word.text: setting for setting in statements if isinstance(setting, n.Setting)}
    order = settings["order"]
    tolerance = next((clause.value for clause in order.clauses if clause.word.text == "within"), None)
    bounds, nonzero = _conditions(settings.get("where"), names)
    return Written(
        claimed=_claimed(order),
        tolerance=None if tolerance is None else expression(tolerance, {}),
        autonomous=any(clause.word.text == "autonomous" for clause in order.clauses),
        bounds=bounds,
        nonzero=nonzero,
    )


def read_parts(
    declaration: n.Declaration, named: Callable[[str], n.Declaration], values: Mapping[str, Expr] | None = None
) -> tuple[Written, ...]:
    """The parts of an additive method, explicit before implicit, each with the method's claims; `named` finds the
    methods that it names as parts."""
    tables = parts_of(declaration)
    settings = {s.word.text: s for s in declaration.body.statements if isinstance(s, n.Setting)}
    for label in PARTS:
        if label not in tables:
            (name,) = (value.text for value in settings[label].values if isinstance(value, n.Name))
            tables[label] = parts_of(named(name))[PLAIN]
    return tuple(read(declaration, values, tables[label]) for label in PARTS)


def learned(stages: int, kind: Literal["explicit", "dirk", "implicit"]) -> Written:
    """All methods of a kind with so many stages for which c = A·1 and Σ b = 1 hold: `learned(METHOD)` trains some."""
    zero, one = sympy.Integer(0), sympy.Integer(1)
    widths = {"explicit": range(stages), "dirk": range(1, stages + 1), "implicit": [stages] * stages}[kind]
    a = [[sympy.Symbol(f"a{i}_{j}", real=True) for j in range(width)] for i, width in enumerate(widths)]
    b = [sympy.Symbol(f"b{i}", real=True) for i in range(stages - 1)]
    return Written(
        a=tuple((*row, *[zero] * (stages - len(row))) for row in a),
        c=tuple(sympy.Add(*row) for row in a),
        weights=((*b, one - sympy.Add(*b)),),
        claimed=(1,),
    )


def row_of(entries: Iterable[n.Expression], length: int, names: Mapping[str, Expr]) -> Row:
    """A row of a tableau, zeros put in where it is short."""
    found = [expression(entry, names) for entry in entries]
    return (*found, *[sympy.Integer(0)] * (length - len(found)))


def _claimed(order: n.Setting) -> tuple[int, ...]:
    """The orders of `order p(q, r)`."""
    (value,) = order.values
    numbers = (value.name, *(argument.value for argument in value.arguments)) if isinstance(value, n.Call) else (value,)
    return tuple(int(number.text) for number in numbers if isinstance(number, n.Number))


def _dense(table: n.Tableau, stages: int, names: Mapping[str, Expr]) -> WrittenDense:
    rows = [line for line in table.lines if isinstance(line, n.Row)]
    (weights,) = (line for line in table.lines if isinstance(line, n.Weights))
    (order,) = (int(value.text) for value in table.values if isinstance(value, n.Number))
    size = stages + len(rows)
    return WrittenDense(
        order=order,
        a=tuple(row_of(row.entries, size, names) for row in rows),
        c=row_of([row.c for row in rows], len(rows), names),
        weights=row_of(weights.entries, size, {**names, "theta": THETA}),
    )


def _conditions(where: n.Setting | None, names: Mapping[str, Expr]) -> tuple[dict[Expr, Bounds], Row]:
    """The ranges of parameters that are still open, and what must not vanish."""
    bounds = {symbol: Bounds() for symbol in names.values() if symbol.is_Symbol}
    nonzero = []
    for value in where.values if where else ():
        if not isinstance(value, n.Comparison):
            raise Undecided("it has a condition that the second prover cannot read")
        sides = [expression(operand, names) for operand in value.operands]
        for left, sign, right in zip(sides, value.operators, sides[1:], strict=False):
            if sign == "!=":
                nonzero.append(left - right)
            elif left in bounds:
                bounds[left] = bounds[left].cut(sign, right)
            elif right in bounds:
                bounds[right] = bounds[right].cut(FLIPPED[sign], left)
    return bounds, tuple(nonzero)
