"""What learned parameters and coefficients of the base gain: python -m benchmarks.learned

Families of order 2, 3 and 4 on classical systems, beside members of theirs that are known, at equal evaluations; and
all coefficients of a step of four evaluations on digits, beside RK4, at equal time. Every written spec is proven.
Writes benchmarks/results/learned.md and .json.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from benchmarks import study
from hyperdsl import compiler
from hyperdsl.evaluation.classifier import SPAN, encoded
from hyperdsl.evaluation.contenders import adaptive, fixed
from hyperdsl.evaluation.digits import digits_data, digits_model, digits_problem
from hyperdsl.evaluation.metrics import l2, mape, relative_error
from hyperdsl.evaluation.packages import Package, load_package
from hyperdsl.evaluation.problems import CLASSICAL
from hyperdsl.evaluation.report import markdown
from hyperdsl.evaluation.solvers import in_double, reference_solution, torchdiffeq_solve
from hyperdsl.evaluation.training import Trained, train_package
from hyperdsl.evaluation.work_precision import Start, measure
from hyperdsl.reporting.methods import library
from hyperdsl.source import SpecFile

FAMILIES = Path("generated/learned_families")
COEFFICIENTS, COEFFICIENT = Path("generated/digits_coefficients"), "FourEvaluations"
SYSTEMS = ("pendulum", "lotka_volterra", "van_der_pol")
RIVALS = {
    "LearnedMidpoint": ("midpoint", "ralston2", "heun"),
    "LearnedThird": ("ralston3", "kutta3"),
    "LearnedFourth": ("rk4", "rk38"),
}
STEPS = 40
STARTS = 512
ROUNDS = 60


@dataclass(frozen=True)
class Member:
    """A trained member of a family on one system: its end states' error, and that of known members."""

    solver: str
    system: str
    seed: int
    seconds: float
    values: dict[str, float]
    order: int
    error: float
    rivals: dict[str, float]


@dataclass(frozen=True)
class Image:
    """One way to solve the digits model: milliseconds for 64 images, errors on the test set and one σ beside it."""

    method: str
    seed: int
    evaluations: int
    milliseconds: float
    mape: float
    l2: float
    moved: float


def written(trained: Trained, folder: Path) -> tuple[nn.Module, int]:
    """The solver of the spec that the training wrote, compiled anew, and the order proven of it."""
    folder.mkdir(parents=True, exist_ok=True)
    name = type(trained.solver).__name__
    path = folder / f"{name.lower()}.hyper"
    path.write_text(trained.written or "", "utf-8")
    checked = compiler.check([SpecFile(path, path.name)])
    compiler.compile_checked(checked, folder)
    (method,) = checked.specs[0].methods
    assert method.tolerance is None  # exactly
    return load_package(folder / path.stem).solvers[name](), method.facts.order


def members(
    package: Package, name: str, system: str, seeds: Sequence[int], runs: Path, few: dict[str, object]
) -> list[Member]:
    """The family trained on a system from each seed, in the states' dtype, and measured at 40 steps."""
    problem = CLASSICAL[system]
    z0, x = problem.draw(STARTS, torch.Generator().manual_seed(1_000_003))
    exact = reference_solution(problem.f, z0, problem.span, x, tolerance=1e-11).z

    def error(solver: Callable[..., Tensor]) -> float:
        with torch.no_grad():
            return relative_error(solver(problem.f, z0, span=problem.span, steps=STEPS), exact)

    rivals = {rival: error(library(rival)) for rival in RIVALS[name]}
    found = []
    for seed in seeds:
        output = runs / system / f"{name}_{seed}.safetensors"
        trained = train_package(package, problem, solver=name, overrides=few, seed=seed, output=output, progress=False)
        solver, order = written(trained, runs / system / f"written_{seed}")
        values = trained.solver.values()  # type: ignore[operator]  # a generated solver's method
        found.append(Member(name, system, seed, trained.seconds, values, order, error(solver), rivals))
    return found


def images(package: Package, seed: int, runs: Path) -> tuple[list[Image], Trained, int]:
    """The digits model of a seed solved in four evaluations, and by dopri5."""
    model = digits_model(seed, progress=False)
    _, test = digits_data(seed)
    problem = digits_problem(seed, model)
    output = runs / "digits" / f"seed_{seed}.safetensors"
    trained = train_package(package, problem, solver=COEFFICIENT, seed=seed, output=output, progress=False)
    solver, order = written(trained, runs / "digits" / f"written_{seed}")
    z0 = encoded(model, test.images)
    normal = torch.randn(z0.shape, generator=torch.Generator().manual_seed(seed))
    moved = z0 + z0.std(0) * normal
    with torch.no_grad():
        exact, exact_moved = (
            torchdiffeq_solve(in_double(model.field), z.double(), SPAN, tolerance=1e-7) for z in (z0, moved)
        )
    name = type(trained.solver).__name__
    contenders = [
        *fixed(name, solver, [1]),
        *fixed("rk4", library("rk4"), [1]),
        *fixed("midpoint", library("midpoint"), [2]),
        *fixed("euler", library("euler"), [4]),
        *adaptive(),
    ]
    rows = measure(contenders, Start(model.field, z0, SPAN, exact), repeats=ROUNDS)
    found = []
    for contender, row in zip(contenders, rows, strict=True):
        with torch.no_grad():
            z, away = (contender.run(model.field, start, SPAN, None) for start in (z0, moved))
        found.append(
            Image(
                f"{row.method} {row.setting}",
                seed,
                row.evaluations,
                row.milliseconds,
                mape(z, exact),
                l2(z, exact),
                l2(away, exact_moved),
            )
        )
    return found, trained, order


