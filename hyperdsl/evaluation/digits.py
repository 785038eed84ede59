"""A small Neural ODE classifier of handwritten digits.

Data: the 1,797 images of 8×8 pixels that come with scikit-learn (Alpaydin & Kaynak, UCI repository, 1998).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from hyperdsl.evaluation.classifier import Classifier, ConvField, Recipe, classifier_problem, train_classifier
from hyperdsl.evaluation.files import trained_once
from hyperdsl.evaluation.image_sets import Images
from hyperdsl.evaluation.problems import Problem

TEST_IMAGES = 500
STATE_SHAPE = (8, 4, 4)
FOLDER = Path("runs/digits")
RECIPE = Recipe()


@cache
def digits_data(seed: int = 0) -> tuple[Images, Images]:
    """1,297 images to train on and 500 to test with, as many of each class as in the whole set; split by `seed`."""
    images, classes = load_digits(return_X_y=True)
    split = train_test_split(images, classes, test_size=TEST_IMAGES, stratify=classes, random_state=seed)
    train_x, test_x, train_y, test_y = (torch.as_tensor(part) for part in split)
    scaled = [part.float().view(-1, 1, 8, 8) / 16 for part in (train_x, test_x)]
    return Images(scaled[0], train_y.long()), Images(scaled[1], test_y.long())


class DigitsModel(Classifier):
    """The classifier of 8×8 pixels, with states of 8 channels of 4×4."""

    def __init__(self, hidden: int = 16) -> None:
        super().__init__()
        self.encode = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, STATE_SHAPE[0], 3, stride=2, padding=1)
        )
        self.field = ConvField(STATE_SHAPE[0], hidden)
        self.decode = nn.Sequential(nn.Flatten(), nn.Linear(128, 10))


def digits_model(
    seed: int = 0,
    recipe: Recipe = RECIPE,
    folder: Path = FOLDER,
    progress: bool = True,
) -> DigitsModel:
    """The classifier of this seed and recipe, from `folder` where it was trained before."""

    def train() -> DigitsModel:
        return train_classifier(DigitsModel, digits_data(seed)[0], seed, recipe, label="digits", progress=progress)

    return trained_once(DigitsModel, train, folder, seed, recipe)


def digits_problem(seed: int = 0, model: DigitsModel | None = None, progress: bool = True) -> Problem:
    """z' = f(z) from z(0) = h_x(x) of training images x drawn at random; the model is trained first if need be."""
    model = model or digits_model(seed, progress=progress)
    return classifier_problem(model, digits_data(seed)[0].images, "digits")
