"""The server that `hyperdsl lsp` starts: each request of the Language Server Protocol handed to what answers it."""

from __future__ import annotations

import gc
import logging
import os
import re
from importlib.resources import files
from pathlib import Path

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.protocol import json_rpc
from pygls.uris import from_fs_path, to_fs_path

from hyperdsl import __version__
from hyperdsl.lsp import facts, layout, told
from hyperdsl.lsp.analysis import Named
from hyperdsl.lsp.checks import Checks, Document
from hyperdsl.lsp.completion import completions
from hyperdsl.lsp.cursor import cursor
from hyperdsl.lsp.renaming import RefusedError, references, renamed
from hyperdsl.lsp.texts import Text
from hyperdsl.semantics.reading.names import identifier_fault
from hyperdsl.semantics.settings_table import DECLARED
from hyperdsl.source import Source, Span
from hyperdsl.syntax.reader import decode, read
from hyperdsl.theory.numbers.budget import OutOfReach

logger = logging.getLogger(__name__)

TRIGGERS = (" ", "(", ",")
BUG = "this is a bug in hyperdsl, not in the spec; please report it with the file and the server's log"


class AnsweredError(JsonRpcInvalidParams):
    """Why a request cannot be done: the client shows it, and no log has to."""


class Answered(logging.Filter):
    """Keeps answers out of the log: pygls writes every error of a request there, with the calls that led to it."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], AnsweredError))


ANSWERED = Answered()


class Server(LanguageServer):
    """A server of the documents that a client has open."""

    def __init__(self) -> None:
        super().__init__("hyperdsl", __version__)
        json_rpc.logger.addFilter(ANSWERED)
        self.checks = Checks(self._publish, self._failed)

    def text(self, raw: str) -> Text:
        """A text of this client."""
        return Text(raw, str(self.workspace.position_encoding or types.PositionEncodingKind.Utf16))

    def text_of(self, path: Path) -> tuple[str, Text]:
        """The URI and the text of a file, as it is open or else saved."""
        real = os.path.realpath(path)
        for document in self.checks.documents.values():
            if document.key == real:
                return document.uri, document.text
        source, _ = read(path, path.as_posix())
        return from_fs_path(os.path.normpath(path)) or "", self.text(source.original if source else "")

    def watch(self) -> None:
        """Ask the client, where it can, to say which specs change on the disk."""
        workspace = self.client_capabilities.workspace
        watched = workspace.did_change_watched_files if workspace else None
        if watched and watched.dynamic_registration:
            options = types.DidChangeWatchedFilesRegistrationOptions([types.FileSystemWatcher("**/*.hyper")])
            wanted = types.Registration("specs", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            self.client_register_capability(types.RegistrationParams([wanted]))

    def _publish(self, document: Document) -> None:
        if document.analysis is None:
            return
        found = told.diagnostics(document.analysis.diagnostics, document.text, document.uri, related=self._related)
        params = types.PublishDiagnosticsParams(document.uri, found, document.version)
        self.text_document_publish_diagnostics(params)

    def _failed(self, error: Exception) -> None:
        logger.error("a check failed", exc_info=error)
        self.window_show_message(types.ShowMessageParams(types.MessageType.Error, f"{type(error).__name__}: {BUG}"))

    @property
    def _related(self) -> bool:
        """Whether the client shows related information."""
        document = self.client_capabilities.text_document
        told_of = document.publish_diagnostics if document else None
        return bool(told_of and told_of.related_information)


def path_of(uri: str) -> Path:
    """The path of a document; one that was never saved counts as a file of the current folder."""
    path = to_fs_path(uri)
    if path and uri.startswith("file:"):
        return Path(path)
    return Path.cwd() / (re.sub(r"\W+", "_", uri) + ".hyper")


def source_of(document: Document) -> Source | None:
    """The document as the compiler reads it; None where it does not."""
    return decode(document.text.data, document.path.as_posix())[0]


def serve() -> None:
    """Serve a client on standard input and output until it says goodbye."""
    server = make()
    # What has been loaded stays: collections of garbage need not look through it while somebody types.
    gc.collect()
    gc.freeze()
    server.start_io()


def make() -> Server:  # noqa: PLR0915 — a feature after the other
    """The server with its features."""
    server = Server()
    checks = server.checks

    @server.feature(types.INITIALIZED)
    def ready(params: types.InitializedParams) -> None:
        server.watch()

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenTextDocumentParams) -> None:
        item = params.text_document
        checks.put(Document(item.uri, path_of(item.uri), item.version, server.text(item.text)))

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        document = checks.documents.get(params.text_document.uri)
        if document:
            document.text = document.text.changed(params.content_changes)
            document.version = params.text_document.version
            checks.put(document)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        checks.remove(uri)
        server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def files_changed(params: types.DidChangeWatchedFilesParams) -> None:
        checks.all_again()

    @server.feature(types.SHUTDOWN)
    def shut_down(params: None) -> None:
        checks.stop()

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions([types.CodeActionKind.QuickFix, told.FIX_ALL]),
    )
    async def code_actions(params: types.CodeActionParams) -> list[types.CodeAction]:
        known = await checks.analysis(params.text_document.uri)
        if known is None:
            return []
        document, analysis = known
        only = params.context.only
        return list(told.actions(analysis.diagnostics, document.text, document.uri, params.range, only))

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(params: types.HoverParams) -> types.Hover | None:
        known = await checks.analysis(params.text_document.uri)
        if known is None:
            return None
        document, analysis = known
        line, column = document.text.at(params.position)
        found = analysis.named(line, column)
        if found:
            span, named = found
            text = await checks.run(lambda: facts.hover(analysis, named))
            return _marked(text, document.text.range(span))
        return _hover_word(analysis.source, line, column)

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=TRIGGERS))
    def complete(params: types.CompletionParams) -> list[types.CompletionItem]:
        document = checks.documents.get(params.text_document.uri)
        source = source_of(document) if document else None
        if document is None or source is None:
            return []
        line, column = document.text.at(params.position)
        return completions(document.analysis, source.text, line, column)

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    async def definition(params: types.DefinitionParams) -> types.Location | None:
        found = await _named(checks, params.text_document.uri, params.position)
        return _location(server, found[2]) if found else None

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    async def uses(params: types.ReferenceParams) -> list[types.Location]:
        found = await _named(checks, params.text_document.uri, params.position)
        if found is None:
            return []
        document, _, named = found
        texts = checks.texts
        known = await checks.run(lambda: references(named, document.path, texts, checks.analyst))
        places = known.places(declared=params.context.include_declaration)
        return [types.Location(uri, text.range(span)) for path, span in places for uri, text in [server.text_of(path)]]

    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    async def prepare_rename(params: types.PrepareRenameParams) -> types.Range | None:
        found = await _named(checks, params.text_document.uri, params.position)
        if found is None or found[2].in_library:
            return None
        document, span, _ = found
        return document.text.range(span)

    @server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    async def rename(params: types.RenameParams) -> types.WorkspaceEdit | None:
        found = await _named(checks, params.text_document.uri, params.position)
        if found is None:
            return None
        document, _, named = found
        fault = identifier_fault(params.new_name)
        if fault:
            raise AnsweredError(f"`{params.new_name}` cannot be a name: {fault}")
        texts, name = checks.texts, params.new_name

        def work() -> dict[Path, list[Span]]:
            return renamed(references(named, document.path, texts, checks.analyst), name, texts, checks.analyst)

        try:
            changes = await checks.run(work)
        except (RefusedError, OutOfReach) as reason:
            raise AnsweredError(str(reason)) from reason
        edits = {}
        for path, spans in changes.items():
            uri, text = server.text_of(path)
            edits[uri] = [types.TextEdit(text.range(span), name) for span in spans]
        return types.WorkspaceEdit(changes=edits)

    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    def formatting(params: types.DocumentFormattingParams) -> list[types.TextEdit]:
        document = checks.documents.get(params.text_document.uri)
        source = source_of(document) if document else None
        return layout.formatted(source, document.text) if document and source else []

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    async def symbols(params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        known = await checks.analysis(params.text_document.uri)
        return list(layout.symbols(known[1], known[0].text)) if known else []

    @server.feature(types.TEXT_DOCUMENT_FOLDING_RANGE)
    async def folds(params: types.FoldingRangeParams) -> list[types.FoldingRange]:
        known = await checks.analysis(params.text_document.uri)
        return list(layout.folds(known[1])) if known else []

    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    async def hints(params: types.InlayHintParams) -> list[types.InlayHint]:
        known = await checks.analysis(params.text_document.uri)
        if known is None:
            return []
        document, analysis = known
        found = ((document.text.range(name.span).end, label) for name, label in facts.hints(analysis))
        return [
            types.InlayHint(end, label, padding_left=True)
            for end, label in found
            if params.range.start <= end <= params.range.end
        ]

    return server


def _marked(text: str, where: types.Range | None = None) -> types.Hover:
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text), where)


def _hover_word(source: Source, line: int, column: int) -> types.Hover | None:
    """What the setting or declaration at a place means."""
    text = source.lines[line - 1] if line <= len(source.lines) else ""
    found = next((one for one in re.finditer(r"\w+", text) if one.start() < column <= one.end() + 1), None)
    if found is None:
        return None
    place = cursor(source.text, line, found.end() + 1)
    if place.quiet or place.words:
        return None
    word = facts.word_of(place.block, found[0])
    declared = DECLARED.get(found[0]) if place.block is None else None
    told_of = facts.word_text(word) if word else f"`{found[0]}`: {declared}" if declared else None
    return _marked(told_of) if told_of else None


async def _named(checks: Checks, uri: str, position: types.Position) -> tuple[Document, Span, Named] | None:
    """What is named at a place of a document."""
    known = await checks.analysis(uri)
    if known is None:
        return None
    document, analysis = known
    found = analysis.named(*document.text.at(position))
    return (document, *found) if found else None


def _location(server: Server, named: Named) -> types.Location | None:
    """Where a declaration stands, in the library's own file if it is of the library."""
    unit, span = named.scope.unit, named.declaration.name.span
    if unit.path is not None:
        uri, text = server.text_of(unit.path)
        return types.Location(uri, text.range(span))
    file = files("hyperdsl.library") / unit.source.name
    return types.Location(from_fs_path(str(file)) or "", server.text(unit.source.original).range(span))
