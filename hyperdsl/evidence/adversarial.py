"""What worst cases and noise in training gain off the trajectories, and rollouts on them, at equal iterations."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from hyperdsl.evaluation.problems import CLASSICAL, Problem
from hyperdsl.evaluation.report import markdown
from hyperdsl.evaluation.training import train_package
from hyperdsl.evidence.packages import package, spec_text
from hyperdsl.evidence.study import Conclusion, Finding, Found, Part, Settings, Study, verdict

SYSTEMS = ("van_der_pol", "lotka_volterra", "lorenz")
STRATEGIES = {
    "OnTrajectories": "states of trajectories alone",
    "DefaultMixture": "the default mixture",
    "WithNoise": "a mixture with noise of one σ",
    "AtWorst": "worst cases within one σ",
}
PURE, _, NOISY, WORST = STRATEGIES
TUNED = ("WithoutRollouts", "ThenRollouts")
ROLLOUT = 8
UNSEEN = 512
SIZES = 5
"""Numbers of step sizes, over the range that training is for."""
Measures = Mapping[tuple[str, str], Sequence[Found]]
"""Of the seeds, by system and strategy."""


def _solution(problem: Problem, z: Tensor, length: Tensor | float, substeps: int) -> Tensor:
    """z [n, d] after `length`, or after each sample's own, [n, 1], by RK4; the systems here are autonomous."""
    h, f, s = length / substeps, problem.f, torch.zeros(())
    for _ in range(substeps):
        k1 = f(s, z)
        k2 = f(s, z + h / 2 * k1)
        k3 = f(s, z + h / 2 * k2)
        z = z + h / 6 * (k1 + 2 * k2 + 2 * k3 + f(s, z + h * k3))
    return z


def _states(problem: Problem, seed: int, settings: Settings) -> Tensor:
    """Unseen states on trajectories, at times spread over the span."""
    generator = torch.Generator().manual_seed(5_000_011 + seed)
    z, _ = problem.draw(UNSEEN, generator)
    times = problem.span[1] * torch.rand(UNSEEN, 1, generator=generator, dtype=z.dtype)
    return _solution(problem, z, times, 5 * _substeps(settings))


def _substeps(settings: Settings) -> int:
    """Of RK4 in an exact solution; a trajectory's are five times as many."""
    return 40 if settings.smallest else 400


def _errors(
    solver: Any, problem: Problem, z: Tensor, eps: float, settings: Settings, steps: int = 1
) -> tuple[Tensor, Tensor]:
    """The errors after `steps` steps from z, and those of the base method."""
    exact, learned, base = _solution(problem, z, steps * eps, _substeps(settings)), z, z
    with torch.no_grad():
        for _ in range(steps):
            learned, base = solver.step(problem.f, 0.0, learned, eps), solver.base_step(problem.f, 0.0, base, eps)
    first, second = ((end - exact).norm(dim=1).nan_to_num(nan=torch.inf) for end in (learned, base))
    return first, second


def _trained(solver: str, system: str, seed: int, settings: Settings) -> Any:
    problem = CLASSICAL[system]
    few: dict[str, object] = {"iterations": 8, "trajectories": 16, "substeps": 2} if settings.smallest else {}
    then: dict[str, object] = {"eps": problem.eps, **({"iterations": 3} if settings.smallest else {"iterations": 500})}
    return train_package(
        package("adversarial", settings.runs),
        problem,
        solver=solver,
        overrides={"eps": problem.eps, **few, **({"then": (then,)} if solver == TUNED[1] else {})},
        seed=seed,
        output=settings.runs / "adversarial" / system / f"{solver}_{seed}.safetensors",
        progress=settings.progress,
    )


def _range(problem: Problem) -> tuple[float, float]:
    assert problem.eps is not None  # the classical systems have one
    return problem.eps


def _measured(solver: str, system: str, seed: int, settings: Settings) -> Found:
    """Errors in the middle of the range of ε over the base's, on unseen trajectories and one σ off them.

    `off` is the quotient of the medians and `rms` that of the root mean squares, which the worst states decide; `lost`
    is the share of states that g makes worse.
    """
    problem = CLASSICAL[system]
    trained = _trained(solver, system, seed, settings)
    z = _states(problem, seed, settings)
    noise = torch.randn(z.shape, generator=torch.Generator().manual_seed(seed), dtype=z.dtype)
    low, high = _range(problem)
    middle = (low * high) ** 0.5
    on, base_on = _errors(trained.solver, problem, z, middle, settings)
    learned, base = _errors(trained.solver, problem, z + z.std(0) * noise, middle, settings)
    return {
        "on": float(on.median() / base_on.median()),
        "off": float(learned.median() / base.median()),
        "rms": float((learned.square().mean() / base.square().mean()).sqrt()),
        "lost": float((learned > base).double().mean()),
        "seconds": trained.seconds,
    }


def _tuned(system: str, seed: int, settings: Settings) -> Found:
    """The median error of unseen rollouts over the base's, by ε, before and after fine-tuning on rollouts."""
    problem = CLASSICAL[system]
    solvers = [_trained(name, system, seed, settings).solver for name in TUNED]
    drawn, _ = problem.draw(UNSEEN, torch.Generator().manual_seed(7_000_003 + seed))
    z = _solution(problem, drawn, 1.0, _substeps(settings))
    low, high = _range(problem)
    rows = []
    for k in range(SIZES):
        eps = low * (high / low) ** (k / (SIZES - 1))
        errors = [_errors(solver, problem, z, eps, settings, ROLLOUT) for solver in solvers]
        rows.append([eps, *(float(learned.median() / base.median()) for learned, base in errors)])
    return {"rollouts": rows}


