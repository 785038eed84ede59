"""Correctors relative to the size of dz: what they read and give at every scale, and where dz is zero."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import jacfwd, jacrev, jvp, vmap

from hyperdsl.runtime.relative import (
    BEYOND,
    WIDE,
    RelativeConvCorrector,
    RelativeCorrector,
    bent,
)

STAGES = ("dz", "k2")


class Dense(RelativeCorrector):
    def __init__(self, state_shape: Sequence[int], **more: Any) -> None:
        super().__init__(state_shape, ("z", "dz", "k2", "eps"), seen=STAGES, **more)
        self.net = nn.Sequential(nn.Linear(self.features, 8), nn.Tanh(), nn.Linear(8, self.outputs))


class Conv(RelativeConvCorrector):
    def __init__(self, state_shape: Sequence[int]) -> None:
        super().__init__(state_shape, ("z", "dz", "k2", "eps"), seen=STAGES)
        self.net = nn.Conv2d(self.features, self.outputs, 3, padding="same")


def numbers(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def scalar(value: float, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.tensor(value, dtype=dtype)


def called(g: RelativeCorrector, z: Tensor, dz: Tensor, k2: Tensor, eps: float = 0.1) -> Tensor:
    real = z.real.dtype if z.is_complex() else z.dtype
    return g(scalar(eps, real), scalar(0.0, real), None, z, dz, k2)


def made(dtype: torch.dtype = torch.float64, **more: Any) -> Dense:
    torch.manual_seed(0)
    return Dense((3,), **more).to(dtype)


def fitted(spread: float) -> tuple[Dense, Tensor, Tensor, Tensor]:
    """A g whose targets over |dz| are spread so, and its states and slopes."""
    g, (z, dz, k2) = made(), numbers(3, 512, 3)
    target = dz.square().mean(1, keepdim=True).sqrt() * (spread * numbers(512, 3, seed=1)).exp()
    g.normalise(target, scalar(0.1), scalar(0.0), None, z, dz, k2)
    return g, z, dz, k2


def test_what_is_read_is_relative() -> None:
    g, z, dz, k2 = made(), numbers(2, 3), 4 * torch.ones(2, 3, dtype=torch.float64), numbers(2, 3, seed=1)
    features: list[Tensor] = []
    g.net.register_forward_pre_hook(lambda _, given: features.append(given[0]))
    called(g, z, dz, k2, eps=math.e)
    assert torch.allclose(
        features[0], torch.cat((z, dz / 4, (k2 - dz) / 4, scalar(1).expand(2, 1), scalar(4).log().expand(2, 1)), 1)
    )


def test_g_is_proportional_to_slopes_beyond_the_sizes_of_training() -> None:
    g, z, dz, k2 = fitted(0.5)
    far, farther = called(g, z, 1e6 * dz, 1e6 * k2), called(g, z, 1e9 * dz, 1e9 * k2)
    near, nearer = called(g, z, 1e-6 * dz, 1e-6 * k2), called(g, z, 1e-9 * dz, 1e-9 * k2)
    assert torch.allclose(farther, 1e3 * far, rtol=1e-9)
    assert torch.allclose(near, 1e3 * nearer, rtol=1e-9)
    assert not torch.allclose(far, 1e12 * near, rtol=1e-2)  # within them log|dz| is seen


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("axes", [(3,), (), (2, 2)])
def test_states_of_any_form(dtype: torch.dtype, axes: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    g = Dense(axes).to(dtype)
    z, dz, k2 = (numbers(2, 5, *axes, seed=k).to(dtype) for k in range(3))
    all_at_once = called(g, z, dz, k2)
    assert all_at_once.shape == z.shape
    assert all_at_once.dtype == dtype
    one = called(g, z[1, 3], dz[1, 3], k2[1, 3])
    assert torch.allclose(one, all_at_once[1, 3], rtol=4 * torch.finfo(dtype).eps, atol=8 * torch.finfo(dtype).eps)


@pytest.mark.parametrize("size", [1e-30, 1e-18, 1.0, 1e18, 1e30])
def test_no_size_overflows(size: float) -> None:
    g, (z, dz, k2) = made(torch.float32), numbers(3, 7, 3).float()
    one = called(g, z, dz, k2)
    g.sizes.zero_()  # the same log|dz| for all
    one, scaled = called(g, z, dz, k2), called(g, z, size * dz, size * k2)
    assert torch.allclose(scaled, size * one, rtol=1e-4, atol=0)
    first = jacrev(lambda slope: called(g, z, slope, size * k2))(size * dz)
    assert first.isfinite().all()
    assert (called(g, z, size * dz, size * k2) != 0).all()


def test_zero_slopes_in_some_samples() -> None:
    for g, z in ((made(), numbers(4, 3)), (Conv((3, 2, 2)).double(), numbers(4, 3, 2, 2))):
        dz, k2 = numbers(*z.shape, seed=1), numbers(*z.shape, seed=2)
        whole = called(g, z, dz, k2)
        dz[1] = 0
        out = called(g, z, dz, k2)
        assert (out[1] == 0).all()
        assert torch.equal(out[[0, 2, 3]], whole[[0, 2, 3]])
        assert (called(g, z[1], dz[1], k2[1]) == 0).all()


@pytest.mark.parametrize("spread", [0.1, 3.0])
def test_derivatives_are_finite_where_dz_is_zero(spread: float) -> None:
    g, z, dz, k2 = fitted(spread)
    zero = torch.zeros(3, dtype=torch.float64)
    for other in (zero, k2[0]):

        def of(slope: Tensor, other: Tensor = other) -> Tensor:
            return called(g, z[0], slope, other)

        assert (of(zero) == 0).all()
        tangent = jvp(of, (zero,), (dz[0],))[1]
        assert tangent.isfinite().all()
        assert jacrev(of)(zero).isfinite().all()
        assert jacfwd(jacrev(of))(zero).isfinite().all()
        assert jacrev(jacrev(of))(zero).isfinite().all()
    found = jacrev(lambda slope: called(g, z[1], slope, k2[1]))(dz[1])
    step = 1e-6 * numbers(3, seed=5)
    ends = [called(g, z[1], dz[1] + sign * step, k2[1]) for sign in (1, -1)]
    assert torch.allclose(found @ step, (ends[0] - ends[1]) / 2, rtol=1e-4, atol=1e-12)


def test_complex_states_are_two_in_a_batch() -> None:
    g = made()
    z, dz, k2 = (torch.complex(numbers(4, 3, seed=k), numbers(4, 3, seed=k + 9)) for k in range(3))
    dz[2], dz[1] = 0, dz[1].real.to(dz)
    out = called(g, z, dz, k2)
    assert out.dtype == torch.complex128
    assert torch.allclose(out.real, called(g, z.real, dz.real, k2.real))
    assert torch.allclose(out.imag, called(g, z.imag, dz.imag, k2.imag))
    assert (out[2] == 0).all()
    gradient = torch.autograd.grad(called(g, z, dz.requires_grad_(), k2).abs().square().sum(), dz)[0]
    assert gradient.isfinite().all()
    unit = g.unit(scalar(0.1), scalar(0.0), None, z, dz, k2)
    sizes = dz.real.square().mean(1, keepdim=True).sqrt(), dz.imag.square().mean(1, keepdim=True).sqrt()
    assert torch.allclose(unit, torch.complex(*sizes).expand(4, 3))


def test_vmap_meta_and_compiled() -> None:
    g, (z, dz, k2) = made(), numbers(3, 5, 3)
    whole = called(g, z, dz, k2)
    assert torch.allclose(vmap(lambda *one: called(g, *one))(z, dz, k2), whole)
    compiled = torch.compile(g, fullgraph=True, backend="eager")
    assert torch.equal(compiled(scalar(0.1), scalar(0.0), None, z, dz, k2), whole)
    exported = torch.export.export(g, (scalar(0.1), scalar(0.0), None, z, dz, k2)).module()
    assert torch.equal(exported(scalar(0.1), scalar(0.0), None, z, dz, k2), whole)
    there = [value.to("meta") for value in (scalar(0.1), scalar(0.0), z, dz, k2)]
    assert g.to("meta")(*there[:2], None, *there[2:]).shape == z.shape


@settings(max_examples=25, deadline=None)
@given(power=st.integers(-8, 8), spread=st.sampled_from([0.1, 3.0]), order=st.integers(1, 4))
def test_a_rescaled_time_gives_the_same_step(power: int, spread: float, order: int) -> None:
    c = 2.0**power  # of f, and 1/c of ε: slopes and targets are those of another unit of time
    eps, (z, dz, k2) = numbers(64).exp() / 8, numbers(3, 64, 3)
    target = dz * (spread * numbers(64, 3, seed=1)).exp()
    first, second = made(), made()
    first.normalise(target, eps, eps, None, z, dz, k2)
    second.normalise(c ** (order + 1) * target, eps / c, eps, None, z, c * dz, c * k2)
    one = eps[:, None] ** (order + 1) * first(eps, eps, None, z, dz, k2)
    two = (eps / c)[:, None] ** (order + 1) * second(eps / c, eps, None, z, c * dz, c * k2)
    assert torch.allclose(one, two, rtol=1e-6, atol=0)


def test_outputs_are_as_logarithmic_as_their_targets_ask_for() -> None:
    ratios = torch.stack([(width * numbers(4000, seed=k)).exp() for k, width in enumerate((0.3, 1.0, 2.5))], 1)
    scale, bend, kappa, reach = bent(ratios)
    spread = ratios.quantile(0.99, dim=0, interpolation="lower") / ratios.median(0).values
    assert (spread > WIDE).tolist() == (kappa > 0).tolist() == [False, False, True]
    assert torch.allclose(scale[:2], ratios[:, :2].square().mean(0).sqrt(), rtol=0.05)
    assert bend[:2].tolist() == [0, 0]
    assert scale[2] == 0
    one, percentile, farthest = (bend[2] * torch.sinh(kappa[2] * net) for net in (1.0, WIDE, reach[2]))
    assert torch.isclose(one, ratios[:, 2].median())
    assert torch.isclose(percentile / one, spread[2])
    assert torch.isclose(farthest, BEYOND * ratios[:, 2].max())
    assert torch.allclose((scale * reach)[:2], BEYOND * ratios[:, :2].amax(0))


def test_outputs_that_are_mostly_zero_or_have_few_outliers() -> None:
    ratios = torch.ones(1000, 4, dtype=torch.float64)
    ratios[:, 0] = 0
    ratios[:600, 1] = 0
    ratios[0, 2] = 1e12
    scale, bend, kappa, reach = bent(ratios)
    assert (kappa == 0).all()
    assert (bend == 0).all()
    assert scale[0] == 1
    assert scale[1] == pytest.approx(0.4**0.5)
    assert scale[2] == pytest.approx(1, rel=0.2)  # one among a thousand does not set the scale
    assert scale[3] == 1
    assert reach.isfinite().all()


def test_g_does_not_go_far_beyond_its_targets() -> None:
    for spread in (0.1, 3.0):
        g, z, dz, k2 = fitted(spread)
        size = dz.square().mean(1, keepdim=True).sqrt()
        most = (size * (spread * numbers(512, 3, seed=1)).exp() / size).amax(0)
        with torch.no_grad():
            g.net.get_parameter("2.bias").fill_(1e30)
        assert torch.allclose((called(g, z, dz, k2) / size).amax(0), BEYOND * most, rtol=1e-6)


def test_a_bound_holds_after_scaling() -> None:
    g, (z, dz, k2) = made(bound=2), numbers(3, 64, 3)
    out = called(g, z, 1e6 * dz, 1e6 * k2)
    assert out.abs().max() <= 2
    assert (out.abs() > 1.9).any()


def test_it_reads_dz() -> None:
    with pytest.raises(ValueError, match="reads dz"):
        RelativeCorrector((2,), ("z",))
