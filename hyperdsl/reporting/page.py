"""A page as data, with everything decided, and its HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup


@dataclass(frozen=True)
class Table:
    """The first of a row's cells is its head. `numeric`: cells stand at the right."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: bool = True


@dataclass(frozen=True)
class Plot:
    """A figure, what it is called, and its numbers."""

    caption: str
    svg: Markup
    table: Table


@dataclass(frozen=True)
class Part:
    """A section: sentences, a list, tables that are seen at once, figures, and text that is folded away as code.

    `left_out` is why there is none, and then the rest is empty.
    """

    id: str
    title: str
    paragraphs: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    equation: str | None = None
    tables: tuple[Table, ...] = ()
    plots: tuple[Plot, ...] = ()
    after: tuple[str, ...] = ()
    code: tuple[str, str] | None = None
    left_out: str = ""


@dataclass(frozen=True)
class Verdict:
    """The top of the page. `tone` is good, mixed or bad; `figures` are numbers with what they are."""

    tone: str
    headline: str
    reasons: tuple[str, ...]
    advice: tuple[str, ...]
    table: Table
    figures: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Page:
    """All of it: a title, what it is about in a sentence, the verdict, words explained, and sections."""

    title: str
    about: str
    verdict: Verdict
    words: tuple[tuple[str, str], ...]
    parts: Sequence[Part] = field(default_factory=tuple)

    def html(self) -> str:
        """One file that asks for nothing besides; all text is escaped."""
        return _template().render(page=self)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("hyperdsl.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html.jinja")