def _parts(settings: Settings) -> list[Part]:
    systems, names = (SYSTEMS[:1], (PURE, NOISY, WORST)) if settings.smallest else (SYSTEMS, tuple(STRATEGIES))
    recipe = (spec_text("adversarial"), settings.smallest)
    parts = []
    for seed in settings.seeds:
        for system in systems:
            parts += [
                Part(f"{system}/{seed}/{name}", partial(_measured, name, system, seed, settings), recipe)
                for name in names
            ]
            parts.append(Part(f"{system}/{seed}/rollouts", partial(_tuned, system, seed, settings), recipe))
    return parts


def _median(group: Sequence[Found], name: str) -> float:
    return statistics.median(float(found[name]) for found in group)


def _ratios(measures: Measures, name: str, first: str, second: str) -> dict[str, float]:
    """By system, the median over the seeds of one strategy's over another's."""
    systems = dict.fromkeys(system for system, _ in measures)
    return {
        system: _median(measures[system, first], name) / _median(measures[system, second], name) for system in systems
    }


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{system} {value:.2g}" for system, value in values.items())


def _lower(*ratios: Mapping[str, float]) -> bool | None:
    """Whether they are below 1."""
    return verdict(value < 1 for each in ratios for value in each.values())


def _findings(measures: Measures, gains: Mapping[str, Sequence[float]]) -> list[Finding]:
    off, rms = (_ratios(measures, name, WORST, PURE) for name in ("off", "rms"))
    beside = [_ratios(measures, name, WORST, NOISY) for name in ("off", "rms")]
    noisy = [_ratios(measures, name, NOISY, PURE) for name in ("off", "rms")]
    on, slower = _ratios(measures, "on", WORST, PURE), _ratios(measures, "seconds", WORST, PURE)
    spread = {system: statistics.geometric_mean(values) for system, values in gains.items()}
    worst = max(max(values) for values in gains.values())
    return [
        Finding(
            "Adversarial training may be used to enhance hypersolver resilience to challenging dynamics",
            f"error one σ off the trajectories over that of training on trajectories alone: median {_listed(off)}; "
            f"root mean square, which the worst states decide, {_listed(rms)}",
            _lower(off, rms),
        ),
        Finding(
            "It helps more than states with noise of one σ, which cost nothing (ours)",
            f"error over theirs: median {_listed(beside[0])}; root mean square {_listed(beside[1])}; with noise over "
            f"trajectories alone: {_listed(noisy[0])}; {_listed(noisy[1])}",
            _lower(*beside),
        ),
        Finding(
            "It costs nothing on the trajectories, nor in time (ours)",
            f"error on them over that of training on trajectories alone: {_listed(on)}; time over its: "
            f"{_listed(slower)}",
            _lower(on, slower),
        ),
        Finding(
            f"Trajectory fitting, the source's other alternative, lowers the error of {ROLLOUT} steps after residual "
            "fitting",
            f"error after over before, the geometric mean over ε and seeds: {_listed(spread)}; at worst {worst:.2f}",
            _lower(spread),
        ),
    ]


def _conclude(found: Mapping[str, Found], settings: Settings) -> Conclusion:
    groups: dict[tuple[str, str], list[Found]] = {}
    for part, value in found.items():
        system, _, name = part.split("/")
        groups.setdefault((system, name), []).append(value)
    rollouts = {system: values for (system, name), values in groups.items() if name == "rollouts"}
    measures = {key: values for key, values in groups.items() if key[1] != "rollouts"}
    rows = []
    for (system, name), group in measures.items():
        each = [f"{_median(group, key):.3g}" for key in ("on", "off", "rms")]
        seeds = ", ".join(f"{one['rms']:.3g}" for one in group)
        lost, taken = f"{100 * _median(group, 'lost'):.1f}", f"{_median(group, 'seconds'):.0f}"
        rows.append([system, STRATEGIES[name], *each, seeds, lost, taken])
    heads = ["system", "training states", "error on", "off, median", "off, rms", "rms, seeds", "states made worse, %"]
    first = markdown([*heads, "s"], rows)
    rows, gains = [], {}
    for system, group in rollouts.items():
        gains[system] = [after / before for one in group for _, before, after in one["rollouts"]]
        for seed, one in enumerate(group):
            rows += [
                [system, str(seed), f"{eps:.3g}", f"{before:.4f}", f"{after:.4f}", f"{after / before:.2f}"]
                for eps, before, after in one["rollouts"]
            ]
    heads = ["system", "run", "ε", f"{ROLLOUT}-step error before", "after", "after / before"]
    return Conclusion(
        _findings(measures, gains),
        f"""HyperEuler, in equal iterations. Errors are over the base's, in the middle of the range of ε, on unseen
states of trajectories and one standard deviation (by component) off them; medians over the seeds.

{first}
HyperHeun, before and after fine-tuning on rollouts of {ROLLOUT} steps. Errors are over the base's.

{markdown(heads, rows)}""",
    )


STUDY = Study(
    "Adversarial training and trajectory fitting",
    """The source: "Adversarial training may be used to enhance hypersolver resilience to challenging dynamics"; and, of
training, "Alternative: trajectory fitting and adversarial training". Here the same HyperEuler is trained with the
residual loss at states of trajectories, of mixtures, and at the worst states within one standard deviation of
trajectories (projected gradient ascent of five steps), and measured off the trajectories, where the first is weak;
HyperHeun is fine-tuned on rollouts.""",
    20.0,
    _parts,
    _conclude,
)
