"""What each training strategy gains: python -m benchmarks.strategies

HyperEuler on van der Pol and Lotka–Volterra from three seeds, at equal iterations: δ on unseen trajectories and one
standard deviation off them, for states of trajectories alone, mixtures, and worst cases; and HyperHeun before and after
fine-tuning on rollouts, by the K-step error that it is tuned for. Writes benchmarks/results/strategies.md and .json.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from benchmarks import study
from hyperdsl.evaluation.packages import load_package
from hyperdsl.evaluation.problems import CLASSICAL, Problem
from hyperdsl.evaluation.report import markdown
from hyperdsl.evaluation.training import box_tensors, build_solver, mid_range
from hyperdsl.training.settings import Adversarial, Share

SYSTEMS = ("van_der_pol", "lotka_volterra")
ROLLOUT = 8
UNSEEN = 512


def strategies() -> dict[str, dict[str, Any]]:
    """The settings in which the strategies differ."""
    share = Share
    trajectory = (share("trajectory", 1.0),)
    mixture = (share("trajectory", 0.4), share("noise", 0.6, 1.0))
    return {
        "residual, trajectory": {"loss": None, "states": trajectory},
        "residual, default mixture": {"loss": None},
        "residual, mixture with noise(1)": {"loss": None, "states": mixture},
        "adversarial, radius 1": {"loss": Adversarial(1.0, 5), "states": trajectory},
    }


@dataclass(frozen=True)
class Run:
    """One training: δ in the middle of the range of ε, on unseen trajectories and one σ off; seconds it took.

    `far` is the quotient one σ off of root mean squares, which the worst states decide; `apart` is the median distance
    of those states from the nearest training state, in σ.
    """

    system: str
    strategy: str
    seed: int
    delta: float
    off: float
    far: float
    apart: float
    seconds: float


@dataclass(frozen=True)
class Tuning:
    """The median K-step error of unseen rollouts over the base method's, before and after fine-tuning, by ε."""

    system: str
    seed: int
    eps: float
    before: float
    after: float


def field(problem: Problem) -> Callable[[Tensor, Tensor], Tensor]:
    return problem.f


def solution(problem: Problem, z: Tensor, length: float, substeps: int = 400) -> Tensor:
    """z after `length`, by RK4; the systems here are autonomous."""
    h, f, s = length / substeps, field(problem), torch.zeros(())
    for _ in range(substeps):
        k1 = f(s, z)
        k2 = f(s, z + h / 2 * k1)
        k3 = f(s, z + h / 2 * k2)
        z = z + h / 6 * (k1 + 2 * k2 + 2 * k3 + f(s, z + h * k3))
    return z


def states(problem: Problem, seed: int) -> Tensor:
    """Unseen states on trajectories, at times spread over the span."""
    generator = torch.Generator().manual_seed(5_000_011 + seed)
    z, _ = problem.draw(UNSEEN, generator)
    pieces = []
    for part in z.chunk(16):
        pieces.append(solution(problem, part, float(torch.rand((), generator=generator)) * problem.span[1], 2000))
    return torch.cat(pieces)


def errors(solver: Any, problem: Problem, z: Tensor, eps: float, steps: int = 1) -> tuple[Tensor, Tensor]:
    """The errors after `steps` steps from z, and those of the base method."""
    exact, learned, base = solution(problem, z, steps * eps), z, z
    with torch.no_grad():
        for _ in range(steps):
            learned, base = solver.step(problem.f, 0.0, learned, eps), solver.base_step(problem.f, 0.0, base, eps)
    first, second = ((end - exact).norm(dim=1).nan_to_num(nan=torch.inf) for end in (learned, base))
    return first, second


def ratio(solver: Any, problem: Problem, z: Tensor, eps: float, steps: int = 1) -> float:
    """The quotient of the median errors."""
    learned, base = errors(solver, problem, z, eps, steps)
    return float(learned.median() / base.median())


def distance(problem: Problem, z: Tensor, seed: int) -> float:
    """The median distance of states from the nearest on the trajectories that training starts from, in σ."""
    known = problem.draw(512, torch.Generator().manual_seed(seed))[0]
    seen = [known]
    for _ in range(64):
        seen.append(solution(problem, seen[-1], (problem.span[1] - problem.span[0]) / 64, 8))
    cloud = torch.cat(seen)
    return float(torch.cdist(z / cloud.std(0), cloud / cloud.std(0)).amin(1).median())


def measured(system: str, name: str, seed: int, iterations: int) -> Run:
    problem, package = CLASSICAL[system], load_package("generated/adversarial_hyper_euler")
    train = package.train()
    solver = build_solver(package, problem, seed=seed)
    settings = replace(train.SETTINGS[type(solver)], steps=None, eps=problem.eps, seed=seed)
    settings = replace(settings, **strategies()[name], iterations=iterations)
    start = time.perf_counter()
    history = train.fit(
        solver, problem.f, problem.sample, problem.span, settings=settings, box=box_tensors(problem), progress=False
    )
    seconds = time.perf_counter() - start
    z = states(problem, seed)
    noise = torch.randn(z.shape, generator=torch.Generator().manual_seed(seed), dtype=z.dtype)
    assert problem.eps is not None
    middle = (problem.eps[0] * problem.eps[1]) ** 0.5
    off = z + z.std(0) * noise
    learned, base = errors(solver, problem, off, middle)
    far = float((learned.square().mean() / base.square().mean()).sqrt())
    median = float(learned.median() / base.median())
    return Run(system, name, seed, mid_range(history.delta), median, far, distance(problem, off, seed), seconds)


