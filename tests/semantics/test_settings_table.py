"""The table of settings has the words that the readers know, and says the defaults that they take."""

from __future__ import annotations

from hyperdsl.semantics.methods import additives, multisteps, predictor_correctors, rosenbrocks, tableaux
from hyperdsl.semantics.reading.scope import Project
from hyperdsl.semantics.settings_table import blocks
from hyperdsl.semantics.solvers import controls, correctors, declared, paths, trainings
from hyperdsl.semantics.studies import problems, sweeps
from hyperdsl.syntax.brackets import DECLARATIONS

TABLES = {"tableau", "dense"}
READERS = {
    "method": {*tableaux.SETTINGS, *additives.SETTINGS, *rosenbrocks.SETTINGS, *TABLES},
    "multistep": {*multisteps.SETTINGS},
    "predictor_corrector": {*predictor_correctors.SETTINGS},
    "control": {*controls.SETTINGS},
    "corrector": {*correctors.SETTINGS},
    "training": {*trainings.SETTINGS},
    "then": {*trainings.PHASE_SETTINGS},
    "reference": {*trainings.REFERENCE_SETTINGS},
    "path": {*paths.SETTINGS},
    "problem": {*problems.SETTINGS},
    "solver": {*declared.SETTINGS},
    "hypersolver": {*declared.HYPER_SETTINGS},
    "sweep": {*sweeps.SETTINGS},
}


def test_words_are_those_of_the_readers() -> None:
    assert {block: {word.word for word in words} for block, words in blocks().items()} == READERS
    assert {*blocks()} - {"then", "reference"} == {*DECLARATIONS}


def test_defaults_are_those_of_the_readers() -> None:
    training = trainings.default_training(Project().library_method("rk4"))
    said = {word.word: word.default for word in (*blocks()["training"], *blocks()["reference"])}
    numbers = ("iterations", "batch", "seed", "trajectories")
    assert {name: said[name] for name in numbers} == {name: str(getattr(training, name)) for name in numbers}
    assert said["schedule"] == training.schedule
    assert said["steps"] == f"{training.steps.lower} .. {training.steps.upper}"
    assert (said["substeps"], said["dtype"]) == (str(training.reference.substeps), training.reference.dtype)
    states = (f"{one.kind}({f'{one.noise}, ' if one.noise else ''}share = {one.share})" for one in training.states)
    assert said["states"] == ", ".join(states)
