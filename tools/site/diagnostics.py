"""A page for each diagnostic: what `hyperdsl explain` says of it."""

from __future__ import annotations

from collections.abc import Iterator

from hyperdsl.diagnostics import explained
from tools.site.pages import Page, fenced, table

HEAD = """# Diagnostics

Codes are stable, texts may be improved. Errors end with exit code 1, warnings and notes do not. `hyperdsl explain CODE`
prints what stands here; words in capitals stand for those of the spec. [Messages](../../guide/messages.md) says how
messages are read, mended and given to other programs.

"""


def pages() -> Iterator[Page]:
    """A page for each code, and their table."""
    found = [explained.page(code) for code in explained.codes()]
    rows = ((f"[{page.code}]({page.code}.md)", page.severity, page.summary) for page in found)
    yield Page("reference/diagnostics/index.md", HEAD + table(("code", "kind", "message"), rows))
    for page in found:
        yield Page(f"reference/diagnostics/{page.code}.md", "\n".join(_text(page)))


def _text(page: explained.Page) -> Iterator[str]:
    yield f"# {page.code}\n"
    yield f"{page.severity.capitalize()}: {page.summary}. [All diagnostics](index.md).\n"
    yield f"{page.text}\n"
    for name, text in page.beside:
        yield f"Beside both, `{name}`:\n"
        yield fenced(text, "hyper" if name.endswith(".hyper") else "text")
    if page.bad is not None:
        yield "A spec that gives it:\n"
        yield fenced(page.bad, "hyper")
    if page.message is not None:
        yield "What is said of it:\n"
        yield fenced(page.message, "text")
    if page.mended is not None:
        yield "The spec mended:\n"
        yield fenced(page.mended, "hyper")
