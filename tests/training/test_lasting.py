"""Training that goes on after any end, data that are found again, and several processes that act as one."""

from __future__ import annotations

import os
import random
import signal
import time
import warnings
from dataclasses import replace
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from hyperdsl.training import checkpoint, files, run, store, targets
from tests.training.test_fit import Network, fit, made, sample

NAMES = ["Phased", "Attacked", "Learned", "Ended"]


class Noisy(nn.Module):
    """An external corrector that draws numbers in training."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 16), nn.SiLU(), nn.Dropout(0.2), nn.Linear(16, 2))

    def forward(self, eps: Tensor, s: Tensor, x: None, z: Tensor, dz: Tensor) -> Tensor:
        return self.layers(torch.cat((z, dz, s[:, None], eps[:, None]), 1))


def short(train: ModuleType, name: str) -> Any:
    """Settings of few iterations."""
    settings = replace(train.SETTINGS[getattr(train, name)], iterations=48, trajectories=32, substeps=2)
    if settings.then:
        return replace(settings, then=tuple(replace(phase, iterations=20, substeps=2) for phase in settings.then))
    return settings


def weights(solver: Any) -> list[Tensor]:
    return list(solver.state_dict().values())


@pytest.fixture(autouse=True)
def _at_every_chance(train: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "SECONDS", 0)


@pytest.mark.parametrize("name", [*NAMES, "Mine"])
def test_an_interrupted_training_ends_in_the_same_bits(
    train: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    arguments = (Noisy(),) if name == "Mine" else ()
    whole = made(train, name, *arguments)
    start = {key: value.clone() for key, value in whole.state_dict().items()}
    history = fit(train, whole, settings=short(train, name))
    write, count = files.write_whole, [0]

    def interrupted(path: Path, data: bytes) -> None:
        write(path, data)
        count[0] += 1
        if count[0] % 3 == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "write_whole", interrupted)
    path, ends = tmp_path / "one" / "c", 0
    while True:
        solver = made(train, name, *arguments)
        solver.load_state_dict(start)
        try:
            resumed = fit(train, solver, settings=short(train, name), checkpoint=path)
        except KeyboardInterrupt:
            ends += 1
        else:
            break
    assert ends >= 2
    assert all(map(torch.equal, weights(solver), weights(whole)))
    assert resumed == history
    assert [entry.name for entry in path.parent.iterdir()] == ["c"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("name", NAMES)
def test_killed_at_random_moments(train: ModuleType, tmp_path: Path, name: str) -> None:
    settings, cache = short(train, name), tmp_path / "cache"
    whole = made(train, name)
    start = time.perf_counter()
    fit(train, whole, settings=settings)
    seconds, draw = time.perf_counter() - start, random.Random(0)
    for _ in range(5):
        child = os.fork()
        if child == 0:
            fit(train, made(train, name), settings=settings, checkpoint=tmp_path / "c", cache=cache)
            os._exit(0)
        time.sleep(draw.uniform(0.1, 0.8) * seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert (tmp_path / "c").is_file()
    solver = made(train, name)
    fit(train, solver, settings=settings, checkpoint=tmp_path / "c", cache=cache)
    assert all(map(torch.equal, weights(solver), weights(whole)))


def test_another_process_knows_the_checkpoint(
    train: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its functions lie elsewhere in memory."""
    settings = replace(train.SETTINGS[train.HyperEuler], iterations=60)  # enough of everything to warn of nothing
    write = files.write_whole

    def once(path: Path, data: bytes) -> None:
        write(path, data)
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "write_whole", once)
    with pytest.raises(KeyboardInterrupt):
        fit(train, made(train, "HyperEuler"), settings=settings, checkpoint=tmp_path / "c")
    monkeypatch.setattr(checkpoint, "write_whole", write)
    reference = settings.reference
    elsewhere = FunctionType(reference.__code__, reference.__globals__, reference.__name__)
    with warnings.catch_warnings():
        warnings.simplefilter("error", train.FitWarning)
        fit(
            train, made(train, "HyperEuler"), settings=replace(settings, reference=elsewhere), checkpoint=tmp_path / "c"
        )


