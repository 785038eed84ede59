"""Templates to text: one kind of Jinja environment, and one way for text to enter it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


@cache
def environment(folder: Path, quoted: Callable[[str], str]) -> Environment:
    """The environment for a backend's templates: an undefined name is an error, and `quoted` is the only filter.

    `quoted` makes any text harmless inside the backend's strings and comments.
    """
    made = Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # programs are written, not HTML; text goes through `quoted`
    )
    made.filters["quoted"] = quoted
    return made
