"""A solver as a scheduler of diffusers; `hyperdsl export` writes this with another solver's numbers and name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.schedulers.scheduling_utils import KarrasDiffusionSchedulers, SchedulerMixin, SchedulerOutput
from torch import Tensor

from hyperdsl.exporting.staged import Noise, Solve, Staged, alphas_cumprod

REFUSED = {"rescale_betas_zero_snr": True, "invert_sigmas": True, "timestep_type": "continuous"}
"""Settings of schedules that end without a trace of data, run the other way, or count their times in σ."""
IN_SIGMA = "sigma_data", "sampling_eps"
"""What the configs of the others in σ have."""
SOLVE = Solve((0.0,), ((1.0,),))


class ExportedScheduler(SchedulerMixin, ConfigMixin):
    """The solver on the straight path of the pipeline's own noise schedule, one evaluation of the model a call.

    `from_config(pipeline.scheduler.config)` takes the schedule and the prediction type of a pipeline; the times are the
    solver's own, whatever spacing or shift there was. No noise is added and no prediction clipped.
    """

    _compatibles: ClassVar[list[str]] = [scheduler.name for scheduler in KarrasDiffusionSchedulers]
    order = 1

    @register_to_config
    def __init__(
        self,
        num_train_timesteps: int = 1000,
        beta_start: float = 0.0001,
        beta_end: float = 0.02,
        beta_schedule: str = "linear",
        trained_betas: list[float] | None = None,
        prediction_type: str = "epsilon",
        use_flow_sigmas: bool = False,
    ) -> None:
        """prediction_type: "epsilon", "sample", "v_prediction", or "flow_prediction", which needs no betas.

        use_flow_sigmas is read by pipelines, which then leave the times to the scheduler.
        ValueError for another, and for betas whose noise does not grow, or leaves no data at the end.
        """
        bars = None
        if prediction_type != "flow_prediction":
            bars = alphas_cumprod(beta_schedule, beta_start, beta_end, num_train_timesteps, trained_betas)
        self.noise, self.predicts = Noise(bars, num_train_timesteps), prediction_type
        self.set_timesteps()

    @classmethod
    def from_config(cls, config: Mapping[str, Any], return_unused_kwargs: bool = False, **settings: Any) -> Any:
        """As for any scheduler. ValueError for the config of a schedule that this cannot follow.

        What a config says counts, also where it is the default of the class that it came from. A `shift` is what
        diffusers' schedulers of flow matching are known by, whose configs tell no prediction type.
        """
        refused = [name for name, value in REFUSED.items() if config.get(name) == value]
        refused += [name for name in IN_SIGMA if name in config]
        if refused:
            raise ValueError(f"{cls.__name__} cannot follow this schedule: {refused[0]} is {config[refused[0]]}")
        said = {name: value for name, value in config.items() if name != "_use_default_values"}
        if "shift" in said and "prediction_type" not in said:
            said |= {"prediction_type": "flow_prediction", "use_flow_sigmas": True}
        return super().from_config(said, return_unused_kwargs=return_unused_kwargs, **settings)

    @property
    def init_noise_sigma(self) -> float:
        """What pipelines multiply their first noise by: σ at the first time."""
        return self.staged.sigma

    @property
    def step_index(self) -> int:
        """How many evaluations have been made."""
        return self.staged.index

    @property
    def begin_index(self) -> int:
        """Where the solve begins."""
        return 0

    def set_begin_index(self, begin_index: int = 0) -> None:
        """ValueError for a solve that is to begin midway: its coefficients are those of the whole way."""
        if begin_index:
            raise ValueError(f"{type(self).__name__} solves from pure noise, and cannot begin at {begin_index}")

    def set_timesteps(
        self,
        num_inference_steps: int | None = None,
        device: str | torch.device | None = None,
        mu: float | None = None,
    ) -> None:
        """Begin a solve. ValueError for another number of evaluations than the solver's coefficients are for.

        mu, a shift of the times by the image's size, is not used.
        """
        count = len(SOLVE.fractions)
        if num_inference_steps not in (None, count):
            raise ValueError(
                f"{type(self).__name__} is a solve of {count} evaluations of the model: "
                f"num_inference_steps={count}, not {num_inference_steps}"
            )
        self.num_inference_steps = count
        self.staged = Staged(SOLVE, self.noise, self.predicts)
        self.timesteps = torch.tensor(self.staged.times, dtype=torch.float32, device=device)

    def scale_model_input(self, sample: Tensor, timestep: float | Tensor | None = None) -> Tensor:
        """The model reads the sample as it is."""
        return sample

    def step(
        self,
        model_output: Tensor,
        timestep: float | Tensor,
        sample: Tensor,
        generator: torch.Generator | None = None,
        return_dict: bool = True,
    ) -> SchedulerOutput | tuple[Tensor]:
        """The sample at the next of `timesteps`, or the data after the last, from the model's output at this one.

        A step of the method spreads over as many calls as it has stages. `generator` is not used.
        ValueError for a call out of turn, where the timestep is at hand, and for an output that is not like the sample.
        """
        index = self.staged.index
        if index < len(self.staged.times) and (not isinstance(timestep, Tensor) or timestep.device.type == "cpu"):
            expected = self.staged.times[index]
            if abs(float(timestep) - expected) > 1e-4 * self.noise.count:
                raise ValueError(
                    f"evaluation {index + 1} of {len(self.staged.times)} is at the timestep {expected:g}, not at "
                    f"{float(timestep):g}: go through `timesteps` in their order, after set_timesteps"
                )
        following = self.staged.follow(model_output, sample)
        return SchedulerOutput(prev_sample=following) if return_dict else (following,)

    def add_noise(self, original_samples: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """The samples [batch, ...] at the model's times [batch], or at one time for all."""
        alpha, sigma = self.noise.levels(timesteps.to(original_samples.device, torch.float32))
        beside = (-1, *(1,) * (original_samples.ndim - 1))
        dtype = original_samples.dtype
        return alpha.reshape(beside).to(dtype) * original_samples + sigma.reshape(beside).to(dtype) * noise

    def __len__(self) -> int:
        return self.noise.count