def test_a_finished_training_is_not_repeated(train: ModuleType, tmp_path: Path) -> None:
    first, again = made(train, "HyperEuler"), made(train, "HyperEuler")
    history = fit(train, first, settings=short(train, "HyperEuler"), checkpoint=tmp_path / "c")
    start = (tmp_path / "c").stat().st_mtime_ns
    assert fit(train, again, settings=short(train, "HyperEuler"), checkpoint=tmp_path / "c") == history
    assert all(map(torch.equal, weights(first), weights(again)))
    assert (tmp_path / "c").stat().st_mtime_ns == start


def test_checkpoints_of_others_are_left_aside(train: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "c"

    def losses(seed: int, **options: Any) -> list[float]:
        found = fit(train, made(train, "HyperEuler"), settings=short(train, "HyperEuler"), seed=seed, **options).loss
        return [*found]

    expected = losses(1)
    losses(2, checkpoint=path)
    with pytest.warns(train.FitWarning, match="is of another training"):
        assert losses(1, checkpoint=path) == expected
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.warns(train.FitWarning, match="is no checkpoint"):
        assert losses(1, checkpoint=path) == expected


def test_data_of_another_corrector_s_inputs_are_left_aside(train: ModuleType, tmp_path: Path) -> None:
    """A spec whose corrector comes to read the stages has the same residuals, but other columns."""
    fit(train, made(train, "HyperHeun"), iterations=10, cache=tmp_path)
    solver = made(train, "HyperHeun")
    base, g, read = solver.base, solver.corrector.forward, []

    def with_stages(*arguments: Any, **parameters: Any) -> Any:
        end, seen = base(*arguments, **parameters)
        return end, (*seen, end)

    solver.base = with_stages
    solver.corrector.normalise = None
    solver.corrector.forward = lambda *inputs: read.append(len(inputs)) or g(*inputs[:5])
    fit(train, solver, iterations=10, cache=tmp_path)
    assert set(read) == {6}
    assert len(list(tmp_path.iterdir())) == 2


def test_data_are_found_again(train: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepared: list[int] = []
    drawn = targets.drawn
    monkeypatch.setattr(run, "drawn", lambda *arguments: prepared.append(1) or drawn(*arguments))

    def losses(f: nn.Module, **options: Any) -> tuple[list[float], int]:
        prepared.clear()
        given = {"settings": short(train, "HyperEuler"), "cache": tmp_path} | options
        loss = fit(train, made(train, "HyperEuler"), f, **given).loss
        return loss, len(prepared)

    f = Network().double()
    plain, _ = losses(f, cache=None)
    assert losses(f) == (plain, 1)
    assert losses(f) == (plain, 0)
    (entry,) = tmp_path.iterdir()
    os.utime(entry, (0, 0))
    losses(f)
    assert entry.stat().st_mtime > 0  # used now
    data = bytearray(entry.read_bytes())
    data[-9] ^= 1
    entry.write_bytes(data)
    assert losses(f) == (plain, 1)  # a damaged entry is made anew
    assert losses(f) == (plain, 0)
    entry.write_bytes(entry.read_bytes()[:100])
    assert losses(f) == (plain, 1)
    with torch.no_grad():
        f.layer.weight[0, 0] += 1e-9
    assert losses(f)[1] == 1
    assert losses(f, seed=5)[1] == 1
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_data_beyond_memory_are_kept_in_a_file(
    train: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, cached: bool
) -> None:
    whole, solver = made(train, name), made(train, name)
    fit(train, whole, settings=short(train, name))
    mapped, count = store._mapped, [0]

    def counted(*arguments: Any) -> Any:
        count[0] += 1
        return mapped(*arguments)

    monkeypatch.setattr(store, "MEMORY", 1000)
    monkeypatch.setattr(store, "_mapped", counted)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "other"))
    (tmp_path / "other").mkdir()
    fit(train, solver, settings=short(train, name), cache=tmp_path / "cache" if cached else None)
    assert count[0] == {"Phased": 3, "Attacked": 1, "Learned": 2, "Ended": 1}[name]
    assert all(map(torch.equal, weights(solver), weights(whole)))
    assert not list((tmp_path / "other").iterdir())


