"""What messages advise is there: other names of methods, settings without their sign, and no stand-ins."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyperdsl.fixing import mended
from hyperdsl.semantics.check import check_file
from hyperdsl.semantics.reading.scope import Project
from hyperdsl.semantics.reading.units import library_index, meant, synonyms
from hyperdsl.source import SpecFile

NEWCOMERS = Path(__file__).parents[1] / "diagnostics" / "newcomers"


def test_synonyms_are_other_names_of_the_librarys_methods() -> None:
    names = {name for group, name in library_index() if group == "method"}
    assert set(synonyms().values()) <= names
    assert not synonyms().keys() & names


def test_a_synonym_comes_before_what_is_spelt_alike() -> None:
    assert meant("implicit_euler", ["implicit_midpoint", "backward_euler"]) == "did you mean `backward_euler`?"
    assert meant("implicit_eulr", ["implicit_euler_2"]) == "did you mean `implicit_euler_2`?"


@pytest.mark.parametrize(
    "broken", ["rosenbrock ros2 {\n    order 2\n}\n", "method: ros2\n", "method ros2 {\n    order = = 2\n}\n"]
)
def test_no_solver_stands_on_the_librarys_method_in_place_of_one_that_could_not_be_read(
    tmp_path: Path, broken: str
) -> None:
    spec = tmp_path / "mine.hyper"
    spec.write_text(broken + "solver Ros { base ros2 }\nsolver Other { base rk4 }\n", encoding="utf-8")
    assert [solver.name for solver in check_file(spec, spec.name, Project())[0].solvers] == ["Other"]


def test_no_sign_is_removed_from_what_is_no_setting(tmp_path: Path) -> None:
    spec = tmp_path / "mine.hyper"
    text = (NEWCOMERS / "problem_start_equals.hyper").read_text("utf-8")
    spec.write_text(text, encoding="utf-8")
    assert b"x0 = 1" in mended(SpecFile(spec, spec.name)).after
