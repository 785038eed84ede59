"""Writes the syntax files of editors/ from the language's own words.

python -m tools.editor_words

tests/tools/test_editors.py fails where they are not the language's: after a new declaration or setting, run this.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hyperdsl.semantics.methods.labels import OF_LABEL
from hyperdsl.semantics.reading.numbers import PI, ProblemReader
from hyperdsl.semantics.reading.units import DIRECTIVES
from hyperdsl.semantics.settings_table import BLOCKS
from hyperdsl.syntax.brackets import DECLARATIONS

EDITORS = Path(__file__).parent.parent / "editors"
GRAMMAR = EDITORS / "vscode" / "syntaxes" / "hyper.tmLanguage.json"
VIM = EDITORS / "vim" / "syntax" / "hyper.vim"
CLAUSES = ("within", "autonomous", "in")
"""Words that stand after values."""


def settings() -> tuple[str, ...]:
    """The words that begin a statement in some block."""
    return tuple(sorted({word.word for words in BLOCKS.values() for word in words}))


def choices() -> tuple[str, ...]:
    """The words that may be values."""
    return tuple(sorted({choice for words in BLOCKS.values() for word in words for choice in word.choices}))


def functions() -> tuple[str, ...]:
    """What is called in expressions."""
    return (*ProblemReader.FUNCTIONS, PI)


def _any(words: Iterable[str]) -> str:
    return "|".join(words)


def grammar() -> dict[str, Any]:
    """The TextMate grammar: a word begins a statement at the start of a line or after a brace."""
    begins = r"(?:^|(?<=[{}]))\s*"
    number = r"(?<![\w.])(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?!\w)"
    rules = [
        {"name": "comment.line.number-sign.hyper", "match": "#.*$"},
        {"name": "string.quoted.double.hyper", "match": '"[^"\\n]*"'},
        {
            "match": rf"{begins}({_any(DECLARATIONS)})[ \t]+(\w+)",
            "captures": {"1": {"name": "keyword.declaration.hyper"}, "2": {"name": "entity.name.function.hyper"}},
        },
        {"match": rf"{begins}({_any(DIRECTIVES)})\b", "captures": {"1": {"name": "keyword.control.hyper"}}},
        {"match": rf"{begins}({_any(settings())})\b", "captures": {"1": {"name": "keyword.other.setting.hyper"}}},
        {"name": "keyword.other.clause.hyper", "match": rf"\b({_any(CLAUSES)})\b"},
        {"name": "storage.modifier.hyper", "match": rf"(?<=tableau[ \t])({_any(OF_LABEL)})\b"},
        {"name": "variable.parameter.hyper", "match": r"\b[A-Za-z_]\w*(?=\s*=)"},
        {"name": "support.constant.mode.hyper", "match": r"\bP(?:EC)+E?\b"},
        {"name": "support.function.hyper", "match": rf"\b({_any(functions())})\b"},
        {"name": "support.constant.hyper", "match": rf"\b({_any(choices())})\b"},
        {"name": "punctuation.separator.rule.hyper", "match": r"^\s*-{2,}\+-{2,}\s*$"},
        {"name": "constant.numeric.hyper", "match": number},
        {"name": "keyword.operator.hyper", "match": r"\.\.|<=|>=|!=|[-+*/^=<>|']"},
        {"name": "variable.other.hyper", "match": r"\b[A-Za-z_]\w*\b"},
        {"name": "punctuation.hyper", "match": r"[(){}\[\],]"},
    ]
    return {"name": "hyperdsl", "scopeName": "source.hyper", "fileTypes": ["hyper"], "patterns": rules}


def vim() -> str:
    """The syntax file of Vim, where keywords come before matches: a word that begins statements is none."""
    begins = r"\%(^\|[{}]\)\s*\zs"

    def words(group: str, listed: Iterable[str]) -> str:
        return rf"syntax match {group} /{begins}\%(" + r"\|".join(listed) + r"\)\>/"

    lines = [
        '" Written by `python -m tools.editor_words`: the words of specs of hyperdsl.',
        "if exists('b:current_syntax')",
        "  finish",
        "endif",
        f"syntax keyword hyperFunction {' '.join(functions())}",
        f"syntax keyword hyperClause {' '.join(CLAUSES)}",
        f"syntax keyword hyperChoice {' '.join(word for word in choices() if word not in settings())}",
        words("hyperSetting", settings()),
        words("hyperDeclaration", (*DECLARATIONS, *DIRECTIVES)),
        r"syntax match hyperLabel /\%(\<tableau\s\+\)\@<=\%(" + r"\|".join(OF_LABEL) + r"\)\>/",
        r"syntax match hyperArgument /[(,]\s*\zs\h\w*\ze\s*=/",
        r"syntax match hyperMode /\<P\%(EC\)\+E\?\>/",
        r"syntax match hyperNumber /\%(\w\|\.\)\@<!\%(\d\+\%(\.\d\+\)\?\|\.\d\+\)\%([eE][+-]\?\d\+\)\?\>/",
        r"syntax match hyperRule /^\s*-\{2,}+-\{2,}\s*$/",
        'syntax region hyperString start=/"/ end=/"/ oneline',
        "syntax match hyperComment /#.*$/",
        "highlight default link hyperFunction Function",
        "highlight default link hyperClause Keyword",
        "highlight default link hyperChoice Constant",
        "highlight default link hyperLabel Type",
        "highlight default link hyperArgument Identifier",
        "highlight default link hyperMode Constant",
        "highlight default link hyperSetting Identifier",
        "highlight default link hyperDeclaration Statement",
        "highlight default link hyperNumber Number",
        "highlight default link hyperRule Delimiter",
        "highlight default link hyperString String",
        "highlight default link hyperComment Comment",
        "let b:current_syntax = 'hyper'",
    ]
    return "\n".join(lines) + "\n"


def texts() -> dict[Path, str]:
    """What each file should hold."""
    return {GRAMMAR: json.dumps(grammar(), indent=2, ensure_ascii=False) + "\n", VIM: vim()}


if __name__ == "__main__":
    for path, text in texts().items():
        path.write_text(text, "utf-8")
