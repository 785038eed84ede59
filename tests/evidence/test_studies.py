"""Studies: every one runs with its smallest settings; parts are measured once, and again where their recipe changes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from hyperdsl.evidence.running import run
from hyperdsl.evidence.studies import STUDIES, study
from hyperdsl.evidence.study import Conclusion, Finding, Found, Part, Settings, Study, verdict


def counting(recipe: object = "", fails: bool = False) -> tuple[Study, list[str]]:
    """A study of two parts a seed, and the names of those that were measured."""
    measured: list[str] = []

    def parts(settings: Settings) -> Sequence[Part]:
        def measure(name: str, seed: int) -> Found:
            if fails and name == "b":
                raise RuntimeError("the light went out")
            measured.append(f"{name}/{seed}")
            return {"value": seed}

        return [
            Part(f"{name}/{seed}", partial(measure, name, seed), recipe)
            for seed in settings.seeds
            for name in ("a", "b")
        ]

    def conclude(found: Mapping[str, Found], settings: Settings) -> Conclusion:
        total = sum(part["value"] for part in found.values())
        return Conclusion([Finding("the sum is 2", f"{total}", total == 2)], "| a |\n| --- |\n")

    return Study("Counting", "Counts.", 0.1, parts, conclude), measured


def ran(study: Study, folder: Path, **options: bool) -> dict[str, object]:
    settings = Settings((0, 1), runs=folder / "runs", progress=False)
    run("counting", study, settings, folder, "hyperdsl reproduce counting", say=lambda line: None, **options)
    found: dict[str, object] = json.loads((folder / "counting.json").read_text("utf-8"))
    return found


def test_what_was_measured_is_kept_and_an_ended_study_goes_on(tmp_path: Path) -> None:
    broken, measured = counting(fails=True)
    with pytest.raises(RuntimeError, match="light"):
        ran(broken, tmp_path)
    assert measured == ["a/0"]
    whole, measured = counting()
    found = ran(whole, tmp_path)
    assert measured == ["b/0", "a/1", "b/1"]
    assert found["parts"] == {f"{name}/{seed}": {"value": seed} for seed in (0, 1) for name in ("a", "b")}
    assert found["findings"] == [{"claim": "the sum is 2", "found": "2", "holds": True}]
    assert found["command"] == "hyperdsl reproduce counting"
    page = (tmp_path / "counting.md").read_text("utf-8")
    assert "| the sum is 2 | 2 | holds |" in page


def test_the_index_has_the_findings_of_all_studies_in_the_folder(tmp_path: Path) -> None:
    ran(counting()[0], tmp_path)
    other = tmp_path / "alpha.json"
    kept = {"claim": "it is so", "found": "it is not", "holds": False}
    other.write_text(json.dumps({"command": "c", "seeds": [3], "seconds": {"a": 90}, "findings": [kept]}), "utf-8")
    (tmp_path / "more.json").write_text("[1]", "utf-8")
    ran(counting()[0], tmp_path)
    text = (tmp_path / "README.md").read_text("utf-8")
    assert "Of 2 claims 1 hold, 0 hold in part and 1 do not." in text
    rows = [line for line in text.splitlines() if line.startswith("| [")]
    assert rows == [
        "| [alpha](alpha.md) | it is so | it is not | **does not hold** |",
        "| [counting](counting.md) | the sum is 2 | 2 | holds |",
        "| [alpha](alpha.md) | `c` | 3 | 2 |",
        "| [counting](counting.md) | `hyperdsl reproduce counting` | 0, 1 | 0 |",
    ]


def test_another_recipe_or_a_fresh_run_measures_anew(tmp_path: Path) -> None:
    ran(counting("one")[0], tmp_path)
    again, measured = counting("one")
    ran(again, tmp_path)
    assert measured == []
    ran(again, tmp_path, fresh=True)
    assert len(measured) == 4
    other, measured = counting("two")
    ran(other, tmp_path)
    assert len(measured) == 4


def test_a_part_of_several_studies_is_measured_once(tmp_path: Path) -> None:
    study, measured = counting()
    ran(study, tmp_path)
    sharing = replace(study, parts=lambda settings: [replace(part, study="counting") for part in study.parts(settings)])
    settings = Settings((0, 1), runs=tmp_path / "runs", progress=False)
    run("another", sharing, settings, tmp_path, "hyperdsl reproduce another", say=lambda line: None)
    assert len(measured) == 4
    run("alone", study, settings, tmp_path, "hyperdsl reproduce alone", say=lambda line: None)
    assert len(measured) == 8


def test_a_claim_holds_in_all_cases_in_at_least_half_or_not() -> None:
    assert [verdict([True, True]), verdict([True, False]), verdict([True, False, False])] == [True, None, False]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all studies, some of which use what others measured, as those of users do."""
    return tmp_path_factory.mktemp("runs")


@pytest.mark.parametrize("name", STUDIES)
def test_it_runs_with_its_smallest_settings(name: str, runs: Path, tmp_path: Path) -> None:
    settings = Settings((0,), True, runs, progress=False)
    found = run(name, study(name), settings, tmp_path, "test", say=lambda line: None)
    assert found.findings
    assert "| --- |" in (tmp_path / f"{name}.md").read_text("utf-8")
    for picture in found.pictures:
        assert (tmp_path / picture).stat().st_size > 1000
