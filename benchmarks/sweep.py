"""Sweeps over an image model and a classical system: python -m benchmarks.sweep

Runs `hyperdsl sweep` of specs/swept_digits.hyper, error against multiply-accumulates, and of
specs/swept_lotka_volterra.hyper, whose f costs next to nothing, error against evaluations; writes the fronts to
benchmarks/results/sweep.md, .json and sweep_PROBLEM.png. A run that was ended goes on; --fresh begins anew.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

STUDIES = {"digits": "macs", "lotka_volterra": "evaluations"}
METHODS = "euler,midpoint,ralston3,rk4"
FOLDER = Path("runs/benchmarks/sweep")
RESULTS = Path("benchmarks/results")


def command(problem: str, cost: str, jobs: int) -> list[str]:
    """`hyperdsl sweep` of the problem's spec."""
    line = [sys.executable, "-m", "hyperdsl", "sweep", f"specs/swept_{problem}.hyper", "--problem", problem]
    line += ["--cost", cost, "--methods", METHODS]
    return [*line, "--jobs", str(jobs), "--storage", str(FOLDER / f"{problem}.log")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--fresh", action="store_true")
    given = parser.parse_args()
    if given.fresh:
        shutil.rmtree(FOLDER, ignore_errors=True)
    texts, found = [], {}
    for problem, cost in STUDIES.items():
        line = command(problem, cost, given.jobs)
        plot = RESULTS / f"sweep_{problem}.png"
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
    (RESULTS / "sweep.md").write_text("\n".join(texts), "utf-8")
    (RESULTS / "sweep.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
