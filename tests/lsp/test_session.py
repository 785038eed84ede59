"""Sessions of an editor with `hyperdsl lsp`, over its standard input and output."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from tools.lsp_client import ROOT, Editor, session

BROKEN = """method mine {
    order 3
    tableau {
        0 |
        1 | 1
        --+----------
          | 1/2, 1/2
    }
}

control   pi {
    error embedded
}

solver Mine {
    base mine
}
"""
USER = """import "shared.hyper"
# 𝑥 stands for a state
solver Used {
    base mine
}
"""
ALL = types.Range(types.Position(0, 0), types.Position(999, 0))


@dataclass
class Seen:
    """What a session showed."""

    broken: list[types.Diagnostic] = field(default_factory=list)
    failing: str = ""
    actions: list[types.CodeAction] = field(default_factory=list)
    mended: list[types.Diagnostic] = field(default_factory=list)
    hovers: dict[str, str] = field(default_factory=dict)
    hints: list[tuple[int, str]] = field(default_factory=list)
    offered: dict[str, str | None] = field(default_factory=dict)
    definitions: dict[str, types.Location] = field(default_factory=dict)
    references: list[tuple[str, int]] = field(default_factory=list)
    renamed: dict[str, list[tuple[str, int, int]]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    formatted: str = ""
    symbols: list[str] = field(default_factory=list)
    folds: int = 0
    user: list[list[types.Diagnostic]] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    hostile: list[list[str]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    superseded: tuple[float, list[int | None]] = (0.0, [])


def where(text: str, word: str) -> types.Position:
    """Just inside the first place of a word, in UTF-16."""
    before = text[: text.index(word)]
    line = before[before.rfind("\n") + 1 :]
    return types.Position(before.count("\n"), len(line.encode("utf-16-le")) // 2 + 1)


async def work(editor: Editor, folder: Path) -> Seen:
    seen, client = Seen(shown=editor.shown), editor.client
    uri = editor.open(folder / "shared.hyper", BROKEN)
    document = types.TextDocumentIdentifier(uri)

    async def hover(text: str, word: str, of: types.TextDocumentIdentifier = document) -> str:
        found = await client.text_document_hover_async(types.HoverParams(of, where(text, word)))
        assert found is not None
        assert isinstance(found.contents, types.MarkupContent)
        return found.contents.value

    seen.broken = await editor.diagnostics(uri)
    seen.failing = await hover(BROKEN, "mine {")
    error = next(one for one in seen.broken if one.code == "H201")
    context = types.CodeActionContext(seen.broken)
    found = await client.text_document_code_action_async(types.CodeActionParams(document, error.range, context))
    seen.actions = [one for one in found or () if isinstance(one, types.CodeAction)]
    fix = next(one for one in seen.actions if one.kind == types.CodeActionKind.QuickFix)
    assert fix.edit is not None
    assert fix.edit.changes is not None
    editor.change(uri, *((edit.range, edit.new_text) for edit in fix.edit.changes[uri]))
    text = BROKEN.replace("order 3", "order 2")
    seen.mended = await editor.diagnostics(uri)
    for word in ("mine {", "Mine", "error", "solver"):
        seen.hovers[word] = await hover(text, word)
    hints = await client.text_document_inlay_hint_async(types.InlayHintParams(document, ALL))
    seen.hints = [(hint.position.line, str(hint.label)) for hint in hints or ()]
    place = where(text, "base mine")
    offered = await client.text_document_completion_async(
        types.CompletionParams(document, types.Position(place.line, place.character + len("base")))
    )
    assert isinstance(offered, tuple | list)
    seen.offered = {item.label: item.detail for item in offered}
    layout = types.DocumentFormattingParams(document, types.FormattingOptions(4, True))
    (edit,) = await client.text_document_formatting_async(layout) or ()
    seen.formatted = edit.new_text
    symbols = await client.text_document_document_symbol_async(types.DocumentSymbolParams(document))
    seen.symbols = [symbol.name for symbol in symbols or ()]
    seen.folds = len(await client.text_document_folding_range_async(types.FoldingRangeParams(document)) or ())
    await over_two_files(editor, folder, seen, uri, text)
    await hostile(editor, folder, seen)
    return seen


async def over_two_files(editor: Editor, folder: Path, seen: Seen, uri: str, text: str) -> None:
    """A second document that imports the first, which is not saved; then names are changed in both."""
    client = editor.client
    user = editor.open(folder / "user.hyper", USER)
    document = types.TextDocumentIdentifier(user)
    seen.user.append(await editor.diagnostics(user))
    base = where(USER, "mine")
    for name, place in (("import", base),):
        location = await client.text_document_definition_async(types.DefinitionParams(document, place))
        assert isinstance(location, types.Location)
        seen.definitions[name] = location
    references = types.ReferenceParams(types.ReferenceContext(False), document, base)
    found = await client.text_document_references_async(references)
    seen.references = sorted((one.uri.rsplit("/", 1)[-1], one.range.start.line) for one in found or ())
    for name in ("lambda", "rk 4", "ok"):
        try:
            change = await client.text_document_rename_async(types.RenameParams(document, base, name))
        except JsonRpcException as error:
            seen.refused[name] = str(error)
        else:
            assert change is not None
            seen.renamed = {
                one.rsplit("/", 1)[-1]: [
                    (edit.new_text, edit.range.start.line, edit.range.start.character) for edit in edits
                ]
                for one, edits in (change.changes or {}).items()
            }
    start = where(text, "order 2")
    number = types.Range(
        types.Position(start.line, start.character + 5), types.Position(start.line, start.character + 6)
    )
    editor.change(uri, (number, "9"))  # the importing document is checked again with what is typed here
    seen.user.append(await editor.diagnostics(user))
    editor.change(uri, (number, "2"))
    seen.user.append(await editor.diagnostics(user))
    library = types.Range(base, types.Position(base.line, base.character + 3))
    editor.change(
        user, (library, "k4"), (types.Range(types.Position(base.line, 9), types.Position(base.line, 10)), "r")
    )
    seen.after = [str(one.code) for one in await editor.diagnostics(user)]
    location = await client.text_document_definition_async(types.DefinitionParams(document, base))
    assert isinstance(location, types.Location)
    seen.definitions["library"] = location
    hover = await client.text_document_hover_async(types.HoverParams(document, base))
    assert hover is not None
    assert isinstance(hover.contents, types.MarkupContent)
    seen.hovers["library"] = hover.contents.value
    try:
        await client.text_document_rename_async(types.RenameParams(document, base, "mine"))
    except JsonRpcException as error:
        seen.refused["library"] = str(error)


async def hostile(editor: Editor, folder: Path, seen: Seen) -> None:
    """Texts that are no specs, and one that is broken while it is checked."""
    slow = (ROOT / "hyperdsl/library/explicit_9.hyper").read_text("utf-8")
    uri = editor.open(folder / "slow.hyper", slow)
    await asyncio.sleep(0.3)  # its check has begun, and would take seconds
    started = time.perf_counter()
    editor.change(uri, (ALL, "method"))
    await editor.diagnostics(uri)
    seen.superseded = time.perf_counter() - started, [version for one, version in editor.received if one == uri]
    texts = (
        "x " + "{" * 5000,
        "\ud800",
        "method " * 50_000,
        "\r",
        "",
        "method m {\n    order 2\n    tableau {\n" + "(" * 900,
    )
    for i, text in enumerate(texts):
        uri = editor.open(folder / f"hostile_{i}.hyper", text)
        seen.hostile.append([str(one.code) for one in await editor.diagnostics(uri)])
        editor.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Seen, int]:
    folder = tmp_path_factory.mktemp("session")
    (folder / "pyproject.toml").touch()
    return session(lambda editor: work(editor, folder), ["utf-16", "utf-8"], folder)


@pytest.fixture
def seen(ended: tuple[Seen, int]) -> Seen:
    return ended[0]


def test_a_broken_spec_has_its_diagnostic(seen: Seen) -> None:
    error = next(one for one in seen.broken if one.code == "H201")
    assert error.severity == types.DiagnosticSeverity.Error
    assert error.range == types.Range(types.Position(1, 10), types.Position(1, 11))
    assert error.message.startswith("`mine` is claimed to have order 3, but has order 2")
    assert [one.message for one in error.related_information or ()] == [
        "the first condition that fails is Σ b_i c_i^2 = 1/3, of the tree [τ,τ]",
        "the left side is 1/2, not 1/3; they differ by 1/6",
    ]


def test_what_nothing_uses_is_tagged(seen: Seen) -> None:
    (unused,) = [one for one in seen.mended if one.code == "H501"]
    assert list(unused.tags or ()) == [types.DiagnosticTag.Unnecessary]


def test_the_fix_mends_it(seen: Seen) -> None:
    assert seen.actions[0].title == "claim order 2"
    assert [one.code for one in seen.mended] == ["H501"]


def test_hover_says_what_fails_and_then_what_is_proven(seen: Seen) -> None:
    assert "Σ b_i c_i^2 = 1/3, of the tree [τ,τ]" in seen.failing
    assert "1/2, not 1/3" in seen.failing
    proven = seen.hovers["mine {"]
    for line in ("- kind: explicit", "- order, proven: 2", "- stages: 2", "- real stability interval: [-2, 0]"):
        assert line in proven.splitlines()
    assert "- order, proven: 2" in seen.hovers["Mine"]


def test_hover_explains_words(seen: Seen) -> None:
    assert "the estimate of a step's error" in seen.hovers["error"]
    assert "a class of the generated package" in seen.hovers["solver"]


def test_hover_of_the_library_has_its_source(seen: Seen) -> None:
    assert "Kutta 1901" in seen.hovers["library"]
    assert "- order, proven: 4" in seen.hovers["library"]


def test_proven_orders_stand_after_names(seen: Seen) -> None:
    assert seen.hints == [(0, "order 2"), (14, "order 2")]


def test_completion_has_own_methods_and_the_library(seen: Seen) -> None:
    assert seen.offered["mine"] == "method, order 2"
    assert seen.offered["rk4"] == "explicit, order 4"


def test_definitions_in_imports_and_in_the_library(seen: Seen) -> None:
    assert seen.definitions["import"].uri.endswith("/shared.hyper")
    assert seen.definitions["import"].range.start == types.Position(0, 7)
    assert seen.definitions["library"].uri.endswith("hyperdsl/library/explicit.hyper")


def test_references_and_rename_over_two_files(seen: Seen) -> None:
    assert seen.references == [("shared.hyper", 15), ("user.hyper", 3)]
    assert seen.renamed == {"shared.hyper": [("ok", 0, 7), ("ok", 15, 9)], "user.hyper": [("ok", 3, 9)]}


def test_names_that_cannot_be_are_refused(seen: Seen) -> None:
    assert {*seen.refused} == {"lambda", "rk 4", "library"}
    assert "Python keyword" in seen.refused["lambda"]
    assert "of the library" in seen.refused["library"]


def test_formatting_changes_the_lines_that_differ(seen: Seen) -> None:
    assert seen.formatted == "control pi {"


def test_outline_and_folds(seen: Seen) -> None:
    assert seen.symbols == ["mine", "pi", "Mine"]
    assert seen.folds == 3


def test_an_open_import_counts_as_it_is_typed(seen: Seen) -> None:
    assert [[str(one.code) for one in found] for found in seen.user] == [[], ["H311"], []]
    assert seen.after == []


def test_hostile_texts_have_diagnostics_and_harm_nobody(seen: Seen) -> None:
    assert [codes[:1] for codes in seen.hostile] == [["H004"], ["H002"], ["H114"], ["H003"], [], ["H004"]]
    assert seen.shown == []


def test_a_keystroke_ends_a_running_check(seen: Seen) -> None:
    seconds, versions = seen.superseded
    assert versions == [2]
    assert seconds < 2


def test_the_server_ends_well(ended: tuple[Seen, int]) -> None:
    assert ended[1] == 0


def test_encodings_are_negotiated(tmp_path: Path) -> None:
    async def work(editor: Editor) -> types.Range:
        text = "method mine { # 𝑥\n    order 2 # 𝑥ε\n}  # 𝑥 ε\nsolver 𝑥 { }"
        return (await editor.diagnostics(editor.open(tmp_path / "a.hyper", text)))[-1].range

    found, _ = session(work, ["utf-8", "utf-16"], tmp_path)
    assert found == types.Range(types.Position(3, 7), types.Position(3, 11))


def test_without_pygls_it_says_what_to_install(tmp_path: Path) -> None:
    script = (
        "import sys, importlib.util as u; find = u.find_spec;"
        "u.find_spec = lambda name, *rest: None if name == 'pygls' else find(name, *rest);"
        "sys.argv = ['hyperdsl', 'lsp']; from hyperdsl.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'hyperdsl[lsp]'" in done.stderr
    assert done.stdout == ""
