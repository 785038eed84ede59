"""A corrector on the last correction of a predictor-corrector method, beside the method alone."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from functools import partial

import torch

from hyperdsl.evaluation.metrics import relative_error
from hyperdsl.evaluation.problems import CLASSICAL
from hyperdsl.evaluation.report import markdown
from hyperdsl.evaluation.solvers import reference_solution
from hyperdsl.evaluation.training import build_solver, train_package
from hyperdsl.evidence.packages import package, spec_text
from hyperdsl.evidence.study import Finding, Found, Part, Settings

SYSTEMS = ("lotka_volterra", "van_der_pol")
STEPS = (40, 80)
STARTS = 64
KIND = "history"


def parts(settings: Settings) -> list[Part]:
    """HyperPECE on each system from each seed."""
    recipe = (spec_text("beyond"), STEPS, STARTS, settings.smallest)
    return [
        Part(f"{KIND}/{system}/{seed}", partial(_measured, system, seed, settings), recipe)
        for seed in settings.seeds
        for system in SYSTEMS[: 1 if settings.smallest else None]
    ]


def _measured(system: str, seed: int, settings: Settings) -> Found:
    """The base's error and that with g, by K, on unseen starts over half the span."""
    problem, built = CLASSICAL[system], package("beyond", settings.runs)
    few: dict[str, object] = {"iterations": 8, "trajectories": 16, "substeps": 2} if settings.smallest else {}
    trained = train_package(
        built,
        problem,
        solver="HyperPECE",
        overrides={"eps": problem.eps, **few},
        seed=seed,
        output=settings.runs / "beyond" / system / f"HyperPECE_{seed}.safetensors",
        progress=settings.progress,
    )
    start, end = problem.span
    span = (start, (start + end) / 2)
    z0, _ = problem.draw(STARTS, torch.Generator().manual_seed(1_000_003 + seed))
    exact = reference_solution(problem.f, z0, span, tolerance=1e-10).z
    solvers = (build_solver(built, problem, "HyperPECE"), trained.solver)  # an untrained hypersolver is its base
    with torch.no_grad():
        rows = [
            [steps, *(relative_error(solver(problem.f, z0, span=span, steps=steps), exact) for solver in solvers)]
            for steps in STEPS
        ]
    return {"delta": trained.mid_range, "seconds": trained.seconds, "rows": rows}


def findings(found: Mapping[str, Found]) -> list[Finding]:
    """What g gains at equal evaluations."""
    gains: dict[str, list[float]] = {}
    for part, value in found.items():
        gains.setdefault(part.split("/")[1], []).extend(base / hyper for _, base, hyper in value["rows"])
    each = ", ".join(
        f"{system} {statistics.median(values):.3g} times less ({min(values):.3g} to {max(values):.3g})"
        for system, values in gains.items()
    )
    return [
        Finding(
            "Predictor-corrector schemes are compatible: g lowers the error of PECE at equal evaluations",
            f"error of AB2 with the trapezoidal rule over that with g: {each}",
            all(gain > 1 for values in gains.values() for gain in values),
        )
    ]


def table(found: Mapping[str, Found]) -> str:
    """A row for each run and K."""
    rows = []
    for part, value in found.items():
        _, system, seed = part.split("/")
        about = [system, seed, f"{value['seconds']:.1f}", f"{value['delta']:.4f}"]
        for steps, base, hyper in value["rows"]:
            rows.append([*about, str(steps), f"{base:.2e}", f"{hyper:.2e}", f"{base / hyper:.1f}"])
    return markdown(["system", "seed", "training s", "mid-range δ", "K", "error base", "error hyper", "gain"], rows)
