"""The study of Pareto fronts on MNIST and Fashion-MNIST."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from hyperdsl.evidence import image_classifiers
from hyperdsl.evidence.image_classifiers import BATCHES, CHOICE, HYPER, LEARNED, MIDDLE, tasks, together
from hyperdsl.evidence.image_pictures import fronts
from hyperdsl.evidence.image_rows import SAME, Cost, Seeds, named
from hyperdsl.evidence.study import Conclusion, Finding, Found, Part, Settings, Study, verdict

STEPS = {
    "euler": (1, 2, 4, 8),
    "midpoint": (1, 2, 4),
    "kutta3": (1, 2),
    "rk4": (1, 2),
    "kutta5": (1,),
    "hyper": (1, 2, 4),
}
FEW = {"euler": (1, 2, 4), "midpoint": (1,), "rk4": (1,), "hyper": (1, 2)}
CONV, *BETTER = HYPER.values()
PLAIN = [label for label in LEARNED.values() if "+" not in label]
"""Learned coefficients without a network."""
LARGE = [batch for batch in BATCHES if batch > 1]
ABOUT = f"""
The source plots the accuracy that is lost against evaluations of f and MAPE of z(1) against multiply-accumulates, and
finds HyperEuler more efficient at few evaluations, even than methods of higher order. Here a Neural ODE classifier of
MNIST and one of Fashion-MNIST are solved on all 10,000 test images, with all 60,000 others to train on; each seed has
an f of its own, and numbers are medians over the seeds. {CHOICE}

Costs are whole: multiply-accumulates a sample and milliseconds a batch hold what g costs, the milliseconds of all
methods are the process's own, measured in turns on one thread, and no method has evaluations that another has not.
dopri5 is torchdiffeq's, at 1e-3. Errors are those against dopri5 at 1e-5. MAPE divides by components of z(1), down to a
thousandth of their rms, so that small ones carry most of it: L2 stands beside it. Accuracy alone is a weak test:
"untouched" says what it is where f is left out altogether, z(1) = z(0).

g and the learned coefficients are trained on the training images alone. HyperEuler has convolutional g's of 16 channels
with absolute and with relative output, a bilinear one, which starts as J f / 2 from f's own layers, and one of 64
channels that starts at random and costs six times what f does.
"""


def parts(settings: Settings) -> list[Part]:
    """Errors and times for each set of images and seed."""
    return image_classifiers.parts(settings, FEW if settings.smallest else STEPS)


def conclude(found: Mapping[str, Found], settings: Settings) -> Conclusion:
    """What the seeds of each set of images say together."""
    findings, text, pictures = [], [], {}
    for name, task in tasks(settings).items():
        seeds = Seeds(together(name, found, settings))
        findings += _findings(task.title, seeds)
        exact = ", ".join(f"{part['accuracy']:.2f}" for part in seeds.parts)
        none = ", ".join(f"{part['untouched']['accuracy']:.1f}" for part in seeds.parts)
        off = ", ".join(f"{part['untouched']['mape']:.0f}" for part in seeds.parts)
        text.append(
            f"## {task.title}\n\nAccuracy of the exact solution: {exact} %; untouched {none} %, with a MAPE of {off} %."
            f"\n\n{seeds.table()}"
        )
        pictures[f"pareto_{name}.png"] = partial(
            fronts, seeds, f"{task.title}: medians over seeds {', '.join(map(str, settings.seeds))}"
        )
    return Conclusion(findings, "\n".join(text), pictures)


def _findings(title: str, seeds: Seeds) -> list[Finding]:
    return [_accuracy(title, seeds), *_gains(title, seeds), *_times(title, seeds), _front(title, seeds)]


def _accuracy(title: str, seeds: Seeds) -> Finding:
    lost = {key[1]: seeds.loss(key) for key in seeds.settings([CONV]) if key[1] in ("K = 1", "K = 2")}
    euler = {key[1]: seeds.loss(key) for key in seeds.settings(["euler"]) if key[1] in lost}
    words = [f"{value:.2f} at {setting} (Euler {euler[setting]:.2f})" for setting, value in lost.items()]
    claim = f"{title}: HyperEuler is within {SAME} points of dopri5 in at most 2 evaluations"
    return Finding(claim, f"points lost: {', '.join(words)}", min(lost.values()) <= SAME)


def _gains(title: str, seeds: Seeds) -> list[Finding]:
    """Euler's MAPE over those of each g, at equal numbers of steps."""
    found = []
    for goal, which, labels in ((2, "a convolutional g", [CONV]), (6, "the best g", [CONV, *BETTER])):
        words, held = [], []
        for _, setting in seeds.settings([CONV]):
            gain, label = max((seeds.gain(label, setting), label) for label in labels)
            words.append(f"{gain:.1f} at {setting}" + f" ({label.split(', ')[1]})" * (len(labels) > 1))
            held.append(gain >= goal)
        claim = f"{title}: MAPE with {which} is at least {goal} times below Euler's in as many steps"
        found.append(Finding(claim, ", ".join(words), verdict(held)))
    return found


