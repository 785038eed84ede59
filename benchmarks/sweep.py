"""A sweep of HyperEuler to HyperRK4 on Lotka–Volterra: python -m benchmarks.sweep

Runs `hyperdsl sweep` over the ranges of specs/swept_lotka_volterra.hyper, and writes the front to
benchmarks/results/sweep.md, .json and .png. One that was ended goes on; --fresh begins anew.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

SPEC = "specs/swept_lotka_volterra.hyper"
FOLDER = Path("runs/benchmarks/sweep")
RESULTS = Path("benchmarks/results")
COSTS = ("macs", "evaluations")


def command(cost: str, jobs: int) -> list[str]:
    """`hyperdsl sweep` of the spec."""
    line = [
        sys.executable,
        "-m",
        "hyperdsl",
        "sweep",
        SPEC,
        f"by_{cost}",
        "--problem",
        "lotka_volterra",
        "--cost",
        cost,
    ]
    return [*line, "--jobs", str(jobs), "--storage", str(FOLDER / f"{cost}.log")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--fresh", action="store_true")
    given = parser.parse_args()
    if given.fresh:
        shutil.rmtree(FOLDER, ignore_errors=True)
    texts, found = [], {}
    for cost in COSTS:
        line = command(cost, given.jobs)
        plot = RESULTS / f"sweep_{cost}.png"
        table = subprocess.run(
            [*line, "--markdown", "--plot", str(plot)], check=True, stdout=subprocess.PIPE, text=True
        )
        again = subprocess.run([*line, "--json", "--quiet"], check=True, stdout=subprocess.PIPE, text=True)
        found[cost] = json.loads(again.stdout)
        spent = sum({point["spec"]: point["seconds"] for point in found[cost]["points"]}.values())
        texts.append(
            f"Error against {cost}: {found[cost]['networks']} networks in {spent:.0f} s of training and measuring.\n\n"
            f"{table.stdout}\n![The front]({plot.name})\n"
        )
    (RESULTS / "sweep.md").write_text("\n".join(texts), "utf-8")
    (RESULTS / "sweep.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
