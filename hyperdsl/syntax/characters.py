"""Characters that a spec may not have: what looks like a space and is none, and what cannot be seen."""

from __future__ import annotations

import unicodedata

BIDIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They make a text look like another one (Boucher & Anderson, Trojan Source, 2021)."""

_LINES = frozenset("\u0085\u2028\u2029")
_SPACES = ("Zs", "Zl", "Zp", "Cc")
_UNSEEN = ("Cf", "Cn", "Co", "Mn", "Me")


_FRACTIONS = ("1/2", "1/3", "2/3", "1/4", "3/4", "1/5", "2/5", "3/5", "4/5", "1/6", "5/6", "1/8", "3/8", "5/8", "7/8")
LOOKALIKES = {
    **dict.fromkeys("\u2212\u2013\u2010\u2011", "-"),
    **dict.fromkeys("“”„«»", '"'),
    **dict.fromkeys("×·⋅∗", "*"),
    **dict.fromkeys("÷∕⁄", "/"),
    **dict.fromkeys("’′‘", "'"),
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "∈": " in ",
    "…": "..",
    **{chr(0x2070 + i): f"^{i}" for i in (4, 5, 6, 7, 8, 9)},
    "²": "^2",
    "³": "^3",
    **dict(zip("½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞", _FRACTIONS, strict=True)),
    **{chr(ord("１") - 1 + i): str(i) for i in range(10)},
}
"""Characters of printed mathematics and of word processors, and what is typed for them."""

GREEK = {
    "α": "alpha",
    "β": "beta",
    "γ": "gamma",
    "δ": "delta",
    "ε": "eps",
    "θ": "theta",
    "λ": "lambda_",
    "μ": "mu",
    "σ": "sigma",
    "τ": "tau",
    "ω": "omega",
    "π": "pi",
}


def typed(character: str) -> str | None:
    """What is written in the place of a character that nothing else can mean."""
    return LOOKALIKES.get(character) or GREEK.get(character)


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