def _times(title: str, seeds: Seeds) -> list[Finding]:
    """Speed-ups over dopri5 at its accuracy, and over fixed steps at equal MAPE."""
    found = []
    for goal, which, labels in ((5, "HyperEuler", [*HYPER.values()]), (7, "learned coefficients", PLAIN)):
        quickest = {batch: seeds.quickest(labels, batch) for batch in LARGE}
        ups = {batch: seeds.speed_up(key, batch) if key else 0.0 for batch, key in quickest.items()}
        words = [
            f"{ups[batch]:.1f} at batch {batch} ({named(key) if key else 'none is as accurate'})"
            for batch, key in quickest.items()
        ]
        claim = f"{title}: {which}, as accurate as dopri5, is at least {goal} times as fast at batch 64 and 256"
        found.append(Finding(claim, ", ".join(words), verdict([up >= goal for up in ups.values()])))
    return [*found, _rivals(title, seeds)]


def _rivals(title: str, seeds: Seeds) -> Finding:
    """Learned coefficients against the quickest fixed steps of no more MAPE."""
    words, held = [], []
    for key in seeds.settings(LEARNED.values()):
        wins = [seeds.rivals_time(key, batch) for batch in BATCHES]
        words.append(f"{key[0]} {', '.join(map(_times_as, wins))}")
        if key[0] in PLAIN:
            held += [win > 1 for win, batch in zip(wins, BATCHES, strict=True) if batch in LARGE]
    large = " and ".join(map(str, LARGE))
    claim = f"{title}: at batch {large} learned coefficients are quicker than any fixed-step method of no more MAPE"
    said = f"that method's time over theirs at batch {', '.join(map(str, BATCHES))}: {'; '.join(words)}"
    return Finding(claim, said, verdict(held))


def _times_as(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio < float("inf") else "none has so little"


def _front(title: str, seeds: Seeds) -> Finding:
    costs: dict[str, Cost] = {
        "evaluations": partial(seeds.value, name="evaluations"),
        "MACs": partial(seeds.value, name="macs"),
        "milliseconds": partial(seeds.milliseconds, batch=MIDDLE),
    }
    keys = seeds.settings([CONV])
    words, ahead = [], []
    for name, cost in costs.items():
        on = [key[1].removeprefix("K = ") for key in keys if seeds.on_front(key, cost)]
        ahead.append(bool(on))
        words.append(f"{name}: K = {', '.join(on)}" if on else f"{name}: none")
    claim = f"{title}: HyperEuler (convolutional g) is ahead of all fixed-step methods, those of higher order too"
    return Finding(claim, f"where no such method has less MAPE at no more {'; '.join(words)}", verdict(ahead))


STUDY = Study("Pareto fronts of image classifiers", ABOUT, 30, parts, conclude)
