"""An unchanged sound spec is not proven again; a changed one is, and so is one whose import changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

METHOD = "method {0} {{\n    order {1}\n    tableau {{\n        0 |\n        --+---\n          | 1\n    }}\n}}\n"
SPEC = 'import "other.hyper"\n\nsolver Plain {\n    base own\n}\n\ntraining idle {\n    seed 1\n}\n'
SCRIPT = """import sys
from hyperdsl.cli import main
sys.argv[1:1] = ["check", "a.hyper"]
try:
    main()
finally:
    print("read" if "lark" in sys.modules else "remembered", file=sys.stderr)
"""


class Shell:
    """Runs `check` in a process of its own, with a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def check(self, *arguments: str, cache: str = "cache") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", SCRIPT, *arguments]
        place = str(self.folder / cache) if cache else ""
        return subprocess.run(
            command, cwd=self.folder, env={"HYPERDSL_CACHE": place}, capture_output=True, text=True, check=False
        )


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "other.hyper").write_text(METHOD.format("own", 1))
    (tmp_path / "a.hyper").write_text(SPEC)
    return Shell(tmp_path)


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_the_second_run_says_the_same_without_reading(shell: Shell, arguments: tuple[str, ...]) -> None:
    first, second = shell.check(*arguments), shell.check(*arguments)
    assert first.returncode == second.returncode == 0
    assert first.stdout == second.stdout
    assert first.stderr.endswith("read\n")
    assert second.stderr.endswith("remembered\n")
    assert first.stderr.removesuffix("read\n") == second.stderr.removesuffix("remembered\n")
    assert "H501" in second.stderr + second.stdout


def test_changes_are_seen(shell: Shell) -> None:
    shell.check()
    (shell.folder / "a.hyper").write_text(SPEC + "\n")
    assert shell.check().stderr.endswith("read\n")
    assert shell.check().stderr.endswith("remembered\n")
    (shell.folder / "other.hyper").write_text(METHOD.format("own", 2))
    done = shell.check()
    assert done.stderr.endswith("read\n")
    assert done.returncode == 1


def test_errors_are_not_remembered(shell: Shell) -> None:
    (shell.folder / "other.hyper").write_text(METHOD.format("own", 2))
    assert shell.check().stderr.endswith("read\n")
    assert shell.check().stderr.endswith("read\n")


def test_a_damaged_or_absent_cache_is_done_without(shell: Shell) -> None:
    shell.check()
    for entry in (shell.folder / "cache").rglob("*.json"):
        entry.write_text("{")
    assert shell.check().returncode == 0
    assert shell.check(cache="").stderr.endswith("read\n")
    (shell.folder / "file").write_text("")
    assert shell.check(cache="file").returncode == 0


def test_an_entry_that_was_tampered_with_is_not_believed(shell: Shell) -> None:
    shell.check()
    (entry,) = (shell.folder / "cache").rglob("*.json")
    entry.write_bytes(entry.read_bytes().replace(b'"order": 1', b'"order": 7'))
    done = shell.check("--json")
    assert done.stderr.endswith("read\n")
    assert '"order": 7' not in done.stdout


def test_only_own_folders_are_removed(shell: Shell) -> None:
    """A state of hyperdsl that is gone takes its folder with it; what somebody else keeps there stays."""
    theirs, old = shell.folder / "cache" / "theirs", shell.folder / "cache" / "v0"
    for folder in (theirs, old):
        folder.mkdir(parents=True)
        (folder / "file").write_text("mine")
    (old / "made-by-hyperdsl").write_text("")
    shell.check()
    assert (theirs / "file").read_text() == "mine"
    assert not old.exists()


COMPILE = """import sys
from hyperdsl import compiler
from hyperdsl.codegen import torch
from hyperdsl.cli import main
def refuse(*arguments, **options): raise AssertionError("made again")
for module, name in ((compiler, "check_file"), (torch, "generate"), (torch, "formatted")):
    setattr(module, name, refuse)
sys.argv[1:] = ["compile", "a.hyper", "-o", "made"]
main()
"""


def test_an_unchanged_spec_is_neither_proven_nor_rendered_nor_formatted_again(shell: Shell) -> None:
    def run(code: str) -> subprocess.CompletedProcess[str]:
        environment = {"HYPERDSL_CACHE": str(shell.folder / "cache")}
        command = [sys.executable, "-c", code]
        return subprocess.run(command, cwd=shell.folder, env=environment, capture_output=True, text=True, check=False)

    plain = "import sys; from hyperdsl.cli import main; sys.argv[1:] = ['compile', 'a.hyper', '-o', 'made']; main()"
    assert run(plain).returncode == 0
    first = {path: path.read_bytes() for path in (shell.folder / "made").rglob("*.*")}
    shutil.rmtree(shell.folder / "made")
    done = run(COMPILE)
    assert done.returncode == 0, done.stderr
    assert {path: path.read_bytes() for path in (shell.folder / "made").rglob("*.*")} == first
    text = next((shell.folder / "cache").rglob("*.txt"))
    text.write_text("damaged")
    assert run(COMPILE).returncode == 3  # made again, which the test refuses: a bug, by its exit code
    assert run(plain).returncode == 0
