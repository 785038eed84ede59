"""Everything that a report shows, measured once; what follows from it is decided elsewhere, and the same each time."""

from __future__ import annotations

import math
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from hyperdsl import __version__
from hyperdsl.evaluation import work_precision
from hyperdsl.evaluation.contenders import Contender
from hyperdsl.evaluation.cost import one_thread
from hyperdsl.evaluation.errors import NotConvergedError
from hyperdsl.evaluation.report import plain
from hyperdsl.evaluation.samples import Panel, panels
from hyperdsl.evaluation.work_precision import UNSEEN, Row, Start, unseen
from hyperdsl.reporting.curves import Curve, Local, convergence, local
from hyperdsl.reporting.effort import Effort
from hyperdsl.reporting.subject import Subject
from hyperdsl.reporting.work import contenders

PANELS = 5
"""Methods whose samples or trajectories are drawn."""


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

    `no_local` says why there are no single steps. `start` and `panels` are what samples are drawn from.
    """

    rows: tuple[Row, ...]
    curves: tuple[Curve, ...] | None
    local: Local | None
    no_local: str
    start: Start
    panels: tuple[Panel, ...]
    batch: int
    machine: Machine

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
            "samples": [panel.plain() for panel in self.panels],
        }


def measure(subject: Subject, effort: Effort) -> Measured:
    """All of it. EvaluationError where the problem or the parameters do not allow it, NotConvergedError without a
    reference solution."""
    with one_thread():
        precise = subject.in_double()
        start = unseen(subject.problem, min(effort.samples, subject.problem.samples))
        found = contenders(subject, start)
        rows = work_precision.measure(found, start, batch=effort.batch, repeats=effort.repeats, seconds=effort.seconds)
        falls = convergence(precise, start, effort)
        try:
            steps, why = local(precise, effort), ""
        except NotConvergedError as error:
            steps, why = None, f"no reference for single steps: {error}"
        drawn = panels(_shown(subject, found, rows), start)
    if steps is None and not why:
        why = "a step of this solver reads the steps before it, so that none can be looked at alone"
    return Measured(tuple(rows), falls, steps, why, start, tuple(drawn), min(effort.batch, len(start.z0)), machine())


def _shown(subject: Subject, found: Sequence[Contender], rows: Sequence[Row]) -> list[Contender]:
    """The contenders that are drawn: the solver at its least and a middle cost, and others at as many evaluations.

    SciPy's are left out, which solve each sample alone.
    """
    every = [(one, row.evaluations) for one, row in zip(found, rows, strict=True) if not one.foreign]
    own = [pair for pair in every if pair[0].method == subject.name]
    middle, wanted = own[len(own) // 2]
    others: dict[str, list[tuple[Contender, int]]] = {}
    for one, count in every:
        if one.method != subject.name:
            others.setdefault(one.method, []).append((one, count))
    near = [min(pairs, key=lambda pair: abs(math.log(max(pair[1], 1) / wanted)))[0] for pairs in others.values()]
    return [*([own[0][0]] if len(own) > 1 else []), middle, *near][:PANELS]


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
