"""The study of the time that MNIST's test set takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hyperdsl.evaluation.report import markdown
from hyperdsl.evidence import pareto
from hyperdsl.evidence.image_classifiers import BATCHES, CHOICE, HYPER, METHODS, tasks, together
from hyperdsl.evidence.image_rows import SAME, Seeds, named
from hyperdsl.evidence.study import Conclusion, Finding, Found, Part, Settings, Study, verdict

SOURCE = 8
"""The source's speed-up of HyperEuler over dopri5."""
FAMILIES = {
    **{method: [method] for method in METHODS},
    "HyperEuler, any g": [*HYPER.values()],
    "learned coefficients": pareto.PLAIN,
}
ABOUT = f"""
The source: on MNIST's test set HyperEuler solves the Neural ODE {SOURCE} times faster than dopri5 with the same
accuracy. Here each method has the setting of its fewest milliseconds that is within {SAME} points of the accuracy of
torchdiffeq's dopri5 at 1e-3 (medians over seeds, each with an f of its own; all 10,000 test images), for batches of
{", ".join(map(str, BATCHES))}. All methods are timed in turns on one thread (the process's own
time), what g costs included; the measurement is that of `hyperdsl reproduce pareto`. {CHOICE}
"""


def _task(settings: Settings) -> str:
    """The first set of images: MNIST, where the settings are not the smallest."""
    return next(iter(tasks(settings)))


def parts(settings: Settings) -> list[Part]:
    """Those of the study of Pareto fronts that are about these images."""
    found = [part for part in pareto.parts(settings) if part.name.split("/")[0] == _task(settings)]
    return [replace(part, study="pareto") for part in found]


def conclude(found: Mapping[str, Found], settings: Settings) -> Conclusion:
    """The quickest settings of each family of methods."""
    seeds = Seeds(together(_task(settings), found, settings))
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


STUDY = Study("Wall-clock time of MNIST's test set", ABOUT, 20, parts, conclude)
