"""Whether it pays to ask whether g can be trusted: python -m benchmarks.trust

Steps of three hypersolvers from states on solutions and ever further off them, where a corrector has not been trained.
Four ways to use g are compared: one g; the mean of three, trained from three seeds; that mean where the three agree and
no g elsewhere; one g where the state is in the range of the solutions, widened by a quarter, and no g elsewhere. Of
local errors over the base's, for the ε in the middle of those of training: the median, the share of states where g does
harm, and the root mean square of all errors over that of the base's, which a few bad states decide.
Writes benchmarks/results/trust.md and .json.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks import study
from benchmarks.classical import PACKAGES
from hyperdsl.evaluation.built_in import built_in
from hyperdsl.evaluation.packages import Package, load_package
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.report import markdown
from hyperdsl.evaluation.solvers import reference_solution
from hyperdsl.evaluation.training import train_package

SYSTEMS = ("van_der_pol", "lotka_volterra", "pendulum", "brusselator")
OFF = {"on solutions": 0.0, "½ σ off": 0.5, "1 σ off": 1.0, "2 σ off": 2.0, "4 σ off": 4.0}
ONE, MEAN, AGREED, INSIDE = "one g", "mean of three", "where three agree", "where in range"
AGREEMENT = 0.5  # of the mean's size: three that differ more than this do not agree
STATES = 1024
POINTS = 33


@dataclass(frozen=True)
class Row:
    """One way to use g, so far off the solutions; `used` is the share of states where it is used."""

    system: str
    package: str
    states: str
    way: str
    median: float
    harmed: float
    rms: float
    used: float


def solvers_of(package: Package, problem: Problem, seeds: Sequence[int], runs: Path, few: dict[str, object]) -> Any:
    """The package's solver, trained from each of the seeds."""
    changes = {"eps": problem.eps, **few}
    return [
        train_package(
            package,
            problem,
            overrides=changes,
            seed=seed,
            output=runs / "trust" / problem.name / f"{package.name}_{seed}.safetensors",
            progress=False,
        ).solver
        for seed in seeds
    ]


def visited(problem: Problem, count: int) -> Tensor:
    """States of solutions that training has not seen, at times drawn over the span: [count, *state_shape]."""
    generator = torch.Generator().manual_seed(3_000_003)
    z0, _ = problem.draw(count, generator)
    start, end = problem.span
    states, z = [z0], z0
    for k in range(POINTS - 1):
        part = (end - start) / (POINTS - 1)
        z = reference_solution(problem.f, z, (start + k * part, start + (k + 1) * part), tolerance=1e-9).z
        states.append(z)
    drawn = torch.randint(POINTS, (count,), generator=generator)
    return torch.stack(states)[drawn, torch.arange(count)]


def ways(terms: Tensor, inside: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """What each way adds to the base's step, of the terms of three solvers [3, states, n], and where it adds it."""
    mean = terms.mean(0)
    spread = (terms - mean).square().mean(0).sum(-1).sqrt()
    agreed = spread <= AGREEMENT * mean.norm(dim=-1)
    always = torch.ones_like(agreed)
    found = {ONE: (terms[0], always), MEAN: (mean, always), AGREED: (mean, agreed), INSIDE: (terms[0], inside)}
    return {name: (term * used.unsqueeze(-1), used) for name, (term, used) in found.items()}


@torch.no_grad()
def rows_of(package: Package, problem: Problem, solvers: Sequence[Any], count: int) -> list[Row]:
    """All ways at all distances."""
    start, end = problem.span
    low, high = problem.eps or (abs(end - start) / 20, abs(end - start) / 2)
    eps, middle = (low * high) ** 0.5, (start + end) / 2
    states = visited(problem, count)
    deviation = states.std(0)
    least, most = states.amin(0), states.amax(0)
    room = (most - least) / 4
    noise = torch.randn(states.shape, generator=torch.Generator().manual_seed(4_000_003), dtype=states.dtype)
    found = []
    for name, size in OFF.items():
        z = states + size * deviation * noise
        exact = reference_solution(problem.f, z, (middle, middle + eps), tolerance=1e-10).z
        base = solvers[0].base_step(problem.f, middle, z, eps)
        usable = exact.isfinite().all(-1) & base.isfinite().all(-1)
        terms = torch.stack([solver.step(problem.f, middle, z, eps) - base for solver in solvers])
        within = ((z >= least - room) & (z <= most + room)).all(-1)
        alone = (base - exact).norm(dim=-1)[usable]
        for way, (term, used) in ways(terms, within).items():
            error = (base + term - exact).norm(dim=-1)[usable]
            ratio = error / alone
            found.append(
                Row(
                    problem.name,
                    package.name,
                    name,
                    way,
                    float(ratio.median()),
                    float((ratio > 1).double().mean()),
                    float((error.square().mean() / alone.square().mean()).sqrt()),
                    float(used[usable].double().mean()),
                )
            )
    return found


def table(rows: Sequence[Row]) -> str:
    """A line for each package, system and distance."""
    ways = (ONE, MEAN, AGREED, INSIDE)
    cells: dict[str, Callable[[Row], str]] = {
        "median": lambda row: f"{row.median:.3g}",
        "harmed": lambda row: f"{100 * row.harmed:.1f} %",
        "rms": lambda row: f"{row.rms:.3g}",
    }
    heads = ["package", "system", "states", *(f"{what}, {way}" for what in cells for way in ways)]
    lines = []
    for package, system, states in dict.fromkeys((row.package, row.system, row.states) for row in rows):
        own = {row.way: row for row in rows if (row.package, row.system, row.states) == (package, system, states)}
        lines.append([package, system, states, *(cell(own[way]) for cell in cells.values() for way in ways)])
    return markdown(heads, lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__)
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="of " + ", ".join(SYSTEMS))
    given = study.given(parser, arguments)
    seeds = given.seeds if len(given.seeds) > 1 else (given.seeds[0], given.seeds[0] + 1)
    few: dict[str, object] = {"iterations": 2} if given.smallest else {}
    rows: list[Row] = []
    for name in PACKAGES[: 1 if given.smallest else None]:
        package = load_package(Path("generated") / name)
        for system in study.chosen(given.systems, SYSTEMS, given.smallest):
            problem = built_in(system, progress=False)
            solvers = solvers_of(package, problem, seeds, given.runs, few)
            rows += rows_of(package, problem, solvers, 32 if given.smallest else STATES)
            print(name, system, flush=True)
    study.write(given, "trust", f"{study.about(__doc__)}\n{table(rows)}", {"rows": [asdict(row) for row in rows]})
    print(table(rows))


if __name__ == "__main__":
    main()
