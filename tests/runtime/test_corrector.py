"""What correctors read, in which order and scale, and what they make of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from hyperdsl.runtime.corrector import ConvCorrector, Corrector, Residual, Sine, nonzero
from hyperdsl.runtime.weights import load_weights, save_weights

NAMES = ("dz", "x", "z", "alpha", "eps", "s")


class Kept(nn.Module):
    """Keeps what it reads and gives the first of it."""

    read: Tensor

    def __init__(self, outputs: int, axis: int = -1) -> None:
        super().__init__()
        self.outputs, self.axis = outputs, axis

    def forward(self, features: Tensor) -> Tensor:
        """The first features."""
        self.read = features
        return features.narrow(self.axis, 0, self.outputs)


class Dense(Corrector):
    def __init__(
        self,
        state_shape: Sequence[int],
        reads: Sequence[str] = NAMES,
        input_shape: Sequence[int] = (2,),
        bound: float | None = None,
    ) -> None:
        super().__init__(state_shape, reads, input_shape=input_shape, bound=bound)
        self.net: Kept = Kept(self.outputs)


class Conv(ConvCorrector):
    def __init__(self, state_shape: Sequence[int], reads: Sequence[str], input_shape: Sequence[int] = ()) -> None:
        super().__init__(state_shape, reads, input_shape=input_shape)
        self.net: Kept = Kept(self.outputs, -3)


def number(value: float) -> Tensor:
    return torch.tensor(value)


def test_features_are_in_the_order_of_what_is_read() -> None:
    g = Dense((3,))
    z, dz, x = torch.arange(6.0).reshape(2, 3), torch.arange(6.0, 12.0).reshape(2, 3), torch.tensor([20.0, 21.0])
    out = g(number(-math.e), number(30.0), x, z, dz, alpha=number(0.5))
    assert g.features == 3 + 2 + 3 + 3
    wanted = [[6, 7, 8, 20, 21, 0, 1, 2, 0.5, 1, 30], [9, 10, 11, 20, 21, 3, 4, 5, 0.5, 1, 30]]  # log |ε| = 1
    assert torch.allclose(g.net.read, torch.tensor(wanted))
    assert torch.equal(out, dz)


def test_scalars_of_each_sample_and_batches_of_any_shape() -> None:
    g = Dense((2, 2), ("s", "z"), ())
    z, s = torch.arange(24.0).reshape(2, 3, 2, 2), torch.arange(6.0).reshape(2, 3)
    out = g(number(1.0), s, None, z)
    assert torch.equal(g.net.read, torch.cat([s[..., None], z.flatten(2)], -1))
    assert torch.equal(out, g.net.read[..., :4].reshape(2, 3, 2, 2))
    scalar = Dense((), ("z", "s"), ())
    assert scalar(number(1.0), number(4.0), None, number(3.0)).shape == ()
    assert scalar.net.read.tolist() == [3, 4]


def test_complex_states_are_two_in_a_batch() -> None:
    g = Dense((2,), ("z", "dz", "s"), ())
    z = torch.tensor([[1 + 2j, 3 + 4j], [5 + 6j, 7 + 8j]])
    out = g(number(1.0), number(9.0), None, z, 10 * z)
    real, imaginary = g.net.read
    assert real.tolist() == [[1, 3, 10, 30, 9], [5, 7, 50, 70, 9]]
    assert imaginary.tolist() == [[2, 4, 20, 40, 9], [6, 8, 60, 80, 9]]
    assert torch.equal(out, z)


def test_eps_is_read_within_the_range_of_training() -> None:
    g = Dense((1,), ("eps", "z"), ())
    eps = torch.tensor([-0.5, 0.1, 0.2])
    g.normalise(torch.ones(3, 1), eps, torch.zeros(3), None, torch.ones(3, 1))
    assert torch.equal(g.eps_range, torch.tensor([0.1, 0.5]))
    g.mean.zero_()
    g.spread.fill_(1)
    for given, seen in ((0.01, 0.1), (0.3, 0.3), (-0.3, 0.3), (2.0, 0.5)):
        g(number(given), number(0.0), None, torch.ones(1, 1))
        assert float(g.net.read[0, 0]) == pytest.approx(math.log(seen), rel=1e-5)


def test_training_data_have_mean_zero_and_spread_one() -> None:
    generator = torch.Generator().manual_seed(0)
    z, dz = 100 + 5 * torch.randn(50, 2, generator=generator), 1e-3 * torch.randn(50, 2, generator=generator)
    target = torch.tensor([3.0, 0.0]) * torch.randn(50, 2, generator=generator)
    g = Dense((2,), ("z", "dz", "s"), ())
    given = number(0.5), number(7.0), None, z, dz
    g.normalise(target, *given)
    out = g(*given)
    read = g.net.read
    assert torch.allclose(read.mean(0), torch.zeros(5), atol=1e-4)
    assert torch.allclose(read[:, :4].std(0, correction=0), torch.ones(4), rtol=1e-3)
    assert torch.equal(read[:, 4], torch.zeros(50))  # a time that does not vary
    assert g.spread[4] == 1
    rms = float(target[:, 0].square().mean().sqrt())
    assert g.scale.tolist() == pytest.approx([rms, 1])
    assert torch.allclose(out, g.scale * read[:, :2])


def test_complex_data_are_scaled_as_two_in_a_batch() -> None:
    z = torch.tensor([[1 + 3j], [5 + 7j]])
    g = Dense((1,), ("z",), ())
    g.normalise(2 * z, number(0.5), number(0.0), None, z)
    assert g.mean.tolist() == [4]
    assert g.spread.tolist() == pytest.approx([math.sqrt(5)])
    assert g.scale.tolist() == pytest.approx([math.sqrt(84)])
    assert torch.allclose(g(number(0.5), number(0.0), None, z), math.sqrt(84) * (z - (4 + 4j)) / math.sqrt(5))


def test_a_bound_holds_for_each_component() -> None:
    z = torch.tensor([[-1000.0, 0.1, 3.0]])
    g = Dense((3,), ("z",), (), bound=2.0)
    assert torch.allclose(g(number(1.0), number(0.0), None, z), 2 * torch.tanh(z / 2))
    assert Dense((3,), ("z",), ())(number(1.0), number(0.0), None, z).equal(z)
    out = g(number(1.0), number(0.0), None, torch.complex(z, 10 * z))
    assert torch.allclose(out, torch.complex(2 * torch.tanh(z / 2), 2 * torch.tanh(5 * z)))


def test_an_input_that_is_read_is_needed() -> None:
    with pytest.raises(TypeError, match="Dense reads x: pass it with x="):
        Dense((3,))(number(1.0), number(0.0), None, torch.ones(2, 3), torch.ones(2, 3), alpha=number(0.5))


def test_what_a_step_hands_over() -> None:
    assert Dense((1,), ("z",), ()).seen == ()
    assert Dense((1,), ("z", "dz"), ()).seen == ("dz",)
    g = Corrector((2,), ("k2", "z"), seen=("dz", "k2"))  # dz is handed over, though not read
    kept = Kept(2)
    g.net = kept
    g(number(1.0), number(0.0), None, torch.zeros(1, 2), torch.ones(1, 2), 2 * torch.ones(1, 2))
    assert kept.read.tolist() == [[2, 2, 0, 0]]
    with pytest.raises(ValueError, match="zip"):
        g(number(1.0), number(0.0), None, torch.zeros(1, 2), torch.ones(1, 2))


def test_last_layers_start_at_zero() -> None:
    for layer in (Dense((2, 3)).last(5), Conv((2, 4, 4), ("z",)).last(5)):
        assert isinstance(layer, (nn.Linear, nn.Conv2d))
        assert layer.weight.shape[:2] == ((6, 5) if isinstance(layer, nn.Linear) else (2, 5))
        assert not any(value.any() for value in layer.parameters())
        assert layer.bias is not None
    assert Dense((2,)).last(5, bias=False).bias is None


def test_channels_are_in_the_order_of_what_is_read() -> None:
    g = Conv((2, 3, 3), ("s", "x", "z", "eps"), (1, 3, 3))
    z, x = torch.arange(36.0).reshape(2, 2, 3, 3), torch.full((1, 3, 3), 50.0)
    s = torch.tensor([5.0, 6.0])
    out = g(number(1.0), s, x, z)
    assert g.features == 5
    read = g.net.read
    assert read.shape == (2, 5, 3, 3)
    assert torch.equal(read[:, 0], s[:, None, None].expand(2, 3, 3))
    assert torch.equal(read[:, 1], torch.full((2, 3, 3), 50.0))
    assert torch.equal(read[:, 2:4], z)
    assert not read[:, 4].any()
    assert torch.equal(out, read[:, :2])


def test_complex_channels_and_more_batch_axes() -> None:
    g = Conv((1, 2, 2), ("z", "dz"))
    z = torch.complex(torch.arange(24.0), 100 + torch.arange(24.0)).reshape(2, 3, 1, 2, 2)
    out = g(number(1.0), number(0.0), None, z, 2 * z)
    assert g.net.read.shape == (12, 2, 2, 2)
    assert torch.equal(g.net.read[:6, 0].flatten(), torch.arange(24.0))
    assert torch.equal(g.net.read[6:, 1].flatten(), 2 * (100 + torch.arange(24.0)))
    assert torch.equal(out, z)


def test_a_channel_has_one_scale() -> None:
    z = torch.stack([torch.arange(4.0).reshape(2, 2), 10 + 2 * torch.arange(4.0).reshape(2, 2)])[None]
    g = Conv((2, 2, 2), ("z",))
    g.normalise(torch.tensor([3.0, 4.0])[:, None, None].expand(1, 2, 2, 2), number(0.5), number(0.0), None, z)
    assert g.mean.flatten().tolist() == [1.5, 13]
    assert g.spread.flatten().tolist() == pytest.approx([math.sqrt(1.25), 2 * math.sqrt(1.25)])
    assert g.scale.shape == (2, 1, 1)
    assert g.scale.flatten().tolist() == [3, 4]


@pytest.mark.parametrize(
    ("state", "given", "text"),
    [
        ((4, 4), (), r"states \[channels, height, width\], not \(4, 4\)"),
        ((1, 4, 4), (4, 4), r"like the states, not \(4, 4\)"),
        ((1, 4, 4), (2, 4, 5), r"like the states, not \(2, 4, 5\)"),
    ],
)
def test_shapes_that_convolutions_do_not_take(state: Sequence[int], given: Sequence[int], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ConvCorrector(state, ("z",), input_shape=given)


def test_layers() -> None:
    h = torch.tensor([0.5, -1.0])
    assert torch.equal(Sine()(h), torch.sin(h))
    assert torch.equal(Residual(Sine(), nn.ReLU())(h), h + torch.relu(torch.sin(h)))
    assert nonzero(torch.tensor([0.0, 2.0, 1e-9]), torch.tensor(1e-6)).tolist() == [1, 2, 1]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_a_g_without_time_is_saved_and_loaded_in_any_dtype(tmp_path: Path, dtype: torch.dtype) -> None:
    g = Dense((2,), ("dz", "z", "s", "eps"), ()).to(dtype)
    for leave_out in (False, True):
        assert not leave_out or g.leave_out_time()
        save_weights(g, tmp_path / "g", {})
        for other in (torch.float16, torch.bfloat16, torch.float64):
            load_weights(loaded := Dense((2,), ("dz", "z", "s", "eps"), ()).to(other), tmp_path / "g")
            assert loaded.timeless is leave_out
        load_weights(loaded := Dense((2,), ("dz", "z", "s", "eps"), ()).to(dtype), tmp_path / "g")
        assert all(map(torch.equal, loaded.buffers(), g.buffers()))
        assert loaded._untrained
    z = torch.ones(2, dtype=dtype)
    found = [loaded(z[0] / 8, s * z[0], None, z, z) for s in (0, 64)]
    assert torch.equal(*found)
    assert abs(float(loaded.net.read[4])) < 1e-20
