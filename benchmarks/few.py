"""Generative flows in 2 to 8 evaluations: python -m benchmarks.few

Every method with equally many evaluations of f, on four flows in the plane, in L2 to the exact end and milliseconds
(images: `hyperdsl reproduce images`). The learned solvers are trained by hyperdsl from the spec that is written beside
the results.
Writes benchmarks/results/few.md and .json, and samples as few_NAME.png.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor
from tqdm import tqdm

from benchmarks import study
from hyperdsl import compiler
from hyperdsl.evaluation.built_in import FLOWS, built_in
from hyperdsl.evaluation.contenders import Contender, adaptive, fixed
from hyperdsl.evaluation.flows import FlowRecipe, flow_problem, train_flow
from hyperdsl.evaluation.metrics import l2
from hyperdsl.evaluation.packages import Package, load_package
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.report import markdown
from hyperdsl.evaluation.solvers import bind, torchdiffeq_solve
from hyperdsl.evaluation.work_precision import Start, measure
from hyperdsl.evidence import samplers
from hyperdsl.evidence.packages import trained_solver
from hyperdsl.reporting.methods import library
from hyperdsl.source import SpecFile

PROBLEMS = FLOWS[1:]
COUNTS = (2, 3, 4, 6, 8)
CLASSICAL = {"euler": 1, "midpoint": 2, "rk4": 4}
SAMPLERS = {"dpm++(2m)": samplers.dpmpp_2m, "unipc-2": samplers.unipc_2}
HEUN = "heun, EDM's grid"
EXACT = "dopri5 at 1e-5"


@dataclass(frozen=True)
class Case:
    """How much is measured of a problem, and how its solvers are trained."""

    samples: int
    repeats: int
    training: str
    corrector: str


FLOW = Case(
    4096,
    30,
    "trajectories 1024\n    iterations 600\n    batch 256",
    "layers linear(64), silu, linear(64), silu",
)


@dataclass(frozen=True)
class Row:
    """A method measured: milliseconds for 64 samples, `seconds` of training."""

    problem: str
    seed: int
    method: str
    evaluations: int
    l2: float
    milliseconds: float
    seconds: float | None = None


def spec(case: Case, counts: Sequence[int]) -> str:
    """The learned solvers for so many evaluations, with and without a corrector, and HyperHeun."""
    halves = ", ".join(str(count // 2) for count in counts if count % 2 == 0)
    solvers = [
        f"solver Learned{count} {{\n    base learned({count})\n    training last\n}}\n\n"
        f"hypersolver Corrected{count} {{\n    base learned({count})\n    corrector g\n    training last\n}}\n"
        for count in counts
    ]
    last = f"training last {{\n    loss end\n    steps 1\n    {case.training}\n}}\n"
    heun = f"training each {{\n    loss end\n    steps {halves}\n    {case.training}\n}}\n"
    reads = "inputs z, dz, stages"
    corrector = f"corrector g {{\n    {reads}\n    {case.corrector}\n}}\n"
    with_eps = f"corrector g_eps {{\n    {reads}, s, eps\n    {case.corrector}\n}}\n"
    hyper = "hypersolver HyperHeun {\n    base heun\n    corrector g_eps\n    training each\n}\n"
    return "\n".join((last, heun, corrector, with_eps, *solvers, hyper))


def package_of(case: Case, counts: Sequence[int], name: str, folder: Path) -> Package:
    """The package of `spec`, compiled into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.hyper"
    path.write_text(spec(case, counts), "utf-8")
    compiler.compile_checked(compiler.check([SpecFile(path, path.name)]), folder)
    return load_package(folder / name)


