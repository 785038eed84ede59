"""Rows of data, the range of steps, and the dtypes that fields and states move between."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from hyperdsl.training.rows import (
    Rows,
    copied,
    field_in,
    in_dtype,
    joined,
    norms,
    on_device,
    real,
    rms,
    step_range,
)
from tests.training.posed import settings

CPU = torch.device("cpu")


def rows(count: int = 4) -> Rows:
    """ε and α are numbers, s is one for each row, and there is no x."""
    z = torch.arange(2.0 * count).reshape(count, 2)
    return Rows((torch.tensor(0.5), torch.arange(count) / 2, None, z, torch.tensor(0.75)), 10 * z, ("alpha",))


def test_rows_are_taken_at_an_index() -> None:
    taken = rows().each().take(torch.tensor([2, 0]))
    eps, s, x, z, alpha = taken.inputs
    assert eps is not None
    assert s is not None
    assert z is not None
    assert alpha is not None
    assert (eps.tolist(), s.tolist(), x, alpha.tolist()) == ([0.5, 0.5], [1, 0], None, [0.75, 0.75])
    assert z.tolist() == [[4, 5], [0, 1]]
    assert torch.equal(taken.target, 10 * z)
    assert taken.names == ("alpha",)


def test_each_row_gets_its_number() -> None:
    each = rows().each()
    shapes = [None if value is None else tuple(value.shape) for value in each.inputs]
    assert shapes == [(4,), (4,), None, (4, 2), (4,)]
    assert torch.equal(each.target, rows().target)


def test_rows_move_in_dtype_and_device() -> None:
    moved = rows().to(torch.float64)
    assert {value.dtype for value in (*moved.inputs, moved.target) if value is not None} == {torch.float64}
    assert moved.inputs[2] is None
    meta = rows().on(torch.device("meta"))
    assert {value.device.type for value in (*meta.inputs, meta.target) if value is not None} == {"meta"}
    assert meta.names == moved.names == ("alpha",)
    taken = meta.each().take(torch.tensor([1]))  # the index follows the data
    assert taken.target.shape == (1, 2)


def test_parameters_are_handed_over_by_name() -> None:
    given: list[Tensor | None] = []

    def g(eps: Tensor, s: Tensor, x: Tensor | None, z: Tensor, *, alpha: Tensor) -> Tensor:
        given.extend((eps, s, x, z, alpha))
        return z + alpha

    assert torch.equal(rows().given(g), rows().target / 10 + 0.75)
    assert given[2] is None
    assert {name: float(value) for name, value in rows().parameters().items()} == {"alpha": 0.75}
    plain = rows()._replace(names=())
    assert plain.parameters() == {}
    assert plain.given(lambda *inputs: torch.tensor(len(inputs))) == 5


def test_groups_are_joined() -> None:
    first, second = rows(2), rows(3)._replace(inputs=(torch.tensor(0.25), *rows(3).inputs[1:]))
    both = joined([first, second])
    eps, s, x, *_ = both.inputs
    assert eps is not None
    assert s is not None
    assert eps.tolist() == [0.5, 0.5, 0.25, 0.25, 0.25]
    assert s.tolist() == [0, 0.5, 0, 0.5, 1]
    assert x is None
    assert torch.equal(both.target, torch.cat([first.target, second.target]))
    assert both.names == ("alpha",)


@pytest.mark.parametrize(
    ("changes", "length", "least", "ends"),
    [
        ({"steps": (4, 20)}, 2.0, 1, (0.1, 0.5)),
        ({"steps": (4, 20)}, -2.0, 1, (-0.1, -0.5)),
        ({"steps": (1, 1)}, 2.0, 1, (2, 2)),
        ({"steps": None, "eps": (0.01, 0.2)}, 2.0, 1, (0.01, 0.2)),
        ({"steps": None, "eps": (0.01, 0.2)}, -2.0, 1, (-0.01, -0.2)),
        ({"steps": (4, 20), "eps": (0.01, 0.2)}, 2.0, 1, (0.01, 0.2)),
        ({"steps": None}, 2.0, 1, (0.01, 0.2)),  # until a step-size control is looked at
        ({"steps": (2, 20)}, 2.0, 4, (0.1, 0.5)),  # at least four steps fit
        ({"steps": (8, 20)}, 2.0, 4, (0.1, 0.25)),
        ({"steps": (2, 20)}, -2.0, 4, (-0.1, -0.5)),
    ],
)
def test_ends_of_the_range_of_steps(
    changes: dict[str, object], length: float, least: int, ends: tuple[float, float]
) -> None:
    assert step_range(settings(**changes), length, least) == pytest.approx(ends, rel=1e-15)


@pytest.mark.parametrize(
    ("changes", "length", "least", "text"),
    [
        ({"steps": (4, 20)}, 0.0, 1, "a span of some length and a range"),
        ({"steps": None}, 0.0, 1, "a span of some length and a range"),
        ({"steps": None, "eps": (0.1, 3.0)}, 2.0, 1, "steps of 0.1 .. 3 do not fit a span of length 2"),
        ({"steps": None, "eps": (0.0, 1.0)}, 2.0, 1, r"steps of 0 \.\. 1 do not fit"),
        ({"steps": None, "eps": (0.5, 0.1)}, 2.0, 1, "do not fit"),
        ({"steps": (2, 3)}, 2.0, 4, r"steps of 0\.666667 \.\. 0\.5 do not fit"),  # no history fits
    ],
)
def test_ranges_of_steps_that_are_refused(changes: dict[str, object], length: float, least: int, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        step_range(settings(**changes), length, least)


def test_dtypes_follow() -> None:
    for given, wanted in (
        (torch.float32, torch.float64),
        (torch.complex64, torch.complex128),
        (torch.int64, torch.int64),
    ):
        assert in_dtype(torch.ones(2, dtype=given), torch.float64).dtype == wanted
    assert in_dtype(torch.ones(2, dtype=torch.complex128), torch.float32).dtype == torch.complex64
    assert in_dtype(None, torch.float64) is None
    assert on_device(None, CPU) is None


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([2.0, 3.0]))

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        return self.weight * z


def test_a_copy_leaves_its_module_alone() -> None:
    f = Linear()
    copy = copied(f, torch.float64, CPU)
    assert [value.dtype for value in copy.parameters()] == [torch.float64]
    assert not any(value.requires_grad for value in copy.parameters())
    assert f.weight.dtype == torch.float32
    assert f.weight.requires_grad
    assert [value.dtype for value in copied(copy, torch.float32, CPU).parameters()] == [torch.float32]


def test_fields_in_the_dtype_of_targets() -> None:
    states, f = torch.ones(3, 2), Linear()
    moved, dtype = field_in(f, states, None, 0.0, torch.float64)
    assert dtype == torch.float64
    assert moved(torch.tensor(0.0), states.double()).dtype == torch.float64
    assert f.weight.dtype == torch.float32

    def own(s: Tensor, x: Tensor, z: Tensor) -> Tensor:
        return x * z

    assert field_in(own, states, torch.ones(3, 2), 0.0, torch.float64) == (own, torch.float64)
    asked = field_in(lambda s, x, z: x * z, states.to(torch.complex64), torch.ones(3, 2), 0.0, torch.float64)
    assert asked[1] == torch.float64


@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64])
def test_fields_that_stay_in_the_dtype_of_the_states(dtype: torch.dtype) -> None:
    weight = torch.eye(2, dtype=dtype)

    def multiplied(s: Tensor, z: Tensor) -> Tensor:
        return z @ weight  # dtypes do not go together

    def rounded(s: Tensor, z: Tensor) -> Tensor:
        return z.to(dtype)

    for f in (multiplied, rounded):
        assert field_in(f, torch.ones(3, 2, dtype=dtype), None, 0.0, torch.float64) == (f, torch.float32)

    class Rounded(Linear):
        def forward(self, s: Tensor, z: Tensor) -> Tensor:
            return super().forward(s, z).float()

    f = Rounded()
    plain, found = field_in(f, torch.ones(3, 2), None, 0.0, torch.float64)
    assert found == torch.float32
    assert isinstance(plain, nn.Module)
    assert [(value.dtype, value.requires_grad) for value in plain.parameters()] == [(torch.float32, False)]
    assert f.weight.requires_grad


def test_norms_of_rows() -> None:
    z = torch.tensor([[[3.0], [4.0]], [[0.0], [0.0]]])
    assert norms(z).tolist() == [5, 0]
    assert rms(z) == pytest.approx(5 / math.sqrt(2))
    c = torch.tensor([[3 + 4j, 0]])
    assert norms(c).tolist() == [5]
    assert real(c).tolist() == [[[3, 4], [0, 0]]]
    assert real(z) is z
