"""`hyperdsl train` and `evaluate`, from the shell's side; the figures themselves are benchmarks' matter."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from safetensors import safe_open
from typer.testing import CliRunner, Result

from hyperdsl.cli import application
from hyperdsl.evaluation import lookup
from hyperdsl.evaluation.problems import CLASSICAL, Problem
from hyperdsl.evaluation.weights import file_name

pytestmark = pytest.mark.usefixtures("timed_once")
ROOT = Path(__file__).parents[2]
HEUN = ROOT / "generated" / "hyper_heun"
PHASED = ROOT / "generated" / "phased_hyper_heun"
PECE = ROOT / "generated" / "hyper_pece"
QUICK = ("--set", "fit.iterations=20", "--set", "fit.reference.substeps=4", "--quiet")
SPRING = """problem spring(stiffness = 1 .. 4, damping = 1/10) {
    x' = v
    v' = -stiffness*x - damping*v
    x in -1 .. 1
    v in -1 .. 1
    span 0 .. 2
}
"""
MODULE = """import torch
from hyperdsl.evaluation import Problem

decay = Problem(lambda s, z: -z * torch.cos(s), lambda n, g: torch.rand(n, 3, generator=g), (0.0, 1.0), (3,))
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(application(), [str(argument) for argument in arguments], env={"COLUMNS": "200"})


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_train_writes_what_it_found_as_a_proven_spec() -> None:
    package = ROOT / "generated" / "learned_families"
    options = ("--solver", "LearnedMidpoint", "--problem", "pendulum")
    done = run("train", package, *options, "--set", "fit.reference.substeps=8", *QUICK[:2], "--quiet")
    assert done.exit_code == 0, done.stderr
    weights = Path("runs/learned_families/pendulum/LearnedMidpoint.safetensors")
    spec = weights.with_suffix(".hyper")
    alpha = float(re.search(r"alpha = ([\d.]+)", done.stdout)[1])  # type: ignore[index]  # it is there
    assert alpha != 0.5
    assert f"written as {spec}: order 2, proven exactly" in done.stdout
    assert "evaluate " + str(package) + " --solver LearnedMidpoint --problem 'pendulum'" in done.stdout
    assert run("fmt", spec, "--check").exit_code == 0
    (method,) = json.loads(run("check", spec, "--json").stdout)["files"][0]["methods"]
    assert (method["order"], method["proof"]) == (2, "exact")
    done = run("evaluate", package, *options, "--weights", weights, "--steps", "40", "--methods", "midpoint", "--json")
    rows = json.loads(done.stdout)["rows"]
    assert [(row["method"], row["evaluations"]) for row in rows][:2] == [
        ("LearnedMidpoint (trained)", 80),
        ("midpoint", 80),
    ]
    assert rows[0]["l2"] < rows[1]["l2"]


def test_train_saves_weights_that_evaluate_reads() -> None:
    done = run("train", HEUN, "--problem", "van_der_pol", *QUICK)
    assert done.exit_code == 0, done.stderr
    path = Path("runs/hyper_heun/van_der_pol/HyperHeun.safetensors")
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    assert json.loads(metadata["settings"])["iterations"] == 20
    assert metadata["problem"] == "van_der_pol"
    done = run(
        "evaluate", HEUN, "--problem", "van_der_pol", "--weights", path, "--steps", "40", "--methods", "rk4", "--json"
    )
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["weights"] == "trained"
    assert [(row["method"], row["evaluations"]) for row in found["rows"]][:2] == [
        ("HyperHeun (trained)", 80),
        ("rk4", 160),
    ]
    assert found["rows"][0]["macs"] > found["rows"][1]["macs"]


