"""What is offered where, in texts that are not finished."""

from __future__ import annotations

import pytest

from hyperdsl.lsp.completion import completions
from hyperdsl.semantics.settings_table import BLOCKS
from hyperdsl.syntax.brackets import DECLARATIONS


def offered(text: str) -> dict[str, str | None]:
    """The words offered at the | of a text, with their details."""
    before = text[: text.index("|")]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return {item.label: item.detail for item in completions(None, text.replace("|", "", 1), line, column)}


def test_declarations_at_the_top() -> None:
    assert {*offered("|")} == {*offered("cor|")} == {*DECLARATIONS, "import", "hyperdsl"}
    assert {*offered("solver A {\n    base rk4\n}\n|\nmethod m {")} == {*DECLARATIONS, "import", "hyperdsl"}


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("control c {\n    |", "control"),
        ("control c {\n    error embedded\n    rt|\n    atol", "control"),
        ("training t {\n    reference rk4 {\n        |", "reference"),
        ("training t {\n    reference rk4 {\n        substeps 4\n    }\n    then {\n        l|", "then"),
        ("solver A { |", "solver"),
    ],
)
def test_settings_of_the_block(text: str, block: str) -> None:
    assert [*offered(text)] == [word.word for word in BLOCKS[block]]


@pytest.mark.parametrize(
    ("text", "some"),
    [
        ("training t {\n    loss |", {"residual", "trajectory", "adversarial", "end"}),
        ("training t {\n    optimizer adamw(|", {"lr = ", "weight_decay = ", "clip = "}),
        ("training t {\n    optimizer adamw(lr = 1e-3, w|)", {"lr = ", "weight_decay = ", "clip = "}),
        ("corrector g {\n    layers linear(64), s|", {"silu", "sin", "softplus", "linear"}),
        ("corrector g {\n    inputs z, |", {"dz", "s", "eps", "x", "stages"}),
        ("solver A {\n    base rk4\n    solve |", {"newton", "krylov", "iteration"}),
    ],
)
def test_values(text: str, some: set[str]) -> None:
    assert some <= {*offered(text)}


def test_methods_of_the_library_with_their_orders() -> None:
    bases = offered("solver A {\n    base |")
    assert bases["dopri5"] == "explicit, order 5(4)"
    assert bases["ab3"] == "explicit multistep, order 3"
    pair = offered("predictor_corrector p {\n    predict |")
    assert "ab3" in pair
    assert "rk4" not in pair
    assert "ab3" not in offered("training t {\n    reference |")


@pytest.mark.parametrize("text", ["# a | b", 'import "a|"', "method m {\n    tableau {\n        |", "x y z |", "}}} |"])
def test_nothing_where_nothing_can_be_said(text: str) -> None:
    assert {*offered(text)} <= {*DECLARATIONS, "import", "hyperdsl"} if text.startswith("}") else not offered(text)
