"""The exported file: its text, and its class on stand-ins for what it takes from diffusers."""

from __future__ import annotations

import ast
import enum
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from hyperdsl.exporting import staged
from hyperdsl.exporting.diffusers import CONFIG, scheduler_files, solve_of
from tests.exporting.loops import FourLearned, Midpoint, imported, path_of, solved

NOISE = torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture
def standing_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names that the file imports from diffusers; tests of the real ones are in test_diffusers.py."""

    class Mixin:
        @classmethod
        def from_config(cls, config: Any, return_unused_kwargs: bool = False, **settings: Any) -> Any:
            config = {
                name: value for name, value in config.items() if name not in config.get("_use_default_values", ())
            }
            names = cls.__init__.__code__.co_varnames[1 : cls.__init__.__code__.co_argcount]
            return cls(**{name: value for name, value in {**config, **settings}.items() if name in names})

    @dataclass
    class Output:
        prev_sample: Tensor

    configuration, scheduling = ModuleType("configuration_utils"), ModuleType("scheduling_utils")
    configuration.__dict__.update(ConfigMixin=Mixin, register_to_config=lambda init: init)
    names = enum.Enum("names", ["DDIMScheduler"])
    scheduling.__dict__.update(
        SchedulerMixin=type("B", (), {}), SchedulerOutput=Output, KarrasDiffusionSchedulers=names
    )
    modules = {"": ModuleType("diffusers"), ".configuration_utils": configuration}
    modules |= {".schedulers": ModuleType("schedulers"), ".schedulers.scheduling_utils": scheduling}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, f"diffusers{name}", module)


def model(x: Tensor, tau: Any) -> Tensor:
    return torch.tanh(x) * (0.5 + tau / 1000)


@pytest.mark.usefixtures("standing_in")
def test_a_pipelines_loop_is_the_solvers_call(tmp_path: Path) -> None:
    scheduler = imported(FourLearned(), 1, tmp_path).MadeScheduler(beta_schedule="scaled_linear", beta_end=0.012)
    scheduler.set_timesteps(4, device="cpu")
    x = NOISE * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        assert scheduler.scale_model_input(x, t) is x
        x = scheduler.step(model(x, t), t, x).prev_sample
    bars = torch.tensor(staged.alphas_cumprod("scaled_linear", 1e-4, 0.012, 1000), dtype=torch.float64)
    expected = solved(FourLearned(), 1, *path_of(bars, "epsilon"), model, NOISE)
    torch.testing.assert_close(x, expected, rtol=1e-6, atol=1e-6)  # timesteps are float32


@pytest.mark.usefixtures("standing_in")
def test_what_the_class_refuses_and_what_it_says(tmp_path: Path) -> None:
    made = imported(Midpoint(), 2, tmp_path).MadeScheduler
    scheduler = made()
    assert len(scheduler) == 1000
    assert scheduler.order == 1
    assert scheduler.num_inference_steps == len(scheduler.timesteps) == 4
    with pytest.raises(ValueError, match=r"MadeScheduler is a solve of 4 evaluations.*num_inference_steps=4, not 50"):
        scheduler.set_timesteps(50)
    with pytest.raises(ValueError, match="cannot begin at 2"):
        scheduler.set_begin_index(2)
    scheduler.set_begin_index(scheduler.begin_index)
    with pytest.raises(ValueError, match="evaluation 1 of 4 is at the timestep 999, not at 3"):
        scheduler.step(NOISE, 3, NOISE)
    first = scheduler.step(NOISE, scheduler.timesteps[0], NOISE, return_dict=False)
    assert scheduler.step_index == 1
    scheduler.set_timesteps(4)
    assert scheduler.step_index == 0
    assert torch.equal(first[0], scheduler.step(NOISE, 999, NOISE).prev_sample)


@pytest.mark.usefixtures("standing_in")
def test_configs_of_other_schedulers(tmp_path: Path) -> None:
    made = imported(Midpoint(), 2, tmp_path).MadeScheduler
    ours = json.loads((tmp_path / CONFIG).read_text("utf-8"))
    assert ours.pop("_class_name") == "MadeScheduler"
    assert made(**ours).predicts == "epsilon"
    # diffusers drops what was a default of the other class, such as the shift of flow matching
    flow = made.from_config({"shift": 1.0, "num_train_timesteps": 500, "_use_default_values": ["num_train_timesteps"]})
    assert flow.predicts == "flow_prediction"
    assert flow.timesteps.tolist() == [500, 375, 250, 125]
    for config in ({"sigma_data": 0.5}, {"rescale_betas_zero_snr": True}, {"timestep_type": "continuous"}):
        with pytest.raises(ValueError, match=f"cannot follow this schedule: {next(iter(config))} is"):
            made.from_config(config)
    x, e = torch.ones(3, 1, 2), torch.full((3, 1, 2), 2.0)
    mixed = flow.add_noise(x, e, torch.tensor([0, 125, 500]))
    assert mixed[:, 0, 0].tolist() == [1.0, 1.25, 2.0]


def test_the_file_is_one_readable_module(tmp_path: Path) -> None:
    """Its arithmetic is that of `staged`, word for word; of hyperdsl it needs nothing; text cannot become code."""
    hostile = '"""\nimport os # \\ \N{RIGHT-TO-LEFT OVERRIDE}'
    solve = solve_of(FourLearned(), 1)
    file, config = scheduler_files("MadeScheduler", "made", solve, [hostile])
    tree = ast.parse(file.text)
    modules = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert not any("hyperdsl" in (module or "") for module in modules)
    assert "os" not in {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    ours, theirs = _defined(ast.parse(Path(staged.__file__).read_text("utf-8"))), _defined(tree)
    assert ours.items() <= theirs.items()
    assert theirs.keys() - ours.keys() == {"MadeScheduler"}
    numbers = next(
        ast.unparse(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and "Solve" in ast.unparse(node.value)
    )
    assert eval(numbers, {"Solve": staged.Solve}) == solve  # the same numbers to the bit
    assert (file.path, config.path) == ("made.py", CONFIG)


def _defined(tree: ast.Module) -> dict[str, str]:
    return {node.name: ast.dump(node) for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
