"""The store of training data: kept and found again, its damage noticed, and mapped where memory is too small."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor

from hyperdsl.training import store
from hyperdsl.training.rows import Columns
from hyperdsl.training.store import Store
from hyperdsl.training.targets import Targets
from tests.runtime.methods import Euler
from tests.training.posed import power, settings, targets

FABRIC = Fabric(accelerator="cpu", devices=1)
TARGETS = targets(Euler(), power(2))


class Made:
    """Makes columns of several dtypes, one of them missing, and counts how often it was asked to."""

    calls = 0

    def prepare(self) -> Callable[[int], Columns]:
        self.calls += 1
        return self.group

    @staticmethod
    def group(k: int, rows: int = TARGETS.rows) -> Columns:
        numbers = torch.arange(k * rows, (k + 1) * rows)
        z = torch.complex(numbers.float(), -numbers.float())[:, None].expand(rows, 2)
        return numbers / 3, None, z, numbers, numbers % 2 == 0


def data(folder: Path | None, made: Made, used: Targets = TARGETS, identity: str = "one") -> Columns:
    return Store(folder, identity, FABRIC, quiet=True).data(used, made.prepare)


def check(columns: Columns) -> None:
    """They are those of all groups, in order."""
    groups = [Made.group(k) for k in range(TARGETS.groups)]
    for column, parts in zip(columns, zip(*groups, strict=True), strict=True):
        pieces = [part for part in parts if part is not None]
        assert (column is None) == (not pieces)
        if column is not None:
            assert column.dtype == pieces[0].dtype
            assert torch.equal(column, torch.cat(pieces))


def kept(folder: Path) -> Path:
    (path,) = folder.glob("*.safetensors")
    return path


def test_data_are_made_once_and_found_again(tmp_path: Path) -> None:
    made = Made()
    check(data(tmp_path, made))
    check(data(tmp_path, made))
    assert made.calls == 1
    assert [path.name for path in tmp_path.iterdir()] == [kept(tmp_path).name]  # no part is left
    assert kept(tmp_path).stat().st_mode & 0o777 == 0o644


def test_without_a_folder_data_are_made_anew() -> None:
    made = Made()
    for _ in range(2):
        check(data(None, made))
    assert made.calls == 2


def test_whatever_decides_the_data_tells_them_apart(tmp_path: Path) -> None:
    made = Made()
    for count, (used, identity) in enumerate(
        (
            (TARGETS, "one"),
            (TARGETS, "two"),
            (targets(Euler(), power(2), settings=settings(substeps=3)), "one"),
            (targets(Euler(), power(2), settings=settings(seed=1)), "one"),
            (targets(Euler(), power(2), generator=torch.Generator().manual_seed(9)), "one"),
            (targets(Euler(), power(2), steps=(0.1, 0.4)), "one"),
            (targets(Euler(), power(2), trained=torch.float32), "one"),
            (targets(Euler(), power(2), ranges=(("alpha", 0.0, 1.0),)), "one"),
        ),
        1,
    ):
        data(tmp_path, made, used, identity)
        assert made.calls == count
    data(tmp_path, made, targets(Euler(), power(2), settings=settings(learning_rate=0.5)), "one")
    assert made.calls == count  # which decides nothing of the data


def test_the_file_is_sealed(tmp_path: Path) -> None:
    data(tmp_path, Made())
    content = kept(tmp_path).read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    assert header["__metadata__"]["sha256"] == hashlib.sha256(content[8 + size :]).hexdigest()
    assert size % 8 == 0
    assert header["2c"]["shape"] == [TARGETS.rows * TARGETS.groups, 2, 2]  # real and imaginary parts
    assert {name: entry["dtype"] for name, entry in header.items() if name != "__metadata__"} == {
        "0": "F32",
        "2c": "F32",
        "3": "I64",
        "4": "BOOL",
    }


@pytest.mark.parametrize("damage", ["byte", "short", "empty", "unsealed", "text"])
def test_damage_is_noticed(tmp_path: Path, damage: str) -> None:
    made = Made()
    data(tmp_path, made)
    path = kept(tmp_path)
    content = path.read_bytes()
    sealed = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]["sha256"]
    path.write_bytes(
        {
            "byte": content[:-100] + bytes([content[-100] ^ 1]) + content[-99:],
            "short": content[:-1],
            "empty": b"",
            "unsealed": content.replace(sealed.encode(), b"0" * 64),
            "text": b"no safetensors file at all",
        }[damage]
    )
    check(data(tmp_path, made))
    assert made.calls == 2
    check(data(tmp_path, made))
    assert made.calls == 2  # and mended
    assert kept(tmp_path).read_bytes() == content


def test_a_file_that_is_used_is_young(tmp_path: Path) -> None:
    data(tmp_path, Made())
    os.utime(kept(tmp_path), (1, 1))
    data(tmp_path, Made())
    assert time.time() - kept(tmp_path).stat().st_mtime < 100


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    old, young, other = (tmp_path / name for name in ("data-old.part", "data-young.part", "other.part"))
    for path in (old, young, other):
        path.write_text("")
    os.utime(old, (1, 1))
    os.utime(other, (1, 1))
    data(tmp_path, Made())
    assert not old.exists()
    assert young.exists()
    assert other.exists()


def mapped(column: Tensor | None) -> bool:
    assert column is not None
    return column.untyped_storage().filename is not None


def test_columns_beyond_memory_are_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    columns = data(None, Made())
    assert not (tmp_path / "temporary").exists()
    assert not mapped(columns[0])
    monkeypatch.setattr(store, "MEMORY", 1000)
    columns = data(None, Made())
    check(columns)
    assert mapped(columns[0])
    assert list((tmp_path / "temporary").iterdir()) == []  # their file is gone
    made = Made()
    for _ in range(2):
        columns = data(tmp_path / "cache", made)
        check(columns)
    assert made.calls == 1
    assert kept(tmp_path / "cache").exists()


def test_data_within_memory_do_not_hang_on_their_file(tmp_path: Path) -> None:
    made = Made()
    data(tmp_path, made)
    columns = data(tmp_path, made)
    with kept(tmp_path).open("r+b") as file:
        file.seek(-8000, os.SEEK_END)
        file.write(bytes(8000))
    check(columns)
