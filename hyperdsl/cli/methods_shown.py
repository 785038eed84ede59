"""What `hyperdsl show` prints of a method or solver."""

from __future__ import annotations

import re

from rich.console import Console
from rich.text import Text

from hyperdsl.pages.sheet import Sheet, Shown, sheets, shown_of

__all__ = ["Shown", "print_page", "shown_of"]


def print_page(value: Shown, console: Console) -> None:
    """All of its sheets."""
    for sheet in sheets(value):
        _print(sheet, console)


def _print(sheet: Sheet, console: Console) -> None:
    name = re.split("[:,]", sheet.heading)[0]
    console.print(Text.assemble((name, "bold"), sheet.heading.removeprefix(name)))
    for line in sheet.within:
        console.print(f"  for {line}", markup=False)
    console.print()
    for line in sheet.coefficients:
        console.print(f"    {line}", markup=False)
    console.print()
    for label, lines in sheet.facts:
        for i, line in enumerate(lines):
            console.print(f"  {'' if i else label:14} {line}", markup=False)
    if sheet.facts:
        console.print()
