"""When checks run: the newest text counts, importing documents follow, and a fault of the compiler harms no other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from hyperdsl.lsp.analysis import Analysis, Analyst
from hyperdsl.lsp.checks import Checks, Document
from hyperdsl.lsp.texts import Text


def run(work: Callable[[Checks, list[str], list[Exception]], Awaitable[None]]) -> tuple[list[str], list[Exception]]:
    """What was published, as `name:codes`, and what failed."""
    published: list[str] = []
    failed: list[Exception] = []

    def publish(document: Document) -> None:
        assert document.analysis is not None
        codes = ",".join(one.code for one in document.analysis.diagnostics)
        published.append(f"{document.path.stem}:{codes}")

    async def main() -> None:
        checks = Checks(publish, failed.append)
        await work(checks, published, failed)
        checks.stop()

    asyncio.run(main())
    return published, failed


def document(folder: Path, name: str, text: str) -> Document:
    return Document(f"file:///{name}", folder / f"{name}.hyper", 1, Text(text))


def test_of_many_keystrokes_the_last_is_checked(tmp_path: Path) -> None:
    async def work(checks: Checks, published: list[str], failed: list[Exception]) -> None:
        for text in ("m", "me", "met", "solver A {\n    base rk4\n}\n"):
            checks.put(document(tmp_path, "a", text))
        known = await checks.analysis("file:///a")
        assert known is not None
        assert known[1].spec.solvers[0].name == "A"

    assert run(work) == (["a:"], [])


def test_documents_follow_what_they_import(tmp_path: Path) -> None:
    async def work(checks: Checks, published: list[str], failed: list[Exception]) -> None:
        checks.put(document(tmp_path, "b", "control pi { error embedded }\n"))
        checks.put(document(tmp_path, "a", 'import "b.hyper"\nsolver A {\n    base dopri5\n    control pi\n}\n'))
        await checks.analysis("file:///a")
        checks.put(document(tmp_path, "b", "control pid { error embedded }\n"))
        await checks.analysis("file:///a")
        checks.remove("file:///b")  # and it was never saved
        await checks.analysis("file:///a")

    published, failed = run(work)
    assert failed == []
    assert [one for one in published if one.startswith("a")] == ["a:", "a:H302", "a:H306"]


def test_a_bug_is_told_and_the_next_text_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    analyse = Analyst.analyse

    def broken(self: Analyst, path: Path, *rest: object) -> Analysis:
        if path.stem == "bug":
            raise RecursionError("too deep")
        return analyse(self, path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Analyst, "analyse", broken)

    async def work(checks: Checks, published: list[str], failed: list[Exception]) -> None:
        checks.put(document(tmp_path, "bug", ""))
        assert await checks.analysis("file:///bug") is None
        checks.put(document(tmp_path, "a", ""))
        assert await checks.analysis("file:///a") is not None

    published, failed = run(work)
    assert published == ["a:"]
    assert [str(error) for error in failed] == ["too deep"]
