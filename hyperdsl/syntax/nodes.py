"""The syntax tree: frozen nodes with spans. Equality ignores spans, so that parse(print(tree)) == tree can be asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from hyperdsl.source import Source, Span

Operator = Literal["+", "-", "*", "/", "^"]


@dataclass(frozen=True)
class Name:
    text: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Number:
    """An exact number as written; semantics converts it."""

    text: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class String:
    text: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Negate:
    operand: Expression
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Binary:
    operator: Operator
    left: Expression
    right: Expression
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Call:
    """`name(arguments)`; the name is a `Number` in `order 5(4)`."""

    name: Name | Number
    arguments: tuple[Argument, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Index:
    """`z[n+1]`, `f[n-2]` in a multistep equation."""

    name: Name
    offset: Expression
    span: Span = field(compare=False, repr=False)


Expression = Name | Number | Negate | Binary | Call | Index


@dataclass(frozen=True)
class Range:
    """`lower .. upper`."""

    lower: Expression
    upper: Expression
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Comparison:
    """A chain such as `0 < alpha <= 1`; one operator fewer than operands."""

    operands: tuple[Expression, ...]
    operators: tuple[str, ...]
    span: Span = field(compare=False, repr=False)


Value = Expression | Range | Comparison | String


@dataclass(frozen=True)
class Argument:
    """`value` or `name = value` inside parentheses."""

    name: Name | None
    value: Value
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Clause:
    """A word after a setting's values: `within 1e-75`, `autonomous`."""

    word: Name
    value: Expression | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Setting:
    """`word values clauses`, or the same with a block."""

    word: Name
    values: tuple[Value, ...]
    clauses: tuple[Clause, ...]
    block: Block | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Equation:
    """`x' = expression` in a problem."""

    name: Name
    right: Expression
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Domain:
    """`x in lower .. upper` in a problem."""

    name: Name
    value: Value
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Update:
    """`z[n+1] = expression` in a multistep method."""

    left: Index
    right: Expression
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Row:
    """A stage: `c | a_1, a_2, ...`."""

    c: Expression
    entries: tuple[Expression, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Weights:
    """A row of weights: `| b_1, b_2, ...`."""

    entries: tuple[Expression, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Bare:
    """A row of coefficients alone: `g_1, g_2, ...`."""

    entries: tuple[Expression, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Rule:
    """The line between stages and weights."""

    span: Span = field(compare=False, repr=False)


TableLine = Row | Weights | Bare | Rule


@dataclass(frozen=True)
class Tableau:
    """`tableau { ... }`, `tableau explicit { ... }`, `dense q { ... }` or `gamma { ... }`."""

    word: Name
    values: tuple[Value, ...]
    clauses: tuple[Clause, ...]
    lines: tuple[TableLine, ...]
    span: Span = field(compare=False, repr=False)


Statement = Setting | Equation | Domain | Update | Tableau


@dataclass(frozen=True)
class Block:
    statements: tuple[Statement, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Declaration:
    """`word name(parameters) { ... }`; `complete` is false where a part was reported and left out."""

    word: Name
    name: Name
    parameters: tuple[Argument, ...]
    body: Block
    span: Span = field(compare=False, repr=False)
    complete: bool = True


Item = Declaration | Setting


@dataclass(frozen=True)
class Comment:
    """A comment with its `#`; `alone` when nothing else stands on its line."""

    text: str
    line: int
    alone: bool


@dataclass(frozen=True)
class File:
    """A whole spec as written; `complete` is false where a statement outside declarations was left out."""

    source: Source = field(compare=False, repr=False)
    items: tuple[Item, ...]
    comments: tuple[Comment, ...] = field(compare=False, repr=False)
    complete: bool = field(default=True, compare=False, repr=False)
