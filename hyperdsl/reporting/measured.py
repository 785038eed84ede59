"""Everything that a report shows, measured once; what follows from it is decided elsewhere, and the same each time."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hyperdsl import __version__
from hyperdsl.evaluation.contenders import Contender
from hyperdsl.evaluation.cost import one_thread
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.report import plain
from hyperdsl.evaluation.samples import Panel, exact_lines, panels
from hyperdsl.evaluation.stopping import OutOfTimeError, Stop
from hyperdsl.evaluation.work_precision import UNSEEN, Row, Start
from hyperdsl.reporting.curves import Curve, Local, convergence, local_within
from hyperdsl.reporting.effort import Effort
from hyperdsl.reporting.rows import OWN_TURN, Trials
from hyperdsl.reporting.starting import started
from hyperdsl.reporting.subject import Subject
from hyperdsl.reporting.work import in_steps, own_and_others

PANELS = 5
"""Methods whose samples or trajectories are drawn."""
ROWS, LINES = 0.65, 0.3
"""Shares of the time that is left: of trying all methods, and of exact trajectories beside those of methods."""


@dataclass(frozen=True)
class Machine:
    """What a report was measured with: nothing that tells whose it is."""

    hyperdsl: str
    torch: str
    python: str
    processor: str
    seed: int
    threads: int = 1


@dataclass(frozen=True)
class Measured:
    """Rows of error against cost, with the solver's name; convergence and single steps, where there are such.

    `no_local` says why there are no single steps. `start` and `panels` are what samples are drawn from, `lines` the
    exact trajectories, where there are such; exact ends are known within `tolerance`. `notes` are sentences on what was
    reduced or left out, by section.
    """

    rows: tuple[Row, ...]
    curves: tuple[Curve, ...] | None
    local: Local | None
    no_local: str
    start: Start
    panels: tuple[Panel, ...]
    lines: Tensor | None
    tolerance: float
    batch: int
    machine: Machine
    notes: Mapping[str, tuple[str, ...]]

    def plain(self) -> dict[str, Any]:
        """For JSON: numbers alone, those that are not finite as texts."""
        found = self.local
        steps = None
        if found is not None:
            columns = zip(found.before.points, found.after.points, found.delta, found.harmed, strict=True)
            steps = {
                "slopes": {curve.name: curve.slope for curve in (found.before, found.after)},
                "sizes": [
                    {"eps": old[0], "before": plain(old[1]), "after": plain(new[1]), "delta": plain(d), "harmed": h}
                    for old, new, d, h in columns
                ],
                "beside": [
                    {"deviations": one.off, "median_ratio": plain(float(one.ratios.median())), "harmed": one.harmed}
                    for one in found.beside
                ],
            }
        return {
            "versions": {"hyperdsl": self.machine.hyperdsl, "torch": self.machine.torch},
            "processor": self.machine.processor,
            "batch": self.batch,
            "rows": [{key: plain(value) for key, value in asdict(row).items()} for row in self.rows],
            "convergence": [
                {"method": curve.name, "slope": curve.slope, "points": [[k, plain(e)] for k, e in curve.points]}
                for curve in self.curves or ()
            ],
            "single_steps": steps,
            "reduced": [line for lines in self.notes.values() for line in lines],
            "samples": [panel.plain() for panel in self.panels],
        }


def measure(given: Subject, effort: Effort, stop: Stop) -> Measured:
    """All of it, within the time. EvaluationError where the problem or the parameters do not allow it,
    NotConvergedError without a reference solution."""
    with one_thread(), stop.watching(given.problem) as watched:
        begun = started(watched, effort, stop)
        start, problem = begun.start, replace(watched, tolerance=begun.tolerance)
        subject = replace(given, problem=problem)
        trials = _tried(subject, start, effort, stop)
        rows = trials.rows()
        precise = subject.in_double()
        falls, told = convergence(precise, start, effort, stop)
        steps = local_within(precise, effort, stop, begun.pace)
        contenders = [one.contender for one in trials.found]
        drawn, missing = _drawn(_shown(subject, contenders, rows), problem, start, stop)
    notes = {
        "cost": (*begun.reduced, *trials.told()),
        "convergence": (*told, *steps.reduced),
        "samples": missing,
    }
    # What is written of it evaluates f no more.
    start = replace(start, f=given.problem.f)
    return Measured(
        tuple(rows),
        falls,
        steps.found,
        steps.why,
        start,
        drawn[0],
        drawn[1],
        begun.tolerance,
        trials.batch,
        machine(),
        notes,
    )


def _tried(subject: Subject, start: Start, effort: Effort, stop: Stop) -> Trials:
    """The solver first, then its base alone, methods of the library, and torchdiffeq's or SciPy's."""
    trials = Trials(start, effort, stop)
    with stop.within(ROWS * stop.left):
        own, others = own_and_others(subject)
        counts = [one.evaluations for one in trials.add(own, OWN_TURN)]
        trials.add([*in_steps(subject, counts), *others])
    return trials


def _drawn(
    shown: Sequence[Contender], problem: Problem, start: Start, stop: Stop
) -> tuple[tuple[tuple[Panel, ...], Tensor | None], tuple[str, ...]]:
    """Panels and the exact trajectories beside them, and what there was no time for."""
    lines, found, missing = None, list[Panel](), list[str]()
    try:
        with stop.within(LINES * stop.left):
            lines = exact_lines(problem, start)
    except OutOfTimeError:
        missing.append("The exact solutions between start and end took too long, and are not drawn.")
    for k, one in enumerate(shown):
        try:
            with stop.within(stop.left / (len(shown) - k)):
                found += panels([one], start)
        except OutOfTimeError:
            missing.append(f"{one.method}, {one.setting} took too long to be drawn.")
    return (tuple(found), lines), tuple(missing)


def _shown(subject: Subject, found: Sequence[Contender], rows: Sequence[Row]) -> list[Contender]:
    """The contenders that are drawn: the solver at its least and a middle cost, and others at as many evaluations.

    SciPy's are left out, which solve each sample alone.
    """
    every = [(one, row.evaluations) for one, row in zip(found, rows, strict=True) if not one.foreign]
    own = [pair for pair in every if pair[0].method == subject.name]
    wanted = own[len(own) // 2][1] if own else 1
    others: dict[str, list[tuple[Contender, int]]] = {}
    for one, count in every:
        if one.method != subject.name:
            others.setdefault(one.method, []).append((one, count))
    near = [
        min(pairs, key=lambda pair: abs(math.log(max(pair[1], 1) / max(wanted, 1))))[0] for pairs in others.values()
    ]
    middle = [own[k][0] for k in sorted({0, len(own) // 2})] if own else []
    return [*middle, *near][:PANELS]


def machine() -> Machine:
    """This one."""
    return Machine(__version__, torch.__version__, platform.python_version(), _processor(), UNSEEN)


def _processor() -> str:
    """The processor's name, without the machine's."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return named or platform.processor() or platform.machine()
