"""Checks of open documents, in a thread of their own: the newest text counts, and a keystroke ends a running check."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hyperdsl.lsp.analysis import Analysis, Analyst
from hyperdsl.lsp.texts import Text
from hyperdsl.theory.numbers.budget import Superseded

T = TypeVar("T")

PAUSE = 0.01
"""Seconds without a keystroke before a check begins."""
PATIENCE = 10.0
"""Seconds that a request waits for the check of its document."""


@dataclass
class Document:
    """An open document: its text, and what its last finished check found."""

    uri: str
    path: Path
    version: int | None
    text: Text
    analysis: Analysis | None = None
    checked: Text | None = None

    @property
    def key(self) -> str:
        return os.path.realpath(self.path)

    @property
    def current(self) -> bool:
        """Whether what is known is known of this text."""
        return self.checked is self.text


class Checks:
    """Checks what has changed, the last changed document first; `publish` is called with each result.

    `failed` is called with an exception of the compiler, which is a bug of its: the document stays as it is.
    """

    def __init__(self, publish: Callable[[Document], None], failed: Callable[[Exception], None]) -> None:
        self.documents: dict[str, Document] = {}
        self.analyst = Analyst()
        self._publish = publish
        self._failed = failed
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="check")
        self._waiting: dict[str, None] = {}
        self._changes = 0
        self._finished: asyncio.Event = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def put(self, document: Document) -> None:
        """A document was opened or changed."""
        self.documents[document.uri] = document
        self._again({document.key}, last=document.uri)

    def remove(self, uri: str) -> None:
        """A document was closed: for others, what is saved of it counts now."""
        document = self.documents.pop(uri, None)
        self._waiting.pop(uri, None)
        if document:
            self._again({document.key})

    def all_again(self) -> None:
        """Files have changed on the disk."""
        self._again(None)

    @property
    def texts(self) -> dict[str, bytes]:
        """What stands in place of files."""
        return {document.key: document.text.data for document in self.documents.values()}

    async def analysis(self, uri: str) -> tuple[Document, Analysis] | None:
        """A document and what is known of its newest text; None where it is not open, or its check takes too long."""
        try:
            async with asyncio.timeout(PATIENCE):
                while (document := self.documents.get(uri)) and not document.current:
                    await self._finished.wait()
        except TimeoutError:
            return None
        return (document, document.analysis) if document and document.analysis else None

    async def run(self, work: Callable[[], T]) -> T:
        """What `work`, which may prove something, returns: computed in the checks' thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def stop(self) -> None:
        """No check is waited for any more."""
        self._changes += 1
        self._waiting.clear()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _again(self, files: set[str] | None, last: str = "") -> None:
        """Check the documents that read one of these files, or all; `last` before the others."""
        self._changes += 1
        for uri, document in self.documents.items():
            read = {document.key} | (document.analysis.files if document.analysis else frozenset())
            if files is None or read & files:
                document.checked = None
                self._waiting[uri] = None
        if last in self._waiting:
            self._waiting[last] = self._waiting.pop(last)
        if self._waiting and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        while self._waiting:
            changes = self._changes
            await asyncio.sleep(PAUSE)
            if changes != self._changes or not self._waiting:
                continue
            uri = next(reversed(self._waiting))
            await self._check(self.documents[uri], changes)
            self._finished.set()
            self._finished = asyncio.Event()

    async def _check(self, document: Document, changes: int) -> None:
        """Check one document, unless something changes meanwhile."""
        texts, text = self.texts, document.text
        loop = asyncio.get_running_loop()

        def check() -> Analysis:
            return self.analyst.analyse(document.path, texts, lambda: changes != self._changes)

        try:
            analysis = await loop.run_in_executor(self._thread, check)
        except Superseded:
            return
        except Exception as error:
            self._waiting.pop(document.uri, None)
            document.analysis, document.checked = None, text
            self._failed(error)
            return
        if changes == self._changes:
            self._waiting.pop(document.uri, None)
            document.analysis, document.checked = analysis, text
            self._publish(document)
