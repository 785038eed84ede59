"""The Lark grammar, loaded once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from lark import Lark, Token


class _AllTokens:
    """Keeps the terminals that only `tokens` and its messages use."""

    always_accept = ("COMMENT", "NEWLINE", "BAD_NUMBER", "POWER_STARS", "OTHER", "UNENDED_STRING")

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        return stream


@cache
def grammar() -> Lark:
    from hyperdsl.syntax.builder import Builder  # noqa: PLC0415 — builder and grammar load only when a spec is read

    return Lark.open_from_package(
        __package__,
        "hyper.lark",
        parser="lalr",
        lexer="basic",
        start="file",
        postlex=_AllTokens(),
        transformer=Builder(),
        maybe_placeholders=True,
        propagate_positions=False,
    )