def tuned(system: str, seed: int, iterations: int, further: int) -> list[Tuning]:
    problem, package = CLASSICAL[system], load_package("generated/phased_hyper_heun")
    train = package.train()
    settings = replace(train.SETTINGS[package.choose()], steps=None, eps=problem.eps, iterations=iterations, seed=seed)
    (phase,) = settings.then
    phase = replace(phase, steps=None, eps=problem.eps, iterations=further, seed=seed)
    solvers = []
    for then in ((), (phase,)):
        solvers.append(build_solver(package, problem, seed=seed))
        train.fit(
            solvers[-1],
            problem.f,
            problem.sample,
            problem.span,
            settings=replace(settings, then=then),
            box=box_tensors(problem),
            progress=False,
        )
    generator = torch.Generator().manual_seed(7_000_003 + seed)
    z = solution(problem, problem.draw(UNSEEN, generator)[0], 1.0)
    assert problem.eps is not None
    low, high = problem.eps
    sizes = [low * (high / low) ** (k / 4) for k in range(5)]
    return [
        Tuning(system, seed, eps, *(ratio(solver, problem, z, eps, ROLLOUT) for solver in solvers)) for eps in sizes
    ]


def report(runs: list[Run], tunings: list[Tuning]) -> str:
    """Medians over the seeds, with all seeds' values behind them."""
    rows = []
    for system in dict.fromkeys(run.system for run in runs):
        pure = [run.off for run in runs if run.system == system and run.strategy == "residual, trajectory"]
        for name in dict.fromkeys(run.strategy for run in runs):
            group = [run for run in runs if (run.system, run.strategy) == (system, name)]
            off = statistics.median(run.off for run in group)
            rows.append(
                [
                    system,
                    name,
                    f"{statistics.median(run.delta for run in group):.4f}",
                    ", ".join(f"{run.delta:.4f}" for run in group),
                    f"{off:.3f}",
                    ", ".join(f"{run.off:.3f}" for run in group),
                    f"{off / statistics.median(pure):.2f}" if pure else "–",
                    f"{statistics.median(run.far for run in group):.3f}",
                    f"{statistics.median(run.apart for run in group):.3f}",
                    f"{statistics.median(run.seconds for run in group):.0f}",
                ]
            )
    heads = ["system", "strategy", "δ", "seeds", "δ one σ off", "seeds", "off, over pure", "rms off", "apart", "s"]
    first = markdown(heads, rows)
    rows = [
        [t.system, str(t.seed), f"{t.eps:.3g}", f"{t.before:.4f}", f"{t.after:.4f}", f"{t.after / t.before:.2f}"]
        for t in tunings
    ]
    for system in dict.fromkeys(t.system for t in tunings):
        for seed in dict.fromkeys(t.seed for t in tunings):
            gain = statistics.geometric_mean(
                t.after / t.before for t in tunings if (t.system, t.seed) == (system, seed)
            )
            rows.append([system, str(seed), "all", "", "", f"{gain:.2f}"])
    second = markdown(["system", "seed", "ε", f"{ROLLOUT}-step error before", "after", "after / before"], rows)
    return "\n".join(
        [
            "HyperEuler, residual or worst-case loss, equal iterations. δ: local error over the base's, in the middle",
            "of the range of ε. σ: the states' standard deviation, by component. rms off: the quotient of root mean",
            "squares there, which the worst states decide. apart: how far those states are from the nearest training",
            "state, in σ.",
            f"\n{first}\n",
            f"HyperHeun, fine-tuned on rollouts of {ROLLOUT} steps. Errors are over the base's.\n\n{second}\n",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__)
    parser.add_argument("--systems", default=",".join(SYSTEMS))
    parser.add_argument("--iterations", type=int, default=3000)
    parser.add_argument("--further", type=int, default=500, help="iterations of fine-tuning")
    parser.add_argument("--strategies", default="", help="some of them, by their place, such as 0,2")
    given = study.given(parser, arguments)
    names = list(strategies())
    names = [names[int(k)] for k in given.strategies.split(",")] if given.strategies else names
    runs: list[Run] = []
    tunings: list[Tuning] = []
    names = names[:1] if given.smallest else names
    given.iterations, given.further = (20, 5) if given.smallest else (given.iterations, given.further)
    for system in study.chosen(given.systems, SYSTEMS, given.smallest):
        for seed in given.seeds:
            for name in names:
                runs.append(measured(system, name, seed, given.iterations))
                print(runs[-1], flush=True)
            if given.further:
                tunings += tuned(system, seed, given.iterations, given.further)
                print(*tunings[-5:], sep="\n", flush=True)
    found = {"runs": [asdict(run) for run in runs], "tunings": [asdict(tuning) for tuning in tunings]}
    study.write(given, "strategies", report(runs, tunings), found)


if __name__ == "__main__":
    main()
