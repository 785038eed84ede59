"""Python as a target: text made harmless inside it, and its layout by ruff."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import ruff

from hyperdsl.codegen.files import GeneratedFile

LINE_LENGTH = 120
OWN = ("--config", "src = []", "--config", "lint.isort.known-first-party = ['hyperdsl']")
"""Which imports are ours; ruff would look at what lies in the current folder."""


def quoted(text: str) -> str:
    """The text made harmless inside a double-quoted Python string of any kind, a docstring or a comment."""
    return "".join(_escaped(character) for character in text)


def _escaped(character: str) -> str:
    if character in '\\"':
        return "\\" + character
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def formatted(files: Sequence[GeneratedFile]) -> tuple[GeneratedFile, ...]:
    """The files with every Python file's imports and exports sorted, and laid out, by ruff, in one run for all of them.

    No configuration and no list of ignored files is read, so the bytes depend on the texts and on ruff's version alone.
    Raises OSError where the temporary folder cannot be written.
    """
    python = [index for index, file in enumerate(files) if file.path.endswith(".py") and not file.final]
    if not python:
        return tuple(files)
    result = list(files)
    with tempfile.TemporaryDirectory(prefix="hyperdsl-", ignore_cleanup_errors=True) as name:
        paths = {index: Path(name) / f"{index}.py" for index in python}
        for index, path in paths.items():
            path.write_text(files[index].text, encoding="utf-8")
        _ruff("check", *OWN, "--select", "I,F401,RUF022", "--fix", "--quiet", name)
        _ruff("format", "--quiet", name)
        for index, path in paths.items():
            result[index] = replace(files[index], text=path.read_text(encoding="utf-8"))
    return tuple(result)


def _ruff(command: str, *arguments: str) -> None:
    """Run ruff; what it cannot parse is a template's fault."""
    alone = ("--isolated", "--no-cache", "--no-respect-gitignore")
    settings = ("--line-length", str(LINE_LENGTH), "--target-version", "py311")
    line = [ruff.find_ruff_bin(), command, *alone, *settings, *arguments]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"ruff {command} failed on generated code:\n{done.stdout}{done.stderr}")
