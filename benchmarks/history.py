"""What a corrector gains on a predictor-corrector method: python -m benchmarks.history

Trains HyperPECE of generated/hyper_pece on Lotka–Volterra and van der Pol from every seed, and measures it beside its
base: the same evaluations of f, unseen starts, half the span. Writes benchmarks/results/history.md and .json.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks import study
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


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__)
    given = study.given(parser, arguments)
    package = load_package(Path("generated/hyper_pece"))
    rows: list[dict[str, object]] = []
    few: dict[str, object] = {"iterations": 20} if given.smallest else {}
    for system, goal in list(SYSTEMS.items())[: 1 if given.smallest else None]:
        problem = CLASSICAL[system]
        for seed in given.seeds:
            output = given.runs / "hyper_pece" / system / f"seed_{seed}.safetensors"
            overrides: dict[str, object] = {"eps": problem.eps, **few}
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
    study.write(given, "history", markdown(heads, cells), {"runs": rows})


if __name__ == "__main__":
    main()
