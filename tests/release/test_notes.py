"""The notes of a release show its new messages as they are."""

from __future__ import annotations

import re

from hyperdsl.diagnostics import catalogue
from hyperdsl.diagnostics.model import Entry
from tools.release_notes import BEFORE, NOTES, with_messages


def test_new_messages_stand_in_the_notes_as_they_are_shown() -> None:
    """`python -m tools.release_notes` writes them anew."""
    notes = NOTES.read_text("utf-8")
    assert notes == with_messages(notes)
    codes = {entry.code for entry in vars(catalogue).values() if isinstance(entry, Entry)}
    assert set(re.findall(r"^### (H\d+)$", notes, re.MULTILINE)) == codes - BEFORE
    assert codes > BEFORE  # a code is never taken back
