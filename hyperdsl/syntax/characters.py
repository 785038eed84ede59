"""Characters that a spec may not have: what looks like a space and is none, and what cannot be seen."""

from __future__ import annotations

import unicodedata

BIDIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They make a text look like another one (Boucher & Anderson, Trojan Source, 2021)."""

_LINES = frozenset("\u0085\u2028\u2029")
_SPACES = ("Zs", "Zl", "Zp", "Cc")
_UNSEEN = ("Cf", "Cn", "Co", "Mn", "Me")


def named(character: str) -> str:
    """The character, where it can be seen, with its number and name."""
    name = unicodedata.name(character, "a control character" if unicodedata.category(character) == "Cc" else "")
    code = f"U+{ord(character):04X}"
    told = f"{code} {name}" if name else code
    if not character.isprintable() or unicodedata.category(character) in _UNSEEN:
        return told
    return f"`{character}`" if character.isascii() else f"`{character}` ({told})"


def advice(character: str) -> str | None:
    """What to do about a character that stands outside comments and texts."""
    if character.isascii() and character.isprintable():
        return None
    if unicodedata.category(character) in _SPACES:
        return "type an ordinary space or line end in its place"
    if not character.isprintable() or unicodedata.category(character) in _UNSEEN:
        return "remove it: it cannot be seen"
    return "names, numbers and operators are ASCII; other text belongs in comments"


def hides(character: str) -> bool:
    """Whether the character has no place in comments either: it is a control, or turns the text's direction."""
    if character.isascii():
        return not character.isprintable() and character not in "\t\n"
    return character in BIDIRECTIONAL or character in _LINES or unicodedata.category(character) == "Cc"
