"""What a corrector gains on a predictor-corrector method: python -m benchmarks.history

Trains HyperPECE of generated/hyper_pece on Lotka–Volterra and van der Pol from every seed, and measures it beside its
base: the same evaluations of f, unseen starts, half the span. Writes benchmarks/results/history.md and .json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from hyperdsl.evaluation.metrics import relative_error
from hyperdsl.evaluation.packages import load_package
from hyperdsl.evaluation.problems import CLASSICAL
from hyperdsl.evaluation.report import markdown
from hyperdsl.evaluation.solvers import reference_solution
from hyperdsl.evaluation.training import build_solver, train_package

SYSTEMS = {"lotka_volterra": 30.0, "van_der_pol": 1.5}
"""And the least gain to reach."""
STEPS = (40, 80)
UNSEEN_STARTS = 64
RESULTS = Path("benchmarks/results")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--output", type=Path, default=RESULTS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    package = load_package(Path("generated/hyper_pece"))
    rows: list[dict[str, object]] = []
    for system, goal in SYSTEMS.items():
        problem = CLASSICAL[system]
        for seed in map(int, given.seeds.split(",")):
            output = Path("runs/benchmarks/hyper_pece") / system / f"seed_{seed}.safetensors"
            overrides: dict[str, object] = {"eps": problem.eps}
            trained = train_package(package, problem, overrides=overrides, seed=seed, output=output, progress=False)
            start, end = problem.span
            span = (start, (start + end) / 2)
            z0, _ = problem.draw(UNSEEN_STARTS, torch.Generator().manual_seed(1_000_003 + seed))
            exact = reference_solution(problem.f, z0, span, tolerance=1e-10).z
            base = build_solver(package, problem)  # an untrained hypersolver is its base
            for steps in STEPS:
                with torch.no_grad():
                    errors = [
                        relative_error(solver(problem.f, z0, span=span, steps=steps), exact)
                        for solver in (base, trained.solver)
                    ]
                rows.append(
                    {
                        "system": system,
                        "seed": seed,
                        "K": steps,
                        "seconds": trained.seconds,
                        "delta": trained.mid_range,
                        "base": errors[0],
                        "hyper": errors[1],
                        "gain": errors[0] / errors[1],
                        "goal": goal,
                    }
                )
                print(rows[-1], flush=True)
    heads = ["system", "seed", "K", "training s", "mid-range δ", "error base", "error hyper", "gain", "goal"]
    cells = [
        [
            str(r["system"]),
            str(r["seed"]),
            str(r["K"]),
            f"{r['seconds']:.1f}",
            f"{r['delta']:.4f}",
            f"{r['base']:.2e}",
            f"{r['hyper']:.2e}",
            f"{r['gain']:.1f}",
            f"{r['goal']:g}",
        ]
        for r in rows
    ]
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "history.md").write_text(markdown(heads, cells), "utf-8")
    (given.output / "history.json").write_text(json.dumps({"runs": rows}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
