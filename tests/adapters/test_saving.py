"""What is kept, said as in diffrax: its getting-started example, against the interface that its documentation has."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from generated.abm4 import ABM4
from generated.adaptive_dopri5 import AdaptiveDopri5
from generated.adaptive_per_sample import PerSampleDopri5
from generated.hyper_heun import HyperHeun
from hyperdsl.adapters.saving import SaveAt, diffeqsolve

Y0 = torch.tensor([1.0, 2.0], dtype=torch.float64)
SOLVERS: list[tuple[Any, dict[str, Any]]] = [
    (AdaptiveDopri5(), {"rtol": 1e-6, "atol": 1e-8}),
    (HyperHeun((2,)).double(), {"steps": 60}),
    (ABM4(), {"steps": 60}),
]


def decay(t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return -y


@pytest.mark.parametrize(("solver", "settings"), SOLVERS)
def test_the_decay_at_given_times_and_its_gradient(solver: Any, settings: Any) -> None:
    y0 = Y0.clone().requires_grad_()
    saved = diffeqsolve(solver, decay, y0, (0.0, 3.0), saveat=SaveAt(ts=[0.0, 1.0, 2.0, 3.0]), **settings)
    exact = torch.exp(-torch.arange(4.0, dtype=torch.float64))
    torch.testing.assert_close(saved.ys, exact[:, None] * Y0, rtol=2e-3, atol=1e-5)
    assert saved.ts is not None
    assert saved.ts.tolist() == [0, 1, 2, 3]
    assert saved.result.value == "success"
    assert saved.stats["num_steps"] == saved.stats["num_accepted_steps"] + saved.stats["num_rejected_steps"] > 5
    (slope,) = torch.autograd.grad(saved.ys.sum(), y0)
    torch.testing.assert_close(slope, exact.sum().expand(2), rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize(("solver", "settings"), SOLVERS)
def test_all_that_can_be_kept_is_in_order(solver: Any, settings: Any) -> None:
    saveat = SaveAt(ts=[2.5, 0.5], t0=True, t1=True, steps=True, dense=True, fn=lambda s, z: (s, z.sum()))
    saved = diffeqsolve(solver, decay, Y0, (3.0, 0.0), saveat=saveat, **settings)
    assert saved.ts is not None
    times, (seen, sums) = saved.ts.tolist(), saved.ys
    assert times == sorted(times, reverse=True) == seen.tolist()
    assert len(times) == saved.stats["num_accepted_steps"] + 4
    torch.testing.assert_close(sums, 3 * torch.exp(3 - saved.ts), rtol=5e-3, atol=0)
    torch.testing.assert_close(saved.evaluate(1.5), Y0 * torch.e**1.5, rtol=2e-3, atol=0)


def test_every_nth_step_and_the_end_alone_by_default() -> None:
    solver = HyperHeun((2,)).double()
    third = diffeqsolve(solver, decay, Y0, (0.0, 3.0), saveat=SaveAt(steps=3), steps=9)
    assert third.ts is not None
    assert third.ts.tolist() == pytest.approx([1.0, 2.0, 3.0])
    end = diffeqsolve(solver, decay, Y0, (0.0, 3.0), steps=9)
    torch.testing.assert_close(end.ys[0], third.ys[-1])
    nothing = diffeqsolve(solver, decay, Y0, (0.0, 3.0), saveat=SaveAt(), steps=9)
    assert nothing.ts is None
    assert nothing.ys is None
    with pytest.raises(ValueError, match="SaveAt\\(dense=True\\)"):
        end.evaluate(1.0)


def test_an_event_ends_what_is_kept() -> None:
    saved = diffeqsolve(
        AdaptiveDopri5(),
        lambda s, z: (-z[0], -z[1]),
        (Y0[:1], Y0[1:]),
        (0.0, 3.0),
        saveat=SaveAt(ts=[0.25, 0.5, 2.0], t1=True),
        event=lambda s, z: z[0].sum() - 0.5,
    )
    assert saved.ts is not None
    torch.testing.assert_close(saved.ts, torch.tensor([0.25, 0.5, 0.6931], dtype=torch.float64), rtol=1e-3, atol=0)
    assert [part.shape for part in saved.ys] == [(3, 1), (3, 1)]


def test_samples_with_steps_of_their_own() -> None:
    saved = diffeqsolve(
        PerSampleDopri5(), decay, Y0[:, None], (0.0, 3.0), saveat=SaveAt(ts=[1.0, 2.0]), rtol=1e-6, atol=1e-8
    )
    torch.testing.assert_close(saved.ys[:, 0, 0], torch.exp(-torch.tensor([1.0, 2.0]).double()), rtol=1e-4, atol=0)
    with pytest.raises(TypeError, match="PerSampleDopri5 has steps of its own for each sample"):
        diffeqsolve(PerSampleDopri5(), decay, Y0[:, None], (0.0, 3.0), saveat=SaveAt(steps=True))


@pytest.mark.parametrize("ts", [[2.0, 1.0], [-1.0], [4.0]])
def test_times_are_in_order_inside_the_span(ts: list[float]) -> None:
    with pytest.raises(ValueError, match=r"ts must lie in order between 0 and 3"):
        diffeqsolve(AdaptiveDopri5(), decay, Y0, (0.0, 3.0), saveat=SaveAt(ts=ts))
    with pytest.raises(TypeError, match=r"AdaptiveDopri5.*'steps': its steps follow an error"):
        diffeqsolve(AdaptiveDopri5(), decay, Y0, (0.0, 3.0), steps=3)


@pytest.mark.parametrize(
    ("saveat", "says"),
    [
        (SaveAt(steps=-1), "n >= 1"),
        (SaveAt(steps=2.5), "n >= 1"),  # type: ignore[arg-type]
        (SaveAt(ts=torch.zeros(2, 2)), "a list of times"),
    ],
)
def test_what_does_not_say_what_to_keep_is_refused(saveat: SaveAt, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        diffeqsolve(ABM4(), decay, Y0, (0.0, 1.0), saveat=saveat, steps=10)
