"""A tableau that was read, as a method of the language with the order that it is proven to have."""

from __future__ import annotations

from dataclasses import dataclass
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
    """The method at its highest order: exactly, or where decimals do not allow that, within a tolerance."""
    facts, diagnostics = _tried(table, name, "order 1")
    exactly = order = _order(facts)
    clause = ""
    if table.has_decimals:
        loose = _order(_tried(table, name, f"order 1 within 1e-{LOOSEST}")[0])
        if loose > order:
            order, clause = loose, f" within 1e-{_tightest(table, name, loose)}"
    if order < 1:
        return Proven(None, "no order is proven", diagnostics)
    embedded = _order(_tried(table, name, f"order {order}{clause}")[0], "embedded_order")
    pair = f"({embedded})" if embedded and len(table.weights) == 2 else ""
    claim = f"order {order}{pair}{clause}"
    facts, diagnostics = _tried(table, name, claim)
    if facts is None:
        return Proven(None, "no order is proven", diagnostics)
    how = f"{clause.strip()}; as exact numbers its decimals have order {exactly}" if clause else "exactly"
    stages = len(table.c) - bool(facts.get("fsal"))
    base = Base(name, order, max(1, stages), len(table.weights) > 1, _text(table, name, claim))
    return Proven(base, f"{name} has order {order}{pair}, proven {how}", diagnostics)


def _tightest(table: Table, name: str, order: int) -> int:
    """The largest k for which that order holds within 10^-k."""
    low, high = LOOSEST, TIGHTEST
    while low < high:
        middle = (low + high + 1) // 2
        holds = _order(_tried(table, name, f"order {order} within 1e-{middle}")[0]) >= order
        low, high = (middle, high) if holds else (low, middle - 1)
    return low


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
