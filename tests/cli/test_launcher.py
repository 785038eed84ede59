"""`--launcher`: jobs of this machine run for real; of Slurm, what sbatch is given."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner, Result

from hyperdsl.cli import application

ROOT = Path(__file__).parents[2]
TRAIN = ("train", ROOT / "generated" / "hyper_heun", "--problem", "van_der_pol", "--set", "fit.reference.substeps=4")
WEIGHTS = Path("runs/hyper_heun/van_der_pol/HyperHeun.safetensors")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(application(), [str(argument) for argument in arguments], env={"COLUMNS": "200"})


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def wait(what: Path, log: str) -> None:
    """Until the file is there."""
    end = time.monotonic() + 120
    while not what.exists():
        assert time.monotonic() < end, Path(log.replace(".out", ".err")).read_text()
        time.sleep(0.02)


@pytest.mark.slow
def test_a_job_that_must_make_room_goes_on_to_the_same_bits() -> None:
    """Told to make room while it trains, by the signal that a cluster sends, it is started again."""
    given = (*TRAIN, "--set", "fit.iterations=400")
    done = run(*given, "--launcher", "local", "--json")
    assert done.exit_code == 0, done.output
    (job,) = json.loads(done.stdout)["jobs"]
    wait(WEIGHTS.with_suffix(".checkpoint"), job["log"])
    (task,) = Path(f"/proc/{job['job']}/task/{job['job']}/children").read_text().split()
    os.kill(int(task), signal.SIGUSR2)
    wait(WEIGHTS, job["log"])
    assert f"Requeued job {job['job']}" in Path(job["log"]).read_text()
    found = load_file(WEIGHTS)
    assert run(*given, "--output", "plain.safetensors", "--quiet").exit_code == 0
    for name, value in load_file("plain.safetensors").items():
        assert torch.equal(value, found[name]), name


@pytest.mark.slow
def test_the_tasks_of_a_job_train_together() -> None:
    given = (*TRAIN, "--set", "fit.iterations=20")
    done = run(*given, "--launcher", "local", "--slurm", "tasks=2", "--slurm", "time=0:05:00")
    assert done.exit_code == 0, done.output
    number = done.stdout.split()[1].rstrip(":")
    assert f"job {number}: hyperdsl train; what it says goes to " in done.stdout
    wait(WEIGHTS, f"runs/jobs/{number}/{number}_0_log.out")
    assert run(*given, "--output", "plain.safetensors", "--quiet").exit_code == 0
    found = load_file(WEIGHTS)
    for name, value in load_file("plain.safetensors").items():
        torch.testing.assert_close(value, found[name], rtol=1e-4, atol=1e-6)


def test_what_slurm_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs of Slurm's names stand in for it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("srun", ""), ("sbatch", f'cat "$1" > {tmp_path}/asked\necho Submitted batch job 7')):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    asked = ("time=1:30:00", "nodes=2", "gpus=4", "partition=long", "mail-type=END")
    done = run(*TRAIN, "--launcher", "slurm", *(word for item in asked for word in ("--slurm", item)))
    assert done.exit_code == 0, done.output
    text = (tmp_path / "asked").read_text()
    for line in ("time=90", "nodes=2", "gpus-per-node=4", "ntasks-per-node=4", "partition=long", "mail-type=END"):
        assert f"#SBATCH --{line}\n" in text
    assert "job 7: hyperdsl train; what it says goes to" in done.stdout
    done = run("sweep", ROOT / "specs/swept_digits.hyper", "--problem", "digits", "--jobs", "3", "--launcher", "slurm")
    assert done.exit_code == 0, done.output
    assert "#SBATCH --array=0-2" in (tmp_path / "asked").read_text()
    assert [line.split(":")[0] for line in done.stdout.splitlines()[:3]] == ["job 7_0", "job 7_1", "job 7_2"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--slurm", "time=5"), "give --launcher too"),
        (("--launcher", "local", "--slurm", "time"), "is not KEY=VALUE"),
        (("--launcher", "local", "--slurm", "time=soon"), "minutes, or HOURS:MINUTES:SECONDS"),
        (("--launcher", "local", "--slurm", "nodes=0"), "a whole number of at least 1"),
        (("--launcher", "local", "--slurm", "nodes=2"), "can use only one node"),
        (("--launcher", "slurm"), "srun"),
    ],
)
def test_wrong_usage_is_said_in_a_sentence(
    options: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    done = run(*TRAIN, *options)
    assert (done.exit_code, said in done.stderr) == (2, True), done.output
