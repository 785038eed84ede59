"""Which sampler finds a good front with few trainings: python -m benchmarks.sweep_samplers

Trains every network of a grid over the bases, widths and depths of specs/swept_lotka_volterra.hyper once, and then lets
samplers choose among them, from many seeds each: what they reach costs no further training. Writes the part of the
whole grid's hypervolume that each reaches to benchmarks/results/sweep_samplers.md.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import create_trial
from tqdm import tqdm

from benchmarks import study
from hyperdsl import compiler
from hyperdsl.cli.sweep import compile_variant
from hyperdsl.evaluation.problems import CLASSICAL
from hyperdsl.evaluation.report import markdown
from hyperdsl.evaluation.work_precision import unseen
from hyperdsl.source import SpecFile
from hyperdsl.sweeps.points import Cost, Network, Point, hypervolume, points
from hyperdsl.sweeps.run import Task, train
from hyperdsl.sweeps.storages import Journal
from hyperdsl.sweeps.store import Store

SPEC = Path("specs/swept_lotka_volterra.hyper")
BASES = ("euler", "heun", "ralston3", "rk4")
WIDTHS = (4, 6, 8, 12, 16, 24, 32, 48, 64)
DEPTHS = (1, 2, 3)
COSTS: tuple[Cost, ...] = ("macs", "evaluations")
BUDGETS = (8, 16, 32)

Key = tuple[str, int, int]
Space = Mapping[str, BaseDistribution]
SPACE: Space = {
    "base": CategoricalDistribution(BASES),
    "width": IntDistribution(WIDTHS[0], WIDTHS[-1], log=True),
    "depth": IntDistribution(DEPTHS[0], DEPTHS[-1]),
}


def grid(folder: Path, keys: Sequence[Key], iterations: int, changes: Mapping[str, object]) -> dict[Key, Network]:
    """Every network of the grid, trained with `changes` of its settings; those of an earlier run are read."""
    sweep = next(s for s in compiler.check([SpecFile(SPEC, SPEC.as_posix())]).specs[0].sweeps if s.name == "trade")
    write = compiler.variants(SPEC, "trade").text
    problem = CLASSICAL["lotka_volterra"]
    task = Task(SPEC.stem, sweep.solver, problem, sweep.steps, write, compile_variant, changes, Path("runs/cache"))
    store = Store(Journal(folder / "grid.log"), sweep, "macs", 1, {"benchmark": "samplers"})
    start, found = unseen(problem), {}
    try:
        for key in tqdm(keys, unit="net"):
            file = folder / f"{'_'.join(map(str, key))}.json"
            if not file.exists():
                values = dict(zip(SPACE, map(str, key), strict=True)) | {"iterations": str(iterations)}
                file.write_text(json.dumps(train(store, task, values, start).as_json()), "utf-8")
            found[key] = Network.from_json(json.loads(file.read_text("utf-8")))
    finally:
        store.close()
    return found


def snapped(choice: Mapping[str, object]) -> Key:
    """The grid's network that is nearest to a choice."""
    width = float(str(choice["width"]))
    nearest = min(WIDTHS, key=lambda known: abs(math.log(known / width)))
    return str(choice["base"]), nearest, int(str(choice["depth"]))


def ask_all(begin: bool, chance: int | None) -> Callable[..., list[Key]]:
    """TPE, told each network's points at all K.

    `begin`: first every base in the middle of the ranges; `chance`: the number of networks that are drawn at random
    before TPE proposes any, None for all of them.
    """

    def choose(networks: Mapping[Key, Network], cost: Cost, budget: int, seed: int) -> list[Key]:
        study = optuna.create_study(directions=["minimize", "minimize"])
        tried: list[Key] = []
        for draw in range(20 * budget):
            if len(tried) == budget:
                break
            key = (BASES[len(tried)], 16, 2) if begin and len(tried) < len(BASES) else None
            if key is None:
                own = int(np.random.SeedSequence([seed, draw]).generate_state(1)[0])
                random = chance is None or len(tried) < chance or draw > 10 * budget
                sampler = RandomSampler(seed=own) if random else TPESampler(seed=own, n_startup_trials=0)
                trial = create_trial(state=optuna.trial.TrialState.RUNNING)
                key = snapped({word: sampler.sample_independent(study, trial, word, d) for word, d in SPACE.items()})
            if key not in tried:
                tried.append(key)
                params = dict(zip(SPACE, key, strict=True))
                for point in points([networks[key]]):
                    values = point.objectives(cost)
                    study.add_trial(create_trial(params=params, distributions=dict(SPACE), values=values))
        return tried

    return choose


