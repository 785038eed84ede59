"""Characters that are not what they look like: named in messages, and refused even in comments and strings."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

PLAIN = frozenset("\t\n")
HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Categories of characters without a glyph of their own: controls, formats (those of writing direction and of no width
among them), private ones, and separators of lines that are none here."""


def named(character: str) -> str:
    """A character as messages name it: U+3000 IDEOGRAPHIC SPACE, or itself where it can be seen."""
    point = f"U+{ord(character):04X}"
    if character.isascii() and character.isprintable():
        return f"`{character}`"
    name = unicodedata.name(character, "")
    if unicodedata.category(character)[0] in "CZM":
        return f"{point} {name}".rstrip()
    return f"`{character}` ({point} {name})"


def hidden(text: str) -> Iterator[tuple[int, str]]:
    """The characters that cannot be seen, with their places in the text (Boucher & Anderson, Trojan Source, 2021)."""
    for place, character in enumerate(text):
        if character not in PLAIN and unicodedata.category(character) in HIDDEN:
            yield place, character
