"""The lexer of Pygments knows every token of every spec."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from pygments.token import Comment, Error, Keyword, Name, Number, Token

from hyperdsl.highlighting import HyperLexer

ROOT = Path(__file__).parents[1]
FILES = [*ROOT.glob("specs/*.hyper"), *ROOT.glob("hyperdsl/library/*.hyper"), ROOT / "tests/syntax/everything.hyper"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_token_is_an_error(path: Path) -> None:
    text = path.read_text("utf-8")
    tokens = list(HyperLexer(stripnl=False, ensurenl=False).get_tokens(text))
    assert "".join(value for _, value in tokens) == text
    assert [value for kind, value in tokens if kind in Error] == []


def test_words_are_told_apart() -> None:
    text = "method m(a) { # why\n    order 5(4) within 1e-8\n}\nproblem p {\n    x' = sin(x)\n    x in 0 .. 1\n}\n"
    found = {value: kind for kind, value in HyperLexer().get_tokens(text)}
    assert found["method"] is Keyword.Declaration
    assert found["m"] is Name.Class
    assert found["order"] is Keyword
    assert found["5"] is found["1e-8"] is Number
    assert found["# why"] is Comment.Single
    assert found["within"] is found["in"] is Token.Operator.Word
    assert found["sin"] is Name.Function


def test_what_is_no_spec_has_errors() -> None:
    assert [value for kind, value in HyperLexer().get_tokens("order $ 2\n") if kind in Error] == ["$"]


def test_pygments_finds_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    module, _, name = project["entry-points"]["pygments.lexers"]["hyper"].partition(":")
    assert getattr(import_module(module), name) is HyperLexer
