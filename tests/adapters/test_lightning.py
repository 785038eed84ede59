"""Lightning: the same training as `fit`, and g kept in step with a Neural ODE's f."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from generated.hyper_euler import HyperEuler
from generated.hyper_heun import HyperHeun
from generated.hyper_heun import train as heun
from generated.learned_families import LearnedThird
from generated.learned_families import train as families
from hyperdsl.adapters.lightning import HypersolverModule, KeptInStep
from hyperdsl.training.tracking import Tracked

pytestmark = pytest.mark.filterwarnings("ignore")  # of short trainings, and of Lightning about loaders


def pendulum(s: Tensor, z: Tensor) -> Tensor:
    return torch.stack((z[..., 1], -torch.sin(z[..., 0])), -1)


def sample(count: int, generator: torch.Generator) -> Tensor:
    return torch.randn(count, 2, generator=generator)


def trainer(folder: Path, **settings: Any) -> Trainer:
    return Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        **settings,
    )


SHORT: Any = {"iterations": 8, "batch": 32}


@pytest.mark.parametrize(("make", "train", "phases"), [(lambda: HyperHeun((2,)), heun, 2), (LearnedThird, families, 1)])
def test_it_trains_as_fit_does_to_the_last_bit(make: Any, train: Any, phases: int, tmp_path: Path) -> None:
    fitted, given = make(), make()
    settings = replace(train.SETTINGS[type(fitted)], trajectories=16, substeps=4, then=())
    settings = replace(settings, then=(replace(settings, learning_rate=1e-3),) * (phases - 1))
    history = train.fit(fitted, pendulum, sample, (0.0, 1.0), settings=settings, progress=False, **SHORT)
    module = HypersolverModule(given, pendulum, sample, (0.0, 1.0), settings=settings, **SHORT)
    going = trainer(tmp_path)
    going.fit(module)
    assert module.history is not None
    assert module.history.loss == history.loss
    assert len(history.loss) == 8 * phases
    for one, other in zip(given.state_dict().values(), fitted.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    assert given.about == fitted.about
    assert float(going.callback_metrics["hypersolver_loss"]) == pytest.approx(history.loss[-1])


def test_a_trainer_that_ends_early_leaves_what_there_is(tmp_path: Path) -> None:
    module = HypersolverModule(HyperHeun((2,)), pendulum, sample, (0.0, 1.0), **SHORT)
    trainer(tmp_path, max_steps=5).fit(module)
    assert module.history is not None
    assert len(module.history.loss) == 5


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"gradient_clip_val": 0.1}, "gradient_clip_val"),
        ({"accumulate_grad_batches": 2}, "accumulate_grad_batches"),
        ({"precision": "bf16-mixed"}, "precision"),
    ],
)
def test_what_a_trainer_asks_for_and_does_not_get_is_refused(
    settings: dict[str, Any], said: str, tmp_path: Path
) -> None:
    module = HypersolverModule(HyperHeun((2,)), pendulum, sample, (0.0, 1.0), **SHORT)
    with pytest.raises(ValueError, match=said):
        trainer(tmp_path, **settings).fit(module)


def test_f_gets_no_gradients_and_a_solver_without_training_is_refused(tmp_path: Path) -> None:
    f = nn.Linear(2, 2)
    module = HypersolverModule(HyperHeun((2,)), lambda s, z: f(z), sample, (0.0, 1.0), iterations=2)
    trainer(tmp_path).fit(module)
    assert f.weight.grad is None
    with pytest.raises(TypeError, match="a solver of a generated package"):
        HypersolverModule(nn.Linear(1, 1), pendulum, sample, (0.0, 1.0))


class NeuralODE(LightningModule):
    """A Neural ODE whose f is trained, solved by a hypersolver that follows it."""

    def __init__(self) -> None:
        super().__init__()
        self.f = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
        self.tracked = Tracked(HyperEuler((2,)), lambda s, z: self.f(z), (0.0, 1.0), 2, every=4, bound=0.8)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        z0, y = batch
        return nn.functional.mse_loss(self.tracked(z0), y)

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.f.parameters(), 1e-2)


def test_a_callback_keeps_g_in_step(tmp_path: Path) -> None:
    torch.manual_seed(0)
    z0 = torch.randn(96, 2)
    model = NeuralODE()
    going = trainer(tmp_path, callbacks=[KeptInStep(model.tracked, lambda batch: batch[0])])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        going.fit(model, DataLoader(TensorDataset(z0, -z0), 8))
    assert [refresh.iteration for refresh in model.tracked.history] == [1, 5, 9]
    assert float(going.callback_metrics["hypersolver_delta"]) == pytest.approx(model.tracked.history[-1].after)
    assert not any(weight.requires_grad for weight in model.tracked.solver.corrector.parameters())