def test_phases_logs_and_what_made_the_weights(tmp_path: Path) -> None:
    changes = [
        "batch=32",
        "iterations=8",
        "reference.substeps=4",
        "then.loss=trajectory(steps = 2)",
        "then.iterations=4",
    ]
    options = [word for change in changes for word in ("--set", f"phased.{change}")]
    done = run(
        "train", PHASED, "--problem", "van_der_pol", *options, "--log", "logs", "--output", "w.safetensors", "-q"
    )
    assert done.exit_code == 0, done.stderr
    with safe_open("w.safetensors", "pt") as file:
        metadata = file.metadata()
    settings, overrides = json.loads(metadata["settings"]), json.loads(metadata["overrides"])
    (then,) = settings["then"]
    assert (settings["iterations"], then["iterations"], then["loss"]) == (8, 4, {"trajectory": [2]})
    assert (then["batch"], then["substeps"], then["learning_rate"]) == (32, 4, 0.001)  # two of them inherited
    assert overrides["then"] == [{"loss": ["trajectory", 2], "iterations": 4}]
    assert len(json.loads(metadata["delta"])) == 9
    assert {"hyperdsl", "torch", "lightning-fabric"} <= json.loads(metadata["versions"]).keys()
    (table,) = Path("logs").glob("csv/*/metrics.csv")
    assert table.read_text().splitlines()[0].split(",") == ["learning_rate", "loss", "step"]
    assert len(table.read_text().splitlines()) == 3  # the first iteration of each phase
    assert list(Path("logs").glob("tensorboard/*/events*"))
    assert len(list(Path("runs/cache").iterdir())) == 2
    assert not list(Path().glob("*.checkpoint*"))


