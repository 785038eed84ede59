"""The exported scheduler in diffusers' own pipelines, where they are installed."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hyperdsl.exporting.staged import Noise
from tests.exporting.loops import SOLVERS, FourLearned, Graded, Midpoint, imported, path_of, solved

diffusers = pytest.importorskip("diffusers", reason="diffusers is not installed, and not needed but for this")


@pytest.fixture(scope="module")
def unet() -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return diffusers.UNet2DModel(
            sample_size=8,
            in_channels=1,
            out_channels=1,
            layers_per_block=1,
            block_out_channels=(16, 32),
            norm_num_groups=8,
            down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        ).eval()


@pytest.fixture
def noise() -> Tensor:
    return torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def looped(scheduler: Any, unet: Any, noise: Tensor) -> Tensor:
    scheduler.set_timesteps(len(scheduler.timesteps))
    x = noise * scheduler.init_noise_sigma
    with torch.no_grad():
        for t in scheduler.timesteps:
            x = scheduler.step(unet(scheduler.scale_model_input(x, t), t).sample, t, x).prev_sample
    return x


@pytest.mark.parametrize("case", SOLVERS, ids=lambda case: f"{type(case[0]).__name__}-{case[1]}")
@pytest.mark.parametrize(
    ("predicts", "schedule"),
    [
        ("epsilon", "linear"),
        ("epsilon", "squaredcos_cap_v2"),
        ("sample", "linear"),
        ("v_prediction", "scaled_linear"),
        ("flow_prediction", ""),
    ],
)
def test_a_loop_is_the_solvers_call(
    case: Any, predicts: str, schedule: str, tmp_path: Path, unet: Any, noise: Tensor
) -> None:
    made = imported(case[0], case[1], tmp_path).MadeScheduler
    if predicts == "flow_prediction":
        bars, scheduler = None, made.from_config(diffusers.FlowMatchEulerDiscreteScheduler().config)
    else:
        theirs = diffusers.DDPMScheduler(prediction_type=predicts, beta_schedule=schedule)
        bars, scheduler = theirs.alphas_cumprod, made.from_config(theirs.config)
    path, factor = path_of(bars, predicts)
    expected = solved(case[0], case[1], path, factor, lambda x, t: unet(x, t).sample, noise)
    largest = float(expected.abs().max())
    torch.testing.assert_close(looped(scheduler, unet, noise), expected, rtol=1e-4, atol=2e-5 * largest)


def test_euler_is_ddim(tmp_path: Path, unet: Any, noise: Tensor) -> None:
    """Over the timesteps of diffusers' own, which are 999, 899, … and end at the first ᾱ."""
    theirs = diffusers.DDIMScheduler(timestep_spacing="trailing", set_alpha_to_one=False, clip_sample=False)
    theirs.set_timesteps(10)
    levels = Noise(theirs.alphas_cumprod.tolist(), 1000)
    points = [levels.straight(tau) for tau in (*theirs.timesteps.tolist(), 0)]
    solver = Graded()
    solver.grid = tuple((point - points[0]) / (points[-1] - points[0]) for point in points)  # type: ignore[misc]
    ours = imported(solver, None, tmp_path).MadeScheduler.from_config(theirs.config)
    torch.testing.assert_close(ours.timesteps, theirs.timesteps.float(), rtol=0, atol=1e-3)
    found = looped(ours, unet, noise)
    x = noise * ours.init_noise_sigma
    with torch.no_grad():
        for t in theirs.timesteps:
            x = theirs.step(unet(x, t).sample, t, x).prev_sample
    torch.testing.assert_close(found, x, rtol=1e-4, atol=1e-4)


def test_a_pipeline_takes_it(tmp_path: Path, unet: Any) -> None:
    pipeline = diffusers.DDPMPipeline(unet, diffusers.DDPMScheduler())
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = imported(Midpoint(), 2, tmp_path).MadeScheduler.from_config(pipeline.scheduler.config)
    first, second = (
        pipeline(2, torch.Generator().manual_seed(0), num_inference_steps=4, output_type="np").images for _ in range(2)
    )
    assert first.shape == (2, 8, 8, 1)
    assert (first == second).all()
    with pytest.raises(ValueError, match="num_inference_steps=4, not 50"):
        pipeline(1, num_inference_steps=50)


def test_its_config_goes_round(tmp_path: Path) -> None:
    made = imported(FourLearned(), 1, tmp_path).MadeScheduler
    scheduler = made(beta_schedule="scaled_linear", beta_end=0.012, prediction_type="v_prediction")
    scheduler.save_config(tmp_path / "saved")
    for again in (made.from_pretrained(tmp_path / "saved"), made.from_config(scheduler.config)):
        assert (
            dict(again.config).items()
            >= {name: value for name, value in scheduler.config.items() if name[0] != "_"}.items()
        )
        assert again.staged.times == scheduler.staged.times
    assert made.from_pretrained(tmp_path).config["prediction_type"] == "epsilon"  # the file's own config
    back = diffusers.DDIMScheduler.from_config(scheduler.config)
    assert (back.config.beta_end, back.config.prediction_type) == (0.012, "v_prediction")
    assert "DDIMScheduler" in {one.__name__ for one in scheduler.compatibles}


@pytest.mark.parametrize(
    "theirs",
    [
        ("EDMEulerScheduler", {}),
        ("ScoreSdeVeScheduler", {}),
        ("EulerDiscreteScheduler", {"timestep_type": "continuous"}),
        ("DDIMScheduler", {"rescale_betas_zero_snr": True}),
        ("FlowMatchEulerDiscreteScheduler", {"invert_sigmas": True}),
    ],
    ids=lambda theirs: theirs[0],
)
def test_schedules_that_it_cannot_follow(theirs: tuple[str, dict[str, Any]], tmp_path: Path) -> None:
    name, settings = theirs
    made = imported(Midpoint(), 2, tmp_path).MadeScheduler
    with pytest.raises(ValueError, match="cannot follow this schedule"):
        made.from_config(getattr(diffusers, name)(**settings).config)


