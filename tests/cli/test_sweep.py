"""`hyperdsl sweep`, from the shell's side: the front, several processes, interruptions, other specs' storages."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hyperdsl.cli import application

pytestmark = pytest.mark.usefixtures("timed_once")
SPEC = """corrector mlp {
    layers linear(8), silu
}

training fit {
    loss residual
    steps 4 .. 16
    reference rk4 {
        substeps 4
    }
    iterations 20
    batch 64
}

hypersolver Swept {
    base euler
    corrector mlp
    training fit
}

problem spring(stiffness = 2) {
    x' = v
    v' = -stiffness*x
    x in -1 .. 1
    v in -1 .. 1
    span 0 .. 1
}

sweep trade {
    solver Swept
    base euler, heun
    width 4 .. 16
    steps 2, 4
    trials 3
}

sweep grid {
    solver Swept
    width 4, 8
}

sweep broken {
    solver Swept
    batch 1000000000
    trials 1
}
"""
PROBLEM = ("--problem", "swept.hyper:spring")


@pytest.fixture(autouse=True)
def _in_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("swept.hyper").write_text(SPEC)


def run(*arguments: object) -> Result:
    given = ["sweep", "swept.hyper", *map(str, arguments), *PROBLEM, "--quiet"]
    return CliRunner().invoke(application(), given, env={"COLUMNS": "200"})


def test_a_sweep_ends_in_a_front_and_in_specs_that_are_proven() -> None:
    done = run("trade", "--json", "--plot", "front.png", "--write", "best", "--methods", "euler,rk4")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["networks"], found["failed"], len(found["points"]), len(found["methods"])) == (3, 0, 6, 4)
    for one in found["front"]:
        beaten = [o for o in found["points"] if o["relative_error"] < one["relative_error"] and o["macs"] < one["macs"]]
        assert not beaten
    for point in found["points"]:  # each is on the front, or another equals or beats it
        other = [p for p in found["front"] if p["relative_error"] <= point["relative_error"]]
        assert any(p["macs"] <= point["macs"] for p in other)
        assert (point["order"], point["evaluations"]) == {
            "euler": (1, point["steps"]),
            "heun": (2, 2 * point["steps"]),
        }[point["base"]]
        assert 4 <= int(point["width"]) <= 16
    assert found["knee"] in found["front"]
    assert {point["base"] for point in found["points"]} == {"euler", "heun"}
    assert Path("front.png").read_bytes().startswith(b"\x89PNG")
    specs = sorted(Path("best").iterdir())
    assert len(specs) == len({point["spec"] for point in found["front"]})
    proven = CliRunner().invoke(application(), ["check", "best", "--json"])
    assert proven.exit_code == 0, proven.output
    orders = {file["solvers"][0]["order"] for file in json.loads(proven.stdout)["files"]}
    assert orders == {point["order"] for point in found["front"]}
    shown = run("trade", "--markdown", "--methods", "rk4")
    assert shown.stdout.startswith("| method | width | p | K | NFE | MACs | ms | error | δ | front |\n| --- |")
    assert len(shown.stdout.splitlines()) == 2 + len(found["front"]) + 2
    again = run("trade", "--write", "chosen.hyper")  # nothing is left to be trained
    assert again.exit_code == 0, again.output
    assert "the front of 3 networks" in again.stdout
    assert Path("chosen.hyper").read_text() == Path(found["knee"]["spec"]).read_text()
    compiled = CliRunner().invoke(application(), ["compile", "chosen.hyper"])
    assert compiled.exit_code == 0, compiled.output
    weights = found["knee"]["weights"]  # of a spec with the same bytes
    measured = ["evaluate", "generated/chosen", *PROBLEM, "--weights", weights, "--steps", str(found["knee"]["steps"])]
    done = CliRunner().invoke(application(), [*measured, "--json"])
    assert done.exit_code == 0, done.output
    error = json.loads(done.stdout)["rows"][0]["relative_error"]
    assert error == pytest.approx(found["knee"]["relative_error"], rel=1e-6)


def test_two_jobs_end_where_no_variant_is_left() -> None:
    done = run("grid", "--json", "--cost", "evaluations", "--methods", "", "--jobs", "2")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert sorted(int(point["width"]) for point in found["points"]) == [4] * 4 + [8] * 4
    assert found["networks"] == 2


def test_processes_share_a_storage_and_outlive_a_killed_one() -> None:
    """Of two that work on a sweep one is killed while it trains; a third joins in, and all that was claimed is done."""
    given = ("trade", "--trials", "8", "--storage", "shared.log", "--set", "fit.iterations=300", "--methods", "")
    line = [sys.executable, "-m", "hyperdsl", "sweep", "swept.hyper", *given, *PROBLEM, "--quiet"]
    victim, other = (subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(2))
    journal = Path("shared.log")
    while not (journal.exists() and len(owners(journal)) == 2):
        assert victim.poll() is other.poll() is None, other.communicate()
        time.sleep(0.02)
    os.kill(victim.pid, signal.SIGKILL)
    victim.communicate()
    with journal.open("ab") as file:
        file.write(b'{"op_code": 8, "worker_i')  # a line that a power cut left unfinished
    done = run(*given, "--json")
    assert done.exit_code == 0, done.output
    assert other.wait(timeout=300) == 0, other.communicate()
    other.communicate()
    found = json.loads(done.stdout)
    assert (found["networks"], found["failed"]) == (8, 0)
    assert len({point["spec"] for point in found["points"]}) == 8
    assert len(owners(journal)) == 3
    assert b'"lost":1' in journal.read_bytes()
    assert not list(Path("shared.variants").glob("*.alive"))


def owners(journal: Path) -> set[str]:
    """The processes that claimed networks."""
    return set(re.findall(r'"worker":"(\w+)"', journal.read_text()))


def test_another_sweep_is_not_taken_for_this_one() -> None:
    given = ("trade", "--trials", "1", "--storage", "mine.log")
    assert run(*given).exit_code == 0
    assert run(*given).exit_code == 0
    before = Path("mine.log").read_bytes()
    for change, what in (
        (("--set", "fit.batch=8"), "another --set"),
        (("--cost", "evaluations"), "another cost (macs, now evaluations)"),
    ):
        done = run(*given, *change)
        assert (done.exit_code, what in done.stderr) == (2, True), done.stderr
        assert "--storage" in done.stderr
    done = run("grid", *given[1:])
    assert (done.exit_code, "another name (trade, now grid)" in done.stderr) == (2, True), done.stderr
    Path("swept.hyper").write_text(SPEC.replace("linear(8)", "linear(9)"))
    done = run(*given)
    assert (done.exit_code, "another version of the spec" in done.stderr) == (2, True), done.stderr
    assert Path("mine.log").read_bytes() == before
    Path("other.log").write_text("not a journal\n")
    done = run("trade", "--storage", "other.log")
    assert (done.exit_code, "other.log is not the journal of a sweep" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "several sweeps, name one: trade, grid, broken"),
        (("other",), "no sweep `other`"),
        (("trade", "--methods", "rk5"), "rk5"),
        (("trade", "--write", "no-name.hyper"), "no-name.hyper"),
        (("trade", "--set", "fit.iteration=5"), "iterations"),
        (("trade", "--problem", "nowhere"), "nowhere"),
    ],
)
def test_wrong_usage_is_said_in_a_sentence(arguments: tuple[str, ...], said: str) -> None:
    line = ["sweep", "swept.hyper", *PROBLEM, "--quiet", *arguments]
    done = CliRunner().invoke(application(), line)
    assert (done.exit_code, said in done.stderr) == (2, True), done.output
    assert "Traceback" not in done.stderr


def test_networks_that_cannot_be_trained_are_told() -> None:
    done = run("trade", "--trials", "2", "--set", "fit.eps=5 .. 10")
    assert (done.exit_code, "no network could be trained" in done.stderr) == (2, True), done.output
    assert done.stderr.count("a network could not be trained: Swept cannot be trained on spring") == 1


def test_what_is_swept_cannot_be_set() -> None:
    done = run("broken", "--set", "fit.batch=8")
    assert (done.exit_code, "the sweep varies `batch`" in done.stderr) == (2, True), done.output


def test_files_at_fault_and_without_a_sweep() -> None:
    Path("swept.hyper").write_text(SPEC.replace("4 .. 16\n    steps 2", "16 .. 4\n    steps 2"))
    done = run("trade")
    assert (done.exit_code, "H405" in done.stderr) == (1, True), done.output
    Path("swept.hyper").write_text(SPEC[: SPEC.index("sweep trade")])
    assert "declares no sweep" in run().stderr
