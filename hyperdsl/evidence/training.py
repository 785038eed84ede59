"""Training a Neural ODE by a hypersolver kept in step with f, beside dopri5 and plain fixed steps."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import isfinite
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hyperdsl.evaluation.classifier import Recipe
from hyperdsl.evaluation.report import markdown
from hyperdsl.evidence.packages import spec_text
from hyperdsl.evidence.study import Conclusion, Finding, Found, Part, Settings, Study
from hyperdsl.evidence.training_runs import DOPRI5, METHODS, PLAIN, SETTINGS, TRACKED, Run, Setting, trained

LEVELS = (0.15, 0.1)
BOUND = 0.5
"""On δ, beyond which `Tracked` refits g."""
COLOURS = ("#4d4d4d", "#d1495b", "#c77f0a", "#3a7d44", "#8a5a9e", "#0b5fa5", "#00838f")


def _parts(settings: Settings) -> list[Part]:
    methods = (DOPRI5, PLAIN[-1], TRACKED[0]) if settings.smallest else METHODS
    epochs = 1 if settings.smallest else Recipe().epochs

    def part(setting: Setting, seed: int, method: str) -> Part:
        recipe = (Recipe(), epochs, setting, spec_text("training") if method in TRACKED else "")

        def measure() -> Found:
            return trained(method, seed, setting, epochs, settings.runs).json()

        return Part(f"{setting.name}/{seed}/{method}", measure, recipe)

    settings_ = SETTINGS[: 1 if settings.smallest else None]
    return [part(setting, seed, method) for seed in settings.seeds for setting in settings_ for method in methods]


def _of(runs: Sequence[Run], setting: str, method: str) -> list[Run]:
    return [run for run in runs if (run.setting, run.method) == (setting, method)]


def _median(runs: Sequence[Run], of: Callable[[Run], float]) -> float:
    return statistics.median(of(run) for run in runs)


def _shown(value: float) -> str:
    return f"{value:.2f}" if isfinite(value) else "–"


def _share(runs: Sequence[Run], setting: str, method: str, level: float) -> float:
    """Of dopri5's time to the level, the median of the seeds; not finite where the level or dopri5's is not reached."""
    pairs = zip(_of(runs, setting, method), _of(runs, setting, DOPRI5), strict=True)
    return statistics.median(run.reached(level) / base.reached(level) for run, base in pairs)


def _cells(runs: Sequence[Run], setting: str, method: str) -> list[str]:
    """A method's row: medians over the seeds; quotients are of each seed."""
    group, times = _of(runs, setting, method), []
    for level in LEVELS:
        times.append(_shown(_median(group, partial(Run.reached, level=level))))
        times.append(_shown(_share(runs, setting, method, level)))
    return [
        method,
        f"{_median(group, lambda run: run.evaluations):.1f}",
        f"{_median(group, lambda run: 1e3 * run.looks[-1].cpu / run.looks[-1].iteration):.1f}",
        *times,
        f"{_median(group, lambda run: run.looks[-1].loss):.3f}",
        f"{_median(group, lambda run: run.looks[-1].accuracy):.1f}",
        f"{_median(group, lambda run: run.looks[-1].own_loss):.3f}",
        f"{_median(group, lambda run: run.looks[-1].own_accuracy):.1f}",
        ", ".join(f"{run.looks[-1].loss:.3f}" for run in group),
    ]


def _time_share(run: Run) -> float:
    """Of the training's time that refreshes of g take."""
    return sum(refresh.seconds for refresh in run.refreshes) / run.looks[-1].seconds


def _tracking(runs: Sequence[Run], setting: str, method: str) -> list[str]:
    """How a tracked solver was kept in step, medians over the seeds."""
    group = _of(runs, setting, method)
    before = [
        statistics.median(run.refreshes[min(k, len(run.refreshes) - 1)].before for run in group) for k in (1, 5, 10, -1)
    ]
    return [
        method,
        setting,
        *(f"{value:.2f}" for value in before),
        f"{_median(group, lambda run: run.refreshes[-1].after):.2f}",
        f"{_median(group, lambda run: len(run.refreshes)):.0f}",
        f"{_median(group, lambda run: sum(r.refit for r in run.refreshes)):.0f}",
        f"{_median(group, lambda run: sum(not r.trusted for r in run.refreshes)):.0f}",
        f"{100 * _median(group, _time_share):.0f} %",
    ]


