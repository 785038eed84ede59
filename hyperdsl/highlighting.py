"""Colours for specs: a lexer of Pygments, which finds it as `hyper`; blocks of documents and notebooks use it."""

from __future__ import annotations

from typing import Any, ClassVar

from pygments.lexer import RegexLexer, bygroups, default, include
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Whitespace

from hyperdsl.semantics.reading.units import DIRECTIVES
from hyperdsl.syntax.brackets import DECLARATIONS


class HyperLexer(RegexLexer):
    """Specs of hyperdsl. The word that begins a statement is a setting, as in the grammar, which reads any word."""

    name = "hyperdsl"
    aliases: ClassVar[list[str]] = ["hyper"]
    filenames: ClassVar[list[str]] = ["*.hyper"]

    tokens: ClassVar[dict[str, list[Any]]] = {
        "root": [
            (r"\s+", Whitespace),
            (r"#[^\n]*", Comment.Single),
            (
                rf"({'|'.join(DECLARATIONS)})([ \t]+)(\w+)(?=[ \t]*[({{])",
                bygroups(Keyword.Declaration, Whitespace, Name.Class),
                "statement",
            ),
            (rf"({'|'.join(DIRECTIVES)})\b", Keyword.Namespace, "statement"),
            (r"[A-Za-z_]\w*(?=[ \t]*(?:['\[]|in\b))", Name.Variable, "statement"),
            (r"[A-Za-z_]\w*(?=[ \t]*[|,*/^+-])", Name, "statement"),
            (r"[A-Za-z_]\w*", Keyword, "statement"),
            (r"-{2,}\+-{2,}", Punctuation),
            (r"[{}]", Punctuation),
            default("statement"),
        ],
        "statement": [
            (r"(?<=[,+\-*/^=<>.])[ \t]*\n", Whitespace),  # the statement goes on
            (r"\n", Whitespace, "#pop"),
            (r"[{}]", Punctuation, "#pop"),
            include("values"),
        ],
        "round": [(r"[)\]]", Punctuation, "#pop"), (r"\n", Whitespace), include("values")],
        "values": [
            (r"[ \t\r]+", Whitespace),
            (r"#[^\n]*", Comment.Single),
            (r'"[^"\n]*"', String),
            (r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?!\w)", Number),
            (r"(?:in|within|autonomous)\b", Operator.Word),
            (r"[A-Za-z_]\w*(?=\()", Name.Function),
            (r"[A-Za-z_]\w*", Name),
            (r"\.\.|[<>!]=|[-+*/^=<>|']", Operator),
            (r"[(\[]", Punctuation, "round"),
            (r"[),\]]", Punctuation),
        ],
    }
