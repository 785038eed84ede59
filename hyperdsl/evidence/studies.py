"""All studies by their names; each is the STUDY of a module of this folder, loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from hyperdsl.evidence.study import Study

STUDIES: Mapping[str, str] = {
    "pareto": "accuracy and error of image classifiers over evaluations, multiply-accumulates and time",
    "wallclock": "the time of MNIST's test set at dopri5's accuracy, each method at its best",
    "cnf": "normalizing flows in the plane in 2 and 6 evaluations: samples and likelihoods",
    "alpha": "one g for base methods of the same order",
    "overhead": "what g costs, by the order of its base",
    "training": "training f itself by a hypersolver that follows it",
    "adversarial": "worst cases and noise in training, off the trajectories",
    "beyond": "adaptive, predictor-corrector and stiff methods with a g",
    "control": "robots under model-predictive control, with a deadline",
    "kinetics": "a pharmacokinetic model from a public file, for many patients",
    "bodies": "the outer solar system and a cluster of atoms, beside symplectic methods",
    "series": "a latent ODE on a neuron's recorded potential",
    "images": "a guided model of digits in 2 to 6 evaluations, beside samplers of diffusion models",
}
"""What each is about, in a line."""


def study(name: str) -> Study:
    """The study of this name. KeyError where there is none."""
    if name not in STUDIES:
        raise KeyError(name)
    found: Study = import_module(f"hyperdsl.evidence.{name}").STUDY
    return found
