"""torchode's own example: a batch whose samples have times of their own, against its Dopri5."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchode
from torch import Tensor, nn

from generated.abm4 import ABM4
from generated.adaptive_dopri5 import AdaptiveDopri5
from generated.adaptive_per_sample import PerSampleDopri5
from generated.hyper_midpoint import HyperMidpoint
from hyperdsl.adapters.torchode import TorchodeSolver

Y0 = torch.tensor([[1.2], [5.0]])
EACH = torch.stack((torch.linspace(0, 5, 10), torch.linspace(3, 4, 10)))
SAME = torch.linspace(0, 5, 10).expand(2, -1)


class Decay(nn.Module):
    """The field of the example in torchode's README, with a rate to learn."""

    def __init__(self) -> None:
        super().__init__()
        self.rate = nn.Parameter(torch.tensor(0.5))

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        assert t.shape == y.shape[:1]
        return -self.rate * y


def solved(solver: Any, f: Decay, problem: Any, term: Any) -> tuple[Any, Tensor]:
    solution = solver.solve(problem, term)
    (slope,) = torch.autograd.grad(solution.ys.square().sum(), [f.rate])
    return solution, slope


@pytest.mark.parametrize(
    ("solver", "settings", "times"),
    [
        (PerSampleDopri5(), {"rtol": 1e-5, "atol": 1e-6}, EACH),
        (AdaptiveDopri5(), {"rtol": 1e-5, "atol": 1e-6}, SAME),
        (ABM4(), {"steps": 4}, SAME),
        (HyperMidpoint((1,)), {"steps": 20}, SAME),
    ],
)
def test_the_example_of_its_readme(solver: Any, settings: Any, times: Tensor) -> None:
    f = Decay()
    term = torchode.ODETerm(f)
    controller = torchode.IntegralController(atol=1e-6, rtol=1e-5, term=term)
    native = torchode.AutoDiffAdjoint(torchode.Dopri5(term=term), controller)
    problem = torchode.InitialValueProblem(y0=Y0, t_eval=times)
    expected, slope = solved(native, f, problem, term)
    found, own_slope = solved(TorchodeSolver(solver, **settings), f, problem, term)
    torch.testing.assert_close(found.ys, expected.ys, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(own_slope, slope, rtol=1e-3, atol=1e-4)
    assert torch.equal(found.ts, expected.ts)
    assert torch.equal(found.status, expected.status)
    assert found.stats.keys() == expected.stats.keys()
    assert all(found.stats[name].shape == (2,) for name in found.stats)
    assert bool((found.stats["n_f_evals"] >= found.stats["n_accepted"]).all())


def test_the_end_alone_and_times_inside_the_span() -> None:
    term, solver = torchode.ODETerm(Decay()), TorchodeSolver(AdaptiveDopri5(), rtol=1e-6, atol=1e-8)
    start, end = torch.zeros(2), torch.full((2,), 4.0)
    alone = solver.solve(torchode.InitialValueProblem(Y0, start, end), term, dt0=torch.full((2,), 0.1))
    assert alone.ys.shape == (2, 1, 1)
    torch.testing.assert_close(alone.ys[:, 0], Y0 * torch.exp(torch.tensor(-2.0)), rtol=1e-4, atol=0)
    inside = torch.tensor([[1.0, 2.0]]).expand(2, -1)
    some = TorchodeSolver(solver.solver, term).solve(torchode.InitialValueProblem(Y0, start, end, inside))
    torch.testing.assert_close(some.ys, Y0[:, None] * torch.exp(-inside / 2)[..., None], rtol=1e-3, atol=1e-4)


def test_what_cannot_be_is_said() -> None:
    term, problem = torchode.ODETerm(Decay()), torchode.InitialValueProblem(y0=Y0, t_eval=EACH)
    with pytest.raises(ValueError, match=r"AdaptiveDopri5 has one time for all samples.*`per_sample yes`"):
        TorchodeSolver(AdaptiveDopri5()).solve(problem, term)
    with pytest.raises(ValueError, match="a term is needed"):
        TorchodeSolver(PerSampleDopri5()).solve(problem)
    same = torchode.InitialValueProblem(y0=Y0, t_eval=SAME)
    with pytest.raises(TypeError, match="'rtol': it takes fixed steps"):
        TorchodeSolver(ABM4(), rtol=1e-3).solve(same, term)
    with pytest.raises(TypeError, match="'first_step': it takes fixed steps"):
        TorchodeSolver(ABM4()).solve(same, term, dt0=torch.full((2,), 0.1))