def plain(counts: Sequence[int]) -> list[tuple[int, Contender]]:
    """The methods that are not trained, with the evaluations that each has."""
    found = []
    for name, stages in CLASSICAL.items():
        steps = [count // stages for count in counts if count % stages == 0]
        found += [(k * stages, c) for k, c in zip(steps, fixed(name, library(name), steps), strict=True)]
    for count in counts:
        if count % 2 == 0:
            found.append((count, _sampler(HEUN, samplers.heun, samplers.edm(count // 2), count)))
        found += [(count, _sampler(name, run, samplers.equal(count), count)) for name, run in SAMPLERS.items()]
    return found


def _sampler(name: str, run: Callable[..., Tensor], times: Sequence[float], count: int) -> Contender:
    def solve(f: Any, z0: Tensor, span: tuple[float, float], x: Tensor | None) -> Tensor:
        return run(bind(f, x), z0, times)

    return Contender(name, f"n = {count}", solve)


def trained(
    package: Package, problem: Problem, counts: Sequence[int], seed: int, folder: Path, few: dict[str, object]
) -> list[tuple[int, Contender, float]]:
    """The learned solvers with their evaluations and the seconds that their training took."""
    found = []

    def train(name: str) -> tuple[Any, float]:
        return trained_solver(package, problem, name, seed, folder, few)

    for count in tqdm(counts, desc=f"{problem.name}, seed {seed}", leave=False):
        for label, name in ((f"learned({count})", f"Learned{count}"), (f"learned({count}) + g", f"Corrected{count}")):
            solver, seconds = train(name)
            (contender,) = fixed(label, solver, [1])
            found.append((count, contender, seconds))
    even = [count for count in counts if count % 2 == 0]
    solver, seconds = train("HyperHeun")
    hyper = fixed("HyperHeun", solver, [count // 2 for count in even])
    return found + [(count, contender, seconds) for count, contender in zip(even, hyper, strict=True)]


@torch.no_grad()
def exact(problem: Problem, z0: Tensor, x: Tensor | None) -> Tensor:
    """The end states, by dopri5 at 1e-5 in the states' dtype, which is far nearer than what is compared here."""
    parts = [
        torchdiffeq_solve(problem.f, z, problem.span, None if x is None else x[64 * k : 64 * (k + 1)], tolerance=1e-5)
        for k, z in enumerate(torch.split(z0, 64))
    ]
    return torch.cat(parts)


def rows_of(
    problem: Problem, case: Case, counts: Sequence[int], seed: int, given: argparse.Namespace
) -> tuple[list[Row], dict[str, Tensor]]:
    """The problem's rows for a seed, and some end states for the picture."""
    few: dict[str, object] = {"iterations": 2, "trajectories": 64} if given.smallest else {}
    samples = 16 if given.smallest else case.samples
    folder = given.runs / "few" / problem.name
    package = package_of(case, counts, f"few_{problem.name}", folder)
    learned = trained(package, problem, counts, seed, folder, few)
    seconds = {(count, contender.method): spent for count, contender, spent in learned}
    contenders = [*plain(counts), *((count, contender) for count, contender, _ in learned)]
    loose = [(0, contender) for contender in adaptive((1e-3,))]
    z0, x = problem.draw(samples, torch.Generator().manual_seed(1_000_003 + seed))
    end = exact(problem, z0, x)
    start = Start(problem.f, z0, problem.span, end, x)
    found, pictures = [], {EXACT: end}
    both = [*contenders, *loose]
    for (count, contender), row in zip(both, measure([c for _, c in both], start, repeats=case.repeats), strict=True):
        with torch.no_grad():
            z = contender.run(problem.f, z0, problem.span, x)
        pictures[f"{contender.method} n = {count}"] = z
        found.append(
            Row(
                problem.name,
                seed,
                contender.method,
                row.evaluations,
                l2(z, end),
                row.milliseconds,
                seconds.get((count, contender.method)),
            )
        )
    return found, pictures


def picture(pictures: dict[str, Tensor], count: int, path: Path) -> None:
    """Samples of each method with `count` evaluations beside the exact ones, from the same noise."""
    shown = {EXACT: pictures[EXACT], **{k: z for k, z in pictures.items() if k.endswith(f"n = {count}")}}
    figure = Figure(figsize=(3 * min(len(shown), 5), 3.2 * -(-len(shown) // 5)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(-(-len(shown) // 5), min(len(shown), 5), squeeze=False).ravel()
    for panel in panels:
        panel.set_axis_off()
    for panel, (name, z) in zip(panels, shown.items(), strict=False):
        panel.set_title(name, fontsize="small")
        panel.scatter(z[:, 0], z[:, 1], s=0.5, color="#0b5fa5")
        panel.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal")
    figure.savefig(path, dpi=110)


def table(rows: Sequence[Row], problem: str) -> str:
    """Medians over the seeds, a line for each method and number of evaluations."""
    lines = []
    own = [row for row in rows if row.problem == problem]
    heads = ["n", "method", "L2", "over the best untrained", "ms, 64 samples", "training, s"]
    for key in sorted({(_count(row, own), _order(row), row.method) for row in own}):
        same = [row for row in own if (_count(row, own), _order(row), row.method) == key]
        best = [_best(own, key[0], row.seed) for row in same]
        l2s = [row.l2 for row in same]
        ratio = statistics.median(a / b for a, b in zip(l2s, best, strict=True)) if all(best) else None
        cells = [str(key[0] or "–"), key[2], f"{statistics.median(l2s):.3g}", "" if ratio is None else f"{ratio:.2f}"]
        cells += [f"{statistics.median(row.milliseconds for row in same):.2f}"]
        spent = [row.seconds for row in same if row.seconds is not None]
        cells += [f"{statistics.median(spent):.1f}" if spent else ""]
        lines.append(cells)
    return markdown(heads, lines)


def _order(row: Row) -> int:
    return 1 if row.seconds is not None else 0


def _count(row: Row, rows: Sequence[Row]) -> int:
    return row.evaluations if row.method not in (EXACT, "dopri5") else 0


def _best(rows: Sequence[Row], count: int, seed: int) -> float:
    """The least L2 of the methods that are not trained, with so many evaluations; 0 for none."""
    found = [
        row.l2
        for row in rows
        if row.seed == seed and row.evaluations == count and row.seconds is None and row.method not in (EXACT, "dopri5")
    ]
    return min(found, default=0.0)


def _problem(name: str, smallest: bool) -> Problem:
    """The built-in problem; where its f need not be good, one that is trained for two iterations."""
    if not smallest:
        return built_in(name)
    return flow_problem(field=train_flow(0, FlowRecipe(iterations=2), progress=False), name=name)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__)
    parser.add_argument("--on", default=",".join(PROBLEMS), help=f"some of {', '.join(PROBLEMS)}")
    parser.add_argument("--evaluations", default=",".join(map(str, COUNTS)))
    given = study.given(parser, arguments)
    names = study.chosen(given.on, PROBLEMS, given.smallest)
    counts = [int(count) for count in given.evaluations.split(",")][: 2 if given.smallest else None]
    rows: list[Row] = []
    for name in names:
        problem, case = _problem(name, given.smallest), FLOW
        for seed in given.seeds:
            kept = given.runs / "few" / f"{name}_{seed}_{'_'.join(map(str, counts))}.json"
            if kept.exists():  # a run that was ended goes on where it was
                rows += [Row(**row) for row in json.loads(kept.read_text("utf-8"))]
                continue
            found, pictures = rows_of(problem, case, counts, seed, given)
            rows += found
            kept.write_text(json.dumps([asdict(row) for row in found]), "utf-8")
            if seed == given.seeds[0]:
                given.output.mkdir(parents=True, exist_ok=True)
                picture(pictures, 4 if 4 in counts else counts[0], given.output / f"few_{name}.png")
    text = "\n".join(f"## {name}\n\n{table(rows, name)}" for name in names)
    print(text)
    study.write(given, "few", text, {"rows": [asdict(row) for row in rows]})


if __name__ == "__main__":
    main()
