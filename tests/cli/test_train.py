"""`hyperdsl train` and `evaluate`, from the shell's side; the figures themselves are benchmarks' matter."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from safetensors import safe_open
from typer.testing import CliRunner, Result

from hyperdsl.cli import application

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
        (("train", PECE, "--problem", "pendulum", "--set", "fit.loss=trajectory"), "follows a history"),
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
