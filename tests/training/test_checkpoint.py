"""Checkpoints: what is kept is put back, others' and damaged ones are left aside; hashes and files."""

from __future__ import annotations

import os
import time
import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import load
from torch import Tensor, nn

from hyperdsl.runtime.safetensors import serialised
from hyperdsl.training import checkpoint
from hyperdsl.training.checkpoint import At, Keeper, hashed, identity_of, stream
from hyperdsl.training.files import write_whole
from hyperdsl.training.losses import Shuffled
from hyperdsl.training.settings import FitWarning
from hyperdsl.training.targets import Targets
from tests.runtime.methods import Euler, Family
from tests.training.posed import STATES, power, rk4, settings, targets

AT = At(1, 48, (3.0, 2.0, 0.1))


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))


class Training:
    """A few iterations of a network, in a random order with random noise."""

    def __init__(self, seed: int) -> None:
        self.g = network(seed)
        self.optimizer = torch.optim.AdamW(self.g.parameters(), lr=0.1)
        self.order = Shuffled(torch.arange(6), stream(seed, 1))

    def go(self, count: int) -> None:
        for _ in range(count):
            z = STATES.float()[self.order.take(4)]
            loss = (self.g(z) - z**2 + 0.01 * torch.randn(4, 2)).square().mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()


def weights(g: nn.Module) -> Tensor:
    return torch.cat([value.detach().flatten() for value in g.parameters()])


def test_a_training_goes_on_as_if_it_had_not_ended(tmp_path: Path) -> None:
    one = Training(0)
    one.go(5)
    Keeper(tmp_path / "at", "this").save(AT, one.g, one.optimizer, one.order)
    one.go(5)
    other = Training(7)
    at = Keeper(tmp_path / "at", "this").load(other.g)
    at.restore(other.optimizer, other.order)
    other.go(5)
    assert torch.equal(weights(one.g), weights(other.g))
    assert (at.phase, at.iteration, at.losses) == (AT.phase, AT.iteration, AT.losses)


def test_at_the_start_of_a_phase_nothing_is_restored(tmp_path: Path) -> None:
    one, other = Training(0), Training(7)
    Keeper(tmp_path / "at", "this").save(AT, one.g)
    at = Keeper(tmp_path / "at", "this").load(other.g)
    before = other.order.generator.get_state()
    at.restore(other.optimizer, other.order)
    assert torch.equal(weights(one.g), weights(other.g))
    assert other.optimizer.state_dict()["state"] == {}
    assert torch.equal(before, other.order.generator.get_state())
    At().restore(other.optimizer, other.order)


@pytest.mark.parametrize(
    ("identity", "content", "text"),
    [
        ("another", None, "is of another training: this one starts anew"),
        ("this", b"", "is no checkpoint, so training starts anew"),
        ("this", b"torn", "is no checkpoint, so training starts anew"),
    ],
)
def test_checkpoints_that_are_left_aside(tmp_path: Path, identity: str, content: bytes | None, text: str) -> None:
    path, g = tmp_path / "at", network(7)
    Keeper(path, "this").save(AT, network())
    if content is not None:
        path.write_bytes(path.read_bytes()[:200] if content == b"torn" else content)
    before, random = weights(g), torch.get_rng_state()
    with pytest.warns(FitWarning, match=text):
        assert Keeper(path, identity).load(g) == At()
    assert torch.equal(before, weights(g))
    assert torch.equal(random, torch.get_rng_state())


