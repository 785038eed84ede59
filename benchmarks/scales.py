"""Relative correctors beside absolute ones: python -m benchmarks.scales

Trains every base with and without `stages`, both forms of output, on systems whose speed varies, on chaotic and larger
ones, a flow and digits. δ in the middle of the range of ε; of unseen starts after half the span, in steps of that ε:
the base's median error over the hypersolver's (gain), the median of their quotient (typical), and the quotient of
their root mean squares (rms, above one where g does harm). Each run is kept in runs/benchmarks/scales.json as it ends
and is not made again. Writes benchmarks/results/scales.md and .json.
"""

from __future__ import annotations

import itertools
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks import study
from hyperdsl import compiler
from hyperdsl.evaluation.built_in import built_in
from hyperdsl.evaluation.packages import Package, load_package
from hyperdsl.evaluation.problems import CLASSICAL, Problem
from hyperdsl.evaluation.report import markdown, plain
from hyperdsl.evaluation.solvers import reference_solution
from hyperdsl.evaluation.systems import MULTISCALE
from hyperdsl.evaluation.training import build_solver, train_package
from hyperdsl.source import SpecFile

SYSTEMS = (*CLASSICAL, *MULTISCALE, "flow", "digits")
BASES = ("euler", "heun", "rk4")
FORMS = ("absolute", "relative")
INPUTS = ("z, dz, s, eps", "z, dz, stages, s, eps")
UNSEEN = 256
LAYERS = {"digits": "conv2d(32, kernel = 3), prelu, conv2d(32, kernel = 3), prelu"}
DENSE = "linear(64), silu, linear(64), silu"
SPEC = """
corrector g {{
    inputs {inputs}
    layers {layers}
    output {form}
}}

hypersolver Hyper {{
    base {base}
    corrector g
}}
"""


def package_of(folder: Path, base: str, inputs: str, form: str, layers: str) -> Package:
    """The package of a hypersolver with a g of this form."""
    count = len(inputs.split(", "))
    path = folder / f"{base}_{form}_{count}_{layers[:4]}.hyper"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(SPEC.format(inputs=inputs, layers=layers, form=form, base=base), "utf-8")
    compiler.compile_checked(compiler.check([SpecFile(path, path.name)]), folder)
    return load_package(folder / path.stem)


def errors(solver: Any, problem: Problem, z0: Tensor, x: Tensor | None, exact: Tensor, steps: int) -> Tensor:
    """The distance of each sample from the exact state after half the span."""
    given = {} if x is None else {"x": x}
    start, end = problem.span
    with torch.no_grad():
        z = solver(problem.f, z0, span=(start, (start + end) / 2), steps=steps, check=False, **given)
    distances: Tensor = torch.linalg.vector_norm((z - exact).flatten(1), dim=1)
    return distances


def measured(package: Package, problem: Problem, seed: int, runs: Path, few: dict[str, object]) -> dict[str, Any]:
    """Trains, and measures on starts that training has not seen."""
    start, end = problem.span
    low, high = problem.eps or (abs(end - start) / 20, abs(end - start) / 2)
    output = runs / "scales" / problem.name / f"{package.name}_{seed}.safetensors"
    trained = train_package(
        package, problem, overrides={"eps": (low, high), **few}, seed=seed, output=output, progress=False
    )
    z0, x = problem.draw(UNSEEN, torch.Generator().manual_seed(2_000_003 + seed))
    half = (start, (start + end) / 2)
    exact = reference_solution(problem.f, z0, half, x, tolerance=1e-10).z
    steps = max(round(abs(end - start) / 2 / (low * high) ** 0.5), 1)
    base, hyper = (
        errors(solver, problem, z0, x, exact, steps) for solver in (build_solver(package, problem), trained.solver)
    )
    return {
        "delta": trained.mid_range,
        "gain": float(base.median() / hyper.median()),
        "typical": float((base / hyper).median()),
        "rms": float((hyper.square().mean() / base.square().mean()).sqrt()),
        "largest": float(hyper.max() / base.max()),
        "worse": float((hyper > base).double().mean()),
        "seconds": trained.seconds,
    }


def table(runs: Sequence[dict[str, Any]]) -> str:
    """The forms side by side, medians over seeds."""
    groups: dict[tuple[str, str, str], dict[str, list[dict[str, Any]]]] = {}
    for run in runs:
        key = run["system"], run["base"], run["inputs"]
        groups.setdefault(key, {}).setdefault(run["form"], []).append(run)
    columns = [(what, form) for what in ("delta", "gain", "typical", "rms", "worse") for form in FORMS]
    named = {"delta": "δ", "worse": "share worse"}
    heads = ["system", "base", "inputs", "seeds", *(f"{named.get(what, what)} {form}" for what, form in columns)]
    rows = []
    for key, forms in groups.items():
        cells = [
            f"{statistics.median(run[what] for run in forms[form]):.3g}" if form in forms else "–"
            for what, form in columns
        ]
        rows.append([*key, str(max(map(len, forms.values()))), *cells])
    return markdown(heads, rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__)
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="of " + ", ".join(SYSTEMS))
    parser.add_argument("--bases", default=",".join(BASES), help="of " + ", ".join(BASES))
    parser.add_argument("--forms", default=",".join(FORMS), help="of " + ", ".join(FORMS))
    given = study.given(parser, arguments)
    few: dict[str, object] = {"iterations": 20} if given.smallest else {}
    kept = given.runs / "scales.json"
    found: dict[str, dict[str, Any]] = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    systems = study.chosen(given.systems, SYSTEMS, given.smallest)
    bases = study.chosen(given.bases, BASES, given.smallest)
    forms = study.chosen(given.forms, FORMS, given.smallest)
    wanted = []
    for seed, system, base, inputs, form in itertools.product(given.seeds, systems, bases, INPUTS, forms):
        key = {"system": system, "base": base, "inputs": inputs, "form": form, "seed": seed}
        name = json.dumps(key)
        wanted.append(name)
        if name not in found and not (base == "euler" and "stages" in inputs):
            package = package_of(given.runs / "specs", base, inputs, form, LAYERS.get(system, DENSE))
            run = measured(package, built_in(system, progress=False), seed, given.runs, few)
            found[name] = {**key, **run}
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(found, indent=1), "utf-8")
            print(*key.values(), *(f"{what} {value:.3g}" for what, value in run.items()), flush=True)
    runs = [found[name] for name in wanted if name in found]
    shown = [{name: plain(value) for name, value in run.items()} for run in runs]
    study.write(given, "scales", table(runs), {"runs": shown})


if __name__ == "__main__":
    main()
