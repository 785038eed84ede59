"""The study of the time that MNIST's test set takes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from hyperdsl.evaluation.report import markdown
from hyperdsl.evidence.image_classifiers import BATCHES, CHOICE, HYPER, LEARNED, METHODS, measured, recipe, tasks
from hyperdsl.evidence.image_rows import SAME, Seeds, named, verdict
from hyperdsl.evidence.study import Conclusion, Finding, Found, Part, Settings, Study

STEPS = {
    "euler": (1, 2, 3, 4, 8),
    "midpoint": (1, 2, 3),
    "kutta3": (1,),
    "rk4": (1,),
    "kutta5": (1,),
    "hyper": (1, 2, 3),
}
FEW = {"euler": (1, 2), "midpoint": (1,), "hyper": (1, 2)}
REPEATS = 20
SOURCE = 8
"""The source's speed-up of HyperEuler over dopri5."""
FAMILIES = {
    **{method: [method] for method in METHODS},
    "HyperEuler, any g": [*HYPER.values()],
    "learned coefficients": [label for label in LEARNED.values() if "g" not in label],
    "learned coefficients + g": [label for label in LEARNED.values() if "g" in label],
}
ABOUT = f"""
The source: on MNIST's test set HyperEuler solves the Neural ODE {SOURCE} times faster than dopri5 with the same
accuracy. Here each method has the setting of its fewest milliseconds that is within {SAME} points of the accuracy of
torchdiffeq's dopri5 at 1e-3 (medians of three seeds, each with an f of its own; all 10,000 test images), for batches of
{", ".join(map(str, BATCHES))}. All methods are timed in turns on one thread, what g costs included. {CHOICE}
"""


def _task(settings: Settings) -> str:
    """The first set of images: MNIST, where the settings are not the smallest."""
    return next(iter(tasks(settings)))


def parts(settings: Settings) -> list[Part]:
    """One for each seed."""
    name, steps = _task(settings), FEW if settings.smallest else STEPS
    told = settings, steps, 1 if settings.smallest else REPEATS
    return [
        Part(f"{name}/{seed}", partial(measured, name, seed, *told), recipe(name, *told)) for seed in settings.seeds
    ]


def conclude(found: Mapping[str, Found], settings: Settings) -> Conclusion:
    """The quickest settings of each family of methods."""
    seeds = Seeds([found[f"{_task(settings)}/{seed}"] for seed in settings.seeds])
    best = {(family, batch): seeds.quickest(labels, batch) for family, labels in FAMILIES.items() for batch in BATCHES}
    rows = []
    for batch in BATCHES:
        rows.append([str(batch), "dopri5, 1e-3", f"{seeds.milliseconds(seeds.adaptive, batch):.3g}", "1", "0.00"])
        for family in FAMILIES:
            key = best[family, batch]
            if key:
                time, up = seeds.milliseconds(key, batch), seeds.speed_up(key, batch)
                rows.append([str(batch), named(key), f"{time:.3g}", f"{up:.1f}", f"{seeds.loss(key):.2f}"])
            else:
                rows.append([str(batch), family, "none is as accurate", "", ""])
    heads = ["batch", "method at its best", "ms a batch", "times as fast as dopri5", "points lost"]
    text = f"{markdown(heads, rows)}\n## All settings\n\n{seeds.table()}"
    return Conclusion([_source(seeds), *_against_fixed(seeds, best)], text)


def _source(seeds: Seeds) -> Finding:
    words, held = [], []
    for batch in BATCHES:
        key = seeds.quickest(HYPER.values(), batch)
        up = seeds.speed_up(key, batch) if key else 0.0
        words.append(f"{up:.1f} at batch {batch} ({named(key)})" if key else f"batch {batch}: none is as accurate")
        held.append(up >= SOURCE)
    claim = f"HyperEuler is {SOURCE} times faster than dopri5 with the same accuracy (the source)"
    return Finding(claim, ", ".join(words), verdict(held))


def _against_fixed(seeds: Seeds, best: Mapping[tuple[str, int], tuple[str, str] | None]) -> list[Finding]:
    """What the source leaves out: methods of fixed steps at their best."""
    found = []
    for family in ("HyperEuler, any g", "learned coefficients"):
        words, held = [], []
        for batch in BATCHES:
            own, rival = best[family, batch], seeds.quickest(METHODS, batch)
            if own is None or rival is None:
                words.append(f"batch {batch}: {'it' if own is None else 'no such method'} is not as accurate")
                held.append(own is not None)
                continue
            ratio = seeds.milliseconds(rival, batch) / seeds.milliseconds(own, batch)
            words.append(f"{ratio:.2f} at batch {batch} ({named(rival)} over {named(own)})")
            held.append(ratio > 1)
        claim = f"{family}: quicker than every fixed-step method of the library that is as accurate as dopri5"
        found.append(Finding(claim, f"their time over its: {', '.join(words)}", verdict(held)))
    return found


STUDY = Study("Wall-clock time of MNIST's test set", ABOUT, 30, parts, conclude)