def family_table(found: Sequence[Member]) -> str:
    """Medians over the seeds, for each family and system."""
    rows = []
    for solver, system in dict.fromkeys((run.solver, run.system) for run in found):
        runs = [run for run in found if (run.solver, run.system) == (solver, system)]
        error = statistics.median(run.error for run in runs)
        values = ", ".join(
            f"{name} {min(run.values[name] for run in runs):.3f} … {max(run.values[name] for run in runs):.3f}"
            for name in runs[0].values
        )
        rivals = ", ".join(f"{rival} {other / error:.2f}×" for rival, other in runs[0].rivals.items())
        worst = min(min(run.rivals.values()) / run.error for run in runs)
        seconds = statistics.median(run.seconds for run in runs)
        rows.append(
            [solver, system, str(runs[0].order), values, f"{error:.3g}", rivals, f"{worst:.2f}×", f"{seconds:.1f}"]
        )
    heads = ["solver", "system", "order", "values", "error", "others' error over it", "best other, worst seed", "s"]
    return markdown(heads, rows)


def image_table(found: Sequence[Image]) -> str:
    """Medians over the seeds, for each method."""
    rows = []
    for method in dict.fromkeys(image.method for image in found):
        runs = [image for image in found if image.method == method]
        medians = [
            statistics.median(getattr(run, field) for run in runs) for field in ("milliseconds", "mape", "l2", "moved")
        ]
        evaluations = statistics.median(run.evaluations for run in runs)
        rows.append([method, str(evaluations), f"{medians[0]:.2f}", *(f"{value:.3g}" for value in medians[1:])])
    return markdown(["method", "NFE", "ms, 64 images", "MAPE %", "L2", "L2 one σ off"], rows)


def ratios(found: Sequence[Image], name: str) -> list[str]:
    """RK4's figures over the learned solver's, seed by seed."""
    lines = []
    for field in ("mape", "l2", "moved", "milliseconds"):
        pairs = []
        for seed in dict.fromkeys(image.seed for image in found):
            rk4, own = (
                next(image for image in found if image.seed == seed and image.method == method)
                for method in ("rk4 K = 1", f"{name} K = 1")
            )
            pairs.append(getattr(rk4, field) / getattr(own, field))
        lines.append(f"- rk4 K = 1 over {name}, {field}: " + ", ".join(f"{pair:.2f}" for pair in pairs))
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__)
    parser.add_argument("--only", choices=("families", "digits"))
    given = study.given(parser, arguments)
    seeds, small = given.seeds, given.smallest
    lines: list[str] = []
    families: list[Member] = []
    pictures: list[Image] = []
    if given.only != "digits":
        package = load_package(FAMILIES)
        few: dict[str, object] = {"iterations": 2} if small else {}
        for name, system in tqdm(
            [(name, system) for name in RIVALS for system in SYSTEMS][: 1 if small else None], desc="families"
        ):
            families += members(
                package, name, system, seeds if name == "LearnedMidpoint" else seeds[:1], given.runs / "learned", few
            )
        lines += [f"## Families, {STEPS} steps, {STARTS} unseen starts, relative error of the end state (median)", ""]
        lines += [f"Seeds {given.seeds} for order 2, the first one for orders 3 and 4.", "", family_table(families)]
    if given.only != "families" and not small:
        package = load_package(COEFFICIENTS)
        for seed in tqdm(seeds, desc="digits"):
            found, trained, order = images(package, seed, given.runs / "learned")
            pictures += found
            lines.append(f"Seed {seed}: {trained.seconds:.1f} s of training; written spec proven of order {order}.\n")
        lines += ["## Digits, four evaluations, medians", "", image_table(pictures)]
        lines += ratios(pictures, type(trained.solver).__name__)
    text = "\n".join(lines) + "\n"
    print(text)
    content = {"families": [asdict(run) for run in families], "digits": [asdict(image) for image in pictures]}
    study.write(given, "learned", text, content)


if __name__ == "__main__":
    main()
