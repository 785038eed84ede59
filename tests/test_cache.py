"""A cache is done without, whatever is wrong with it, and nothing is removed but what hyperdsl made."""

from __future__ import annotations

import errno
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperdsl import cache
from hyperdsl.cache import Entry, find, keep
from hyperdsl.files import MARKER, remove_made
from hyperdsl.source import digest

ENTRY = Entry({"order": 2}, (("heun", "2"),), ({"code": "H501"},), (1, 2, 3, 4), (("solver.py", "a = 1\n"),))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HYPERDSL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def kept(place: Path) -> Path:
    """The folder of a cache that holds ENTRY."""
    keep(b"spec", "a.hyper", {}, ENTRY)
    assert find(b"spec", "a.hyper") == ENTRY
    (folder,) = place.iterdir()
    return folder


def test_an_entry_is_of_the_bytes_the_name_and_the_imports(place: Path, tmp_path: Path) -> None:
    imported = tmp_path / "other.hyper"
    imported.write_bytes(b"one")
    keep(b"spec", "a.hyper", {str(imported): digest(b"one")}, ENTRY)
    assert find(b"spec", "a.hyper") == ENTRY
    assert find(b"spec", "b.hyper") is None
    assert find(b"spec\n", "a.hyper") is None
    imported.write_bytes(b"two")
    assert find(b"spec", "a.hyper") is None


def damages() -> dict[str, Callable[[Path], object]]:
    return {
        "cut": lambda path: path.write_bytes(path.read_bytes()[:-3]),
        "empty": lambda path: path.write_bytes(b""),
        "changed": lambda path: path.write_bytes(path.read_bytes().replace(b'"order": 2', b'"order": 3')),
        "no text": lambda path: path.write_bytes(b"\xff" * 80),
        "pickled": lambda path: path.write_bytes(pickle.dumps(ENTRY)),
        "deep": lambda path: path.write_bytes(sealed(b"[" * 100_000)),
        "another shape": lambda path: path.write_bytes(sealed(b'[{"summary": 1}]')),
        "a folder": lambda path: (path.unlink(), path.mkdir()),
        "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
        "a device": lambda path: (path.unlink(), path.symlink_to("/dev/zero")),
        "gone": lambda path: path.unlink(),
    }


def sealed(payload: bytes) -> bytes:
    return digest(payload).encode() + b"\n" + payload


@pytest.mark.skipif(os.name == "nt", reason="has no pipes in folders")
@pytest.mark.parametrize("ending", ["json", "txt"])
@pytest.mark.parametrize("damage", damages())
def test_a_damaged_entry_is_made_anew(place: Path, damage: str, ending: str) -> None:
    (path,) = kept(place).glob(f"*.{ending}")
    before = path.read_bytes()
    damages()[damage](path)
    if path.is_file() and path.read_bytes() == before:
        return  # a text has no order in it to change
    assert find(b"spec", "a.hyper") is None
    keep(b"spec", "a.hyper", {}, ENTRY)  # raises nothing, even where a folder is in the way


def test_what_it_imports_may_have_become_a_pipe(place: Path, tmp_path: Path) -> None:
    imported = tmp_path / "other.hyper"
    imported.write_bytes(b"one")
    keep(b"spec", "a.hyper", {str(imported): digest(b"one")}, ENTRY)
    imported.unlink()
    os.mkfifo(imported)
    assert find(b"spec", "a.hyper") is None


def test_a_folder_that_hyperdsl_did_not_make_is_neither_used_nor_removed(place: Path) -> None:
    folder = kept(place)
    (folder / MARKER).unlink()
    before = set(folder.iterdir())
    keep(b"other", "a.hyper", {}, ENTRY)
    assert find(b"other", "a.hyper") is find(b"spec", "a.hyper") is None
    assert set(folder.iterdir()) == before


@pytest.mark.parametrize("current", [True, False])
def test_no_link_is_followed(place: Path, tmp_path: Path, current: bool) -> None:
    """Neither by what is removed nor by what is written, though a marker lies behind it."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    for name in (MARKER, "thesis.tex"):
        (theirs / name).write_text("mine")
    name = kept(place).name
    folder = place / name
    remove_made(folder)
    (folder if current else place / "v0").symlink_to(theirs)
    keep(b"spec", "a.hyper", {}, ENTRY)
    assert {path.name for path in theirs.iterdir()} == {MARKER, "thesis.tex"}
    assert (find(b"spec", "a.hyper") is None) == current


def test_a_marker_that_is_a_link_is_none(place: Path, tmp_path: Path) -> None:
    theirs = place / "theirs"
    theirs.mkdir(parents=True)
    (theirs / "thesis.tex").write_text("mine")
    (tmp_path / "elsewhere").write_text("")
    (theirs / MARKER).symlink_to(tmp_path / "elsewhere")
    kept_before = set(theirs.iterdir())
    keep(b"spec", "a.hyper", {}, ENTRY)
    assert set(theirs.iterdir()) == kept_before


def test_somebody_s_folder_in_ours_stays(place: Path) -> None:
    old = place / "v0"
    (old / "theirs").mkdir(parents=True)
    (old / "theirs" / "thesis.tex").write_text("mine")
    (old / MARKER).write_text("")
    keep(b"spec", "a.hyper", {}, ENTRY)
    assert (old / "theirs" / "thesis.tex").read_text() == "mine"


@pytest.mark.parametrize(("most", "held"), [(4, 2**20), (100, 600)])
def test_its_size_is_bounded(place: Path, monkeypatch: pytest.MonkeyPatch, most: int, held: int) -> None:
    monkeypatch.setattr(cache, "MOST", most)
    monkeypatch.setattr(cache, "BYTES", held)
    for k in range(20):
        keep(b"%d" % k, "a.hyper", {}, ENTRY)
        assert find(b"%d" % k, "a.hyper") == ENTRY
        files = [path for path in place.rglob("*") if path.is_file()]
        assert len(files) <= most + 2
        assert sum(path.stat().st_size for path in files) <= held + 600


@pytest.mark.parametrize("name", ["replace", "fsync", "chmod", "mkdir", "open", "fdopen"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_takes_nothing_is_no_fault(
    place: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, name, refuse)
        keep(b"spec", "a.hyper", {}, ENTRY)
    assert not list(place.rglob(".hyperdsl-*"))
    keep(b"spec", "a.hyper", {}, ENTRY)
    assert find(b"spec", "a.hyper") == ENTRY


def test_a_user_without_a_home_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HYPERDSL_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    keep(b"spec", "a.hyper", {}, ENTRY)
    assert find(b"spec", "a.hyper") is None


def test_it_lies_where_the_platform_keeps_such_things(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYPERDSL_CACHE")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", "here")  # the XDG specification has it ignored: it is relative
    kept(tmp_path / "home" / ".cache" / "hyperdsl")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    kept(tmp_path / "xdg" / "hyperdsl")
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.delenv("XDG_CACHE_HOME")
    kept(tmp_path / "home" / "Library" / "Caches" / "hyperdsl")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "xdg"]
