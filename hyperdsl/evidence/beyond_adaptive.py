"""Adaptive hypersolvers, whose g estimates the error, beside adaptive methods at equal error, a state at a time."""

from __future__ import annotations

import contextlib
import itertools
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from hyperdsl.evaluation.problems import CLASSICAL, Problem, VectorField
from hyperdsl.evaluation.report import markdown
from hyperdsl.evaluation.solvers import Solved, reference_solution, torchdiffeq_solve
from hyperdsl.evaluation.training import train_package
from hyperdsl.evidence.packages import package, spec_text
from hyperdsl.evidence.study import Finding, Found, Part, Settings, verdict
from hyperdsl.runtime.field import Counted

SYSTEMS = ("lotka_volterra", "van_der_pol")
HYPER = ("AdaptiveHyperEuler", "AdaptiveHyperHeun")
TOLERANCES = (0.1, 0.03, 0.01)
RIVALS = ("SciPy's RK45", "torchdiffeq's dopri5")
UNSEEN, STARTS = 1_000_003, 24
KIND = "adaptive"


def parts(settings: Settings) -> list[Part]:
    """The rivals' curves of each system, and each solver trained from each seed."""
    some = slice(1 if settings.smallest else None)
    recipe = (spec_text("beyond"), TOLERANCES, STARTS, settings.smallest)
    found = [Part(f"{KIND}/{name}/rivals", partial(_rivals, name, settings), recipe) for name in SYSTEMS[some]]
    return found + [
        Part(f"{KIND}/{name}/{solver}/{seed}", partial(_hyper, name, solver, seed, settings), recipe)
        for seed in settings.seeds
        for name in SYSTEMS[some]
        for solver in HYPER[some]
    ]


def _starts(problem: Problem, settings: Settings) -> tuple[Tensor, Tensor]:
    z0, _ = problem.draw(2 if settings.smallest else STARTS, torch.Generator().manual_seed(UNSEEN))
    return z0, reference_solution(problem.f, z0, problem.span, tolerance=1e-11).z


def _each(solve: Callable[[Tensor], Solved], z0: Tensor, exact: Tensor) -> tuple[float, float, float]:
    """Error, evaluations and milliseconds of the process of a solve: means over starts, the error's geometric."""
    errors, counts, start = [], [], time.process_time()
    for z in z0:
        solved = solve(z[None])
        errors.append(solved.z[0])
        counts.append(solved.evaluations)
    taken = 1e3 * (time.process_time() - start) / len(z0)
    distances = [float((end - z).norm() / z.norm()) for end, z in zip(errors, exact, strict=True)]
    return statistics.geometric_mean(distances), statistics.fmean(counts), taken


def _rivals(system: str, settings: Settings) -> Found:
    """Error, evaluations and milliseconds of adaptive methods at many tolerances, but those at which they give up."""
    problem = CLASSICAL[system]
    z0, exact = _starts(problem, settings)

    def flat(s: float, y: Any) -> Any:
        return problem.f(torch.tensor(s), torch.from_numpy(y)).numpy()

    def rk45(tolerance: float, z: Tensor) -> Solved:
        found = solve_ivp(flat, problem.span, z[0].numpy(), rtol=tolerance, atol=tolerance)  # RK45 is its default
        return Solved(torch.from_numpy(found.y[:, -1:].T.copy()), found.nfev)

    def dopri5(tolerance: float, z: Tensor) -> Solved:
        f = Counted(problem.f)
        return Solved(torchdiffeq_solve(f, z, problem.span, tolerance=tolerance), f.evaluations)

    tolerances = [10 ** (-k / 2) for k in range(2, 15, 6 if settings.smallest else 1)]
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in RIVALS}
    for name, solve in zip(RIVALS, (rk45, dopri5), strict=True):
        for tolerance in tolerances:
            with contextlib.suppress(AssertionError):  # torchdiffeq's "underflow in dt", at loose tolerances
                found[name].append(_each(partial(solve, tolerance), z0, exact))
    return dict(found)


def _hyper(system: str, name: str, seed: int, settings: Settings) -> Found:
    problem = CLASSICAL[system]
    few: dict[str, object] = {"iterations": 20, "trajectories": 16, "substeps": 2} if settings.smallest else {}
    output = settings.runs / "beyond" / system / f"{name}_{seed}.safetensors"
    trained = train_package(
        package("beyond", settings.runs),
        problem,
        solver=name,
        overrides=few,
        seed=seed,
        output=output,
        progress=settings.progress,
    )
    solver: Any = trained.solver
    z0, exact = _starts(problem, settings)

    def solve(rtol: float, z: Tensor) -> Solved:
        found = solver.solve(problem.f, z, problem.span, rtol=rtol, atol=rtol / 10, dense=False, throw=False)
        return Solved(found.z, found.statistics.evaluations)

    rows = [[rtol, *_each(partial(solve, rtol), z0, exact)] for rtol in TOLERANCES]
    return {"correlation": _correlation(solver, problem, 4 if settings.smallest else 40), "rows": rows}


