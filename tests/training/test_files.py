"""Files of both sides of the house are the old ones or the new ones, whichever call is the last or fails."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.faults import MODES, UNTOUCHED, Faults, child
from hyperdsl.files import replace_file
from hyperdsl.training.files import write_whole


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("write", [write_whole, replace_file])
@pytest.mark.parametrize("before", [b"old", None])
def test_no_call_can_tear_a_file(
    tmp_path: Path, write: Callable[[Path, bytes], None], mode: str, before: bytes | None
) -> None:
    path, seen, at, code = tmp_path / "file.bin", set(), 0, 0

    def run() -> int:
        write(path, b"new " * 1000)
        return 0

    while code != UNTOUCHED:
        path.unlink(missing_ok=True)
        if before is not None:
            path.write_bytes(before)
        code = child(run, Faults(at, mode))
        seen.add(path.read_bytes() if path.exists() else None)
        left = [other for other in tmp_path.iterdir() if other != path]
        assert len(left) <= (code != UNTOUCHED), at  # where unlinking fails, or the process has died
        for other in left:
            other.unlink()
        at += 1
        assert at < 30
    assert at > 6
    assert seen == {before, b"new " * 1000}


def test_what_killed_processes_left_goes_after_a_day(tmp_path: Path) -> None:
    old, young, theirs = (tmp_path / name for name in (".hyperdsl-a", ".hyperdsl-b", "notes"))
    for path in (old, young, theirs):
        path.write_text("")
    (tmp_path / ".hyperdsl-folder").mkdir()
    for path in (old, theirs, tmp_path / ".hyperdsl-folder"):
        os.utime(path, (1, 1))
    write_whole(tmp_path / "file", b"new")
    assert {path.name for path in tmp_path.iterdir()} == {".hyperdsl-b", ".hyperdsl-folder", "notes", "file"}


def test_permissions_are_those_of_ordinary_files(tmp_path: Path) -> None:
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    for write in (write_whole, replace_file):
        write(tmp_path / "file", b"new")
        assert (tmp_path / "file").stat().st_mode == ordinary.stat().st_mode
        (tmp_path / "file").unlink()