def test_noise_is_added_as_theirs_adds_it(tmp_path: Path, noise: Tensor) -> None:
    theirs = diffusers.DDPMScheduler()
    ours = imported(FourLearned(), 1, tmp_path).MadeScheduler.from_config(theirs.config)
    data, t = torch.linspace(-1, 1, noise.numel()).reshape(noise.shape), torch.tensor([3, 950])
    torch.testing.assert_close(ours.add_noise(data, noise, t), theirs.add_noise(data, noise, t), rtol=1e-5, atol=1e-6)
    levels = [theirs.add_noise(data[:1], noise[:1], torch.tensor([i])) for i in (0, 500, 999)]
    assert all(not torch.equal(a, b) for a, b in pairwise(levels))


def test_stable_diffusion_takes_it(tmp_path: Path) -> None:
    """With guidance; image-to-image, which begins midway, is refused."""
    pytest.importorskip("transformers", reason="diffusers' pipelines of text need transformers")
    unet = diffusers.UNet2DConditionModel(
        sample_size=8,
        layers_per_block=1,
        block_out_channels=(4, 8),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=8,
        norm_num_groups=2,
        attention_head_dim=2,
    ).eval()
    theirs = diffusers.DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1)
    scheduler = imported(FourLearned(), 1, tmp_path).MadeScheduler.from_config(theirs.config)
    vae = diffusers.AutoencoderKL(block_out_channels=(4, 8), **_TWO_BLOCKS, latent_channels=4, norm_num_groups=2)
    parts = (vae, None, None, unet, scheduler, None, None, None, False)
    generator = torch.Generator().manual_seed(0)
    words, none = torch.randn(1, 5, 8, generator=generator), torch.zeros(1, 5, 8)
    given = {"prompt_embeds": words, "negative_prompt_embeds": none, "guidance_scale": 3.0, "output_type": "latent"}
    noise = torch.randn(1, 4, 8, 8, generator=generator)
    found = diffusers.StableDiffusionPipeline(*parts)(latents=noise, num_inference_steps=4, **given).images

    def guided(x: Tensor, t: Tensor) -> Tensor:
        without, under = unet(torch.cat([x, x]), t, encoder_hidden_states=torch.cat([none, words])).sample.chunk(2)
        return torch.lerp(without, under, 3.0)

    path, factor = path_of(theirs.alphas_cumprod, "epsilon")
    torch.testing.assert_close(found, solved(FourLearned(), 1, path, factor, guided, noise), rtol=1e-3, atol=1e-4)
    midway = diffusers.StableDiffusionImg2ImgPipeline(*parts)
    with pytest.raises(ValueError, match="cannot begin at 2"):
        midway(image=torch.zeros(1, 3, 16, 16), strength=0.5, num_inference_steps=4, **given)


@pytest.mark.parametrize("shifted", [{}, {"shift": 3.0, "use_dynamic_shifting": True}])
def test_flux_takes_it(shifted: dict[str, Any], tmp_path: Path) -> None:
    """Whose pipeline has times and shifts of its own, which it leaves to the solver here."""
    pytest.importorskip("transformers", reason="diffusers' pipelines of text need transformers")
    model = diffusers.FluxTransformer2DModel(
        patch_size=1,
        in_channels=4,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        pooled_projection_dim=32,
        axes_dims_rope=(4, 4, 8),
    ).eval()
    seen: list[tuple[Tensor, dict[str, Any]]] = []
    model.register_forward_pre_hook(lambda _, a, kwargs: seen.append((kwargs["timestep"], kwargs)), with_kwargs=True)
    theirs = diffusers.FlowMatchEulerDiscreteScheduler(**shifted)
    scheduler = imported(FourLearned(), 1, tmp_path).MadeScheduler.from_config(theirs.config)
    vae = diffusers.AutoencoderKL(block_out_channels=(4,), latent_channels=1, norm_num_groups=1, **_NO_CONVOLUTIONS)
    pipeline = diffusers.FluxPipeline(scheduler, vae, None, None, None, None, model)
    generator = torch.Generator().manual_seed(0)
    words, pooled = torch.randn(1, 6, 32, generator=generator), torch.randn(1, 32, generator=generator)
    noise = torch.randn(1, 64, 4, generator=generator)
    given = {"prompt_embeds": words, "pooled_prompt_embeds": pooled, "latents": noise, "height": 16, "width": 16}
    found = pipeline(num_inference_steps=4, output_type="latent", **given).images
    assert [float(time) for time, _ in seen] == pytest.approx(
        [1, 0.69, 0.47, 0], abs=1e-6
    )  # 1.06 of the way is its end
    also = seen[0][1]

    def alone(x: Tensor, t: Tensor) -> Tensor:
        return model(**{**also, "hidden_states": x, "timestep": (t / 1000).expand(1)})[0]

    path, factor = path_of(None, "flow_prediction")
    torch.testing.assert_close(found, solved(FourLearned(), 1, path, factor, alone, noise), rtol=1e-3, atol=1e-4)


_TWO_BLOCKS: dict[str, Any] = {
    "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2,
}
_NO_CONVOLUTIONS: dict[str, Any] = {"use_quant_conv": False, "use_post_quant_conv": False, "shift_factor": 0.1}
