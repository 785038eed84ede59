"""hyperdsl explain"""

from __future__ import annotations

import json as json_text
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from hyperdsl.cli.inputs import Json, out, stop

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hyperdsl.diagnostics.explained import Page

Code = Annotated[
    str | None, typer.Argument(metavar="[CODE]", help="As in `H201`; all codes without.", show_default=False)
]


def explain(code: Code = None, json: Json = False) -> None:
    """Say what a message means, with a spec that gives it, and that spec mended."""
    from hyperdsl.diagnostics import did_you_mean
    from hyperdsl.diagnostics.explained import codes, page

    if code is None:
        _list(json)
        return
    known = code.upper()
    if known not in codes():
        advice = did_you_mean(known, codes())
        stop(f"there is no code `{code}`; " + (advice or "`hyperdsl explain` lists all"))
    found = page(known)
    if json:
        print(json_text.dumps({**asdict(found), "beside": dict(found.beside)}, indent=2))
        return
    for part in _parts(found):
        out().print(part)


def _list(json: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from hyperdsl.diagnostics.explained import codes, page

    pages = [page(code) for code in codes()]
    if json:
        told = [{"code": one.code, "severity": one.severity, "summary": one.summary} for one in pages]
        print(json_text.dumps({"codes": told}, indent=2))
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for one in pages:
        table.add_row(Text(one.code), Text(one.severity), Text(one.summary))
    out().print(table)


def _parts(page: Page) -> list[RenderableType]:
    """What is printed of a page, a blank line between."""
    from rich.markdown import Markdown
    from rich.text import Text

    parts: list[RenderableType] = [
        Text(f"{page.code} ({page.severity}): {page.summary}\n", "bold"),
        Markdown(page.text),
    ]
    for name, text in page.beside:
        parts += [Text(f"\n{name}:\n", "bold"), Text(_indented(text))]
    if page.bad is not None and page.message is not None and page.mended is not None:
        parts += [Text("\nspec.hyper:\n", "bold"), Text(_indented(page.bad))]
        parts += [Text("what hyperdsl prints:\n", "bold"), Text(_indented(page.message))]
        parts += [Text("mended:\n", "bold"), Text(_indented(page.mended).rstrip("\n"))]
    return parts


def _indented(text: str) -> str:
    return "".join(f"    {line}" if line.strip() else line for line in text.splitlines(keepends=True))
