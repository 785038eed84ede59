"""Builds the syntax tree as the parser reduces: no recursion, so no depth of nesting can exhaust the stack.

Methods are named after the grammar's rules and get their children, tokens and None for absent optional parts included.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from lark import Token, Transformer

from hyperdsl.source import Span
from hyperdsl.syntax import nodes as n


def span_of(part: Any) -> Span:
    """Where a token or node stands."""
    if isinstance(part, Token):
        line, column = part.line or 1, part.column or 1
        return Span(line, column, part.end_line or line, part.end_column or column)
    found: Span = part.span
    return found


@dataclass(frozen=True)
class Broken:
    """A statement that was reported and left out."""

    span: Span


@dataclass(frozen=True)
class _Arguments:
    items: tuple[n.Argument, ...]
    span: Span


def _covering(parts: list[Any]) -> Span:
    present = [part for part in parts if part is not None]
    return span_of(present[0]).to(span_of(present[-1]))


def _nodes(parts: list[Any], *kinds: type) -> tuple[Any, ...]:
    return tuple(part for part in parts if isinstance(part, kinds))


def _plain(parts: list[Any]) -> list[Any]:
    """The parts that are neither punctuation nor absent."""
    return [part for part in parts if part is not None and not isinstance(part, Token)]


def _word(token: Token) -> n.Name:
    return n.Name(str(token), span_of(token))


VALUES = (n.Name, n.Number, n.Negate, n.Binary, n.Call, n.Index, n.Range, n.Comparison, n.String)


class Builder(Transformer[Token, Any]):
    """One method a rule of `hyper.lark`."""

    def file(self, parts: list[Any]) -> tuple[tuple[n.Item, ...], bool]:
        items = tuple(part for part in parts if isinstance(part, n.Declaration | n.Setting))
        return items, len(items) == len(parts)

    def declared(self, parts: list[Any]) -> tuple[n.Name, tuple[n.Argument, ...]]:
        arguments = _nodes(parts, _Arguments)
        return _word(parts[0]), arguments[0].items if arguments else ()

    def declaration(self, parts: list[Any]) -> n.Declaration:
        word, (name, parameters), (block, complete) = parts
        return n.Declaration(_word(word), name, parameters, block, span_of(word).to(block.span), complete)

    def directive(self, parts: list[Any]) -> n.Setting:
        return self.setting(parts)[0]

    def block(self, parts: list[Any]) -> tuple[n.Block, bool]:
        inner = parts[1:-1]
        complete = all(whole for _, whole in inner)
        statements = tuple(statement for statement, _ in inner if not isinstance(statement, Broken))
        return n.Block(statements, _covering(parts)), complete

    def setting(self, parts: list[Any]) -> tuple[n.Setting, bool]:
        inside = [part for part in parts if isinstance(part, tuple)]
        block, complete = inside[0] if inside else (None, True)
        ends = [block if isinstance(part, tuple) else part for part in parts]
        values, clauses = _nodes(parts[1:], *VALUES), _nodes(parts, n.Clause)
        return n.Setting(_word(parts[0]), values, clauses, block, _covering(ends)), complete

    def clause(self, parts: list[Any]) -> n.Clause:
        return n.Clause(_word(parts[0]), parts[1], _covering(parts))

    def equation(self, parts: list[Any]) -> tuple[n.Equation, bool]:
        return n.Equation(_word(parts[0]), parts[3], _covering(parts)), True

    def domain(self, parts: list[Any]) -> tuple[n.Domain, bool]:
        return n.Domain(_word(parts[0]), parts[2], _covering(parts)), True

    def update(self, parts: list[Any]) -> tuple[n.Update, bool]:
        return n.Update(parts[0], parts[2], _covering(parts)), True

    def broken(self, parts: list[Any]) -> tuple[Broken, bool]:
        return Broken(span_of(parts[0])), False

    def table(self, parts: list[Any]) -> tuple[tuple[n.TableLine, ...], Span, bool]:
        lines = _nodes(parts, n.Row, n.Weights, n.Bare, n.Rule)
        return lines, _covering([parts[0], parts[-1]]), not _nodes(parts, Broken)

    def tableau(self, parts: list[Any]) -> tuple[n.Tableau, bool]:
        lines, span, complete = parts[-1]
        values, clauses = _nodes(parts[1:], *VALUES), _nodes(parts, n.Clause)
        return n.Tableau(_word(parts[0]), values, clauses, lines, span_of(parts[0]).to(span)), complete

    def row(self, parts: list[Any]) -> n.Row:
        entries = parts[2] or ()
        last = entries[-1] if entries else parts[1]
        return n.Row(parts[0], entries, span_of(parts[0]).to(span_of(last)))

    def weights(self, parts: list[Any]) -> n.Weights:
        return n.Weights(parts[1], span_of(parts[0]).to(span_of(parts[1][-1])))

    def bare(self, parts: list[Any]) -> n.Bare:
        return n.Bare(parts[0], span_of(parts[0][0]).to(span_of(parts[0][-1])))

    def rule(self, parts: list[Any]) -> n.Rule:
        return n.Rule(_covering(parts))

    def broken_line(self, parts: list[Any]) -> Broken:
        return Broken(span_of(parts[0]))

    def entries(self, parts: list[Any]) -> tuple[n.Expression, ...]:
        return tuple(_plain(parts))

    def range(self, parts: list[Any]) -> n.Range:
        return n.Range(parts[0], parts[2], _covering(parts))

    def comparison(self, parts: list[Any]) -> n.Comparison:
        operators = tuple(str(part) for part in parts if isinstance(part, Token))
        return n.Comparison(tuple(_plain(parts)), operators, _covering(parts))

    def string(self, parts: list[Any]) -> n.String:
        return n.String(str(parts[0])[1:-1], span_of(parts[0]))

    def arguments(self, parts: list[Any]) -> _Arguments:
        items = [part if isinstance(part, n.Argument) else n.Argument(None, part, part.span) for part in _plain(parts)]
        return _Arguments(tuple(items), _covering(parts))

    def named(self, parts: list[Any]) -> n.Argument:
        return n.Argument(_word(parts[0]), parts[2], _covering(parts))

    def binary(self, parts: list[Any]) -> n.Binary:
        left, operator, right = parts
        return n.Binary(str(operator), left, right, _covering(parts))  # type: ignore[arg-type]  # the grammar's five

    add = subtract = multiply = divide = power = binary

    def negate(self, parts: list[Any]) -> n.Negate:
        return n.Negate(parts[1], _covering(parts))

    def call(self, parts: list[Any]) -> n.Call:
        head = _word(parts[0]) if isinstance(parts[0], Token) else parts[0]
        items = parts[2].items if parts[2] is not None else ()
        return n.Call(head, items, _covering(parts))

    applied = call

    def group(self, parts: list[Any]) -> n.Expression:
        inner: n.Expression = parts[1]
        return replace(inner, span=_covering(parts))

    def index(self, parts: list[Any]) -> n.Index:
        return n.Index(_word(parts[0]), parts[2], _covering(parts))

    def number(self, parts: list[Any]) -> n.Number:
        return n.Number(str(parts[0]), span_of(parts[0]))

    def name(self, parts: list[Any]) -> n.Name:
        return _word(parts[0])
