"""The hooks of .pre-commit-hooks.yaml: their entries run on files as pre-commit gives them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hyperdsl.cli import application

TEXT = (Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text("utf-8")
HOOKS = dict(re.findall(r"- id: (\S+)\n(?:  .*\n)*?  entry: hyperdsl (.*)\n", TEXT))
SPEC = "method mine {\n    order 1\n    tableau {\n        0 |\n        --+---\n          | 1\n    }\n}\n"


def test_there_are_two_hooks() -> None:
    assert list(HOOKS) == ["hyperdsl-check", "hyperdsl-fmt"]
    assert all(
        re.search(pattern, "a/b.hyper") and not re.search(pattern, "b.py")
        for pattern in re.findall(r"files: (.*)", TEXT)
    )


@pytest.mark.parametrize("hook", HOOKS)
def test_a_sound_file_passes_and_is_left_as_it_is(hook: str, tmp_path: Path) -> None:
    spec = tmp_path / "mine.hyper"
    spec.write_text(SPEC, encoding="utf-8")
    result = CliRunner().invoke(application(), [*shlex.split(HOOKS[hook]), str(spec)])
    assert result.exit_code == 0
    assert spec.read_text("utf-8") == SPEC


def test_a_wrong_claim_fails_and_a_layout_is_mended(tmp_path: Path) -> None:
    wrong, loose = tmp_path / "wrong.hyper", tmp_path / "loose.hyper"
    wrong.write_text(SPEC.replace("order 1", "order 2"), encoding="utf-8")
    loose.write_text(SPEC.replace("    order", " order"), encoding="utf-8")
    checked = CliRunner().invoke(application(), [*shlex.split(HOOKS["hyperdsl-check"]), str(wrong), str(loose)])
    assert (checked.exit_code, len(checked.stderr.splitlines())) == (1, 1)
    CliRunner().invoke(application(), [*shlex.split(HOOKS["hyperdsl-fmt"]), str(loose)])
    assert loose.read_text("utf-8") == SPEC  # pre-commit fails where a hook has changed a file
