"""A tableau that was read, as a method of the language with the order that it is proven to have."""

from __future__ import annotations

from dataclasses import dataclass
from operator import ge
from pathlib import Path
from typing import Any

from hyperdsl import compiler
from hyperdsl.diagnostics import Diagnostic
from hyperdsl.scaffold.choices import Base
from hyperdsl.scaffold.tables import Table
from hyperdsl.source import SpecFile, standing_for

LOOSEST, TIGHTEST = 8, 80
"""Tolerances are 10^-k with k in between."""


@dataclass(frozen=True)
class Proven:
    """The base with its declaration, and a sentence on what was proven; without a base, what is wrong."""

    base: Base | None
    said: str
    diagnostics: tuple[Diagnostic, ...]


def proven(table: Table, name: str) -> Proven:
    """The method at its highest orders: exactly, or where its numbers are rounded, within a tolerance."""
    facts, diagnostics = _tried(table, name, "order 1")
    exactly = found = _orders(facts)
    clause = ""
    loose = _orders(_tried(table, name, f"order 1 within 1e-{LOOSEST}")[0])
    if loose != exactly and all(map(ge, loose, exactly)):
        found, clause = loose, f" within 1e-{_tightest(table, name, loose)}"
    order, embedded = found
    if order < 1:
        return Proven(None, "no order is proven", diagnostics)
    pair = f"({embedded})" if embedded and len(table.weights) == 2 else ""
    claim = f"order {order}{pair}{clause}"
    facts, diagnostics = _tried(table, name, claim)
    if facts is None:
        return Proven(None, "no order is proven", diagnostics)
    those = "its decimals" if table.has_decimals else "they"
    had = f"{exactly[0]}" + (f"({exactly[1]})" if pair and exactly[0] else "")
    how = f"{clause.strip()}; as exact numbers {those} have order {had}" if clause else "exactly"
    stages = len(table.c) - bool(facts.get("fsal"))
    base = Base(name, order, max(1, stages), len(table.weights) > 1, _text(table, name, claim))
    return Proven(base, f"{name} has order {order}{pair}, proven {how}", diagnostics)


def _tightest(table: Table, name: str, orders: tuple[int, int]) -> int:
    """The largest k for which those orders hold within 10^-k."""
    low, high = LOOSEST, TIGHTEST
    while low < high:
        middle = (low + high + 1) // 2
        found = _orders(_tried(table, name, f"order 1 within 1e-{middle}")[0])
        low, high = (middle, high) if all(map(ge, found, orders)) else (low, middle - 1)
    return low


def _orders(facts: dict[str, Any] | None) -> tuple[int, int]:
    """The order of the step, and of its first embedded row; 0 where there is none."""
    return _order(facts), _order(facts, "embedded_order")


def _order(facts: dict[str, Any] | None, which: str = "order") -> int:
    found = (facts or {}).get(which)
    return found if isinstance(found, int) else 0


def _tried(table: Table, name: str, claim: str) -> tuple[dict[str, Any] | None, tuple[Diagnostic, ...]]:
    """What the compiler finds out about the method with this claim."""
    file = SpecFile(Path(f"{name}.hyper"), f"{name}.hyper")
    (outcome,) = compiler.outcomes([file], texts=standing_for(file, _text(table, name, claim)))
    methods = outcome.summary["methods"]
    return (methods[0] if methods else None), outcome.diagnostics


def _text(table: Table, name: str, claim: str) -> str:
    rows = [f"{c} | {', '.join(row)}" for c, row in zip(table.c, table.a, strict=True)]
    weights = [f"| {', '.join(row)}" for row in table.weights]
    return f"method {name} {{\n{claim}\ntableau {{\n" + "\n".join([*rows, "---+---", *weights]) + "\n}\n}\n"
