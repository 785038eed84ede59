"""What f gets, and what is said where it returns or writes what it should not."""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hyperdsl.runtime.field import Field, fielded
from hyperdsl.runtime.fixed import grid
from hyperdsl.runtime.jacobian import require_own_times
from hyperdsl.runtime.state import one_tensor, sizes_of, span_of, times_of

F = Callable[..., Any]
ONES = torch.ones(4, 2)


@pytest.mark.parametrize(
    ("f", "error", "said"),
    [
        (lambda s, z: None, TypeError, "None; is its `return` missing?"),
        (lambda s, z: 1.0, TypeError, "float, not a tensor"),
        (lambda s, z: z[:, :1], ValueError, r"shape \(4, 1\) for the state, whose shape is \(4, 2\)"),
        (lambda s, z: z[0], ValueError, r"shape \(2,\)"),
        (lambda s, z: z.double(), TypeError, "torch.float64 for the state, which is torch.float32"),
        (lambda s, z: 1j * z, TypeError, "torch.complex64 for the state, which is torch.float32"),
        (lambda s, z: z.to("meta"), ValueError, "on meta for the state, which is on cpu"),
        (lambda s, z: z.mul_(-1), ValueError, "changed its argument z in place"),
        (lambda s, z: z.data.mul_(-1), ValueError, "changed its argument z in place"),
    ],
)
def test_what_f_returns_is_looked_at(f: F, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        Field(f, None, ONES)(torch.tensor(0.0), ONES.clone())


@pytest.mark.parametrize("looks", [1, 5])
def test_a_late_mistake_is_seen_too(looks: int) -> None:
    field = Field(lambda s, z: z if s < looks else z[:1], None, ONES)
    for k in range(looks):
        field(torch.tensor(float(k)), ONES)
    with pytest.raises(ValueError, match="returned the shape"):
        field(torch.tensor(float(looks)), ONES)


def test_a_late_write_is_seen_too() -> None:
    field = Field(lambda s, z: -z if s < 6 else z.neg_(), None, ONES)
    for k in range(6):
        field(torch.tensor(float(k)), ONES)
    with pytest.raises(ValueError, match="changed its argument"):
        field(torch.tensor(6.0), ONES.clone())


def _twice(f: F, z: Tensor) -> None:
    field = Field(f, None, z)
    for k in range(3):
        field(torch.tensor(float(k)), z)


def test_a_buffer_that_is_written_again_is_seen() -> None:
    buffer = torch.empty_like(ONES)
    with pytest.raises(ValueError, match="wrote again"):
        _twice(lambda s, z: torch.mul(z, s, out=buffer), ONES)
    pair, calls = [torch.empty_like(ONES), torch.empty_like(ONES)], iter(range(9))
    with pytest.raises(ValueError, match="wrote again"):
        _twice(lambda s, z: torch.mul(z, s, out=pair[next(calls) % 2])[:], ONES)
    array = np.empty((4, 2), dtype=np.float32)

    def numpy_buffer(s: Tensor, z: Tensor) -> Tensor:
        np.multiply(z.numpy(), float(s) + 1, out=array)
        return torch.from_numpy(array)

    with pytest.raises(ValueError, match="wrote again"):
        _twice(numpy_buffer, ONES)


def test_the_same_constant_may_be_returned_each_time() -> None:
    _twice(lambda s, z: ONES, ONES)
    _twice(lambda s, z: z, torch.full_like(ONES, torch.nan))  # nan is not unequal to itself here
    with torch.inference_mode():
        _twice(lambda s, z: -z, ONES.clone())


def test_s_comes_in_the_states_precision_and_x_is_passed_on() -> None:
    seen: list[Any] = []

    def f(s: Tensor, x: Any, z: Tensor) -> Tensor:
        seen.append((s.dtype, x))
        return -z

    z = torch.ones(2, dtype=torch.complex64)
    field = Field(f, "x", z)
    field(torch.tensor(1.7e9, dtype=torch.float64), z)
    assert seen == [(torch.float32, "x")]
    assert fielded(field, None, z) is field


def test_what_is_no_function_is_no_field() -> None:
    number: Any = torch.ones(2)
    with pytest.raises(TypeError, match="must be a function"):
        fielded(number, None, ONES)


def test_times_are_float64_with_their_gradients() -> None:
    one = torch.tensor(1.0, requires_grad=True)
    listed, plain = times_of(torch.ones(2, dtype=torch.bfloat16), [0.0, one], 1.7e9)
    assert listed.dtype == plain.dtype == torch.float64
    listed[1].backward()
    assert one.grad == 1
    for wrong in ("now", None, {"s": 1.0}, torch.tensor(1j)):
        with pytest.raises(TypeError, match="times are real numbers"):
            times_of(ONES, wrong)


@pytest.mark.parametrize(
    ("span", "said"),
    [
        ((0.0,), "two times"),
        ((0.0, 0.5, 1.0), "two times"),
        (1.0, "two times"),
        ((0.0, float("nan")), "finite"),
        ((0.0, torch.ones(3)), "0-d tensor, not of shape"),
    ],
)
def test_a_span_is_two_numbers(span: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        span_of(ONES, span)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_a_step_of_any_size_keeps_the_states_dtype(dtype: torch.dtype) -> None:
    for z in (torch.ones((), dtype=dtype), torch.ones(2, dtype=dtype)):
        (eps,) = sizes_of(z, torch.tensor(0.1, dtype=torch.float64))
        assert (z + eps * z).dtype == dtype
    (each,) = sizes_of(z, torch.full((2,), 0.1, dtype=torch.float64))
    assert (z + each * z).dtype == dtype


Pair = namedtuple("Pair", ["q", "p"])


def test_a_named_tuple_stays_one() -> None:
    z = Pair(torch.ones(2), torch.zeros(3))
    field, flat, restore = one_tensor(lambda s, z: Pair(z.q, z.p + 1), z)
    assert isinstance(restore(flat), Pair)
    assert field(torch.tensor(0.0), flat).tolist() == [1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("z", "said"),
    [
        ({"q": ONES}, "a tensor or a tuple of tensors, not dict"),
        (np.ones(2), "not ndarray"),
        ([ONES], "not list"),
        (1.0, "not float"),
        ((), "not tuple"),
        ((ONES, 1.0), "not a tuple of Tensor, float"),
        ((ONES, (ONES,)), "not a tuple of Tensor, tuple"),
        ((ONES.long(), ONES), "floating point, not torch.int64"),
        ((ONES, ONES.double()), "one dtype"),
    ],
)
def test_other_states_are_named(z: Any, said: str) -> None:
    with pytest.raises(TypeError, match=re.escape(said)):
        one_tensor(lambda s, z: z, z)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ((ONES,), "1 parts for a state of 2 parts"),
        (ONES, "Tensor for a state of 2 parts"),
        ((ONES, ONES[:1]), "part 1 of the state"),
        ((None, ONES), "None; is its `return` missing"),
    ],
)
def test_each_part_of_a_tuple_is_looked_at(returned: Any, said: str) -> None:
    field, flat, _ = one_tensor(lambda s, z: returned, (ONES, ONES))
    with pytest.raises((TypeError, ValueError), match=said):
        field(torch.tensor(0.0), flat)


