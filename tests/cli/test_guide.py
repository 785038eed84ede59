"""The commands of docs/guide/commands.md print what it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hyperdsl.cli import application

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guide" / "commands.md"
BLOCKS = re.findall(r"```console\n\$ hyperdsl (.*)\n((?:.*\n)*?)```", PAGE.read_text("utf-8"))


@pytest.mark.parametrize(("command", "printed"), BLOCKS, ids=[command for command, _ in BLOCKS])
def test_a_command_prints_what_the_page_says(command: str, printed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(application(), shlex.split(command), env={"COLUMNS": "80"})
    assert done.stderr == ""
    assert [line.rstrip() for line in done.stdout.splitlines()] == printed.splitlines()


def test_there_are_such_commands() -> None:
    assert len(BLOCKS) >= 3
