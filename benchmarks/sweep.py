"""Sweeps over an image model and a classical system: python -m benchmarks.sweep

Runs `hyperdsl sweep` of specs/swept_digits.hyper, error against multiply-accumulates, and of
specs/swept_lotka_volterra.hyper, whose f costs next to nothing, error against evaluations; writes the fronts to
benchmarks/results/sweep.md, .json and sweep_PROBLEM.png. A run that was ended goes on; --fresh begins anew.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import study

STUDIES = {"digits": "macs", "lotka_volterra": "evaluations"}
METHODS = "euler,midpoint,ralston3,rk4"
SMALLEST = {
    "loss residual": "loss residual\n    trajectories 16",
    "iterations 500 .. 3000": "iterations 5 .. 10",
    "steps 20, 40, 80, 160": "steps 20",
    "steps 20 .. 400": "steps 20 .. 40",
    "trials 32": "trials 1",
}
"""What the sweep's words are replaced by where it is only to run."""


def spec_of(problem: str, folder: Path, smallest: bool) -> Path:
    """The spec of the sweep; where `smallest`, a copy that trains next to nothing."""
    spec = Path(f"specs/swept_{problem}.hyper")
    if not smallest:
        return spec
    text = spec.read_text("utf-8")
    for said, less in SMALLEST.items():
        text = text.replace(said, less)
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / spec.name
    copy.write_text(text, "utf-8")
    return copy


def command(problem: str, cost: str, jobs: int, folder: Path, spec: Path) -> list[str]:
    """`hyperdsl sweep` of the problem's spec."""
    line = [sys.executable, "-m", "hyperdsl", "sweep", str(spec), "--problem", problem]
    line += ["--cost", cost, "--methods", METHODS]
    return [*line, "--jobs", str(jobs), "--storage", str(folder / f"{problem}.log")]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__, seeds=None)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--fresh", action="store_true")
    given = study.given(parser, arguments)
    folder = given.runs / "sweep"
    if given.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    texts, found = [], {}
    given.output.mkdir(parents=True, exist_ok=True)
    for problem, cost in list(STUDIES.items())[1 if given.smallest else 0 :]:
        line = command(problem, cost, given.jobs, folder, spec_of(problem, folder, given.smallest))
        plot = given.output / f"sweep_{problem}.png"
        table = subprocess.run(
            [*line, "--markdown", "--plot", str(plot)], check=True, stdout=subprocess.PIPE, text=True
        )
        again = subprocess.run([*line, "--json", "--quiet"], check=True, stdout=subprocess.PIPE, text=True)
        found[problem] = json.loads(again.stdout)
        spent = sum({point["spec"]: point["seconds"] for point in found[problem]["points"]}.values())
        texts.append(
            f"{problem}, error against {cost}: {found[problem]['networks']} networks in {spent:.0f} s of training and "
            f"measuring; p is the proven order of a base.\n\n{table.stdout}\n![The front]({plot.name})\n"
        )
    study.write(given, "sweep", "\n".join(texts), found)


if __name__ == "__main__":
    main()
