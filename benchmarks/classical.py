"""How much trained hypersolvers gain on five classical systems: python -m benchmarks.classical

Trains HyperEuler, HyperHeun and HyperRK4 of generated/ on every system from every seed, and writes a table of all runs
to benchmarks/results/classical.md and .json.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from benchmarks import study
from hyperdsl.evaluation.metrics import relative_error
from hyperdsl.evaluation.packages import Package, load_package
from hyperdsl.evaluation.problems import CLASSICAL, Problem
from hyperdsl.evaluation.report import markdown, plain
from hyperdsl.evaluation.solvers import reference_solution
from hyperdsl.evaluation.training import build_solver, train_package

PACKAGES = ("hyper_euler", "hyper_heun", "hyper_rk4")
UNSEEN_STARTS = 64
STEPS = 40


@dataclass(frozen=True)
class Goal:
    """The largest mid-range δ, and the least gain in global error over the base."""

    delta: float
    gain: float


GOALS = {"hyper_euler": Goal(0.04, 50), "hyper_heun": Goal(0.10, 2.5), "hyper_rk4": Goal(0.25, 5)}
SLOPE_MARGIN = 0.45
SECONDS = 30


@dataclass(frozen=True)
class Run:
    """One training: seconds, δ in the middle of the range of ε, slope of the local error, gain in global error."""

    system: str
    package: str
    seed: int
    seconds: float
    delta: float
    order: int
    slope: float
    base_error: float
    hyper_error: float

    @property
    def gain(self) -> float:
        return self.base_error / self.hyper_error

    @property
    def missed(self) -> list[str]:
        """The goals that this run misses."""
        goal = GOALS[self.package]
        reached = {
            "seconds": self.seconds < SECONDS,
            "δ": self.delta <= goal.delta,
            "slope": abs(self.slope - self.order - 1) <= SLOPE_MARGIN,
            "gain": self.gain >= goal.gain,
        }
        return [name for name, good in reached.items() if not good]


def order_of(solver: torch.nn.Module) -> int:
    """The proven order of a generated solver's base."""
    order = solver.order
    assert isinstance(order, int)
    return order


def run(package: Package, problem: Problem, seed: int, runs: Path, few: dict[str, object]) -> Run:
    """Trains and measures: the median relative error of unseen starts over half the span in 40 steps."""
    output = runs / package.name / problem.name / f"seed_{seed}.safetensors"
    changes = {"eps": problem.eps, **few}
    trained = train_package(package, problem, overrides=changes, seed=seed, output=output, progress=False)
    start, end = problem.span
    span = (start, (start + end) / 2)
    z0, _ = problem.draw(UNSEEN_STARTS, torch.Generator().manual_seed(1_000_003 + seed))
    exact = reference_solution(problem.f, z0, span, tolerance=1e-10).z
    base = build_solver(package, problem)  # an untrained hypersolver is its base
    with torch.no_grad():
        base_error, hyper_error = (
            relative_error(solver(problem.f, z0, span=span, steps=STEPS), exact) for solver in (base, trained.solver)
        )
    return Run(
        problem.name,
        package.name,
        seed,
        trained.seconds,
        trained.mid_range,
        order_of(trained.solver),
        trained.history.slope,
        base_error,
        hyper_error,
    )


def table(runs: Sequence[Run]) -> str:
    """All runs in Markdown."""
    heads = [
        "system",
        "package",
        "seed",
        "training s",
        "mid-range δ",
        "slope",
        "error base",
        "error hyper",
        "gain",
        "missed",
    ]
    rows = [
        [
            r.system,
            r.package,
            str(r.seed),
            f"{r.seconds:.1f}",
            f"{r.delta:.4f}",
            f"{r.slope:.2f}",
            f"{r.base_error:.2e}",
            f"{r.hyper_error:.2e}",
            f"{r.gain:.1f}",
            ", ".join(r.missed) or "–",
        ]
        for r in runs
    ]
    return markdown(heads, rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__)
    parser.add_argument("--systems", default=",".join(CLASSICAL), help="of " + ", ".join(CLASSICAL))
    parser.add_argument("--packages", default=",".join(PACKAGES), help="of " + ", ".join(PACKAGES))
    parser.add_argument("--generated", type=Path, default=Path("generated"))
    given = study.given(parser, arguments)
    runs: list[Run] = []
    few: dict[str, object] = {"iterations": 20} if given.smallest else {}
    for name in study.chosen(given.packages, PACKAGES, given.smallest):
        package = load_package(given.generated / name)
        for system in study.chosen(given.systems, CLASSICAL, given.smallest):
            for seed in given.seeds:
                runs.append(run(package, CLASSICAL[system], seed, given.runs, few))
                print(table(runs[-1:]).splitlines()[-1], flush=True)
    found = [
        {key: plain(value) for key, value in asdict(r).items()} | {"gain": r.gain, "missed": r.missed} for r in runs
    ]
    study.write(given, "classical", table(runs), {"runs": found})
    print(
        f"{sum(not r.missed for r in runs)} of {len(runs)} runs reach every goal; see {given.output / 'classical.md'}"
    )


if __name__ == "__main__":
    main()