def test_problems_of_files_and_modules(tmp_path: Path) -> None:
    (tmp_path / "spring.hyper").write_text(SPRING)
    (tmp_path / "mine.py").write_text(MODULE)
    done = run(
        "train", HEUN, "--problem", "spring.hyper:spring(stiffness = 2)", "--output", "spring.safetensors", *QUICK
    )
    assert done.exit_code == 0, done.stderr
    assert Path("spring.safetensors").is_file()
    done = run("evaluate", HEUN, "--problem", "mine:decay", "--steps", "4,8", "--methods", "euler", "--plot", "p.png")
    assert done.exit_code == 0, done.stderr
    assert "untrained" in done.stdout
    assert Path("p.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train", "absent", "--problem", "pendulum"), "absent"),
        (("train", HEUN, "--problem", "pendulums"), "pendulum"),
        (("train", HEUN, "--problem", "nowhere:problem"), "nowhere"),
        (("train", HEUN, "--problem", "absent.hyper:p"), "absent.hyper"),
        (("train", HEUN, "--problem", "pendulum", "--set", "fit.iteration=5"), "iterations"),
        (("train", HEUN, "--problem", "pendulum", "--set", "iterations"), "NAME.SETTING=VALUE"),
        (("train", HEUN, "--problem", "pendulum", "--set", "fit.batch=0"), "at least 1"),
        (("train", HEUN, "--problem", "pendulum", "--set", "fitt.batch=2"), "did you mean `fit.batch`"),
        (("train", HEUN, "--problem", "pendulum", "--set", "integral.rtol=1"), "no control called `integral`"),
        (("train", HEUN, "--problem", "pendulum", "--set", "fit.then.batch=2"), "has 0 further phases"),
        (("train", HEUN, "--problem", "pendulum", "--accelerator", "abacus"), "abacus"),
        (("train", HEUN, "--problem", "pendulum", "--precision", "1"), "precision"),
        (("train", HEUN, "--problem", "pendulum", "--solver", "Other"), "HyperHeun"),
        (("evaluate", HEUN, "--problem", "pendulum", "--weights", "absent.safetensors"), "absent.safetensors"),
        (("evaluate", HEUN, "--problem", "pendulum", "--methods", "rk5"), "rk5"),
        (("evaluate", HEUN, "--problem", "pendulum", "--steps", "0"), "--steps"),
    ],
)
def test_wrong_usage_is_said_in_a_sentence(arguments: tuple[object, ...], said: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2, done.stdout
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_adaptive_solvers_are_evaluated_at_tolerances() -> None:
    package = ROOT / "generated" / "adaptive_dopri5"
    shown = run("evaluate", package, "--problem", "pendulum", "--rtol", "1e-3,1e-5", "--steps", "20", "--json")
    assert shown.exit_code == 0, shown.output
    rows = [row for row in json.loads(shown.stdout)["rows"] if row["method"].startswith("AdaptiveDopri5")]
    assert [row["setting"] for row in rows] == ["rtol 1e-03", "rtol 1e-05"]
    assert rows[0]["evaluations"] < rows[1]["evaluations"]
    assert rows[0]["relative_error"] > 10 * rows[1]["relative_error"]
    for wrong in ("0", "a", "-1,2"):
        assert "--rtol" in run("evaluate", package, "--problem", "pendulum", "--rtol", wrong).output
    fixed = run("evaluate", ROOT / "generated" / "hyper_euler", "--problem", "pendulum", "--rtol", "1e-3")
    assert "no control" in fixed.output


def test_settings_of_a_control_are_set_and_recorded() -> None:
    package = ROOT / "generated" / "adaptive_hyper_heun"
    quick = (*QUICK, "--set", "learned.rtol=1/50", "--set", "learned.factor=1/4 .. 5")
    done = run("train", package, "--problem", "pendulum", *quick)
    assert done.exit_code == 0, done.output
    with safe_open("runs/adaptive_hyper_heun/pendulum/AdaptiveHyperHeun.safetensors", "pt") as file:
        recorded = json.loads(file.metadata()["settings"])["control"]
    assert recorded == {"rtol": 0.02, "shortest": 0.25, "longest": 5.0}
    for wrong, said in (("learned.rtol=0", "positive"), ("learned.error=embedded", "generated code")):
        done = run("train", package, "--problem", "pendulum", *QUICK, "--set", wrong)
        assert done.exit_code == 2
        assert said in done.output
    done = run("train", HEUN, "--problem", "pendulum", *QUICK, "--set", "any.rtol=1")
    assert "no control" in done.output


def test_train_tells_what_came_of_it() -> None:
    done = run("train", HEUN, "--problem", "van_der_pol", *QUICK)
    assert done.stdout.splitlines()[-1].startswith("training ")
    assert "Warning" not in done.stderr
    done = run("train", HEUN, "--problem", "van_der_pol", *QUICK, "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    outcome = found["outcome"]
    assert outcome["verdict"].startswith("training ")
    told = [*outcome["helped"], *outcome["did_not_help"], *outcome["worse"]]
    assert sorted(f"{eps:.6g}" for eps in told) == sorted(found["delta"])
    assert found["weights"] == "runs/hyper_heun/van_der_pol/HyperHeun.safetensors"


def test_evaluate_names_another_problem_and_marks_what_g_was_not_trained_for(tmp_path: Path) -> None:
    (tmp_path / "spring.hyper").write_text(SPRING)
    done = run("train", HEUN, "--problem", "van_der_pol", "--output", "w.safetensors", *QUICK)
    assert done.exit_code == 0, done.stderr
    other = ("--problem", "spring.hyper:spring(stiffness = 2)", "--weights", "w.safetensors", "--methods", "rk4")
    done = run("evaluate", HEUN, *other, "--steps", "2,40")
    said = "The weights were trained on van_der_pol, not on spring.hyper:spring(stiffness=2)."
    assert said in done.stdout
    assert "K = 2*" in done.stdout
    assert "K = 40*" not in done.stdout
    assert "* outside of what g was trained for" in done.stdout
    found = json.loads(run("evaluate", HEUN, *other, "--steps", "2,40", "--json").stdout)
    assert found["trained_on"] == "van_der_pol"
    assert said in found["notes"]
    first, second, *_ = found["rows"]
    assert first["outside"].startswith("ε = 1 (0.02 .. 0.4)")
    assert second["outside"] is None
    own = ("--problem", "van_der_pol", "--weights", "w.safetensors", "--methods", "rk4", "--steps", "40", "--json")
    assert json.loads(run("evaluate", HEUN, *own).stdout)["notes"] == []


def test_evaluate_takes_the_steps_of_training_and_others_at_equal_evaluations() -> None:
    few = str(ROOT / "generated/few_evaluations")
    own = ("--solver", "FourPlain", "--problem", "van_der_pol")
    done = run(
        "train", few, *own, "--set", "whole.iterations=1", "--set", "whole.trajectories=8", "--output", "w.safetensors"
    )
    assert done.exit_code == 0, done.stderr
    rows = json.loads(run("evaluate", few, *own, "--weights", "w.safetensors", "--json").stdout)["rows"]
    assert {(row["setting"], row["evaluations"]) for row in rows if row["method"] != "dopri5"} == {
        ("K = 1", 4),
        ("K = 2", 4),
        ("K = 4", 4),
    }


def test_problems_of_one_name_keep_their_weights_apart(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(MODULE)
    places = set()
    for problem in ("one:decay", "two:decay", "decay_1"):
        if ":" in problem:
            done = run("train", HEUN, "--problem", problem, *QUICK, "--set", "fit.steps=2 .. 8")
            assert done.exit_code == 0, done.stderr
        places.add(file_name(problem))
    assert len(list(Path("runs/hyper_heun").glob("*/HyperHeun.safetensors"))) == 2
    assert {path.parent.name for path in Path("runs/hyper_heun").glob("*/*.safetensors")} < places
    texts = ["a:b", "a:B", "A:b", "a_b", "a.hyper:p(k=1)", "a.hyper:p(k=2)", "../a:b", "a" * 300, "a" * 301]
    names = [file_name(text).lower() for text in texts]
    assert len(set(names)) == len(texts)
    assert all(re.fullmatch(r"[a-z0-9_-]{1,100}", name) for name in names)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train", HEUN, "--problem", "pendulum", "--output", "folder"), "`folder` is a folder"),
        (("train", HEUN, "--problem", "pendulum", "--output", "file/w"), "`file` is no folder"),
        (("train", HEUN, "--problem", "pendulum", "--output", "x" * 254), "cannot be written"),
        (("train", HEUN, "--problem", "pendulum", "--output", "/dev/null"), "no regular file"),
        (("train", HEUN, "--problem", "pendulum", "--log", "file"), "`file` is no folder"),
        (("train", HEUN, "--problem", "pendulum", "--cache", "file/x"), "`file` is no folder"),
        (("train", HEUN, "--problem", "pendulum", "--set", "fit.iterations=0"), "at least 1"),
        (("train", HEUN, "--problem", "pendulum", "--set", "fit.iterations=-1"), "at least 1"),
        (("evaluate", HEUN, "--problem", "pendulum", "--plot", "x.bmpp"), "`x.bmpp` ends in neither"),
        (("evaluate", HEUN, "--problem", "pendulum", "--plot", "x"), "`x` ends in neither"),
        (("evaluate", HEUN, "--problem", "pendulum", "--plot", "folder.png"), "is a folder"),
        (("show", ROOT / "specs/hyper_heun.hyper", "heun", "--plot", "x.gif"), "ends in neither .png nor .svg"),
        (("show", ROOT / "specs/hyper_heun.hyper", "heun", "--plot", "file/x.png"), "`file` is no folder"),
        (("sweep", ROOT / "specs/swept_digits.hyper", "--problem", "pendulum", "--plot", "x.bmpp"), "ends in neither"),
        (("sweep", ROOT / "specs/swept_digits.hyper", "--problem", "pendulum", "--storage", "folder"), "is a folder"),
        (("sweep", ROOT / "specs/swept_digits.hyper", "--problem", "pendulum", "--write", "file/x.hyper"), "no folder"),
    ],
)
def test_outputs_are_looked_at_before_any_work(arguments: tuple[object, ...], said: str) -> None:
    Path("folder").mkdir()
    Path("folder.png").mkdir()
    Path("file").touch()
    done = run(*arguments)
    assert done.exit_code == 2, done.output
    assert said in done.stderr
    assert done.stdout == ""
    assert {path.name for path in Path().iterdir()} == {"folder", "folder.png", "file"}


def test_a_problem_of_no_file_is_one_line() -> None:
    done = run("train", HEUN, "--problem", "nosuch.hyper:p")
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("hyperdsl: there is no file")
    assert "`nosuch.hyper`" in line


def test_quiet_is_quiet_where_a_problem_trains_its_own_field(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def given(name: str, progress: bool, parameters: object) -> Problem:
        asked.append(progress)
        return CLASSICAL["pendulum"]

    monkeypatch.setattr(lookup, "built_in", given)
    for option in ("--json", "-q"):
        done = run("train", HEUN, "--problem", "digits", *QUICK[:-1], option)
        assert done.exit_code == 0, done.stderr
        assert "%|" not in done.stderr
    assert asked == [False, False]
