"""Loops of samplers: lerobot's, against its interface, for its package is too large to install; and schedulers'."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from generated.adaptive_dopri5 import AdaptiveDopri5
from generated.hyper_euler import HyperEuler
from generated.learned_families import LearnedMidpoint
from hyperdsl.adapters.sampling import FlowSampler, SolverScheduler
from hyperdsl.exporting.errors import ExportError


class Policy(nn.Module):
    """What a flow-matching policy of lerobot has: `denoise_step` and a loop of Euler steps from time 1 to 0."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(3, 2)

    def denoise_step(self, prefix: Tensor, x_t: Tensor, timestep: Tensor) -> Tensor:
        assert timestep.shape == x_t.shape[:1]
        assert timestep.dtype == torch.float32
        times = timestep[:, None, None].expand(*x_t.shape[:-1], 1)
        return self.net(torch.cat([x_t, times], -1)) + prefix

    def sample_actions(self, prefix: Tensor, noise: Tensor, steps: int) -> Tensor:
        dt, x_t = -1.0 / steps, noise
        for step in range(steps):
            time = torch.tensor(1.0 + step * dt, dtype=torch.float32).expand(noise.shape[0])
            x_t = x_t + dt * self.denoise_step(prefix, x_t, time)
        return x_t


def test_a_flow_matching_policy_samples_by_a_solver() -> None:
    torch.manual_seed(0)
    policy, noise, prefix = Policy(), torch.randn(4, 5, 2), torch.randn(4, 1, 2, requires_grad=True)
    velocity: Any = lambda x, time: policy.denoise_step(prefix, x, time)  # noqa: E731
    sampled = FlowSampler(HyperEuler((5, 2)), steps=7)(velocity, noise)  # untrained, it is Euler's method
    expected = policy.sample_actions(prefix, noise, 7)
    torch.testing.assert_close(sampled, expected)
    for one, other in zip(*(torch.autograd.grad(x.sum(), [prefix]) for x in (sampled, expected)), strict=True):
        torch.testing.assert_close(one, other)
    fine = policy.sample_actions(prefix, noise, 2000)
    torch.testing.assert_close(FlowSampler(AdaptiveDopri5(), rtol=1e-5)(velocity, noise), fine, rtol=1e-2, atol=1e-2)
    with pytest.raises(TypeError, match="HyperEuler needs steps=: it takes fixed steps"):
        FlowSampler(HyperEuler((5, 2)))(velocity, noise)


def test_a_scheduler_of_flow_matching_is_the_solver_on_the_same_path() -> None:
    matrix = torch.tensor([[0.3, -0.2], [0.1, 0.4]], requires_grad=True)
    noise, solver = torch.tensor([[1.0, -2.0]]), LearnedMidpoint()
    scheduler = SolverScheduler(solver, prediction_type="flow_prediction")
    scheduler.set_timesteps(8)
    x = noise * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        x = scheduler.step(scheduler.scale_model_input(x, t) @ matrix, t, x).prev_sample
    expected = solver(lambda s, z: z @ matrix, noise, (1.0, 0.0), steps=4)
    torch.testing.assert_close(x, expected)
    for one, other in zip(*(torch.autograd.grad(y.sum(), [matrix]) for y in (x, expected)), strict=True):
        torch.testing.assert_close(one, other)


def test_a_scheduler_of_a_noise_prediction_reaches_the_data() -> None:
    """Where all data are one point, the noise in a state is known exactly, and any solver ends at that point."""
    bars = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000), 0)
    scheduler, point = SolverScheduler(LearnedMidpoint(), alphas_cumprod=bars), torch.tensor([[2.0, -1.0]])
    scheduler.set_timesteps(20)
    x = torch.randn(1, 2, generator=torch.Generator().manual_seed(0))
    for t in scheduler.timesteps:
        alpha, sigma = scheduler.noise.at(float(t))
        x = scheduler.step((x - alpha * point) / sigma, t, x).prev_sample
    torch.testing.assert_close(x, point, rtol=0.02, atol=0.02)


def test_what_a_scheduler_cannot_be_is_said() -> None:
    with pytest.raises(ValueError, match=r"LearnedMidpoint evaluates the model 2 times a step.*not 3"):
        SolverScheduler(LearnedMidpoint(), prediction_type="flow_prediction").set_timesteps(3)
    with pytest.raises(ExportError, match=r"HyperEuler has a corrector g"):
        SolverScheduler(HyperEuler((2,)), prediction_type="flow_prediction").set_timesteps(3)
    with pytest.raises(ValueError, match="alphas_cumprod are given for every prediction_type but"):
        SolverScheduler(LearnedMidpoint())
