"""parse(print(tree)) == tree, and printing is idempotent: on every spec there is, and on drawn ones."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperdsl.diagnostics import has_errors
from hyperdsl.source import Source, Span
from hyperdsl.syntax import nodes as n
from hyperdsl.syntax.parser import parse
from hyperdsl.syntax.printer import expression_text, print_file

ROOT = Path(__file__).parents[2]
SPECS = sorted([*ROOT.glob("specs/*.hyper"), *Path(str(files("hyperdsl.library"))).glob("*.hyper")])
SPECS.append(Path(__file__).parent / "everything.hyper")


def tree_of(text: str) -> n.File:
    tree, found = parse(Source("a.hyper", text))
    assert tree is not None
    assert not has_errors(found), found
    return tree


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_printed_spec_is_the_same_spec(path: Path) -> None:
    tree = tree_of(path.read_text("utf-8"))
    printed = print_file(tree)
    assert tree_of(printed) == tree
    assert print_file(tree_of(printed)) == printed


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_comment_is_kept(path: Path) -> None:
    tree = tree_of(path.read_text("utf-8"))
    assert [c.text for c in tree_of(print_file(tree)).comments] == [c.text for c in tree.comments]


NAMES = st.sampled_from(["x", "alpha", "order", "tableau", "f"]).map(lambda text: n.Name(text, Span(1, 1, 1, 1)))
NUMBERS = st.sampled_from(["0", "12", "0.1", ".5", "1e-6"]).map(lambda text: n.Number(text, Span(1, 1, 1, 1)))


def _deeper(inner: st.SearchStrategy[n.Expression]) -> st.SearchStrategy[n.Expression]:
    span = st.just(Span(1, 1, 1, 1))
    arguments = st.lists(st.builds(n.Argument, st.none(), inner, span), max_size=2).map(tuple)
    return st.one_of(
        st.builds(n.Negate, inner, span),
        st.builds(n.Binary, st.sampled_from(["+", "-", "*", "/", "^"]), inner, inner, span),
        st.builds(n.Call, NAMES, arguments, span),
        st.builds(n.Index, NAMES, inner, span),
    )


EXPRESSIONS = st.recursive(st.one_of(NAMES, NUMBERS), _deeper, max_leaves=12)


@given(EXPRESSIONS)
@settings(max_examples=300, derandomize=True, deadline=None)
def test_printed_expression_is_the_same_expression(expression: n.Expression) -> None:
    tree = tree_of(f"problem p {{\n    x' = {expression_text(expression)}\n}}\n")
    declaration = tree.items[0]
    assert isinstance(declaration, n.Declaration)
    equation = declaration.body.statements[0]
    assert isinstance(equation, n.Equation)
    assert equation.right == expression


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("((1/2))*(3/4)", "1/2*(3/4)"),
        ("a-(b-c)", "a - (b - c)"),
        ("-(x^2)", "-x^2"),
        ("(-x)^2", "(-x)^2"),
        ("2^-x", "2^-x"),
        ("a^(b^c)", "a^b^c"),
        ("(a^b)^c", "(a^b)^c"),
        ("-(a*b)", "-(a*b)"),
        ("(-a)*b", "-a*b"),
    ],
)
def test_parentheses_are_those_needed(written: str, printed: str) -> None:
    tree = tree_of(f"problem p {{\n    x' = {written}\n}}\n")
    assert f"    x' = {printed}\n" in print_file(tree)
    assert tree_of(print_file(tree)) == tree


def test_comments_and_blank_lines_stay_where_they_were() -> None:
    text = """# at the top

method m {  # of the header
    order 1


    # above the tableau
    tableau {
        0 |  # of the stage
        # above the rule
        --+---
          | 1
        # below the weights
    }
    # at the end
}
training fit { loss residual } # of the line
# last
"""
    assert print_file(tree_of(text)) == text.replace("\n\n\n    #", "\n\n    #").replace(
        "training fit { loss residual } # of the line", "\ntraining fit {\n    loss residual\n}  # of the line"
    )


def test_gamma_is_a_table_where_its_braces_follow() -> None:
    long = "123456789/987654321"
    head = "method m {\n    gamma {\n        1/2\n        1, 2\n    }\n    gamma 1/4\n"
    rows = f"        {long}, {long}, {long}, {long},\n        {long}, 1\n        1\n"
    text = f"{head}    tableau c {{\n{rows}    }}\n}}\n"
    tree = tree_of(text)
    assert print_file(tree) == text
    assert isinstance(tree.items[0], n.Declaration)
    table, setting, c = tree.items[0].body.statements
    assert isinstance(table, n.Tableau)
    assert [len(line.entries) for line in table.lines if isinstance(line, n.Bare)] == [1, 2]
    assert isinstance(setting, n.Setting)
    assert isinstance(c, n.Tableau)
    assert [len(line.entries) for line in c.lines if isinstance(line, n.Bare)] == [6, 1]


def test_long_rows_break_after_commas() -> None:
    row = ", ".join(["123456789/987654321"] * 12)
    zeros = ", ".join(["0"] * 12)
    stages = "\n".join("        0 |" for _ in range(12))
    text = f"method m {{\n    tableau {{\n{stages}\n        --+--\n          | {row}\n          | {zeros}\n    }}\n}}\n"
    printed = print_file(tree_of(text))
    assert max(map(len, printed.splitlines())) <= 100
    assert tree_of(printed) == tree_of(text)