def test_without_a_fabric_training_gives_the_bits_of_one_process_of_fabric(train: ModuleType) -> None:
    found = []
    for fabric in (None, Fabric(accelerator="cpu", devices=1)):
        solver = made(train, "Phased")
        losses = fit(train, solver, settings=short(train, "Phased"), fabric=fabric).loss
        found.append((losses, weights(solver)))
    (losses, one), (expected, other) = found
    assert losses == expected
    assert all(map(torch.equal, one, other))


@pytest.mark.parametrize("name", NAMES)
def test_two_processes_train_as_one(train: ModuleType, tmp_path: Path, name: str) -> None:
    """DistributedDataParallel over gloo, a global batch of odd size."""
    settings = replace(short(train, name), batch=125)
    whole = made(train, name)
    history = fit(train, whole, settings=settings)

    def run(fabric: Fabric) -> tuple[list[Any], list[float]]:
        torch.set_num_threads(1)
        solver = made(train, name)
        losses = fit(train, solver, settings=settings, fabric=fabric, cache=tmp_path).loss
        return [value.tolist() for value in weights(solver)], losses

    found, losses = Fabric(accelerator="cpu", devices=2, strategy="ddp_fork").launch(run)
    for one, both in zip(weights(whole), found, strict=True):
        assert float((one - torch.tensor(both, dtype=one.dtype)).norm()) <= 1e-6 * float(one.norm())
    assert losses == pytest.approx(history.loss, rel=1e-6)


def test_processes_without_a_common_disk_go_on_from_the_first_one_s_checkpoint(
    train: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = replace(short(train, "HyperEuler"), batch=125)
    whole, write, saved = made(train, "HyperEuler"), files.write_whole, []
    history = fit(train, whole, settings=settings)

    def until_the_third(path: Path, data: bytes) -> None:
        write(path, data)
        saved.append(path)
        if len(saved) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as short_time:
        short_time.setattr(checkpoint, "SECONDS", 0)
        short_time.setattr(checkpoint, "write_whole", until_the_third)
        with pytest.raises(KeyboardInterrupt):
            fit(train, made(train, "HyperEuler"), settings=settings, checkpoint=tmp_path / "0")

    def run(fabric: Fabric) -> tuple[list[Any], list[float]]:
        torch.set_num_threads(1)
        solver, path = made(train, "HyperEuler"), tmp_path / str(fabric.global_rank)
        losses = fit(train, solver, settings=settings, fabric=fabric, checkpoint=path).loss
        return [value.tolist() for value in weights(solver)], losses

    found, losses = Fabric(accelerator="cpu", devices=2, strategy="ddp_fork").launch(run)
    for one, both in zip(weights(whole), found, strict=True):
        assert float((one - torch.tensor(both, dtype=one.dtype)).norm()) <= 1e-6 * float(one.norm())
    assert losses == pytest.approx(history.loss, rel=1e-6)


def test_mixed_precision_is_for_the_corrector_alone(train: ModuleType) -> None:
    def draw(batch: int, generator: torch.Generator) -> Tensor:
        return sample(batch, generator).float()

    def f(s: Tensor, z: Tensor) -> Tensor:
        assert z.dtype in (torch.float32, torch.float64)
        return torch.tanh(z @ torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=z.dtype))

    solver = made(train, "Phased").float()
    seen: list[torch.dtype] = []
    solver.corrector.hidden.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    history = fit(
        train,
        solver,
        f,
        draw,
        settings=short(train, "Phased"),
        fabric=Fabric(accelerator="cpu", precision="bf16-mixed"),
    )
    assert {torch.bfloat16, torch.float32} <= set(seen)
    assert all(value.dtype == torch.float32 for value in solver.parameters())
    assert history.loss[59] < 0.7 * history.loss[0]