def _findings(runs: Sequence[Run], settings: Sequence[str], methods: Sequence[str]) -> list[Finding]:
    tracked, plain = [name for name in methods if name in TRACKED], [name for name in methods if name in PLAIN]
    followed = [run.refreshes for run in runs if run.method in TRACKED]
    after = [refresh.after for refreshes in followed for refresh in refreshes]
    late = [refresh.before for refreshes in followed for refresh in refreshes[len(refreshes) // 2 :]]
    beyond = sum(before > BOUND for before in late)
    shares = [_time_share(run) for run in runs if run.method in TRACKED]
    findings = [
        Finding(
            "The hypersolver network remains an O(δ) approximator of the residuals across training iterations",
            f"refreshed every 20 iterations, δ is at most {max(after):.2f} after a refresh; in the second half of "
            f"training {statistics.median(late):.2f} in the median before one, and beyond {BOUND:g} in {beyond} of "
            f"{len(late)}; refreshes take {100 * statistics.median(shares):.0f} % of the time",
            max(after) <= BOUND and (beyond == 0 or None),
        )
    ]
    for setting in settings:
        quicker, later = ({name: _share(runs, setting, name, level) for name in (*plain, *tracked)} for level in LEVELS)
        ends = {name: _median(_of(runs, setting, name), lambda run: run.looks[-1].loss) for name in methods}
        near = ends[DOPRI5] + 0.02
        findings += [
            Finding(
                f"A hypersolver makes the training of a Neural ODE faster: {setting}",
                f"CPU time to a test loss of {LEVELS[0]:g} over dopri5's: {_listed(quicker, tracked)}; to "
                f"{LEVELS[1]:g}: {_listed(later, tracked)}; exact test loss at the end: "
                f"{_listed(ends, (DOPRI5, *tracked), 3)}",
                all(quicker[name] < 1 and ends[name] <= near for name in tracked),
            ),
            Finding(
                f"It is better than training by plain fixed steps (ours, the honest alternative): {setting}",
                f"their time over dopri5's: {_listed(quicker, plain)}; exact test loss at the end: "
                f"{_listed(ends, plain, 3)}",
                not any(quicker[name] < quicker[tracked[0]] and ends[name] <= near for name in plain),
            ),
        ]
    return findings


def _listed(values: Mapping[str, float], names: Sequence[str], digits: int = 2) -> str:
    return "; ".join(
        f"{name} {values[name]:.{digits}f}" if isfinite(values[name]) else f"{name} never" for name in names
    )


def _conclude(found: Mapping[str, Found], settings: Settings) -> Conclusion:
    runs = [Run.of(part) for part in found.values()]
    names = list(dict.fromkeys(run.setting for run in runs))
    methods = list(dict.fromkeys(run.method for run in runs))
    heads = ["method", "NFE an iteration", "CPU ms an iteration"]
    heads += [head for level in LEVELS for head in (f"CPU s to {level:g}", "over dopri5")]
    heads += ["exact loss", "exact accuracy %", "own loss", "own accuracy %", "exact loss, seeds"]
    text = [f"## {name}\n\n{markdown(heads, [_cells(runs, name, method) for method in methods])}\n" for name in names]
    rows = [_tracking(runs, name, method) for name in names for method in methods if method in TRACKED]
    heads = ["method", "setting", "δ before refresh 2", "6", "11", "last", "δ after the last"]
    heads += ["refreshes", "refits", "not trusted", "of the time"]
    text.append(f"## How g is kept in step\n\n{markdown(heads, rows)}")
    return Conclusion(_findings(runs, names, methods), "\n".join(text), {"training.png": partial(_draw, runs)})


def _draw(runs: Sequence[Run], path: Path) -> None:
    """Exact test loss against CPU seconds, a panel for each setting, and δ against iterations; medians over seeds."""
    settings = list(dict.fromkeys(run.setting for run in runs))
    figure = Figure(figsize=(5.0 * (len(settings) + 1), 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    *panels, last = figure.subplots(1, len(settings) + 1)
    for name, colour in zip(METHODS, COLOURS, strict=True):
        for panel, setting, style in zip(panels, settings, ("-", "--"), strict=False):
            group = _of(runs, setting, name)
            looks = list(zip(*(run.looks for run in group), strict=True))
            at = [[statistics.median(getattr(look, of) for look in each) for each in looks] for of in ("cpu", "loss")]
            if group:
                panel.plot(*at, color=colour, label=name, linewidth=2.2 if name in TRACKED else 1.2)
                panel.set_title(setting, fontsize="medium")
            followed = list(zip(*(run.refreshes[1:] for run in group), strict=True)) if name in TRACKED else []
            if followed:
                delta = [statistics.median(refresh.before for refresh in each) for each in followed]
                label = f"{name}, {setting.split(' (')[0]}"
                last.plot([each[0].iteration for each in followed], delta, style, color=colour, label=label)
    for panel in panels:
        panel.set(xscale="log", yscale="log", ylim=(0.04, 2.5), xlabel="CPU seconds of training")
        panel.set_ylabel("test loss under the exact solution")
        panel.axhline(LEVELS[0], color="#999999", linewidth=0.8, linestyle=":")
    last.set(ylim=(0, 1), xlabel="iteration", ylabel="δ before each refresh")
    last.set_title("how far g lags behind f", fontsize="medium")
    for panel in (*panels, last):
        panel.grid(True, alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(frameon=False, fontsize="x-small")
    figure.savefig(path, dpi=80)


STUDY = Study(
    "Training a Neural ODE by a hypersolver",
    f"""The source names the challenge, "ensuring that the hypersolver network remains a O(δ) approximator of residuals
across training iterations", and hopes for faster training. Here scikit-learn's digits are learnt by a classifier with a
convolutional f from the same initial weights and batches, with z(1) by torchdiffeq's dopri5 at 1e-3, by plain methods
in fixed steps, and by HyperEuler whose g follows f (`hyperdsl.training.tracking.Tracked`), everything that this takes
counted. Test losses are those of the exact solution of the f found so far (dopri5 at 1e-5) on 500 images, beside those
that the training's own solver shows. Times are to a test loss of {LEVELS[0]:g} and of {LEVELS[1]:g}, in the process's
own seconds, which other work on the machine does not touch. The demanding setting, an f four times as wide under a
stronger kinetic penalty, tempts f to lean on its solver's error.""",
    15.0,
    _parts,
    _conclude,
)
