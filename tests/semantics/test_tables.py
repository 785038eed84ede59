"""The tables of settings say what is so: the defaults that they show are those that the readers take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hyperdsl import compiler
from hyperdsl.semantics.reading.scope import Project
from hyperdsl.semantics.settings_table import BLOCKS
from hyperdsl.semantics.solvers import trainings
from hyperdsl.semantics.tables.solvers import LINEAR, OF_EVALUATIONS, OF_METHOD
from hyperdsl.semantics.tables.word import Integer, Number, Word
from hyperdsl.source import SpecFile

OWNERS = {
    "control": "control it {{ error embedded\n {} }}\nsolver S {{ base bosh3\n control it }}",
    "training": "training it {{ {} }}\ncorrector c {{ inputs z }}\n"
    "hypersolver S {{ base heun\n corrector c\n training it }}",
    "corrector": "corrector it {{ {} }}\nhypersolver S {{ base heun\n corrector it }}",
    "solver": "solver S {{ base heun\n {} }}",
    "sweep": "corrector c {{ inputs z }}\nhypersolver S {{ base heun\n corrector c }}\nsweep it {{ solver S\n {} }}",
}


def checked(folder: Path, text: str) -> list[str]:
    path = folder / "spec.hyper"
    path.write_text(text, "utf-8")
    return [found.message for found in compiler.check([SpecFile(path, "spec.hyper")]).diagnostics]


def of_numbers() -> Iterator[tuple[str, Word]]:
    for block in OWNERS:
        for word in BLOCKS[block]:
            if isinstance(word.takes, Integer | Number):
                yield block, word


@pytest.mark.parametrize(("block", "word"), [*of_numbers()], ids=lambda part: getattr(part, "word", part))
def test_bounds_are_those_that_are_checked(block: str, word: Word, tmp_path: Path) -> None:
    assert isinstance(word.takes, Integer | Number)
    lowest = word.takes.lowest - 1 if isinstance(word.takes, Integer) else -1
    found = checked(tmp_path, OWNERS[block].format(f"{word.word} {lowest}"))
    assert any(word.word in message and word.takes.wants in message for message in found)


@pytest.mark.parametrize("block", ["control", "training", "corrector"])
def test_defaults_may_be_written_out(block: str, tmp_path: Path) -> None:
    """Where a default is a value, the spec that says it is the spec that leaves it out."""
    said = [f"{word.word} {word.default}" for word in BLOCKS[block] if word.default and _is_value(word.default)]
    assert len(said) >= 3
    assert checked(tmp_path, OWNERS[block].format("\n".join(said))) == []
    plain, written = (
        compiler.check([SpecFile(path, "spec.hyper")]).specs[0].solvers[0]
        for path in (_written(tmp_path / "plain", OWNERS[block].format("")), tmp_path / "spec.hyper")
    )
    if block == "control":
        assert _same(plain.control, written.control)
    if block == "training":
        assert plain.training is not None
        assert written.training is not None
        assert (plain.training.states, plain.training.optimizer) == (
            written.training.states,
            written.training.optimizer,
        )
    if block == "corrector":
        assert _same(plain.corrector, written.corrector)


def _is_value(default: str) -> bool:
    return default not in ("none", "`steps`") and not any(
        word in default for word in (" the ", "chosen", "loss end", "floor", "relative")
    )


def _written(folder: Path, text: str) -> Path:
    folder.mkdir()
    path = folder / "spec.hyper"
    path.write_text(text, "utf-8")
    return path


def _same(one: object, other: object) -> bool:
    return {**vars(one), "place": None} == {**vars(other), "place": None}


def test_defaults_are_those_of_the_readers() -> None:
    training = trainings.default_training(Project().library_method("rk4"))
    said = {word.word: word.default or "" for word in (*BLOCKS["training"], *BLOCKS["reference"])}
    numbers = ("iterations", "batch", "seed", "trajectories")
    assert {name: said[name] for name in numbers} == {name: str(getattr(training, name)) for name in numbers}
    assert said["schedule"] == training.schedule
    assert said["steps"].startswith(f"{training.steps.lower} .. {training.steps.upper} ")
    assert (said["substeps"], said["dtype"]) == (str(training.reference.substeps), training.reference.dtype)
    states = (f"{one.kind}({f'{one.noise}, ' if one.noise else ''}share = {one.share})" for one in training.states)
    assert said["states"] == ", ".join(states)


def test_alternatives_name_each_other() -> None:
    method, evaluations = OF_METHOD[0], OF_EVALUATIONS[0]
    assert method.otherwise == f"required, or `{evaluations.word}` instead"
    assert evaluations.otherwise == f"required, or `{method.word}` instead"
    assert LINEAR[0].otherwise == "required"
