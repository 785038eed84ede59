"""States and times: tuples as one tensor, scalars beside states, ranges, and where numbers can be looked at."""

from __future__ import annotations

import math
import re

import pytest
import torch
from torch import Tensor, nn

from hyperdsl.runtime.state import beside, in_range, is_eager, one_tensor, scalars, with_input


@pytest.mark.parametrize(
    ("dtype", "scalar"),
    [
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
        (torch.complex64, torch.float32),
        (torch.complex128, torch.float64),
    ],
)
def test_scalars_are_real_and_of_the_states_precision(dtype: torch.dtype, scalar: torch.dtype) -> None:
    one, given, times = scalars(torch.zeros(2, dtype=dtype), 0.1, torch.tensor(2, dtype=torch.int32), [0, 1, 2])
    assert [value.dtype for value in (one, given, times)] == [scalar] * 3
    assert [tuple(value.shape) for value in (one, given, times)] == [(), (), (3,)]
    assert one == torch.tensor(0.1, dtype=scalar)


def test_scalars_keep_their_gradients() -> None:
    time = torch.tensor(1.0, requires_grad=True)
    (same,) = scalars(torch.zeros(2, dtype=torch.float64), time)
    same.backward()
    assert time.grad == 1


def test_integers_are_no_states() -> None:
    with pytest.raises(TypeError, match=r"real or complex floating point, not torch\.int64"):
        one_tensor(lambda s, z: z, torch.zeros(2, dtype=torch.int64))


def test_an_input_is_put_in_between() -> None:
    def f(*given: object) -> tuple[object, ...]:
        return given

    s, x, z = torch.tensor(0.0), torch.tensor(1.0), torch.tensor(2.0)
    assert with_input(f, x)(s, z) == (s, x, z)
    assert with_input(f, None) is f


def test_a_tuple_goes_there_and_back() -> None:
    z = (torch.arange(6.0).reshape(2, 3), torch.tensor(7.0), torch.arange(8.0, 10.0))

    def f(s: Tensor, x: Tensor, parts: tuple[Tensor, ...]) -> list[Tensor]:
        assert [part.shape for part in parts] == [part.shape for part in z]
        return [s + k * x + part for k, part in enumerate(parts)]

    field, flat, restore = one_tensor(f, z)
    assert flat.tolist() == [0, 1, 2, 3, 4, 5, 7, 8, 9]
    assert all(map(torch.equal, restore(flat), z))
    slope = field(torch.tensor(0.5), torch.tensor(10.0), flat)
    assert slope.tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 17.5, 28.5, 29.5]
    several = restore(torch.stack([flat, 2 * flat]))  # as of `odeint`
    assert [tuple(part.shape) for part in several] == [(2, 2, 3), (2,), (2, 2)]
    assert all(torch.equal(part[1], 2 * own) for part, own in zip(several, z, strict=True))


def test_one_tensor_stays_as_it_is() -> None:
    z = torch.ones(2, 3)

    def f(s: Tensor, z: Tensor) -> Tensor:
        return z

    field, flat, restore = one_tensor(f, z)
    assert field is f
    assert flat is z
    assert restore(z) is z


def test_a_tuple_has_one_dtype() -> None:
    with pytest.raises(TypeError, match="one dtype"):
        one_tensor(lambda s, z: z, (torch.zeros(2), torch.zeros(2, dtype=torch.float64)))


@pytest.mark.parametrize(
    ("ends", "low", "high"),
    [("[]", True, True), ("[)", True, False), ("(]", False, True), ("()", False, False)],
)
def test_brackets_say_whether_an_end_belongs_to_a_range(ends: str, low: bool, high: bool) -> None:
    z = torch.zeros(1)

    inside = [0.5, *([0.25] if low else []), *([1] if high else [])]
    for value in inside:
        assert in_range(z, "alpha", value, 0.25, 1, ends) == value
    for value in {0.2, 0.25, 1, 1.5, math.nan, math.inf}.difference(inside):
        text = f"alpha = {value} is outside the range {ends[0]}0.25, 1{ends[1]} of the method"
        with pytest.raises(ValueError, match=re.escape(text)):
            in_range(z, "alpha", value, 0.25, 1, ends)


def test_a_tensor_is_not_looked_at() -> None:
    value = in_range(torch.zeros(1, dtype=torch.float64), "alpha", torch.tensor(5.0), 0, 1, "[]")
    assert value == 5
    assert value.dtype == torch.float64


def test_values_beside_samples() -> None:
    z = torch.ones(3, 2, 4)
    value = beside(torch.tensor([1.0, 2.0, 3.0]), z)
    assert value.shape == (3, 1, 1)
    assert (value * z)[:, 1, 3].tolist() == [1, 2, 3]
    assert beside(torch.tensor([1.0, 2.0]), torch.ones(2)).shape == (2,)


def test_numbers_that_cannot_be_looked_at() -> None:
    assert is_eager(torch.zeros(2))
    assert is_eager(nn.Parameter(torch.zeros(2)))
    assert not is_eager(torch.zeros(2, device="meta"))
    assert not is_eager(torch.zeros(2).as_subclass(type("Own", (Tensor,), {})))
    inside: list[bool] = []

    def looked(z: Tensor) -> Tensor:
        inside.append(is_eager(z))
        return z.sum()

    torch.func.vmap(looked)(torch.zeros(2, 2))
    torch.func.grad(looked)(torch.zeros(2))
    assert inside == [False, False]
