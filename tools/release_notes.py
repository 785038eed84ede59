"""The messages of a release that the one before did not have, whole, in its notes: python -m tools.release_notes

They are taken from tests/diagnostics, where a test holds them against what hyperdsl says, and put between two marks of
docs/releases/0.2.md.
"""

from __future__ import annotations

import re
from pathlib import Path

from hyperdsl.diagnostics import catalogue
from hyperdsl.diagnostics.model import Entry

ROOT = Path(__file__).parents[1]
NOTES = ROOT / "docs/releases/0.2.md"
EXPECTED = ROOT / "tests/diagnostics"
BEFORE = {
    *(f"H00{k}" for k in range(1, 8)),
    *(f"H{k}" for k in range(101, 112)),
    *(f"H{k}" for k in range(201, 219)),
    *(f"H{k}" for k in range(301, 312)),
    *(f"H{k}" for k in range(401, 414)),
    "H501",
    "H502",
    "H601",
}
"""The codes of 0.1."""
BEGIN, END = "<!-- messages: python -m tools.release_notes -->\n", "<!-- end of messages -->\n"


def messages() -> str:
    """A section for each new code: its first expected message, or its text where it is not about one spec alone."""
    entries = [entry for entry in vars(catalogue).values() if isinstance(entry, Entry) and entry.code not in BEFORE]
    return "\n".join(f"### {entry.code}\n\n```\n{_example(entry)}\n```\n" for entry in sorted(entries, key=_code))


def with_messages(notes: str) -> str:
    """The notes with these sections between the marks."""
    before, _, rest = notes.partition(BEGIN)
    return f"{before}{BEGIN}\n{messages()}\n{END}{rest.partition(END)[2]}"


def _code(entry: Entry) -> str:
    return entry.code


def _example(entry: Entry) -> str:
    for path in sorted(EXPECTED.glob("*.txt")):
        for message in re.split(r"\n\n(?=\S)", path.read_text("utf-8")):
            if f"[{entry.code}]" in message.splitlines()[0]:
                return message.strip("\n")
    return f"{entry.severity}[{entry.code}]: {entry.text}"


if __name__ == "__main__":
    NOTES.write_text(with_messages(NOTES.read_text("utf-8")), "utf-8")