def test_times_are_looked_at_as_they_were_given() -> None:
    """Numbers of the user's own, without waiting for a device that the state is on."""
    elsewhere = torch.ones(2, device="meta")
    with pytest.raises(ValueError, match="ascend or descend"):
        grid(elsewhere, [0.0, 1.0, 0.5])
    with pytest.raises(ValueError, match="finite"):
        span_of(elsewhere, (0.0, float("inf")))
    assert len(grid(elsewhere, torch.zeros(3, device="meta"))) == 3


SQUARE = torch.arange(1.0, 5).reshape(2, 2)
TIMES = torch.tensor([0.5, 0.5])


@pytest.mark.parametrize(
    "f", [lambda s, z: -z * s, lambda s, z: torch.cos(s) - z, lambda s, z: z * s[0], lambda s, z: z + s.sum()]
)
def test_times_of_samples_do_not_act_on_others_where_shapes_do_not_tell(f: F) -> None:
    """Of as many samples as each has numbers s [batch] lies along the wrong axis, without an error of torch's."""
    with pytest.raises(ValueError, match=r"beside a state of shape \(2, 2\) it is s\[:, None\]"):
        require_own_times(f, TIMES, SQUARE)


def test_fields_that_read_their_own_times_are_left_alone() -> None:
    for f in (
        lambda s, z: -z * s[:, None],
        lambda s, z: torch.stack((s * z[:, 1], z[:, 0]), -1),
        lambda s, z: z.sin(),
        lambda s, z: nn.functional.dropout(z),
        lambda s, z: z * torch.nan,
    ):
        require_own_times(f, TIMES, SQUARE)
