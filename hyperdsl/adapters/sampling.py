"""Solvers in the loops of samplers: flow-matching policies as of lerobot, schedulers as of diffusers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from hyperdsl.adapters.solvers import require_solver
from hyperdsl.exporting.diffusers import solve_of
from hyperdsl.exporting.staged import Noise, Staged


class FlowSampler:
    """The loop of a flow-matching policy, as `sample_actions` of lerobot has it: from noise at time 1 to data at 0.

        sampler = FlowSampler(solver, steps=4)
        actions = sampler(lambda x, time: self.denoise_step(prefix_pad_masks, cache, x, time), noise)

    settings: those of a call of the solver: `steps`, or rtol, atol and others. g works here, as the whole solver does,
    where it was trained with f(s, z) of this direction, over the span (1, 0). TypeError for no generated solver.
    """

    def __init__(self, solver: nn.Module, **settings: Any) -> None:
        self.solver, self.settings = require_solver(solver), settings

    def __call__(self, velocity: Callable[[Tensor, Tensor], Tensor], noise: Tensor) -> Tensor:
        """The data, like noise [batch, ...], of dx/dt = velocity(x, time); time is [batch], float32."""

        def f(s: Tensor, x: Tensor) -> Tensor:
            return velocity(x, s.to(torch.float32).expand(x.shape[0])).to(x.dtype)

        data: Tensor = self.solver(f, noise, (1.0, 0.0), **self.settings)
        return data


class Stepped(NamedTuple):
    """What a scheduler's step gives, as in diffusers."""

    prev_sample: Tensor


class SolverScheduler:
    """A solver of fixed steps and no g in the place of a scheduler of diffusers, which this does not need.

        scheduler = SolverScheduler(solver, prediction_type="epsilon", alphas_cumprod=pipeline.scheduler.alphas_cumprod)
        scheduler.set_timesteps(10)
        for t in scheduler.timesteps:
            sample = scheduler.step(model(sample, t), t, sample).prev_sample

    Where `diffusers` itself is to load it, export it: `hyperdsl export PACKAGE --as diffusers`.

    prediction_type: "epsilon", "sample", "v_prediction" or "flow_prediction" (noise − data), which takes no
        alphas_cumprod; these are the α² of the training times otherwise.
    ValueError for another prediction, and where alphas_cumprod are missing or do not fall.
    """

    order = 1

    def __init__(
        self,
        solver: nn.Module,
        *,
        prediction_type: str = "epsilon",
        alphas_cumprod: Tensor | None = None,
        num_train_timesteps: int = 1000,
    ) -> None:
        if (alphas_cumprod is None) != (prediction_type == "flow_prediction"):
            raise ValueError("alphas_cumprod are given for every prediction_type but flow_prediction")
        bars = None if alphas_cumprod is None else torch.as_tensor(alphas_cumprod, dtype=torch.float64).tolist()
        self.solver, self.predicts = require_solver(solver), prediction_type
        self.noise = Noise(bars, num_train_timesteps if bars is None else len(bars))

    def set_timesteps(self, num_inference_steps: int, device: str | torch.device | None = None) -> None:
        """Begin a solve of so many evaluations of the model.

        ValueError where they are no whole number of steps; ExportError for a solver with g or free parameters.
        """
        a_step = self.solver.evaluations_per_step
        steps, left = divmod(num_inference_steps, a_step)
        if left or not steps:
            raise ValueError(
                f"{type(self.solver).__name__} evaluates the model {a_step} times a step: num_inference_steps is a "
                f"multiple of that, not {num_inference_steps}"
            )
        self.staged = Staged(solve_of(self.solver, steps), self.noise, self.predicts)
        self.timesteps = torch.tensor(self.staged.times, dtype=torch.float32, device=device)

    @property
    def init_noise_sigma(self) -> float:
        """What the first noise is multiplied by: σ at the first time."""
        return self.staged.sigma

    def scale_model_input(self, sample: Tensor, timestep: float | Tensor | None = None) -> Tensor:
        """The model reads the sample as it is."""
        return sample

    def step(self, model_output: Tensor, timestep: float | Tensor, sample: Tensor) -> Stepped:
        """The sample at the next of `timesteps`, which are gone through in order, or the data after the last."""
        return Stepped(self.staged.follow(model_output, sample))
