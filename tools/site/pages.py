"""Pages of the site as text, and how links of the repository become links of the site."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(?<!`)(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Page:
    """A page of the site: its place in it, and its Markdown."""

    place: str
    text: str


def relinked(text: str, source: str, place: str, places: Mapping[str, str]) -> str:
    """The text of the repository's file `source`, for `place` of the site.

    A link to a file that has a page leads there (`places`, by paths of the repository); one to a file that has none
    is its name as code. Blocks of code stay as they are.
    """

    def changed(found: re.Match[str]) -> str:
        mark, shown, target = found.groups()
        if re.match(r"[a-z]+:|#", target):
            return found[0]
        path, hash_mark, part = target.partition("#")
        meant = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if meant in places:
            way = posixpath.relpath(places[meant], posixpath.dirname(place) or ".")
            return f"{mark}[{shown}]({way}{hash_mark}{part})"
        return shown if "`" in shown else f"`{meant}`" if shown in (target, meant) else f"{shown} (`{meant}`)"

    parts, at = [], 0
    for fence in FENCE.finditer(text):
        parts += [LINK.sub(changed, text[at : fence.start()]), fence[0]]
        at = fence.end()
    return "".join([*parts, LINK.sub(changed, text[at:])])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def fenced(text: str, language: str) -> str:
    """A block of code."""
    ticks = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text) or [""]))
    return f"{ticks}{language}\n{text.rstrip()}\n{ticks}\n"


def plain(text: str) -> str:
    """Text that Markdown and HTML leave as it is."""
    return re.sub(r"([\\*_\[\]`#~^$])", r"\\\1", escape(text, quote=False))
