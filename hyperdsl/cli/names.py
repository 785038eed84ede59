"""Names that a user gives: where one is unknown, the nearest that there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NoReturn

import typer

from hyperdsl.cli.inputs import stop
from hyperdsl.diagnostics import did_you_mean

MOST_LISTED = 16
"""Where there are more names, they are not all told."""


def unknown(what: str, name: str, known: Iterable[str], further: str = "") -> NoReturn:
    """End the run: `what` says that there is no `name`; the nearest of those `known` is told, or all, or `further`."""
    stop(f"{what}{meant(name, known, further)}")


def meant(name: str, known: Iterable[str], further: str = "") -> str:
    """What goes on after "there is no NAME": did you mean another?"""
    known = list(known)
    near = did_you_mean(name, known)
    if near is None and 0 < len(known) <= MOST_LISTED:
        near = f"there {'is' if len(known) == 1 else 'are'} {', '.join(f'`{one}`' for one in known)}"
    between = " " if near and near.endswith("?") else "; "
    told = between.join(part for part in (near, further) if part)
    return f": {told}" if told else ""


def one_of(*words: str) -> Callable[[str], str]:
    """Reads an option that is one of these words."""

    def read(text: str) -> str:
        if text not in words:
            raise typer.BadParameter(f"`{text}` is none of {', '.join(words)}{meant(text, words)}")
        return text

    return read
