"""A page for each code: what it means, why it is so, a spec that gives it, its message, and the spec mended.

The texts are `pages/CODE.md` beside this file: a heading where the message itself says little in general, paragraphs,
then fenced blocks. A block of `hyper` is the bad spec, one
of `text` its message, a second one of `hyper` the spec mended; a block of `hyper NAME` is a file that stands beside
both. Codes of which no single spec can be an example have paragraphs alone. Tests hold the blocks to what `check` says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from hyperdsl.diagnostics import catalogue
from hyperdsl.diagnostics.model import Entry, Severity

_FIELD = re.compile(r"(?<!{){(\w+)[^}]*}")
_BLOCK = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """What is to be said about a code.

    `summary` is one line: a heading, or the message with its fields in capitals. `text` is the explanation in Markdown.
    `bad` is a small spec that gives the code, `message` what hyperdsl prints of it as `spec.hyper`, `mended` the spec
    without the fault; None where no spec can show it. `beside` are names and texts of files that both import.
    """

    code: str
    severity: Severity
    summary: str
    text: str
    bad: str | None = None
    message: str | None = None
    mended: str | None = None
    beside: tuple[tuple[str, str], ...] = ()


@cache
def codes() -> dict[str, Entry]:
    """Every kind of message by its code, in order."""
    entries = (value for value in vars(catalogue).values() if isinstance(value, Entry))
    return {entry.code: entry for entry in sorted(entries, key=lambda entry: entry.code)}


@cache
def page(code: str) -> Page:
    """The page of a code; KeyError where there is no such code."""
    entry = codes()[code]
    written = files(__package__).joinpath("pages", f"{code}.md").read_text("utf-8")
    prose = _BLOCK.split(written, maxsplit=1)[0].strip()
    heading, _, rest = prose.partition("\n\n") if prose.startswith("# ") else ("", "", prose)
    blocks = [(found[1].split(), found[2]) for found in _BLOCK.finditer(written)]
    specs = [text for info, text in blocks if info == ["hyper"]]
    return Page(
        code,
        entry.severity,
        heading.removeprefix("# ") or _general(entry.text),
        rest.strip(),
        specs[0] if specs else None,
        next((text for info, text in blocks if info == ["text"]), None),
        specs[1] if specs[1:] else None,
        tuple((info[1], text) for info, text in blocks if info[1:]),
    )


def _general(text: str) -> str:
    """A message's text with capitals where a spec's own words stand."""
    text = _FIELD.sub(lambda field: field[1].upper(), text)
    return text.replace("{{", "{").replace("}}", "}")
