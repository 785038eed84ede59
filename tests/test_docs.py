"""The pages of docs/ say what is so: their blocks of Python run, their specs compile, their commands are commands."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import torch
import typer.main
from typer.testing import CliRunner

from hyperdsl import compiler
from hyperdsl.cli import application
from hyperdsl.pages.listing import rows
from hyperdsl.semantics.settings_table import BLOCKS
from hyperdsl.source import SpecFile
from tools.site import __main__ as site
from tools.site import language, library
from tools.site.pages import relinked

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
STEPWISE = ("index.md", "tutorial.md")
"""Pages whose commands run as well, one block after the other, in a folder that is empty at first."""
BLOCK = re.compile(r"(?:<!-- (\w+)\n(.*?)-->|^```(\w+)(?: title=\"([\w.]+)\")?\n(.*?)^```$)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of a page.

    A comment `<!-- python ... -->` or `<!-- hyper ... -->` is one that readers are not shown: what the block after it
    takes for granted.
    """

    language: str
    text: str
    title: str
    hidden: bool


def blocks(name: str) -> Iterator[Block]:
    for found in BLOCK.finditer((DOCS / name).read_text("utf-8")):
        hidden, unseen, shown, title, text = found.groups()
        yield Block(hidden or shown, unseen if hidden else text, title or "", bool(hidden))


def with_block(name: str, kind: str) -> bool:
    return any(block.language == kind for block in blocks(name))


@pytest.mark.parametrize("name", [name for name in PAGES if with_block(name, "python") and name not in STEPWISE])
def test_the_blocks_of_a_page_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    names: dict[str, object] = {}
    with torch.random.fork_rng(devices=[]):
        for block in blocks(name):
            if block.language == "python":
                exec(compile(block.text, name, "exec"), names)


@pytest.mark.parametrize("name", [name for name in PAGES if with_block(name, "hyper")])
def test_the_specs_of_a_page_compile(name: str, tmp_path: Path) -> None:
    hidden = ""
    for count, block in enumerate(blocks(name)):
        if block.language == "hyper" and block.hidden:
            hidden = block.text
        elif block.language == "hyper":
            path = tmp_path / f"spec_{count}.hyper"
            path.write_text(block.text + hidden, "utf-8")
            done = CliRunner().invoke(application(), ["compile", str(path), "-o", str(tmp_path / "out")])
            assert done.exit_code == 0, done.stderr
            hidden = ""


def commands(text: str) -> Iterator[list[str]]:
    """The commands of hyperdsl in a block of a console."""
    for line in text.replace("\\\n", " ").splitlines():
        if re.match(r"(\$ )?hyperdsl ", line):
            yield shlex.split(line.removeprefix("$ "), comments=True)[1:]


def require_known(words: list[str]) -> None:
    """The command is one of hyperdsl's, with options that it takes."""
    group = typer.main.get_command(application())
    command = group.commands[words[0]]  # type: ignore[attr-defined]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    given = {word.partition("=")[0] for word in words if word.startswith("-") and word != "-"}
    assert given <= {*known, "--help", "-h"}, words


@pytest.mark.parametrize("name", [name for name in PAGES if with_block(name, "console")])
def test_the_commands_of_a_page_are_commands(name: str) -> None:
    for block in blocks(name):
        for words in commands(block.text) if block.language == "console" else ():
            require_known(words)


@pytest.mark.parametrize("name", STEPWISE)
def test_a_page_leads_from_nothing_to_its_end(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With few iterations: what is trained here need not be good."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    names: dict[str, object] = {}
    before = {*sys.modules}
    try:
        with torch.random.fork_rng(devices=[]):
            for block in blocks(name):
                if block.title:
                    text = re.sub(r"iterations \d+", "iterations 20", block.text)
                    (tmp_path / block.title).write_text(text, "utf-8")
                elif block.language == "python":
                    exec(compile(block.text, name, "exec"), names)
                elif block.language == "console":
                    for words in commands(block.text):
                        done = CliRunner().invoke(application(), words)
                        assert done.exit_code == 0, f"{words}: {done.output}{done.exception}"
    finally:
        for module in {*sys.modules} - before:
            if module.split(".")[0] in ("model", "solvers"):
                del sys.modules[module]


@pytest.mark.parametrize("path", sorted((DOCS / "examples").glob("*.hyper")), ids=lambda path: path.stem)
def test_examples_of_the_reference_compile(path: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(application(), ["compile", str(path), "-o", str(tmp_path)])
    assert done.exit_code == 0, done.stderr
    assert "warning" not in done.stderr
    assert CliRunner().invoke(application(), ["fmt", "--check", str(path)]).exit_code == 0


def test_the_reference_has_every_construct() -> None:
    shown = {example for construct in language.CONSTRUCTS for example in construct.examples}
    assert shown == {path.stem for path in (DOCS / "examples").glob("*.hyper")}
    (page,) = language.pages()
    for word in {word.word for words in BLOCKS.values() for word in words}:
        assert f"| `{word}` |" in page.text, word


def test_every_place_that_a_page_names_is_there() -> None:
    for page in [ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")]:
        for place in re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.(?:py|md|lark|jinja))?)`", page.read_text("utf-8")):
            inside = [*(ROOT / "hyperdsl").rglob(place.rstrip("/")), *(ROOT / "generated").rglob(place.rstrip("/"))]
            found = [ROOT / place, *inside]
            assert any(path.exists() for path in found), f"{page.name}: {place}"


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it but the library's methods, whose pages are many and alike: one stands for them."""
    monkeypatch.setattr(library, "rows", lambda: rows()[:1])
    assert site.build(tmp_path / "site", tmp_path / "pages") == 0
    for page in ("index", "tutorial", "reference/language", "reference/diagnostics/H201", "library/index"):
        text = (tmp_path / "site" / f"{page}.html").read_text("utf-8")
        assert not re.search(r'(?:src|rel="stylesheet" href)="https?:', text), page


def test_links_of_the_repository_become_links_of_the_site() -> None:
    places = {"docs/bound.md": "bound.md", "evidence/cnf.md": "evidence/cnf.md"}
    text = "[a](../bound.md#x), [b](../../evidence/cnf.md), [c](../../hyperdsl/files.py)\n```\n[a](../bound.md)\n```\n"
    made = relinked(text, "docs/guide/one.md", "guide/one.md", places)
    assert made == "[a](../bound.md#x), [b](../evidence/cnf.md), c (`hyperdsl/files.py`)\n```\n[a](../bound.md)\n```\n"


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "first_specs").glob("*.hyper")), ids=lambda path: path.stem)
def test_specs_written_from_the_pages_alone_are_without_fault(path: Path) -> None:
    """As a newcomer wrote them from the tutorial and the reference, mended where the messages said so."""
    assert compiler.check([SpecFile(path, path.name)]).diagnostics == ()


def test_every_page_is_in_the_navigation() -> None:
    listed = {*re.findall(r'= "([\w/.]+\.md)"', site.CONFIG.read_text("utf-8"))}
    assert {*PAGES} <= listed