def _by_reference(f: VectorField, s: float, z: Tensor, eps: float) -> Tensor:
    return reference_solution(f, z, (s, s + eps), tolerance=1e-10).z


@torch.no_grad()
def _correlation(solver: Any, problem: Problem, times: int) -> float:
    """Of log ‖ε^(p+1) g‖ and the log of the true local error, on trajectories and steps that training has not seen."""
    generator = torch.Generator().manual_seed(UNSEEN)
    z, _ = problem.draw(64, generator)
    pairs = []
    smallest, largest = solver.corrector.eps_range.tolist()
    for k in range(times):
        s = problem.span[0] + 0.1 * k
        z = _by_reference(problem.f, s, z, 0.1)
        eps = smallest * (largest / smallest) ** float(torch.rand((), generator=generator))
        base, learned = solver.base_step(problem.f, s, z, eps), solver.step(problem.f, s, z, eps)
        true = _by_reference(problem.f, s, z, eps)
        pairs.append(torch.stack(((learned - base).norm(dim=1).log(), (true - base).norm(dim=1).log())))
    return float(torch.corrcoef(torch.cat(pairs, 1).double())[0, 1])


def at_error(curve: Sequence[tuple[float, float]], error: float) -> float:
    """The least cost of a curve of (error, cost) at an error, between its points in logarithms; nan if it has none."""
    found = [
        math.exp(math.log(m) + (math.log(n) - math.log(m)) * math.log(error / d) / math.log(e / d))
        for (d, m), (e, n) in itertools.pairwise(curve)
        if d != e and min(d, e) <= error <= max(d, e)
    ]
    return min(found, default=math.nan)


def _compared(found: Mapping[str, Found]) -> list[dict[str, Any]]:
    """A row for each run and tolerance, with what rivals need for the same error over its own."""
    rows = []
    for part, value in found.items():
        if part.endswith("/rivals"):
            continue
        _, system, solver, seed = part.split("/")
        rivals = found[f"{KIND}/{system}/rivals"]
        for rtol, error, count, taken in value["rows"]:
            row = {"system": system, "solver": solver, "seed": seed, "rtol": rtol, "error": error, "count": count}
            for rival in RIVALS:
                row[rival] = at_error([(e, n) for e, n, _ in rivals[rival]], error) / count
                row[f"{rival} ms"] = at_error([(e, ms) for e, _, ms in rivals[rival]], error) / taken
            rows.append(row | {"ms": taken, "correlation": value["correlation"]})
    return rows


def findings(found: Mapping[str, Found]) -> list[Finding]:
    """Evaluations and time at equal error, and g as an estimate."""
    rows = _compared(found)
    groups = [(solver, system) for solver in HYPER for system in SYSTEMS]

    def each(key: str) -> str:
        """Medians, and the least, by solver and system."""
        lines = []
        for solver, system in groups:
            values = [row[key] for row in rows if (row["solver"], row["system"]) == (solver, system)]
            if values:
                lines.append(f"{solver} on {system} {statistics.median(values):.2g} (least {min(values):.2g})")
        return ", ".join(lines)

    correlations = [row["correlation"] for row in rows]
    needed = "; ".join(f"{rival}: {each(rival)}" for rival in RIVALS)
    return [
        Finding(
            "Adaptive-step schemes are compatible: a hypersolver needs fewer evaluations at equal error",
            f"evaluations over its own, medians over tolerances and seeds: {needed}",
            verdict(row[rival] > 1 for row in rows for rival in RIVALS),
        ),
        Finding(
            "It is quicker at equal error, too, on fields of a few operations (ours)",
            f"milliseconds of {RIVALS[1]} over its own: {each(f'{RIVALS[1]} ms')}",
            verdict(row[f"{RIVALS[1]} ms"] > 1 for row in rows),
        ),
        Finding(
            "g is the error estimate that step-size control needs (ours)",
            f"log-correlation of its term and the true local error, off the training states: {min(correlations):.3f} "
            f"to {max(correlations):.4f}",
            min(correlations) > 0.9,
        ),
    ]


def table(found: Mapping[str, Found]) -> str:
    """A row for each run and tolerance."""
    cells = [
        [
            *(str(row[key]) for key in ("solver", "system", "seed")),
            f"{row['correlation']:.4f}",
            f"{row['rtol']:g}",
            f"{row['error']:.1e}",
            f"{row['count']:.1f}",
            *(f"{row[rival]:.2f}" for rival in RIVALS),
            f"{row['ms']:.1f}",
            f"{row[f'{RIVALS[1]} ms']:.2f}",
        ]
        for row in _compared(found)
    ]
    heads = ["solver", "system", "seed", "log-correlation", "rtol", "error", "evaluations"]
    heads += [f"{rival} at equal error, times as many" for rival in RIVALS]
    return markdown([*heads, "CPU ms", f"{RIVALS[1]}, times as long"], cells)
