"""A client of the server, over its standard input and output, as an editor is one."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from lsprotocol import types
from pygls.lsp.client import LanguageClient
from pygls.uris import from_fs_path

import hyperdsl

T = TypeVar("T")

ROOT = Path(hyperdsl.__file__).parent.parent
SECONDS = 60.0
"""How long an answer is waited for; a loaded machine is slow."""


class Editor:
    """One session: documents are opened, changed, and what the server publishes of them is awaited."""

    def __init__(self, client: LanguageClient, encoding: str) -> None:
        self.client = client
        self.encoding = encoding
        self.versions: dict[str, int] = {}
        self.shown: list[str] = []
        self.received: list[tuple[str, int | None]] = []
        self.published: asyncio.Queue[types.PublishDiagnosticsParams] = asyncio.Queue()
        self.publish = lambda params: self.published.put_nowait(params)  # noqa: PLW0108 — pygls marks functions

    def open(self, path: Path, text: str) -> str:
        """Open a document that need not be saved; its URI."""
        uri = from_fs_path(str(path)) or ""
        self.versions[uri] = 1
        self.client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, "hyper", 1, text))
        )
        return uri

    def change(self, uri: str, *changes: tuple[types.Range, str]) -> None:
        """Type something."""
        self.versions[uri] += 1
        document = types.VersionedTextDocumentIdentifier(self.versions[uri], uri)
        partial = [types.TextDocumentContentChangePartial(where, text) for where, text in changes]
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, partial))

    async def diagnostics(self, uri: str) -> list[types.Diagnostic]:
        """What is published of the newest version of a document."""
        while True:
            params = await asyncio.wait_for(self.published.get(), SECONDS)
            self.received.append((params.uri, params.version))
            if params.uri == uri and params.version == self.versions[uri]:
                return list(params.diagnostics)


def session(work: Callable[[Editor], Awaitable[T]], encodings: list[str], folder: Path) -> tuple[T, int]:
    """What `work` returns of a session from `initialize` to `exit`, and the server's exit code."""

    async def run() -> tuple[T, int]:
        client = LanguageClient("tests", "1")
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "HYPERDSL_CACHE": ""}
        await client.start_io(sys.executable, "-m", "hyperdsl", "lsp", cwd=str(folder), env=environment)
        general = types.GeneralClientCapabilities(position_encodings=encodings)
        document = types.TextDocumentClientCapabilities(
            publish_diagnostics=types.PublishDiagnosticsClientCapabilities(related_information=True)
        )
        capabilities = types.ClientCapabilities(general=general, text_document=document)
        ready = await asyncio.wait_for(
            client.initialize_async(types.InitializeParams(capabilities, root_uri=from_fs_path(str(folder)))), SECONDS
        )
        editor = Editor(client, str(ready.capabilities.position_encoding))
        client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(editor.publish)
        client.feature(types.WINDOW_SHOW_MESSAGE)(lambda params: editor.shown.append(params.message))
        client.initialized(types.InitializedParams())
        result = await work(editor)
        await asyncio.wait_for(client.shutdown_async(None), SECONDS)
        client.exit(None)
        server = client._server
        assert server is not None
        code = await asyncio.wait_for(server.wait(), SECONDS)
        await client.stop()  # type: ignore[no-untyped-call]  # pygls leaves it so
        return result, code

    return asyncio.run(run())
