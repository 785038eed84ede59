"""Times that are numbers: f and g get the same as from tensors, which they are where a gradient may be."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hyperdsl.runtime.clock import Clock, Time
from hyperdsl.runtime.state import times_of
from tests.runtime.methods import Adams, Euler, Family, HeunEuler, HyperAdams, HyperHeunEuler, Ones

LATE = 1.7e9
Z = torch.ones(3)
"""Of float32, which has no times between LATE and LATE + 64."""


def test_sums_are_those_of_float64_tensors() -> None:
    now, tensor, eps = Time(LATE), torch.tensor(LATE, dtype=torch.float64), torch.tensor(0.1)
    pairs: list[tuple[Any, Any]] = [
        (now + eps, tensor + eps),
        (now + 1 / 3 * eps, tensor + 1 / 3 * eps),
        (now - eps, tensor - eps),
        (now + 3 * Time(0.1), tensor + 3 * 0.1),
        (now.add(eps, alpha=1 / 2), tensor.add(eps, alpha=1 / 2)),
    ]
    for one, other in pairs:
        assert isinstance(one, Time)
        assert one == float(other)
    assert now.to(Z.device, torch.bfloat16).dtype is torch.bfloat16


@pytest.mark.parametrize("plain", [True, False])
def test_times_are_numbers_in_plain_calls_alone(plain: bool) -> None:
    assert Clock(Z, plain).plain is plain
    assert not Clock(Z.double(), plain).plain
    assert not Clock(Z.to("meta"), plain).plain
    (span,) = times_of(Z, torch.tensor([0.0, 1.0]))
    assert [type(time) for time in Clock(Z, plain).numbers((0.0, 1), *span)] == [Time if plain else Tensor] * 2
    for given in ((0.0, span[1]), span):
        assert [type(time) for time in Clock(Z, plain).numbers(given, *span)] == [Tensor] * 2


class Told(Ones):
    """g that keeps its times."""

    def __init__(self) -> None:
        super().__init__()
        self.times = list[Tensor]()

    def forward(self, eps: Tensor, s: Tensor, x: Tensor | None, z: Tensor, *seen: Tensor) -> Tensor:
        self.times.append(s)
        return 0.01 * super().forward(eps, s, x, z, *seen)


@pytest.mark.parametrize("start", [0.0, LATE])
@pytest.mark.parametrize("made", [Euler, Adams, HeunEuler, HyperAdams, HyperHeunEuler])
def test_f_and_g_get_the_same_times(made: Any, start: float, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for plain in (True, False):
        g, times = Told(), list[Tensor]()
        solver = made(g) if made.residual_power else made()
        if not plain:
            monkeypatch.setattr(Clock, "__init__", _as_tensors(Clock.__init__))

        def f(s: Tensor, z: Tensor, times: list[Tensor] = times) -> Tensor:
            times.append(s)
            return (s - start) - z

        given = {} if hasattr(solver, "control") else {"steps": 7}
        ends = solver(f, Z, (start, start + 3), **given), solver.odeint(f, Z, [start, start + 1, start + 2], **given)
        found.append((torch.stack(times), torch.stack([*g.times, Z[0]]), *ends))
    assert all(map(torch.equal, *found))
    assert found[0][0].dtype is torch.float32
    assert len(found[0][0].unique()) > (10 if start == 0 else 0)


def _as_tensors(begin: Any) -> Any:
    def init(self: Clock, z: Tensor, plain: bool) -> None:
        begin(self, z, False)

    return init


def test_times_and_parameters_keep_their_gradients() -> None:
    end, alpha = torch.tensor(1.0, requires_grad=True), torch.tensor(0.5, requires_grad=True)
    times: Any = [0.0, end]
    for value in (
        Euler()(lambda s, z: s + 0 * z, Z, (0.0, end), 4),
        Adams().odeint(lambda s, z: s + 0 * z, Z, times)[-1],
        HeunEuler()(lambda s, z: s + 0 * z, Z, (0.0, end)),
    ):
        (gradient,) = torch.autograd.grad(value.sum(), end)
        assert gradient > 1
    value = Family()(lambda s, z: s**2 + 0 * z, Z, (0.0, 1.0), 1, alpha=alpha)
    assert torch.autograd.grad(value.sum(), alpha)[0] > 0.1


def test_a_compiled_step_gets_tensors() -> None:
    solver: Any = HeunEuler()
    kinds = set[type]()
    advance = solver.advance

    def told(f: Any, s: Any, *others: Any) -> Any:
        kinds.add(type(s))
        return advance(f, s, *others)

    solver.advance = told
    solver(lambda s, z: -z, Z, (0.0, 1.0))
    assert kinds == {Time}
    kinds.clear()
    solver.compile(backend="eager")
    solver(lambda s, z: -z, Z, (0.0, 1.0))
    assert Time not in kinds


def test_late_times_are_told_apart_by_a_module_that_reads_them() -> None:
    class Field(nn.Module):
        def forward(self, s: Tensor, z: Tensor) -> Tensor:
            assert s.dtype is torch.float32
            return torch.ones_like(z)

    assert torch.allclose(HeunEuler()(Field(), Z, (LATE, LATE + 1)), Z + 1)
