"""A Fréchet distance between sets of images of digits, over the features of a small classifier.

Heusel et al. (2017), GANs Trained by a Two Time-Scale Update Rule, §2, with a classifier of MNIST in place of one of
photographs, whose features say little of digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.linalg
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from hyperdsl.evaluation.files import trained_once
from hyperdsl.evaluation.image_flow import SIZE
from hyperdsl.evaluation.image_sets import MNIST, load
from hyperdsl.training.given import seeded

FEATURES = 64


class Classifier(nn.Module):
    """Ten scores of images [n, 1, 14, 14] from −1 to 1, by way of 64 features."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(32 * 49, FEATURES),
            nn.SiLU(),
        )
        self.scores = nn.Linear(FEATURES, 10)

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.scores(self.features(images))
        return scores


@dataclass(frozen=True)
class Gaussian:
    """The mean and the covariance of features."""

    mean: np.ndarray
    covariance: np.ndarray

    def distance(self, other: Gaussian) -> float:
        """‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½)."""
        root = scipy.linalg.sqrtm(self.covariance @ other.covariance).real
        spread = np.trace(self.covariance + other.covariance - 2 * root)
        return float(((self.mean - other.mean) ** 2).sum() + spread)


def classifier(folder: Path, iterations: int = 1500, progress: bool = True) -> Classifier:
    """A classifier of the training images, from `folder` where it was trained before."""
    return trained_once(Classifier, lambda: _trained(iterations, progress), folder, 0, iterations)


def _trained(iterations: int, progress: bool) -> Classifier:
    data = load(MNIST, "train", SIZE)
    with seeded(0):
        model = Classifier()
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, iterations)
        for _ in tqdm(range(iterations), desc="classifier", disable=not progress):
            rows = torch.randint(len(data.images), (128,))
            loss = functional.cross_entropy(model(2 * data.images[rows] - 1), data.classes[rows])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
    return model


@torch.no_grad()
def gaussian(model: Classifier, images: Tensor) -> Gaussian:
    """What the features of images [n, 1, 14, 14] are like."""
    features = model.features(images.float()).double().numpy()
    return Gaussian(features.mean(0), np.cov(features, rowvar=False))