def test_without_a_file_training_starts(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Keeper(tmp_path / "none", "this").load(network()) == At()
        assert Keeper(None, "this").load(network()) == At()
    Keeper(None, "this").save(AT, network())
    assert not Keeper(None, "this").due()


def test_checkpoints_come_some_seconds_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    keeper = Keeper(tmp_path / "at", "this")
    assert keeper.due()
    keeper.save(AT, network())
    assert not keeper.due()
    now += checkpoint.SECONDS - 0.1
    assert not keeper.due()
    now += 0.1
    assert keeper.due()


def test_later() -> None:
    at = At(2, 3, (1.0,), {"a": torch.ones(1)}).later(5, [torch.tensor(0.5), torch.tensor(0.25)])
    assert at == At(2, 5, (1.0, 0.5, 0.25))
    assert at.later(6, []).losses == at.losses


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "file"
    write_whole(path, b"first")
    assert [file.name for file in path.parent.iterdir()] == ["file"]

    def full(handle: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_whole(path, b"second")
    assert path.read_bytes() == b"first"


def test_hashes_tell_parts_apart() -> None:
    assert hashed("ab", "c") != hashed("a", "bc")
    assert hashed("ab") == hashed(b"ab") == hashed("ab")
    assert hashed("ab") != hashed("ab", "")
    assert len(hashed()) == 64


def test_streams_of_a_seed_are_independent() -> None:
    def first(seed: int, number: int) -> float:
        return float(torch.rand((), generator=stream(seed, number)))

    assert len({first(seed, number) for seed in range(3) for number in range(3)}) == 9
    assert first(1, 2) == first(1, 2)


def test_tensors_are_serialised_as_real_numbers() -> None:
    z = torch.tensor([1 + 2j, 3 + 4j])
    turned = torch.arange(6.0).reshape(2, 3).T
    found = load(serialised({"z": z, "turned": turned, "part": turned[:1]}))
    assert found["z"].tolist() == [[1, 2], [3, 4]]
    assert torch.equal(found["turned"], turned)
    assert torch.equal(found["part"], turned[:1])
    assert serialised({"z": z}) == serialised({"z": z.clone()})
    assert serialised({"z": z}, {"a": "b"}) != serialised({"z": z})


def same(used: Targets) -> str:
    return identity_of(used, used.f, STATES, None, None)


def test_the_identity_is_that_of_solver_and_problem() -> None:
    plain = targets(Euler(), power(2))
    assert same(plain) == same(targets(Euler(), power(2)))
    box = (STATES[0], STATES[1])
    linear = nn.Linear(2, 2).double()

    class Module(nn.Module):
        def __init__(self, given: nn.Module) -> None:
            super().__init__()
            self.unused = given

        def forward(self, s: Tensor, z: Tensor) -> Tensor:
            return power(2)(s, z)

    different = {
        same(plain),
        same(targets(Euler(), power(3))),
        same(targets(Family(), power(2), ranges=(("alpha", 0.5, 1.0),))),
        same(targets(Family(), power(3), ranges=(("alpha", 0.5, 0.9),))),
        same(targets(Euler(), power(2), end=3.0)),
        same(targets(Euler(), power(2), sampler=lambda s, z, generator: 2 * z)),
        same(targets(Euler(), Module(linear))),
        identity_of(plain, plain.f, STATES + 1, None, None),
        identity_of(plain, plain.f, STATES, None, box),
        identity_of(plain, plain.f, STATES, None, box[::-1]),
        identity_of(targets(Euler(), lambda s, x, z: 2 * s + 0 * z), plain.f, STATES, STATES, None),
    }
    assert len(different) == 11
    assert same(targets(Euler(), power(2), settings=settings(iterations=99))) == same(plain)


def test_an_identity_needs_no_equations_that_the_longest_step_cannot_solve() -> None:
    """What a solver and a problem are told from others by is a shorter step's residual then."""
    reached: list[float] = []

    def reference(f: object, s: Tensor, z: Tensor, h: Tensor) -> Tensor:
        reached.append(float(h))
        if float(h) > 1e-3:
            raise RuntimeError("the implicit equations were not solved")
        return rk4(power(2), s, z, h)

    posed = targets(Euler(nn.Identity()), power(2), settings=settings(reference=reference))
    assert identity_of(posed, power(2), STATES, None, None) == identity_of(posed, power(2), STATES, None, None)
    assert min(reached) <= 1e-3