def ask_one(sampler: Callable[[int], BaseSampler]) -> Callable[..., list[Key]]:
    """K is one more thing that the sampler chooses; a network that is known already costs nothing."""

    def choose(networks: Mapping[Key, Network], cost: Cost, budget: int, seed: int) -> list[Key]:
        study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler(seed))
        tried: list[Key] = []
        counts = list(next(iter(networks.values())).rows)
        for _ in range(20 * budget):
            trial = study.ask({**SPACE, "steps": CategoricalDistribution(counts)})
            key = snapped(trial.params)
            if key not in tried and len(tried) == budget:
                break
            if key not in tried:
                tried.append(key)
            steps = int(trial.params["steps"])
            study.tell(trial, Point(networks[key], steps, networks[key].rows[steps]).objectives(cost))
        return tried

    return choose


SAMPLERS: dict[str, Callable[..., list[Key]]] = {
    "chance": ask_all(begin=False, chance=None),
    "NSGA-II, K sampled": ask_one(lambda seed: NSGAIISampler(seed=seed, population_size=16)),
    "TPE, K sampled": ask_one(lambda seed: TPESampler(seed=seed)),
    "5 by chance, then TPE, all K told": ask_all(begin=False, chance=5),
    "every base first, then chance": ask_all(begin=True, chance=None),
    "every base first, then TPE, all K told (used)": ask_all(begin=True, chance=0),
}


def reached(networks: Mapping[Key, Network], cost: Cost, chosen: Sequence[Key]) -> float:
    """The hypervolume of the chosen networks over that of all, below the greatest cost and an error of 1."""
    every = points(networks.values())
    worst = 0.0, max(point.objectives(cost)[1] for point in every)
    return hypervolume(points(networks[key] for key in chosen), cost, worst) / hypervolume(every, cost, worst)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__, seeds=None)
    parser.add_argument("--draws", type=int, default=20, help="seeds of each sampler")
    given = study.given(parser, arguments)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    small = given.smallest
    keys = [(b, w, d) for b in BASES for w in WIDTHS for d in DEPTHS]
    keys = [(b, 16, 2) for b in BASES[:2]] if small else keys
    iterations, few = (2, {"trajectories": 16}) if small else (1000, {})
    networks = grid(given.runs / "sweep_samplers", keys, iterations, few)
    draws, budgets = (1, (2,)) if small else (given.draws, BUDGETS)
    seconds = statistics.median(network.seconds for network in networks.values())
    lines = []
    samplers = dict(list(SAMPLERS.items())[-1:]) if small else SAMPLERS
    for cost in COSTS:
        for name, choose in samplers.items():
            cells = []
            for budget in budgets:
                parts = [reached(networks, cost, choose(networks, cost, budget, seed)) for seed in range(draws)]
                cells.append(f"{statistics.mean(parts):.3f} ({min(parts):.3f})")
            lines.append([cost, name, *cells])
            print(lines[-1], flush=True)
    heads = ["cost", "sampler", *(f"{budget} networks" for budget in budgets)]
    text = (
        f"The part of the hypervolume of all {len(networks)} networks (log10 of error and cost) that a sampler reaches "
        f"with a number of trainings, {seconds:.1f} s each: mean and least of {draws} seeds.\n\n"
        + markdown(heads, lines)
    )
    study.write(given, "sweep_samplers", text)


if __name__ == "__main__":
    main()
